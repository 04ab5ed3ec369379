"""Personal data kept in one encrypted vault, tokens for everyone else: the front door.

Everything is imported on first use, so that the command line starts at once. Nobody inside imports from here but for
the version.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_FROM = {"AsyncClient": "privet.app.client", "Client": "privet.app.client", "open_home": "privet.app.local"}

__all__ = ["AsyncClient", "Client", "__version__", "open_home"]


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module `privet` has no attribute `{name}`")
    return getattr(import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
