"""A worker of Dask that notes in a file which parts of exports it begins: what it made when it is killed counts too.

python -m benchmarks.production.counted_worker NOTES, and the options of ``rasterwire worker``
"""

import os
import sys
from pathlib import Path
from typing import Any

from rasterwire.cli.main import cli
from rasterwire.export.cog_export import _StoringTask
from rasterwire.export.parted_cog import PartWindow


def main(notes: Path, options: list[str]) -> None:
    """Work as ``rasterwire worker`` does."""
    call = _StoringTask.__call__

    def counted(task: _StoringTask, part: PartWindow) -> Any:
        with notes.open("ab", buffering=0) as file:  # one write, to the end: others append too
            file.write(f"{part.number} {os.getpid()}\n".encode())
        return call(task, part)

    _StoringTask.__call__ = counted  # type: ignore[assignment]
    cli(["worker", *options])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
