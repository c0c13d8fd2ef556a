"""Libraries that are not always installed."""

import importlib
from types import ModuleType


def needs(module: str, extra: str) -> ModuleType:
    """Import a module, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"this needs {module}: pip install '.[{extra}]' in the clone") from error
