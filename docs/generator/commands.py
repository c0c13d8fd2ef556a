"""The command line: the help of each command, as ``--help`` prints it."""

import click

from rasterwire.cli.main import cli

_HEAD = """# Command line

`rasterwire COMMAND --help` prints what stands here.
"""


def page() -> str:
    """Return the page."""
    parent = click.Context(cli, info_name="rasterwire", **cli.context_settings)
    return _HEAD + _sections("rasterwire", cli, parent)


def _sections(title: str, command: click.Command, context: click.Context) -> str:
    """Return the section of a command, and those of the commands below it."""
    text = _section(title, command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.commands[name]
            with click.Context(child, info_name=name, parent=context, **child.context_settings) as inner:
                text += _sections(f"{title} {name}", child, inner)
    return text


def _section(title: str, command: click.Command, context: click.Context) -> str:
    context.terminal_width = 100
    return f"\n## {title}\n\n```text\n{command.get_help(context)}\n```\n"
