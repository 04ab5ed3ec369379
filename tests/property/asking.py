"""Random questions as small trees, with two readings: SQL text, and a slow plain-Python answer over plaintext."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

Row = dict[str, Any]

# What each column is called in a question, by table; `tags` is an array, `more` is json with typed paths.
PEOPLE = ("name", "mail", "born", "score", "state", "more")
ORDERS = ("total", "note")
NUMBERS = ("score", "total")
TABLE = {**dict.fromkeys((*PEOPLE, "tags"), "people"), **dict.fromkeys((*ORDERS, "person"), "orders")}


def at(*keys: str) -> Callable[[Any], Any]:
    """Return what reads a path of json, None where there is nothing."""

    def read(value: Any) -> Any:
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return read


PARTS: dict[str, dict[str, Callable[[str], Any]]] = {
    "name": {
        "prefix_3": lambda text: text.lower()[:3] or None,
        "last_four": lambda text: text[-4:] if len(text) > 4 else None,
    },
    "mail": {"domain": lambda text: text.split("@")[1], "tld": lambda text: text.rsplit(".", 1)[1]},
    "born": {"year": lambda text: text[:4], "year_month": lambda text: text[:7]},
    "tags": {"prefix_3": lambda text: text.lower()[:3] or None},
    "note": {"prefix_3": lambda text: text.lower()[:3] or None},
    "more": {
        "home.city": at("home", "city"),
        "home.Level": at("home", "Level"),
        "since": at("since"),
        "since.year": lambda value: value["since"][:4] if at("since")(value) else None,
    },
}


@dataclass(frozen=True)
class Spot:
    """A column, or a part of one."""

    column: str
    part: str = ""

    def sql(self) -> str:
        alias = {"people": "p", "orders": "o"}[TABLE[self.column]]
        return ".".join(word for word in (alias, self.column, self.part) if word)

    def all(self, row: Row) -> list[Any] | None:
        """Return the values that stand here, None for null."""
        value = row[self.column]
        if value is None:
            return None
        values = value if isinstance(value, list) else [value]
        return [PARTS[self.column][self.part](v) for v in values] if self.part else values

    def one(self, row: Row) -> Any:
        values = self.all(row)
        return None if values is None else values[0]

    def key(self, value: Any) -> Any:
        return Decimal(value) if self.column in NUMBERS else value


@dataclass(frozen=True)
class Fact:
    """A leaf: `op` is =, !=, IN, <, <=, >, >=, LIKE, BETWEEN or IS NULL."""

    spot: Spot
    op: str
    values: tuple[Any, ...] = ()

    def sql(self) -> str:
        shown = [quote(value) for value in self.values]
        if self.op == "IN":
            return f"{self.spot.sql()} IN ({', '.join(shown)})"
        if self.op == "BETWEEN":
            return f"{self.spot.sql()} BETWEEN {shown[0]} AND {shown[1]}"
        if self.op == "LIKE":
            return f"{self.spot.sql()} LIKE '{self.values[0]}%'"
        return f"{self.spot.sql()} {' '.join((self.op, *shown))}"

    def holds(self, row: Row) -> bool | None:
        values = self.spot.all(row)
        array = isinstance(row[self.spot.column], list)
        if self.op == "IS NULL":
            return values is None or (not array and values[0] is None)
        if values is None or (not array and values[0] is None):
            return None
        found = any(value is not None and self.meets(value) for value in values)
        return not found if self.op == "!=" else found

    def meets(self, value: Any) -> bool:
        key, keys = self.spot.key(value), [self.spot.key(v) for v in self.values]
        return {
            "=": lambda: key == keys[0],
            "!=": lambda: key == keys[0],
            "IN": lambda: key in keys,
            "<": lambda: key < keys[0],
            "<=": lambda: key <= keys[0],
            ">": lambda: key > keys[0],
            ">=": lambda: key >= keys[0],
            "LIKE": lambda: str(value).lower().startswith(str(self.values[0]).lower()),
            "BETWEEN": lambda: keys[0] <= key <= keys[1],
        }[self.op]()


@dataclass(frozen=True)
class Both:
    """AND, OR or NOT of others."""

    word: str
    items: tuple[Any, ...]

    def conjuncts(self) -> Iterator[Any]:
        """Yield what all has to hold, ANDs inside ANDs taken apart."""
        for item in self.items:
            if isinstance(item, Both) and item.word == "AND":
                yield from item.conjuncts()
            else:
                yield item

    def sql(self) -> str:
        if self.word == "NOT":
            return f"NOT ({self.items[0].sql()})"
        return "(" + f" {self.word} ".join(item.sql() for item in self.items) + ")"

    def holds(self, row: Row) -> bool | None:
        truths = [item.holds(row) for item in self.items]
        if self.word == "NOT":
            return None if truths[0] is None else not truths[0]
        decides = self.word == "OR"
        if decides in [truth for truth in truths if truth is not None]:
            return decides
        return None if None in truths else not decides


def leaves_of(tree: Any) -> Iterator[Fact]:
    """Yield the leaves."""
    if isinstance(tree, Fact):
        yield tree
    elif tree is not None:
        for item in tree.items:
            yield from leaves_of(item)


def quote(value: Any) -> str:
    """Return a literal of SQL."""
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


@dataclass(frozen=True)
class Ask:
    """A question. `tables`: people, orders or both, in the order they are joined."""

    tables: tuple[str, ...]
    shown: tuple[Spot, ...]
    where: Any = None
    group: tuple[Spot, ...] = ()
    sums: tuple[tuple[str, Spot | None], ...] = ()
    order: tuple[tuple[Spot, bool], ...] = ()
    limit: int = 0

    def sql(self) -> str:
        words = {"count": "COUNT({})", "count_distinct": "COUNT(DISTINCT {})"}
        sums = [words.get(f, f.upper() + "({})").format(spot.sql() if spot else "*") for f, spot in self.sums]
        first, *rest = [f"{table} {table[0]}" for table in self.tables]
        text = f"SELECT {', '.join([*(spot.sql() for spot in self.shown), *sums])} FROM {first}"
        text += "".join(f" JOIN {table} ON o.person = p.id" for table in rest)
        if self.where is not None:
            text += f" WHERE {self.where.sql()}"
        if self.group:
            text += f" GROUP BY {', '.join(spot.sql() for spot in self.group)}"
        if self.order:
            text += f" ORDER BY {', '.join(spot.sql() + ('' if up else ' DESC') for spot, up in self.order)}"
        return text + (f" LIMIT {self.limit}" if self.limit else "")

    def answer(self, people: Sequence[Row], orders: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Return every row of the answer, ordered, before any limit."""
        rows: list[Row]
        if len(self.tables) == 2:
            rows = [{**p, **o} for p in people for o in orders if o["person"] == p["at"]]
        else:
            rows = list(people if self.tables[0] == "people" else orders)
        rows = [row for row in rows if self.where is None or self.where.holds(row) is True]
        if self.sums or self.group:
            return self.grouped(rows)
        for spot, up in reversed(self.order):
            rows.sort(key=lambda row: sort_key(spot, spot.one(row)), reverse=not up)
        return [tuple(cell(spot, row) for spot in self.shown) for row in rows]

    def grouped(self, rows: list[Row]) -> list[tuple[Any, ...]]:
        def key(row: Row) -> tuple[Any, ...]:
            return tuple((spot.one(row) is not None, str(spot.one(row))) for spot in self.group)

        groups = [list(held) for _, held in groupby(sorted(rows, key=key), key)]
        if not self.group:
            groups = [rows]
        for spot, up in reversed(self.order):
            groups.sort(key=lambda held: sort_key(spot, spot.one(held[0])), reverse=not up)
        return [
            (*(cell(spot, held[0]) for spot in self.shown), *(total(f, spot, held) for f, spot in self.sums))
            for held in groups
        ]


def sort_key(spot: Spot, value: Any) -> tuple[bool, Any]:
    return (False, 0) if value is None else (True, spot.key(value))


def cell(spot: Spot, row: Row) -> Any:
    """Return what the answer shows: the value, or the list of an array's."""
    values = spot.all(row)
    return values if values is None or isinstance(row[spot.column], list) else values[0]


def total(function: str, spot: Spot | None, rows: list[Row]) -> Any:
    if spot is None:
        return len(rows)
    values = [value for row in rows if (value := spot.one(row)) is not None]
    if function == "count_distinct":
        return len(set(values))
    if not values:
        return None
    if function in ("min", "max"):
        return {"min": min, "max": max}[function](values, key=spot.key)
    amount = sum(map(Decimal, values), Decimal(0))
    if function == "sum":
        return int(amount) if spot.column == "score" else plain(amount)
    return plain((amount / len(values)).quantize(Decimal("1e-12")))


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
