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
    names_of, case_list = (names,) if isinstance(names, str) else names, list(cases)
    assert case_list

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(**fixtures: Any) -> None:
            failed: list[tuple[str, BaseException]] = []
            for index, case in enumerate(case_list):
                values = dict(zip(names_of, (case,) if isinstance(names, str) else case, strict=True))
                arguments = dict(fixtures)
                if "tmp_path" in fixtures:
                    arguments["tmp_path"] = fixtures["tmp_path"] / str(index)
                    arguments["tmp_path"].mkdir()
                with pytest.MonkeyPatch.context() as patches:
                    if "monkeypatch" in fixtures:
                        arguments["monkeypatch"] = patches
                    try:
                        test(**arguments, **values)
                    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 # told of below
                        failed.append((f"{values}: {type(error).__name__}: {error}"[:1000], error))
            if failed:
                messages = "\n".join(message for message, _ in failed[:20])
                raise AssertionError(f"{len(failed)} of {len(case_list)} cases failed:\n{messages}") from failed[0][1]

        signature = inspect.signature(test)
        parameters = [parameter for name, parameter in signature.parameters.items() if name not in names_of]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # so fixtures are given
        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return run

    return decorate
