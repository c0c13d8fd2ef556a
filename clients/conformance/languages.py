"""How the client under test of each language is built and run."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LANGUAGES", "Language"]

_CLIENTS = Path(__file__).parents[1]
_BUILD_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Language:
    """A client under test.

    Attributes:
        title: of its column.
        build: returns its command, or a sentence that says why there is none.
    """

    title: str
    build: Callable[[], list[str] | str]


def _python() -> list[str] | str:
    return ["env", f"PYTHONPATH={_CLIENTS}", sys.executable, "-m", "conformance.python_client"]


def _go() -> list[str] | str:
    folder = _CLIENTS / "go"
    program = folder / "build" / "conformance"
    return _built(["go", "build", "-buildvcs=false", "-o", str(program), "./conformance"], folder) or [str(program)]


def _typescript() -> list[str] | str:
    folder = _CLIENTS / "typescript"
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    return (
        _built(install, folder)
        or _built(["npm", "run", "--silent", "build"], folder)
        or ["node", str(folder / "build" / "conformance" / "main.js")]
    )


def _java() -> list[str] | str:
    folder, target = _CLIENTS / "java", _CLIENTS / "java" / "target"
    if wrong := _built(["mvn", "--quiet", "--batch-mode", "test-compile", "dependency:build-classpath"], folder):
        return wrong
    classes = f"{target / 'test-classes'}:{target / 'classes'}:{(target / 'classpath').read_text()}"
    return ["java", "-cp", classes, "dev.rasterwire.conformance.Main"]


def _built(command: list[str], folder: Path) -> str:
    """Build, and return what went wrong, or ""."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is missing"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
    return "" if done.returncode == 0 else f"the build failed: {done.stdout[-1000:]}{done.stderr[-2000:]}"


LANGUAGES = {
    "python": Language("Python", _python),
    "go": Language("Go", _go),
    "typescript": Language("TypeScript", _typescript),
    "java": Language("Java", _java),
}
