"""One stream, one row: a verb whose answer comes line by line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from privet.app.services.verb import Ask, Caller
from privet.app.wiring import House


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A verb whose answer has no end that is known at the start: `run` gives lines of JSON, each an `answer`.

    It raises what forbids the whole before its first chunk. `media`: the type of a file that it gives the bytes of, in
    place of lines; its `answer` is `bytes`.
    """

    name: str
    path: str
    ask: type[Ask]
    answer: type
    run: Callable[[House, Caller, Any], AsyncGenerator[list[bytes], None]]
    about: str
    media: str = ""
