"""Somebody else who does something to a system in the middle of an erasure."""

from __future__ import annotations

from collections.abc import Callable, ItemsView
from typing import Any


class Meddled(dict[str, Any]):
    """New values of a change. When they are looked at for the n-th time, something happens once."""

    def __init__(self, values: dict[str, Any], act: Callable[[], object], on: int = 1) -> None:
        super().__init__(values)
        self._act = act
        self._left = on

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        self._left -= 1
        if self._left == 0:
            self._act()
        return super().items()
