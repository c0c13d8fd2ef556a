"""Holds the client libraries to the cases: ``python -m conformance [--language NAME]... [--only TEXT] [--write]``.

The last line is ``N passed, N failed``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from conformance.cases import Case, read_cases
from conformance.languages import LANGUAGES
from conformance.process import Process
from conformance.runner import Runner
from conformance.table import write_table
from conformance.world import Server, make_catalog

Results = dict[str, dict[str, list[str]]]
"""Problems by language and case."""


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("--language", action="append", choices=sorted(LANGUAGES), help="by default all")
    parser.add_argument("--only", default="", help="only cases whose name has this in it")
    parser.add_argument("--show", action="store_true", help="show the answers")
    parser.add_argument("--write", action="store_true", help="write the table of README.md")
    chosen = parser.parse_args(arguments)
    cases = [case for case in read_cases() if chosen.only in case.name]
    if not cases:
        parser.error(
            f"argument --only: no case has {chosen.only!r} in its name; the cases are in clients/conformance/cases"
        )
    names = chosen.language or list(LANGUAGES)
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        results = _run(names, cases, Path(folder), chosen.show)
    passed = sum(not problems for of_cases in results.values() for problems in of_cases.values())
    failed = sum(map(len, results.values())) - passed
    if chosen.write:
        write_table(results, cases)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


def _run(names: Sequence[str], cases: Sequence[Case], folder: Path, is_shown: bool) -> Results:
    catalog = folder / "catalog"
    make_catalog(catalog)
    server = Server(catalog, folder / "state")
    server.start()
    try:
        with ThreadPoolExecutor(2) as pool:  # the clients wait more than they work
            runs = {name: pool.submit(_run_language, name, server, cases, folder, is_shown) for name in names}
            return {name: run.result() for name, run in runs.items()}
    finally:
        server.end()


def _run_language(
    name: str, server: Server, cases: Sequence[Case], folder: Path, is_shown: bool
) -> dict[str, list[str]]:
    command = LANGUAGES[name].build()
    if isinstance(command, str):
        print(f"FAILED {name}: {command}", flush=True)
        return {case.name: [command] for case in cases}
    mortal = Server(folder / "catalog", folder / f"state-{name}")
    if any(case.kill == "server" for case in cases):
        mortal.start()
    own = folder / name
    own.mkdir()
    results = {}
    start = time.monotonic()
    with closing(Runner(Process(command, folder / f"{name}.log"), server, mortal, own)) as runner:
        for case in cases:
            results[case.name] = problems = runner.problems(case)
            for problem in problems:
                print(f"FAILED {name} {case.name}: {problem[:1500]}", flush=True)
            if is_shown:
                print(f"{name} {case.name}: {runner.answer}", flush=True)
    mortal.end()
    wrong = sum(map(bool, results.values()))
    print(f"{name}: {len(results) - wrong} of {len(results)} in {time.monotonic() - start:.0f} s", flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
