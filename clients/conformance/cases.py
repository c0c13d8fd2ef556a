"""Cases as data: ``cases/*.yaml``, whose form ``README.md`` describes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from conformance.faults import Fault

__all__ = ["Case", "Expected", "read_cases"]

_FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a client has to do.

    Attributes:
        plan: values of the plan by their paths; besides, it has to be the one of the bare call.
        size, crc32c: of the file; besides, it has to be the one that the HTTP door gives.
        image: values of the image by their paths.
        images: ids, or how many there are.
        limits: names of limits that are told.
        export: values of an export by their paths.
        shape, fields: of an array.
        error: ``kind``, ``code``, ``reason``, ``violations`` (field: reason), ``retry_delay`` and ``text``, a part of
            the message; those that stand there.
        calls: how many came of each method, at most.
        offsets: that the reads began at.
        resumed_from: the least offset of the last read.
        metadata: that every call came with.
    """

    plan: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    crc32c: str = ""
    image: Mapping[str, Any] = field(default_factory=dict)
    images: int | list[str] | None = None
    limits: tuple[str, ...] = ()
    export: Mapping[str, Any] = field(default_factory=dict)
    shape: list[int] | None = None
    fields: list[str] | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    offsets: list[int] | None = None
    resumed_from: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        name: ``file/name``.
        call: that is made: see ``README.md``.
        params: JSON of ``DownloadParams``.
        made: what is given to the constructors of the library in place of ``params``.
        options: of the call.
        client: how the client is set up.
        faults: of the front.
        cut: ``after`` bytes and ``times`` of the connection.
        kill: ``client`` or ``server``; or "".
        expected: what has to happen.
    """

    name: str
    call: str
    params: Mapping[str, Any]
    made: Mapping[str, Any]
    options: Mapping[str, Any]
    client: Mapping[str, Any]
    faults: tuple[Fault, ...]
    cut: Mapping[str, int]
    kill: str
    expected: Expected


def read_cases() -> list[Case]:
    """Return all cases, in the order of the files and in them."""
    return [case for path in sorted(_FOLDER.glob("*.yaml")) for case in _cases_of(path)]


def _cases_of(path: Path) -> list[Case]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    defaults = document.get("defaults", {})
    cases = []
    for name, entry in document["cases"].items():
        written = {**defaults, **entry}
        unknown = set(written) - {"call", "params", "made", "options", "client", "faults", "cut", "kill", "expect"}
        if unknown:
            raise ValueError(f"{path.name}: {name}: unknown {sorted(unknown)}")
        unknown = set(written["expect"]) - {each.name for each in fields(Expected)}
        if unknown:
            raise ValueError(f"{path.name}: {name}: unknown expectations {sorted(unknown)}")
        cases.append(
            Case(
                name=f"{path.stem}/{name}",
                call=written["call"],
                params=written.get("params", {}),
                made=written.get("made", {}),
                options=written.get("options", {}),
                client=written.get("client", {}),
                faults=tuple(Fault(**fault) for fault in written.get("faults", ())),
                cut=written.get("cut", {}),
                kill=written.get("kill", ""),
                expected=Expected(**written["expect"]),
            )
        )
    return cases
