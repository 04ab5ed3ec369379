"""Names and conditions of a question: which column a word means, and WHERE as a tree of canonical literals."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from privet import digest
from privet.errors import InvalidQuery, InvalidValue
from privet.vault.query.question import All, Flip, Leaf, Operator, Place, Some, Source, Tree, conjoin, kind_of
from privet.vault.query.sql import fault, given, offset
from privet.vault.schema import Column
from privet.vault.sight import canonical_literal
from privet.vocabulary.predicate import Value

_RANGES: dict[type[exp.Expr], Operator] = {exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_NOTHING = Some()


class Conditions:
    """The half of a reader that knows columns and conditions. Collects faults instead of stopping."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sources: tuple[Source, ...] = ()
        self.faults: list[InvalidQuery] = []

    def fault(self, node: exp.Expr, message: str, hint: str = "") -> None:
        self.faults.append(fault(self.text, offset(node), message, hint))

    def only(self, node: exp.Expr, allowed: Collection[str]) -> None:
        """Report what was said of a node besides what is allowed."""
        more = given(node) - set(allowed)
        if more:
            self.fault(node, f"`{min(more).strip('_')}` is not allowed here")

    # -- places ------------------------------------------------------------------------------------------------

    def place(self, node: exp.Expr) -> Place | None:
        """Return what a column of the text means. None after a fault."""
        words = words_of(node)
        if not words:
            self.fault(node, "expected a column or a part of one")
            return None
        source = next((source for source in self.sources if source.name == words[0]), None)
        if len(words) > 1 and source is not None:
            return self.place_in(node, source, words[1:])
        holders = [source for source in self.sources if has(source, words[0])]
        if len(holders) > 1:
            self.fault(node, "several tables have a column of that name", "write the table's name before it")
            return None
        if not holders:
            hint = (
                f"`{self.sources[0].table.name}` has {', '.join(self.sources[0].table.names())}" if self.sources else ""
            )
            self.fault(node, "there is no column of that name", hint)
            return None
        return self.place_in(node, holders[0], words)

    def place_in(self, node: exp.Expr, source: Source, words: list[str]) -> Place | None:
        if words == ["id"]:
            return Place(source.name, "id")
        column = next((column for column in source.table.columns if column.name == words[0]), None)
        if column is None or (len(words) > 2 and not column.field.paths):
            self.fault(node, f"`{source.table.name}` has no such column", f"it has {', '.join(source.table.names())}")
            return None
        if column.field.keep == "transient":
            self.fault(node, f"`{source.table.name}.{column.name}` is transient: no record holds its values")
            return None
        said = ".".join(words[1:])
        # Keys of json have a case, words of a question have none.
        named = [part.name for part in kind_of(column).parts if part.name.lower() == said]
        if said and (column.field.reference or not named):
            offered = ", ".join(item.name for item in kind_of(column).parts) or "none"
            self.fault(node, f"`{source.table.name}.{column.name}` has no part of that name", f"parts: {offered}")
            return None
        return Place(source.name, column.name, named[0] if said else "")

    def single(self, node: exp.Expr) -> Place | None:
        """Return a place that holds one value a record. None after a fault."""
        place = self.place(node)
        return place and self.only_single(node, place)

    def only_single(self, node: exp.Expr, place: Place | None) -> Place | None:
        column = self.column(place) if place else None
        if column and column.field.array:
            self.fault(node, f"`{column.name}` holds several values a record, so it cannot stand here")
            return None
        return place

    def column(self, place: Place) -> Column | None:
        """Return the column of a place, None for a record's id."""
        return None if place.column == "id" else self.source_of(place).table.column(place.column)

    def source_of(self, place: Place) -> Source:
        return next(source for source in self.sources if source.name == place.source)

    # -- conditions --------------------------------------------------------------------------------------------

    def tree(self, node: exp.Expr) -> Tree:
        """Return a condition; after a fault, some tree that nobody will use."""
        node = node.unnest()
        if isinstance(node, exp.And | exp.Or):
            items = tuple(self.tree(item) for item in node.flatten(unnest=True))
            return conjoin(*items) if isinstance(node, exp.And) else Some(items)
        if isinstance(node, exp.Not):
            return Flip(self.tree(node.this))
        if isinstance(node, exp.Between):
            self.only(node, {"this", "low", "high"})
            low, high = (
                self.literal_leaf(node, ">=", node.args["low"]),
                self.literal_leaf(node, "<=", node.args["high"]),
            )
            return self.between(low, high)
        if isinstance(node, exp.In):
            self.only(node, {"this", "expressions"})
            return self.leaf(node, "in", node.expressions)
        if isinstance(node, exp.Is):
            return self.null(node)
        return self.comparison(node)

    def between(self, low: Tree, high: Tree) -> Tree:
        if isinstance(low, Leaf) and isinstance(high, Leaf):
            column = self.column(low.place)
            if column and column.field.array:  # one element lies between, not one above and another below
                return Leaf(low.place, "between", (*low.values, *high.values))
        return All((low, high))

    def comparison(self, node: exp.Expr) -> Tree:
        if isinstance(node, exp.EQ):
            return self.leaf(node, "in", [node.expression])
        if isinstance(node, exp.NEQ):
            return Flip(self.leaf(node, "in", [node.expression]))
        if isinstance(node, exp.Like):
            return self.prefix(node)
        op = _RANGES.get(type(node))
        if op is None:
            self.fault(node, "expected a condition: =, !=, <, <=, >, >=, IN, LIKE, BETWEEN, IS NULL, AND, OR or NOT")
            return _NOTHING
        return self.literal_leaf(node, op, node.expression)

    def null(self, node: exp.Is) -> Tree:
        inner = node.expression
        flipped = isinstance(inner, exp.Not)
        if not isinstance(inner.this if flipped else inner, exp.Null):
            self.fault(node, "expected IS NULL or IS NOT NULL")
            return _NOTHING
        place = self.place(node.this)
        if place is None:
            return _NOTHING
        column = self.column(place)
        if place.part and column and column.field.array:
            self.fault(node, "a part of an array is neither null nor not")
        leaf = Leaf(place, "null")
        return Flip(leaf) if flipped else leaf

    def literal_leaf(self, node: exp.Expr, op: Operator, literal: exp.Expr) -> Tree:
        place = self.place(node.this)
        if place is None:
            return _NOTHING
        column = self.column(place)
        if column is None or column.field.reference:
            self.fault(node, "ids have no order", "compare them by =, != or IN")
            return _NOTHING
        value = self.canonical(column, place, literal)
        return _NOTHING if value is None else Leaf(place, op, (value,))

    def leaf(self, node: exp.Expr, op: Operator, literals: list[exp.Expr]) -> Tree:
        place = self.place(node.this)
        if place is None:
            return _NOTHING
        column = self.column(place)
        values = [self.canonical(column, place, literal) for literal in literals]
        return Leaf(place, op, tuple(dict.fromkeys(value for value in values if value is not None)))

    def prefix(self, node: exp.Like) -> Tree:
        self.only(node, {"this", "expression"})
        place = self.place(node.this)
        column = self.column(place) if place else None
        if place is None:
            return _NOTHING
        if column is None or column.field.reference:
            self.fault(node, "ids have no beginning to ask for", "compare them by =, != or IN")
            return _NOTHING
        said = node.expression
        text = str(said.this) if isinstance(said, exp.Literal) and said.is_string else ""
        start = text[:-1]
        if not text.endswith("%") or not start or "%" in start or "_" in start:
            self.fault(said, "LIKE takes the beginning of a text and one % at its end", "as in LIKE 'abc%'")
            return _NOTHING
        return Leaf(place, "prefix", (start,))

    def canonical(self, column: Column | None, place: Place, node: exp.Expr) -> str | None:
        """Return a literal in the form that stored texts have. None after a fault, which never shows the literal."""
        value = self.value(node)
        if value is None:
            return None
        if column is None or column.field.reference:
            try:
                return digest.id_text(digest.id_bytes(str(value)))
            except ValueError:
                self.fault(node, "expected a record id (a UUID)")
                return None
        try:
            return canonical_literal(column, place.part, value)
        except InvalidValue as error:
            self.fault(node, f"expected `{place.part or column.field.type}`: {error.rule}", error.hint)
            return None

    def value(self, node: exp.Expr) -> Value:
        if isinstance(node, exp.Boolean):
            return bool(node.this)
        sign = ""
        if isinstance(node, exp.Neg):
            sign, node = "-", node.this
        if isinstance(node, exp.Literal) and node.is_string and not sign:
            return str(node.this)
        if isinstance(node, exp.Literal) and not node.is_string:
            digits = sign + str(node.this)
            # Other than whole numbers stay text: a float would change the digits that were written.
            return int(digits) if digits.lstrip("-").isdecimal() and len(digits) < 100 else digits
        hint = "write IS NULL" if isinstance(node, exp.Null) else "texts stand in single quotes"
        self.fault(node, "expected a literal", hint)
        return None


def words_of(node: exp.Expr) -> list[str]:
    """Return the words of a column or of a part of one, in lower case as every name of a schema is; else nothing."""
    if isinstance(node, exp.Dot):  # more words than SQL has names for
        before = words_of(node.this)
        last = node.expression
        return [*before, str(last.name).lower()] if before and isinstance(last, exp.Identifier) else []
    if not isinstance(node, exp.Column) or not all(isinstance(part, exp.Identifier) for part in node.parts):
        return []
    return [str(part.name).lower() for part in node.parts]


def has(source: Source, name: str) -> bool:
    """Return whether a table has a column of that name; every one has an id."""
    return name == "id" or any(column.name == name for column in source.table.columns)
