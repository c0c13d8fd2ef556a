"""Runs many small cases as one test. Setting up a test takes longer than most of these cases."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def every(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for each case, and report all failures together.

    It takes the arguments of ``pytest.mark.parametrize``, and several may be stacked. Each case has its own
    ``tmp_path`` and ``monkeypatch``; other fixtures are shared.

    Args:
        names: of the parameters: a text for one, a tuple for several.
        cases: for each case the value of the parameter, or a tuple of values.
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
