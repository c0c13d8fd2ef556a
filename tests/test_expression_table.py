import importlib.util
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cases import every
from rasterwire.expression import algorithms
from rasterwire.expression.algorithms import TABLE, listing
from rasterwire.expression.language.signature import Signature, parse_signature

_ALL_BUILT = (
    "L0a",
    "L0b",
    "L1a",
    "L1b",
    "L1c",
    "band_math",
    "comparison_logic_bits",
    "masks_where",
    "bands_types_props",
    "reduce_image",
    "reducers",
    "collections",
    "collection_reduce_sugar",
    "filters",
)
"""Levels and groups of functions.md that have to be built whole."""

_ALIASES = {
    "Image.bitwise_and": "Image.bitwiseAnd",
    "Image.bitwise_or": "Image.bitwiseOr",
    "Image.bitwise_xor": "Image.bitwiseXor",
    "Image.bitwise_not": "Image.bitwiseNot",
    "Image.left_shift": "Image.leftShift",
    "Image.right_shift": "Image.rightShift",
    "Image.focal_mean": "Image.focalMean",
    "Image.focal_median": "Image.focalMedian",
    "Image.focal_max": "Image.focalMax",
    "Image.focal_min": "Image.focalMin",
    "Image.focal_mode": "Image.focalMode",
    "Image.float": "Image.toFloat",
    "Image.double": "Image.toDouble",
    "Image.byte": "Image.toByte",
    "Image.short": "Image.toShort",
    "Image.int": "Image.toInt",
    "Image.long": "Image.toLong",
    "Image.int8": "Image.toInt8",
    "Image.uint8": "Image.toUint8",
    "Image.int16": "Image.toInt16",
    "Image.uint16": "Image.toUint16",
    "Image.int32": "Image.toInt32",
    "Image.uint32": "Image.toUint32",
    "Image.int64": "Image.toInt64",
    "Image.copyProperties": "Element.copyProperties",
}


@pytest.fixture(scope="module")
def levels(shared_data: Path) -> dict[str, list[Signature]]:
    """Signatures by the level or group that functions.md has them in."""
    document = shared_data.parent / "earth-engine" / "functions.md"
    if not document.is_file():
        pytest.skip("no functions.md beside the real rasters")
    found: dict[str, list[Signature]] = {}
    group = ""
    for line in document.read_text().splitlines():
        if line.startswith("##"):
            group = line.lstrip("# ").split(":")[0].split(" ")[0]
        for text in re.findall(r"`([\w.]+\(.*?\) -> [^`]+)`", line):
            found.setdefault(group, []).append(parse_signature(text))
    return found


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """Functions by name of the listing that earthengine-api carries for its own tests."""
    package = importlib.util.find_spec("ee")
    folder = Path(package.origin).parent / "tests" if package is not None and package.origin else Path()
    path = Path(os.environ.get("RASTERWIRE_EE_LISTING", folder / "algorithms.json"))
    if not path.is_file():
        pytest.skip("earthengine-api is not installed; name its ee/tests/algorithms.json in RASTERWIRE_EE_LISTING")
    document = json.loads(path.read_text())
    functions = document["algorithms"] if isinstance(document, dict) else document
    return {function["name"].removeprefix("algorithms/"): function for function in functions}


def _base(kind: str) -> str:
    return kind.split("<", 1)[0]


def test_every_function_of_the_document_is_listed_with_its_signature(levels: dict[str, list[Signature]]) -> None:
    known = {signature.name: signature for group in levels.values() for signature in group}
    assert len(known) > 250
    for name, signature in known.items():
        ours = TABLE[name].signature
        assert _plain(ours) == _plain(signature), name


def _plain(signature: Signature) -> list[Any]:
    """Return a signature without the type parameters that a broken ``List>`` lost."""
    arguments = [(a.name, _type(a.type), a.optional, a.default) for a in signature.arguments]
    return [*arguments, signature.returns]


def _type(kind: str) -> str:
    return "List" if kind in {"List>", "List<Image>"} else kind


def test_all_of_the_first_levels_and_groups_is_built(levels: dict[str, list[Signature]]) -> None:
    assert set(_ALL_BUILT) <= set(levels)
    for group in _ALL_BUILT:
        unbuilt = [signature.name for signature in levels[group] if TABLE[signature.name].call is None]
        assert not unbuilt, group


def test_every_function_is_one_of_earth_engine_s_with_its_arguments(reference: dict[str, Any]) -> None:
    assert len(reference) > 900
    for name, function in TABLE.items():
        assert name in reference, f"{name}: no client sends it"
        theirs = [(a["argumentName"], _base(a["type"])) for a in reference[name].get("arguments", [])]
        ours = [(a.name, _base(a.type)) for a in function.signature.arguments]
        assert ours == theirs, name
        assert _base(function.signature.returns) == _base(reference[name]["returnType"]), name


def test_every_function_that_earth_engine_tells_of_is_known(reference: dict[str, Any]) -> None:
    told = {name for name, function in reference.items() if not function.get("hidden")}
    assert told <= set(TABLE)


def test_arguments_are_optional_with_the_defaults_of_earth_engine(reference: dict[str, Any]) -> None:
    for name, function in TABLE.items():
        theirs = [(bool(a.get("optional")), a.get("defaultValue")) for a in reference[name].get("arguments", [])]
        assert [(a.optional, a.default) for a in function.signature.arguments] == theirs, name


@every("alias", _ALIASES)
def test_an_alias_is_built_and_called_like_its_function(alias: str) -> None:
    first, second = TABLE[alias], TABLE[_ALIASES[alias]]
    assert first.call is not None
    assert first.signature.arguments == second.signature.arguments
    assert first.signature.returns == second.signature.returns


def _listed_arguments() -> Iterator[tuple[str, dict[str, Any]]]:
    for function in listing():
        for argument in function["arguments"]:
            yield function["name"], argument


def test_the_listing_tells_clients_what_they_need() -> None:
    names = [function["name"] for function in listing()]
    assert names == sorted(names)
    assert len(names) == len(set(names)) == len(TABLE)
    assert all(name.startswith("algorithms/") for name in names)
    assert all(function["description"] and function["returnType"] for function in listing())
    for name, argument in _listed_arguments():
        assert argument["argumentName"], name
        assert argument["type"], name
        assert ("optional" in argument) == ("defaultValue" in argument), name
    json.dumps(listing())


def test_optional_arguments_follow_required_ones_except_where_earth_engine_has_them_first() -> None:
    for function in TABLE.values():
        optional = [argument.optional for argument in function.signature.arguments]
        if function.signature.name != "Kernel.fixed":
            assert optional == sorted(optional), function.signature.name


def test_functions_of_all_modules_are_in_the_table() -> None:
    root = Path(algorithms.__file__).parents[1]
    names = set()
    for path in root.rglob("*.py"):
        names |= set(re.findall(r"@table\.listed\(\s*\"([\w.]+)\(", path.read_text()))
    assert len(names) > 200  # the others are entered by loops
    assert names <= set(algorithms.TABLE)
