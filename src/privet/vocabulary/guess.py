"""Which data type a column holds, by its header and by sampled values. Reads no file: callers bring the samples.

A value speaks through the types' own validation, weighted by how much a match `proves`; the header breaks ties.
Reasons name counts, types and rules, never a value.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from privet.vocabulary.datatype import TYPES, DataType, data_type
from privet.vocabulary.header import meaning, names_key

# What basic types are worth when every value fits and the header is silent. `string` fits everything, so whatever
# scores less than it is no better than a coin.
_BASIC = {"string": 0.32, "integer": 0.36, "decimal": 0.34, "boolean": 0.6, "date": 0.5, "timestamp": 0.6}
# Below this a type takes so many texts that its values alone never show it: only its header brings it in.
_TELLING = 0.12
_HEADER_WEIGHT = 0.85
# A type that takes any text gets no support from its values, so a header alone must not outweigh a checksum.
_ANY_TEXT_WEIGHT = 0.6
_SIZES = (3, 16)  # samples of the first two rounds
_FULL = 3  # types that are tried on every sample
_MOST_SAMPLES = 200
_LEADING_ZERO = re.compile(r"[+]|-?0[0-9]")
_SEPARATED = re.compile(r"[0-9A-Za-z][-./ :][0-9A-Za-z]")
_SPLITS = (";", "|", ",")
_KIN = 0.7
_STRONG = 0.8
_SURE = 0.9  # a header this sure is the type's own word


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One type that a column may have. `confidence`: 0 to 1. `array`: each cell lists several values.

    `meant`: the type that the header names where the values do not fit it, "" where there is none: such a column
    is personal although no rule could tell.
    """

    type: str
    confidence: float
    reason: str
    array: bool = False
    meant: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """What all samples look like. `separated`: one layout with separators. `is_key`: the header is one of keys."""

    separated: bool
    is_key: bool


@dataclass(slots=True)
class _Tried:
    """How a type fared. `share`: of the distinct samples that it took. `rule`: the one most often broken."""

    kind: DataType
    header: float
    share: float = 0.0
    score: float = 0.0
    faults: int = 0
    rule: str = ""


def guess(header: str, samples: Sequence[str]) -> tuple[Guess, ...]:
    """Return the types that a column may have, best first; never empty, and `string` at the latest.

    `samples`: cells as they stand in the file; empty ones are passed over, repeated ones count once, and of the rest
    the first 200 are looked at.
    """
    values = list(dict.fromkeys(text for cell in samples if (text := cell.strip())))[:_MOST_SAMPLES]
    named = meaning(header)
    if not values:
        best = max(named, key=lambda name: named[name], default="")
        return (Guess(type="string", confidence=0.0, reason="no values to go by", meant=_firm(named, best)),)
    tried = _try_all(values, named, is_key=names_key(header))
    found = _guesses(tried, len(values))
    if found[0].type == "string" or found[0].confidence < 0.5:
        listed = _elements(header, values)
        if listed and listed.confidence > found[0].confidence:
            return (listed, *found)
    return found


