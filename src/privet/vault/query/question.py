"""The words of a question: places, conditions, outputs. `wording` makes them from SQL, `answer` answers.

A condition holds *canonical* literals, so that the same tree is compiled to index tags and judged on opened texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Literal

from privet.crypto.masks import MASKS
from privet.errors import InvalidValue
from privet.vault.schema import Column, Table
from privet.vault.values import within
from privet.vocabulary.datatype import DataType, reveals_more
from privet.vocabulary.predicate import CONSENT
from privet.vocabulary.typed import field_type

Operator = Literal["in", "<", "<=", ">", ">=", "between", "prefix", "null"]
Function = Literal["", "count", "count_distinct", "min", "max", "sum", "avg"]

DEFAULT_LIMIT = 1_000
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """What a question points at: `id` of a source, a column, or a part of one."""

    source: str
    column: str
    part: str = ""

    def __str__(self) -> str:
        return ".".join(word for word in (self.source, self.column, self.part) if word)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition. `values`: canonical literals ("in": any of them; "between", of arrays only: the ends, both
    included; "null": none; else one). Of an array: whether some element meets it."""

    place: Place
    op: Operator
    values: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class All:
    """Every item holds."""

    items: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """Some item holds."""

    items: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """The item does not hold; unknown stays unknown."""

    item: Tree


Tree = Leaf | All | Some | Flip
TRUE = All()


@dataclass(frozen=True, slots=True)
class Link:
    """How a source joins an earlier one: `own` of this source equals `other`; one is a reference, one an id."""

    own: Place
    other: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table of the question. `name`: as the question calls it; `alias`: as the store's question does."""

    name: str
    alias: str
    table: Table
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A column of the answer. `place` is None for count(*). `redaction`: show no more than this ("" for all)."""

    name: str
    place: Place | None = None
    function: Function = ""
    redaction: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A sort key: a place, or the position of an output that is an aggregate. Nulls come first ascending."""

    key: Place | int
    ascending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about named tables of one schema, every name and literal of it checked."""

    sources: tuple[Source, ...]
    outputs: tuple[Output, ...]
    where: Tree = TRUE
    group: tuple[Place, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int = DEFAULT_LIMIT

    @property
    def grouped(self) -> bool:
        """Return whether the answer is of groups, not of records."""
        return bool(self.group) or any(output.function for output in self.outputs)

    def source(self, place: Place) -> Source:
        """Return the table that a place belongs to."""
        return next(source for source in self.sources if source.name == place.source)

    def column(self, place: Place) -> Column | None:
        """Return the column of a place, None for a record's id and for its person's consent."""
        known = place.column != "id" and not place.column.startswith(CONSENT)
        return self.source(place).table.column(place.column) if known else None

    def said(self, place: Place) -> str:
        """Return `table.column` or `table.column.part`, as messages and plans name a place."""
        return str(Place(self.source(place).table.name, place.column, place.part))


def leaves(tree: Tree) -> Iterator[Leaf]:
    """Yield every condition of a tree, in reading order."""
    if isinstance(tree, Leaf):
        yield tree
    elif isinstance(tree, Flip):
        yield from leaves(tree.item)
    else:
        for item in tree.items:
            yield from leaves(item)


def conjoin(*trees: Tree) -> Tree:
    """Return the conjunction, flattened."""
    items: list[Tree] = []
    for tree in trees:
        items.extend(tree.items if isinstance(tree, All) else (tree,))
    return items[0] if len(items) == 1 else All(tuple(items))


def disjoin(trees: tuple[Tree, ...]) -> Tree:
    """Return the disjunction; TRUE absorbs the others."""
    if TRUE in trees:
        return TRUE
    return trees[0] if len(trees) == 1 else Some(tuple(dict.fromkeys(trees)))


# --- what types say -------------------------------------------------------------------------------------------


@cache
def shows_all(kind: DataType, redaction: str) -> bool:
    """Return whether a redaction hides nothing of a type: judged by the type's example, which every type has."""
    if redaction == "plain_text":
        return True
    if redaction not in kind.redactions or redaction == "redacted" or not kind.example:
        return False
    try:
        text = kind.normalize(kind.example)
    except InvalidValue:
        return False
    return MASKS.get(redaction).apply(kind, text) == kind.present(text)


def shows(kind: DataType, redaction: str, part: str) -> bool:
    """Return whether a redaction shows a part of a value; of the whole value for part ""."""
    if shows_all(kind, redaction) or (part and redaction == part):
        return True
    return part in kind.redactions and reveals_more(kind, redaction, part) and within(kind, part, redaction)


def order_key(kind: DataType, part: str, text: str) -> object:
    """Return what a text is ordered by, in the same order as `vault.sight.ordered`."""
    order = kind.order
    if part:
        found = kind.part(part)
        order = found.order if found else None
    if order is not None:
        return order(text)
    # Python refuses to read numbers of more than 4,300 digits.
    return (int(text), "") if text.isdecimal() and len(text) < 4300 else (0, text)


@cache
def sums(kind: DataType) -> bool:
    """Return whether values of a type are numbers that can be added."""
    if kind.order is None or not kind.example:
        return False
    key = kind.order(kind.normalize(kind.example))
    return isinstance(key, int | Decimal) and not isinstance(key, bool)


def kind_of(column: Column) -> DataType:
    """Return the data type of a column, the typed paths of json as parts of it."""
    return field_type(column.field)
