"""Compares rasterwire with its peers on this machine; run by ``make bench``.

Writes ``benchmarks.md`` and ``benchmarks.svg``. Nothing is asserted about time. A peer that is not
installed is named in the report.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this folder is the package `benchmarks`

from benchmarks.field import field_of
from benchmarks.report import Section, machine, write_report
from benchmarks.source import make_source
from benchmarks.suites import SUITES


def main() -> int:
    """Run the cases that were asked for."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    facts = machine()
    source = make_source(arguments.data, arguments.size)
    layout = "uint16, 10 m, cloud-optimized GeoTIFF, deflate, predictor 2, blocks of 512, nodata 0"
    ratio = f"{source.ratio():.2f} bytes of pixels for one of the file"
    facts.append(("source", f"{source.size} x {source.size} {layout}; {ratio}"))
    facts.append(("runs", str(arguments.runs)))
    sections: list[Section] = []
    with tempfile.TemporaryDirectory(prefix="runs-", dir=arguments.data) as folder:
        for letter in arguments.only:
            scratch = Path(folder, letter).resolve()
            scratch.mkdir()
            with field_of(source, scratch, arguments.peers_python, arguments.runs, arguments.before) as field:
                for section in SUITES[letter](field):
                    sections.append(section)
                    _show(section)
                    places = {str(source.catalog): "CATALOG", str(scratch): "SCRATCH"}
                    write_report(arguments.out, [*facts, *field.versions], field.missing, sections, places)
            shutil.rmtree(scratch)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    letters = ",".join(SUITES)
    parser.add_argument("--only", default=letters, metavar="A,B,...", help=f"cases to run, of {letters}")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each contender (default 5)")
    parser.add_argument("--size", type=int, default=10980, help="side of the source; windows shrink with it")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the report")
    parser.add_argument("--data", type=Path, default=Path(".bench-data"), help="folder the source is kept in")
    peers = os.environ.get("PEERS_PYTHON")
    parser.add_argument(
        "--peers-python", type=Path, default=peers, help="python with titiler and odc-stac (or PEERS_PYTHON)"
    )
    parser.add_argument(
        "--before", type=Path, help="python of an environment with another rasterwire, to be compared with (H)"
    )
    arguments = parser.parse_args()
    arguments.only = [letter.strip().upper() for letter in arguments.only.split(",")]
    unknown = sorted(set(arguments.only) - set(SUITES))
    if unknown:
        parser.error(f"no case {', '.join(unknown)}")
    arguments.peers_python = Path(arguments.peers_python) if arguments.peers_python else None
    return arguments


def _show(section: Section) -> None:
    print(f"\n{section.title}")
    for row in (section.header, *section.rows):
        print("  " + "   ".join(row))
    for line in (*section.remarks, *section.bars):
        print(f"  {line}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
