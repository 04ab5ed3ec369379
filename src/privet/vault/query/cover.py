"""Which part values answer or narrow a condition: prefixes, covers of ranges. Knows no key and no store."""

from __future__ import annotations

from collections.abc import Sequence

from privet.errors import InvalidValue
from privet.vault.query.question import Leaf, order_key
from privet.vocabulary.datatype import DataType, Part

MOST_COVER = 12_000  # part values that one range may ask for: more than all years from 1 to 9999


def wanted(kind: DataType, leaf: Leaf) -> list[str]:
    """Return the indexes that would answer or narrow a condition, best first."""
    if leaf.place.part:
        return [leaf.place.part] if leaf.op in ("in", "null") else []
    if leaf.op == "in":
        return ["exact"] if "exact" in kind.indexes else list(kind.indexes)
    if leaf.op == "prefix":
        fitting = [part for part in kind.parts if prefix_size(part) <= len(leaf.values[0])]
        return [part.name for part in sorted(fitting, key=prefix_size, reverse=True)]
    return [part.name for part in kind.parts if part.cover]


def prefix_size(part: Part) -> int:
    """Return N of the part `prefix_N`; of any other part more than any text has."""
    size = part.name.removeprefix("prefix_")
    return int(size) if size != part.name and size.isdecimal() else 1 << 30


def prefix_value(part: Part, start: str) -> str:
    """Return the part value of every text that begins with `start` in any case, "" where there is no one value."""
    if not start.isascii():
        return ""
    begin = start[: prefix_size(part)]
    try:
        forms = {part.fix(begin), part.fix(begin.lower()), part.fix(begin.upper())}
    except InvalidValue:
        return ""
    # A part that keeps case has several values for what LIKE takes as one.
    return forms.pop() if len(forms) == 1 else ""


def cover(kind: DataType, part: Part, ends: Sequence[Leaf]) -> list[str] | None:
    """Return the part values that values within the ends can have, None where the part cannot say."""
    if part.cover is None or (ends[0].place.part and ends[0].place.part != part.name):
        return None
    low = next((leaf.values[0] for leaf in ends if leaf.op.startswith(">")), "")
    high = next((leaf.values[0] for leaf in ends if leaf.op.startswith("<")), "")
    try:
        values = part.cover("", "") if ends[0].place.part else part.cover(low, high)
    except InvalidValue:
        return None
    if ends[0].place.part:
        values = [value for value in values if _within(kind, part.name, value, low, high)]
    return list(values) if len(values) <= MOST_COVER else None


def _within(kind: DataType, part: str, value: str, low: str, high: str) -> bool:
    # Both ends count as included: what they add is judged again on opened values.
    key = order_key(kind, part, value)
    after = not low or key >= order_key(kind, part, low)  # type: ignore[operator]  # keys of one type compare
    before = not high or key <= order_key(kind, part, high)  # type: ignore[operator]
    return bool(after and before)
