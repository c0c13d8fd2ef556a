"""The code that the page writes: whatever a request holds stays one word of a shell, and one value of Python."""

import ast
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from effort import HANG

WEB = Path(__file__).parents[1] / "web"
HOSTILE = '1;touch owned #$(touch owned)`touch owned`\'"\\\n"); import os\nEND\n'
KEY = "rw_secret"
VARIABLE = "RASTERWIRE_API_KEY"


def code_of(params: dict[str, Any], *key: str) -> dict[str, str]:
    if shutil.which("node") is None or not (WEB / "node_modules" / "esbuild").is_dir():
        pytest.skip("no Node.js here, or not what `make web-check` installs into web/node_modules")
    command = ["node", str(WEB / "test" / "snippets.js"), *key]
    done = subprocess.run(
        command, input=json.dumps([params]), capture_output=True, text=True, timeout=HANG, check=False
    )
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    return dict(found)


def words_of(code: str) -> list[str]:
    """Return the words of a command line, without the ends of lines that a backslash takes away."""
    return [word for word in shlex.split(code) if word != "\n"]


def options_of(code: str) -> dict[str, str]:
    """Return the options of a command line by their names."""
    words = words_of(code)
    return dict(word[2:].split("=", 1) for word in words if word.startswith("--") and "=" in word)


def hostile(**others: Any) -> dict[str, Any]:
    texts = dict.fromkeys(("image", "crs", "scale", "format", "resampling", "mask", "compression", "nodata"), HOSTILE)
    return {**texts, "crsTransform": [HOSTILE], "dimensions": [HOSTILE, 2], **others}


def test_whatever_a_request_holds_is_one_word_of_the_command_line() -> None:
    look = {"min": [HOSTILE], "max": [1, HOSTILE], "gamma": [HOSTILE], "palette": ["red", HOSTILE], "bands": ["b c"]}
    box = {"west": HOSTILE, "south": 1, "east": 2, "north": 3}
    code = code_of(hostile(bands=[{"id": HOSTILE}], visualization=look, region={"boundingBox": box}))["CLI"]
    words = words_of(code)
    assert words[:7] == ["rasterwire", "download", HOSTILE, "-b", HOSTILE, "-b", "b c"]
    low = HOSTILE.lower()
    assert options_of(code) == {
        **dict.fromkeys(("format", "resampling", "mask", "compression"), low),
        **dict.fromkeys(("scale", "crs", "crs-transform", "nodata", "min", "gamma"), HOSTILE),
        "dimensions": f"{HOSTILE}x2",
        "max": f"1,{HOSTILE}",
        "palette": f"red,{HOSTILE}",
        "region": f"{HOSTILE},1,2,3",
    }
    assert "--visualize" in words


def test_bash_reads_the_same_words(tmp_path: Path) -> None:
    code = code_of(hostile(bands=[{"id": HOSTILE}], visualization={"palette": [HOSTILE]}))["CLI"]
    shell = ["bash", "-euc", f"rasterwire() {{ printf '%s\\0' rasterwire \"$@\"; }}\n{code}"]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout.removesuffix("\0").split("\0") == words_of(code)
    assert not list(tmp_path.iterdir())


def test_a_region_that_comes_as_a_file_is_nothing_but_its_text() -> None:
    region = {"geojson": json.dumps({"type": "Point", "coordinates": [1, 2]}), "crs": HOSTILE}
    first, document, end, command = code_of({"image": "a", "region": region})["CLI"].split("\n", 3)
    assert (first, end) == ("cat > region.geojson <<'END'", "END")
    assert json.loads(document)["crs"]["properties"]["name"] == HOSTILE
    assert words_of(command)[:5] == ["rasterwire", "download", "a", "--region", "region.geojson"]


def test_whatever_a_request_holds_is_one_value_of_python() -> None:
    params = hostile(bands=[{"id": HOSTILE}], visualization={"palette": [HOSTILE]})
    tree = ast.parse(code_of(params)["Python"])
    [assigned] = [node for node in tree.body if isinstance(node, ast.Assign)]
    said = ast.literal_eval(assigned.value)
    assert said["image"] == said["crs"] == said["scale"] == said["nodata"] == HOSTILE
    assert said["bands"] == said["crs_transform"] == said["visualization"]["palette"] == [HOSTILE]
    assert [type(node) for node in tree.body] == [ast.ImportFrom, ast.Assign, ast.With]


