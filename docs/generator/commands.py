"""The command line: the help of each command, as ``--help`` prints it."""

import click

from rasterwire.cli.main import cli

_HEAD = """# Command line

`rasterwire COMMAND --help` prints what stands here.
"""


def page() -> str:
    """Return the page."""
    parent = click.Context(cli, info_name="rasterwire", **cli.context_settings)
    text = _HEAD + _section("rasterwire", cli, parent)
    for name in cli.list_commands(parent):
        command = cli.commands[name]
        with click.Context(command, info_name=name, parent=parent, **command.context_settings) as context:
            text += _section(f"rasterwire {name}", command, context)
    return text


def _section(title: str, command: click.Command, context: click.Context) -> str:
    context.terminal_width = 100
    return f"\n## {title}\n\n```text\n{command.get_help(context)}\n```\n"
