"""Many small cases as one test: a test of its own costs more than most of them do."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def every(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for each of many cases, and tell of all that fail at once.

    Takes what ``pytest.mark.parametrize`` takes and can be put over another of itself. Each case has a ``tmp_path``
    and a ``monkeypatch`` of its own, and shares all other fixtures.

    Args:
        names: of the parameters; one as a text, or several as a tuple.
        cases: the value of the one parameter, or the values of several, of each case.
    """
    names_of, listed = (names,) if isinstance(names, str) else names, list(cases)
    assert listed

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            failed: list[tuple[str, BaseException]] = []
            for at, case in enumerate(listed):
                values = dict(zip(names_of, (case,) if isinstance(names, str) else case, strict=True))
                own = dict(given)
                if "tmp_path" in given:
                    own["tmp_path"] = given["tmp_path"] / str(at)
                    own["tmp_path"].mkdir()
                with pytest.MonkeyPatch.context() as patches:
                    if "monkeypatch" in given:
                        own["monkeypatch"] = patches
                    try:
                        test(**own, **values)
                    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 # told of below
                        failed.append((f"{values}: {type(error).__name__}: {error}"[:1000], error))
            if failed:
                told = "\n".join(said for said, _ in failed[:20])
                raise AssertionError(f"{len(failed)} of {len(listed)} cases failed:\n{told}") from failed[0][1]

        signature = inspect.signature(test)
        left = [one for name, one in signature.parameters.items() if name not in names_of]
        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined] # so fixtures are given
        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return run

    return decorate
