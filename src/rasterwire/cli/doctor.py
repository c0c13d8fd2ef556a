"""``doctor``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rasterwire.cli.admin.options import as_json_option, config_option, print_rows, told_failures
from rasterwire.cli.text import printable
from rasterwire.cli.variables import unread_variables

if TYPE_CHECKING:
    from rasterwire.server.process.doctor import Finding


@click.command()
@click.argument("catalog", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@config_option
@click.option("--state-dir", type=click.Path(path_type=Path), help="Folder of the server's state.")
@as_json_option
def doctor(catalog: Path | None, config: Path | None, state_dir: Path | None, as_json: bool) -> None:
    """Look at all that a server of FOLDER, or of a config file, needs. Exit with 1 where it would fail.

    A line is: ok, warn or fail; what was looked at; what was found; and what to do. Servers may run
    meanwhile: nothing of theirs is changed, locked or taken. Be the user that they run as.

    \b
      rasterwire doctor /data
      rasterwire doctor --config rasterwire.toml
    """
    fails = False
    rows = []
    with told_failures():
        for finding in _findings(catalog, config, state_dir):
            fails |= finding.state == "fail"
            row = {"state": str(finding.state)}
            row |= {name: printable(getattr(finding, name)) for name in ("subject", "figure", "remedy")}
            rows.append(row)
            if not as_json:
                click.echo("{state:<4}  {subject:<22}  {figure}  {remedy}".format(**row).rstrip())
    if as_json:
        print_rows((), rows, as_json=True)
    sys.exit(1 if fails else 0)


def _findings(catalog: Path | None, config: Path | None, state_dir: Path | None) -> Iterator["Finding"]:
    from rasterwire.server.process.doctor import Finding, State, examine
    from rasterwire.server.settings import BadSettings, load_settings

    for variable in unread_variables(click.get_current_context().find_root().command):
        yield Finding(State.WARN, "environment", f"{variable.name} is not read", variable.remedy)
    overrides = {"catalog": catalog, "state_dir": state_dir}
    try:
        settings = load_settings(config, {name: value for name, value in overrides.items() if value is not None})
    except BadSettings as error:
        for line in str(error).splitlines():
            setting, _, problem = line.partition(": ")
            remedy = "name a folder of images" if setting == "catalog" else "correct it"
            # most say themselves what to do
            yield Finding(State.FAIL, "config", f"{setting}: {problem}", "" if "; " in problem else remedy)
        return
    yield from examine(settings)
