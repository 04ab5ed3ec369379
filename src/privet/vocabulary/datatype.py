"""The data type: one row that validates, recognizes, splits, indexes, masks and labels a value.

A type works on *canonical text*: `normalize` turns what a caller sent into it, everything else starts from it.
Sealing, tagging and tokens are the business of `crypto`; types hold no key and do no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from privet.errors import InvalidValue
from privet.shelf import Shelf

Keep = Literal["sealed", "shreddable", "transient"]
TokenKind = Literal["stored", "random", "record", "sealed", "ff1", "transient", "none"]
Wire = str | int | float | bool | None | list["Wire"] | dict[str, "Wire"]


BATCH = 16  # values from which a type's batch path is worth its start
SAMPLE = 64  # values that tell whether a batch repeats itself


def _same(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A named piece of a canonical value, and the question it can answer.

    `of`: canonical text → the part, or None where a value has none. `fix`: what a caller wrote in a question →
    the part's own form; raises InvalidValue. `few`: the part takes few values, so that an index on it must be
    declared with `leak: equality`. `cover`: (lowest, highest) canonical values → every part value that a value
    in that range can have, for parts that prune ranges (years, buckets); None where ranges are not answered.
    `order`: part → sort key; None for that of text and of digits. `present`: part → wire value.
    """

    name: str
    about: str
    of: Callable[[str], str | None]
    fix: Callable[[str], str] = _same
    few: bool = False
    cover: Callable[[str, str], Sequence[str]] | None = None
    order: Callable[[str], object] | None = None
    present: Callable[[str], Wire] = _same


@dataclass(frozen=True, slots=True, kw_only=True)
class DataType:
    """One privacy data type.

    `name`: `family.kind`, or a single word for basic types. `category`: taxonomy label. `normalize`: wire value
    → canonical text; raises InvalidValue, which names the rule and never the value. `normalize_all`: the same for
    a batch: canonical texts ("" at faults) and {position: rule}. `present`: canonical text → wire value.
    `indexes`: "exact" and names of parts that may be indexed. `few`: the whole value takes few values. `small`:
    it takes more, but fewer than a million that occur, so that all can be tried.
    `masked`: the default mask. `redactions`: the masks that fit, from least to most revealing.
    `ceiling`: the most that any role but a connection may see. `keep`: how templates hold it.
    `token`: default token kind. `shape`: the opt-in token shape, "" for none. `pad_bytes`: sealed texts are
    padded to a multiple of this. `headers`: words of column names that suggest the type. `proves`: how far a match
    of every sampled value alone shows that a column is of this type, 0 (any text matches) to 1 (a strong checksum).
    `order`: canonical text → sort key; None where order means nothing. `sights`: standard role → what it sees, where
    that is not what `policy.review.ready` works out. `sources`: where the rules are written.
    """

    name: str
    about: str
    category: str
    normalize: Callable[[Wire], str]
    sources: tuple[str, ...]
    normalize_all: Callable[[Sequence[Wire]], tuple[list[str], dict[int, str]]] | None = None
    present: Callable[[str], Wire] = _same
    aliases: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    indexes: tuple[str, ...] = ("exact",)
    few: bool = False
    small: bool = False
    masked: Callable[[str], str | None] = lambda text: None
    redactions: tuple[str, ...] = ("redacted", "masked", "plain_text")
    ceiling: str = "plain_text"
    keep: Keep = "sealed"
    token: TokenKind = "stored"
    shape: str = ""
    pad_bytes: int = 16
    headers: tuple[str, ...] = ()
    proves: float = 0.0
    laws: tuple[str, ...] = ()
    sights: tuple[tuple[str, str], ...] = ()
    order: Callable[[str], object] | None = None
    example: str = ""

    def part(self, name: str) -> Part | None:
        """Return the part called `name`, or None."""
        return next((part for part in self.parts if part.name == name), None)

    def canonicalize(self, values: Sequence[Wire]) -> tuple[list[str], dict[int, str]]:
        """Return canonical texts ("" at faults) and {position: rule broken}."""
        if len(values) >= BATCH and _repeat(values):
            distinct = list(dict.fromkeys(values))
            texts, faults = self._canonicalize(distinct)
            text_of = dict(zip(distinct, texts, strict=True))
            rule_of = {distinct[at]: rule for at, rule in faults.items()}
            broken = {at: rule_of[value] for at, value in enumerate(values) if value in rule_of} if faults else {}
            return [text_of[value] for value in values], broken
        return self._canonicalize(values)

    def _canonicalize(self, values: Sequence[Wire]) -> tuple[list[str], dict[int, str]]:
        if self.normalize_all is not None and len(values) >= BATCH:
            return self.normalize_all(values)
        texts, faults = [], {}
        for at, value in enumerate(values):
            try:
                texts.append(self.normalize(value))
            except InvalidValue as error:
                texts.append("")
                faults[at] = error.rule
        return texts, faults


def _repeat(values: Sequence[Wire]) -> bool:
    """Return whether values are texts of which, by the first ones, each comes at least twice."""
    first = values[:SAMPLE]
    # Texts alone: 1, 1.0 and true are one key of a mapping, and lists are none.
    return set(map(type, first)) == {str} and 2 * len(set(first)) <= len(first) and set(map(type, values)) == {str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """One redaction: (type, canonical text) → what the caller sees. None shows nothing at all.

    `reveals`: 0 (nothing) to 100 (everything): orders masks that no type lists.
    """

    name: str
    about: str
    reveals: int
    apply: Callable[[DataType, str], Wire]


TYPES: Shelf[DataType] = Shelf("privet.vocabulary.types", DataType, word="data type", dotted=True)


def data_type(name: str) -> DataType:
    """Return the type called `name`, or whose alias it is. Raises UnknownName."""
    if name not in TYPES:
        for candidate in TYPES.all():
            if name in candidate.aliases:
                return candidate
    return TYPES.get(name)


def reveals_more(datatype: DataType, left: str, right: str) -> bool:
    """Return whether redaction `left` shows strictly more of a value than `right`.

    A redaction that the type does not list shows no more than "redacted".
    """
    order = datatype.redactions
    rank = {name: at for at, name in enumerate(order)}
    return rank.get(left, 0) > rank.get(right, 0)
