"""Errors that are none of ours, where none may end a duty that goes on for as long as the house is open."""

from __future__ import annotations

import logging
from types import TracebackType

from privet.errors import PrivetError


class Foreign:
    """Holds whatever error comes that nobody foresaw, and logs its class: its words may quote a value.

    Errors of ours, and what ends a process or a task, pass. `came`: there was one.
    """

    def __init__(self, log: logging.Logger, what: str) -> None:
        """`what`: happens then, as the log says it."""
        self._log = log
        self._what = what
        self.came = False

    def __enter__(self) -> Foreign:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, PrivetError):
            return False
        self.came = True
        self._log.error("%s: unexpected %s", self._what, type(error).__name__)
        return True
