"""Writes the table of languages and cases into ``clients/README.md``."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.cases import Case
from conformance.languages import LANGUAGES

__all__ = ["write_table"]

_README = Path(__file__).parents[1] / "README.md"
_BEGIN, _END = "<!-- conformance -->", "<!-- end of conformance -->"


def write_table(results: Mapping[str, Mapping[str, Sequence[str]]], cases: Sequence[Case]) -> None:
    """Replace the table by that of these results: a row for each group of cases, and for each case that fails."""
    groups = Counter(case.name.partition("/")[0] for case in cases)
    titles = [LANGUAGES[name].title for name in results]
    rows = [["cases", "number", *titles], ["---", *("---:" for _ in range(len(titles) + 1))]]
    for group, count in groups.items():
        own = [case.name for case in cases if case.name.startswith(f"{group}/")]
        passed = (sum(not of_cases[name] for name in own) for of_cases in results.values())
        rows.append([group, str(count), *map(str, passed)])
    totals = [str(sum(not problems for problems in of_cases.values())) for of_cases in results.values()]
    rows.append(["all", str(len(cases)), *totals])
    for case in cases:
        marks = ["no" if of_cases[case.name] else "yes" for of_cases in results.values()]
        if "no" in marks:
            rows.append([f"`{case.name}`", "1", *marks])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = _README.read_text(encoding="utf-8")
    replaced = re.sub(f"{_BEGIN}.*{_END}", lambda _: f"{_BEGIN}\n{table}\n{_END}", text, flags=re.DOTALL)
    _README.write_text(replaced, encoding="utf-8")