def looks_like_headers(first_row: Sequence[str], other_rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns. In doubt it does not: a value must not become a name."""
    votes, plain = 0.0, True
    for at, cell in enumerate(first_row):
        text = cell.strip()
        plain = plain and (text.islower() or "_" in text) and text.isascii()
        votes += _vote(text, [row[at].strip() for row in other_rows[:50] if at < len(row) and row[at].strip()])
    return votes > 0 or (votes == 0 and plain and bool(first_row))


def _vote(text: str, values: list[str]) -> float:
    """Return how much one cell of the first row speaks for a header, from -3 to 3."""
    if not text:
        return -0.5
    if max(meaning(text).values(), default=0.0) >= _SURE:
        return 3.0
    if "@" in text or not any(map(str.isalpha, text)) or text in values:
        return -3.0
    if not values or any(map(str.isdigit, text)):
        return -1.0 if values and _shape(text) == _shape(values[0]) else 0.0
    return 1.0 if all(any(map(str.isdigit, value)) or "@" in value for value in values) else 0.0


def _try_all(values: list[str], named: dict[str, float], *, is_key: bool) -> list[_Tried]:
    """Return how the types fared, best first, after rounds of more and more samples for fewer and fewer types."""
    # A header such as `postal` speaks, less surely, for every type of its category: ZIP Codes are postal codes too.
    labels = {
        data_type(name).category: _KIN * surely for name, surely in sorted(named.items(), key=lambda item: item[1])
    }
    labels.pop("user", None)
    types = []
    for kind in TYPES.all():
        telling = kind.proves >= _TELLING
        header = max(named.get(kind.name, 0.0), labels.get(kind.category, 0.0) if telling else 0.0)
        if header or telling or kind.name in _BASIC:
            types.append(_Tried(kind, header))
    look = _Look(separated=_is_separated(_spread(values, _SIZES[-1])), is_key=is_key)
    for size in _SIZES:
        _round(types, _spread(values, size), look)
        # A type that the header names stays in to the end, to say how many of the values break its rule.
        types = [one for one in types if one.share or one.header >= _SURE]
    types.sort(key=lambda one: (-one.score, -one.kind.proves * one.share))
    last = [one for at, one in enumerate(types) if at < _FULL or one.header or one.kind.name == "string"]
    _round(last, values, look)
    return sorted(last, key=lambda one: -one.score)


def _round(types: list[_Tried], values: list[str], look: _Look) -> None:
    for one in types:
        rules = _faults(one.kind, values)
        one.faults = len(rules)
        one.share = 1 - len(rules) / len(values)
        one.rule = Counter(rules.values()).most_common(1)[0][0] if rules and len(types) < 10 else ""
    basic = any(one.share == 1 for one in types if one.kind.name in _BASIC and one.kind.name != "string")
    for one in types:
        one.score = _score(one, len(values), _Look(look.separated and not basic, look.is_key))


def _faults(kind: DataType, values: list[str]) -> dict[int, str]:
    if kind.name == "string":
        return {at: "expected at most 4096 characters" for at, value in enumerate(values) if len(value) > 4096}
    _, faults = kind.canonicalize(values)
    if kind.name in ("integer", "decimal"):
        # 00123 is a code and not a quantity: as a number it would lose its zeros; so would a long run of digits.
        codes = {at for at, value in enumerate(values) if _LEADING_ZERO.match(value) and "." not in value}
        if len(values) > 1 and len(values[0]) > 6 and len(set(map(len, values))) == 1 and "".join(values).isdigit():
            codes.update(range(len(values)))
        faults.update((at, "expected a quantity, found a code of digits") for at in codes)
    return faults


def _score(one: _Tried, size: int, look: _Look) -> float:
    kind, share = one.kind, one.share
    fit: float = max(0.0, 2 * share - 1) ** 1.5
    proves = _BASIC.get(kind.name, kind.proves)
    if kind.name not in _BASIC and look.separated:
        # One layout with separators in every value (ddd-dd-dddd) says more than digits that happen to fit.
        proves = 1 - (1 - proves) ** 3
    elif kind.name not in _BASIC and look.is_key and not one.header and proves < _STRONG:
        # C00012 under `customer_no` is nobody's diagnosis.
        proves /= 2
    by_values = proves * fit * size / (size + 1)
    weight = _HEADER_WEIGHT if kind.proves else _ANY_TEXT_WEIGHT
    return 1 - (1 - by_values) * (1 - weight * one.header * fit)


def _guesses(tried: list[_Tried], size: int) -> tuple[Guess, ...]:
    floor = next(one.score for one in tried if one.kind.name == "string")
    chosen = [one for one in tried if one.score >= min(floor, 0.2)]
    missed = next((one for one in tried if one.header >= _SURE and one.faults and one.score < chosen[0].score), None)
    found = []
    for one in chosen:
        reason, meant = _reason(one, size), ""
        if one.kind.name in _BASIC and missed is not None:
            reason, meant = _missed(missed, size), missed.kind.name
        elif one.kind.name == "string":
            reason = _mixed(tried, size) or reason
        found.append(Guess(type=one.kind.name, confidence=round(min(one.score, 0.99), 2), reason=reason, meant=meant))
    return tuple(found)


def _reason(one: _Tried, size: int) -> str:
    if one.kind.name == "string":
        return "no type fits better than plain text"
    count = f"all {size} values fit" if not one.faults else f"{one.faults} of {size} values break it: {one.rule}"
    if size == 1 and not one.faults:
        count = "the one value fits"
    if one.header >= _SURE:
        return f"{count}; the header says so" + ("" if one.faults else " too")
    return f"{count}; the header hints at it" if one.header else count


def _missed(one: _Tried, size: int) -> str:
    return f"the header says `{one.kind.name}`, but {one.faults} of {size} values break it: {one.rule}"


def _mixed(tried: list[_Tried], size: int) -> str:
    """Return what a mixed column holds, or "" where one kind of value is all there is."""
    kinds = [one for one in tried if one.kind.proves >= 0.5 and 0.15 <= one.share < 1]
    if not kinds:
        return ""
    # Of several types that take the same values, the one that proves most.
    kinds.sort(key=lambda one: -one.kind.proves)
    kinds = list({one.faults: one for one in reversed(kinds)}.values())[::-1]
    counts = ", ".join(f"{size - one.faults} of {size} fit `{one.kind.name}`" for one in kinds[:3])
    return f"mixed values: {counts}"


def _elements(header: str, values: list[str]) -> Guess | None:
    """Return a guess for cells that list several values: JSON lists, or texts with ; or | or , between."""
    cells = [split_cell(value) for value in values]
    if max(map(len, cells)) < 2:
        return None
    best = guess(header, [element for cell in cells for element in cell][:_MOST_SAMPLES])[0]
    if best.array or best.confidence < 0.5 or data_type(best.type).proves < 0.5:
        return None
    longest = max(map(len, cells))
    return replace(best, array=True, reason=f"cells list up to {longest} values; {best.reason}")


def split_cell(cell: str) -> list[str]:
    """Return the values that a cell lists: a JSON list of texts, or texts with `;`, `|` or `,` between them.

    >>> split_cell("a; b"), split_cell('["a", "b"]'), split_cell("")
    (['a', 'b'], ['a', 'b'], [])
    """
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return found
    sign = next((sign for sign in _SPLITS if sign in cell), "")
    pieces = cell.split(sign) if sign else [cell]
    return [text for piece in pieces if (text := piece.strip())]


def _firm(named: dict[str, float], name: str) -> str:
    return name if named.get(name, 0.0) >= _SURE and name not in _BASIC else ""


def _spread(values: list[str], count: int) -> list[str]:
    """Return `count` values from all over the list, in order."""
    if len(values) <= count:
        return values
    return [values[at * len(values) // count] for at in range(count)]


def _is_separated(values: list[str]) -> bool:
    """Return whether every value has one layout of letters and digits with separators between."""
    return _SEPARATED.search(values[0]) is not None and len(set(map(_shape, values))) == 1


def _shape(text: str) -> str:
    return "".join("9" if ch.isdigit() else "a" if ch.isalpha() else ch for ch in text)