def test_whatever_a_request_holds_is_one_value_for_earth_engines_client() -> None:
    params = {
        key: value
        for key, value in hostile(format="FORMAT_NPY", region={"geojson": "[1]", "crs": HOSTILE}).items()
        if key not in {"resampling", "mask", "compression", "nodata"}
    }
    tree = ast.parse(code_of(params)["ee"])
    kinds = [ast.Import, ast.Import, ast.Expr, ast.Assign, ast.Assign, ast.Assign, ast.Expr]
    assert [type(node) for node in tree.body] == kinds
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == HOSTILE]
    assert len(texts) == len(["image", "crs of the region, twice", "", "scale", "crs", "transform", "dimensions"])


def test_whatever_a_request_holds_is_one_word_for_curl() -> None:
    params = hostile(format="FORMAT_NPY")
    found = code_of(params)
    words = words_of(found["curl"].removeprefix("url=$("))
    assert json.loads(words[words.index("-d") + 1]) == params
    words = words_of(found["buf curl"])
    assert json.loads(words[words.index("-d") + 1]) == {"params": params}


def test_only_names_of_the_schema_are_shortened() -> None:
    params = {"image": "MASK_2020/a", "name": "FORMAT_x", "mask": "MASK_BAND", "format": "FORMAT_NPY"}
    found = code_of(params)
    [assigned] = [node for node in ast.parse(found["Python"]).body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(assigned.value) == {**params, "mask": "BAND", "format": "NPY"}
    assert words_of(found["CLI"])[2] == "MASK_2020/a"


@pytest.mark.parametrize("band", ["x:10", "x:1e3", "x: -.5", "x:inf", "a:b:2", "x:1_0", "x:\u0663"])
def test_a_band_that_the_command_line_would_read_as_a_scale_has_no_command_line(band: str) -> None:
    name, _, scale = band.rpartition(":")
    assert name
    float(scale)  # which is how the command line tells
    assert "CLI" not in code_of({"image": "a", "bands": [{"id": band}]})
    assert "CLI" not in code_of({"image": "a", "visualization": {"bands": [band]}})


def test_a_band_with_another_colon_has_one() -> None:
    words = words_of(code_of({"image": "a", "bands": [{"id": "x:10:y"}, {"id": "t:mean"}]})["CLI"])
    assert words[3:7] == ["-b", "x:10:y", "-b", "t:mean"]


def test_an_image_that_looks_like_an_option_is_none() -> None:
    words = words_of(code_of({"image": "--help"})["CLI"])
    assert words[-2:] == ["--", "--help"]
    assert words.count("--help") == 1


def test_a_look_of_which_nothing_was_chosen_is_still_one() -> None:
    assert "--visualize" in words_of(code_of({"image": "a", "visualization": {}})["CLI"])
    assert "--visualize" not in words_of(code_of({"image": "a"})["CLI"])


def test_with_a_key_all_code_reads_it_from_the_environment() -> None:
    params = {"image": "a", "format": "FORMAT_NPY"}
    found, without = code_of(params, KEY), code_of(params)
    assert found.keys() == without.keys() == {"Python", "CLI", "curl", "buf curl", "ee", "JSON"}
    assert not any(KEY in code for code in found.values())
    assert not any(VARIABLE in code for code in without.values())
    assert f'os.environ["{VARIABLE}"]' in found["Python"]
    assert f'os.environ["{VARIABLE}"]' in found["ee"]
    for name in ("Python", "ee"):
        imported = [
            alias.name
            for node in ast.walk(ast.parse(found[name]))
            if isinstance(node, ast.Import)
            for alias in node.names
        ]
        assert "os" in imported
    for name in ("curl", "buf curl"):
        assert f'-H "Authorization: Bearer ${VARIABLE}"' in found[name]
