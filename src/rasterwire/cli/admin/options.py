"""What the commands of ``admin`` share: where the stores are, how rows are shown, how failures are told."""

import functools
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from rasterwire.cli.system_errors import system_error_text
from rasterwire.cli.text import console, printable
from rasterwire.units import bytes_text, plural_text

if TYPE_CHECKING:
    from rasterwire.server.settings import Settings

__all__ = [
    "as_json_option",
    "config_option",
    "dry_run_option",
    "print_rows",
    "settings_options",
    "tell_deleted",
    "told_failures",
]

Command = Callable[..., Any]

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of objects.")

dry_run_option = click.option("--dry-run", is_flag=True, help="Tell what would be deleted, and delete nothing.")

config_option = click.option(
    "--config",
    envvar="RASTERWIRE_CONFIG",
    type=click.Path(path_type=Path),
    help="TOML file of the server; also from RASTERWIRE_CONFIG.",
)

_state_dir = click.option(
    "--state-dir", type=click.Path(path_type=Path), help="Folder of the server's state, where the file names none."
)


def settings_options(command: Command) -> Command:
    """Add the options that name the settings of a server; the command gets these as its argument ``settings``."""

    @functools.wraps(command)
    def with_settings(*arguments: Any, config: Path | None, state_dir: Path | None, **options: Any) -> Any:
        with told_failures():
            return command(*arguments, settings=_load(config, state_dir), **options)

    return config_option(_state_dir(with_settings))


def _load(config: Path | None, state_dir: Path | None) -> "Settings":
    from rasterwire.server.settings import load_settings

    overrides = {} if state_dir is None else {"state_dir": state_dir}
    return load_settings(config, overrides, needs_images=False)


@contextmanager
def told_failures() -> Iterator[None]:
    """Tell of settings and stores that cannot be used in a sentence."""
    try:
        from rasterwire.errors import StorageUnavailable
        from rasterwire.server.settings import BadSettings
    except ImportError as error:
        raise click.ClickException(
            f"this needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    try:
        yield
    except BadSettings as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(system_error_text(error)) from None
    except StorageUnavailable:
        raise click.ClickException(
            "the store cannot be used now, as told above; rasterwire doctor looks at all of it"
        ) from None
    except ImportError as error:
        raise click.ClickException(
            f"this needs more packages ({error.name}): pip install '.[server]' in the clone"
        ) from None


def print_rows(columns: Sequence[str], rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print rows as a table, or all that they hold as JSON.

    Args:
        columns: of the table, names of values.
        rows: values by name; numbers of bytes have a name that ends with "bytes".
        as_json: whether they are printed as JSON.
    """
    if as_json:
        click.echo(json.dumps([{name: _json_value(value) for name, value in row.items()} for row in rows], indent=2))
        return
    if not rows:
        click.echo("none", err=True)
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(printable(_text(name, row[name]))) for name in columns))
    console().print(table)


def _json_value(value: object) -> object:
    return _time_text(value) if isinstance(value, datetime) else value


def _text(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return _time_text(value)
        case int() if name.endswith("bytes"):
            return bytes_text(value)
        case float():
            return f"{value:.1f}"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _time_text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tell_deleted(count: int, thing: str, size: str, *, is_dry: bool) -> None:
    """Tell how many things were deleted, or would be, and what they took."""
    click.echo(f"{'would delete' if is_dry else 'deleted'} {plural_text(count, thing)}, {size}")
