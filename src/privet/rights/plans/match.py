"""How values of different systems compare, and where in a record they are. Nothing here keeps or shows a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

from privet.connectors.base import Value
from privet.digest import sha256

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MOST_DIGITS = 400
_SEVERAL = (list, tuple, set, frozenset)

Holds = Callable[[Value], bool]
Spot = tuple[int | str, ...]
Kept = dict[Spot, set[int]]
"""Where a list stands in a record, by names and numbers of elements → the elements that stay."""


def text(value: Value) -> str | None:
    """Return the form by which values of different systems compare; None for what is no value to look for.

    >>> text(12), text("12"), text(Decimal("12.00")), text(True), text("C9BF9E57-1685-4C89-BAFB-FF5AF830BE8A")
    ('12', '12', '12', 'true', 'c9bf9e57-1685-4c89-bafb-ff5af830be8a')
    """
    if isinstance(value, str):
        return value.lower() if len(value) == 36 and _UUID.fullmatch(value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 3 * _MOST_DIGITS else hex(value)
    if isinstance(value, float | Decimal):
        return _number(Decimal(repr(value)) if isinstance(value, float) else value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value))
    if isinstance(value, date | time):
        return value.isoformat()
    if value is None or many(value) or isinstance(value, Mapping):
        return None
    return str(value)  # a UUID, an object id, an address: libraries agree on their text


def _number(value: Decimal) -> str | None:
    if not value.is_finite():
        return None
    if abs(value.adjusted()) > _MOST_DIGITS or len(value.as_tuple().digits) > _MOST_DIGITS:
        return str(value)
    plain = f"{value:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def _bytes(value: bytes) -> str:
    # Some drivers give text of binary collations as bytes.
    try:
        plain = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return plain if plain.isprintable() else value.hex()


def many(value: Value) -> bool:
    """Return whether a value is several."""
    return isinstance(value, _SEVERAL)


def found(values: Mapping[str, Value], path: str) -> Iterator[Value]:
    """Yield the values at a dotted path, through arrays, without what is null.

    >>> list(found({"to": [{"id": 1}, {"id": [2, None]}]}, "to.id"))
    [1, 2]
    """
    step = _step(values, path)
    if step is not None:
        yield from _inside(*step)


def _inside(value: Value, rest: str) -> Iterator[Value]:
    if many(value):
        for element in value:
            yield from _inside(element, rest)
    elif not rest:
        if value is not None:
            yield value
    elif isinstance(value, Mapping):
        yield from found(value, rest)


def _step(values: Mapping[str, Value], path: str) -> tuple[Value, str] | None:
    """Return the value that a path leads to next, and the rest of the path. Names may hold dots themselves."""
    if path in values:
        return values[path], ""
    at = path.find(".")
    while at >= 0:
        if path[:at] in values:
            return values[path[:at]], path[at + 1 :]
        at = path.find(".", at + 1)
    return None


def shows(values: Mapping[str, Value], path: str) -> bool:
    """Return whether a record says anything of a field, be it that it is empty or null."""
    step = _step(values, path)
    return step is not None and _shown(*step)


def _shown(value: Value, rest: str) -> bool:
    if not rest or value is None:
        return True
    if many(value):
        return not value or any(_shown(element, rest) for element in value if element is not None)
    return isinstance(value, Mapping) and shows(value, rest)


def mark(values: Mapping[str, Value]) -> bytes:
    """Return a digest of a whole record, the same for the same record however its fields are ordered."""
    return sha256(_canonical(values).encode("utf-8", "surrogatepass"))


def _canonical(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{name!r}:{_canonical(held)}" for name, held in value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, set | frozenset):
        return "(" + ",".join(sorted(map(_canonical, value))) + ")"
    return repr(text(value))


def keep(values: Mapping[str, Value], path: str, holds: Holds, *, strict: bool, free: Callable[[str], bool]) -> Kept:
    """Return which elements stay of the arrays that a path goes through.

    `strict`: an array of which no element matches keeps none; else it stays whole. `free`: whether the array at a
    dotted path stays whole anyhow.
    """
    walk = _Walk(holds, strict, free)
    walk.go(values, path, (), "")
    return walk.kept


class _Walk:
    def __init__(self, holds: Holds, strict: bool, free: Callable[[str], bool]) -> None:
        self.holds = holds
        self.strict = strict
        self.free = free
        self.kept: Kept = {}

    def go(self, value: Value, rest: str, at: Spot, name: str) -> bool:
        """Walk down to the end of the path and return whether any value there matches."""
        if many(value):
            return self._each(value, rest, at, name)
        if not rest:
            return self.holds(value)
        step = _step(value, rest) if isinstance(value, Mapping) else None
        if step is None:
            return False
        head = rest[: len(rest) - len(step[1])].removesuffix(".")
        return self.go(*step, (*at, head), f"{name}.{head}" if name else head)

    def _each(self, value: Sequence[Value], rest: str, at: Spot, name: str) -> bool:
        hits = {number for number, one in enumerate(value) if self.go(one, rest, (*at, number), name)}
        if (hits or self.strict) and not self.free(name):
            self.kept.setdefault(at, set()).update(hits)
        return bool(hits)


def rebuilt(value: Value, kept: Kept, at: Spot = ()) -> Any:
    """Return a value with no other elements than those that stay."""
    if isinstance(value, Mapping):
        return {name: rebuilt(held, kept, (*at, name)) for name, held in value.items()}
    if not many(value):
        return value
    stays = kept.get(at)
    held = [rebuilt(one, kept, (*at, number)) for number, one in enumerate(value) if stays is None or number in stays]
    return frozenset(held) if isinstance(value, set | frozenset) else held
