"""From SQL to a question: what is asked for, of which tables, in what order. WHERE is `condition`'s business.

Every fault is reported at once, with line and column. A message names what the schema holds, never what was written:
a name may be a value that lacks its quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from privet.crypto.masks import MASKS
from privet.errors import InvalidQuery, UnknownName
from privet.vault.query.condition import Conditions, words_of
from privet.vault.query.question import (
    DEFAULT_LIMIT,
    MOST_ROWS,
    TRUE,
    Function,
    Link,
    Order,
    Output,
    Place,
    Question,
    Source,
    kind_of,
    sums,
)
from privet.vault.query.sql import parse
from privet.vault.schema import Schema

MOST_TABLES = 4
_CLAUSES = frozenset({"expressions", "from", "from_", "joins", "where", "group", "order", "limit"})
_FUNCTIONS: dict[type[exp.Expr], Function] = {exp.Min: "min", exp.Max: "max", exp.Sum: "sum", exp.Avg: "avg"}
_SQL_NAMES: dict[Function, str] = {"count_distinct": "count(distinct {})"}


def read_question(text: str, schema: Schema) -> Question:
    """Return the question that SQL asks of a schema.

    Raises InvalidQuery: `at` is the line and column of the first fault, `faults` holds them all. Raises TooLarge.
    """
    tree = parse(text, _names(schema))
    reader = _Wording(text, schema)
    question = reader.question(tree)
    if reader.faults:
        first = reader.faults[0]
        raise InvalidQuery(first.message, hint=first.hint, at=first.at, faults=tuple(reader.faults))
    return question


def _names(schema: Schema) -> frozenset[str]:
    columns = [column for table in schema.tables for column in table.columns]
    parts = [word for column in columns for part in kind_of(column).parts for word in part.name.lower().split(".")]
    return frozenset({"id", *(table.name for table in schema.tables), *(column.name for column in columns), *parts})


class _Wording(Conditions):
    """One pass over one tree; collects faults instead of stopping."""

    def __init__(self, text: str, schema: Schema) -> None:
        super().__init__(text)
        self.schema = schema

    def question(self, tree: exp.Select) -> Question:
        self.only(tree, _CLAUSES)
        self.sources = self.tables(tree)
        outputs = tuple(output for item in tree.expressions if (output := self.output(item)))
        where, group, order = tree.args.get("where"), tree.args.get("group"), tree.args.get("order")
        places = tuple(self.group(group)) if group else ()
        question = Question(
            sources=self.sources or (),
            outputs=outputs,
            where=self.tree(where.this) if where else TRUE,
            group=places,
            order=tuple(self.order(order, outputs, places)) if order else (),
            limit=self.limit(tree.args.get("limit")),
        )
        if question.grouped and not self.faults:
            self.check_groups(tree, question)
        return question

    # -- tables ------------------------------------------------------------------------------------------------

    def tables(self, tree: exp.Select) -> tuple[Source, ...]:
        start = tree.args.get("from_") or tree.args.get("from")
        if start is None:
            self.fault(tree, "expected FROM and a table of the vault")
            return ()
        found = [source] if (source := self.source(start.this, 0)) else []
        joins = tree.args.get("joins") or []
        if len(joins) >= MOST_TABLES:
            self.fault(joins[MOST_TABLES - 1], f"expected at most {MOST_TABLES} tables")
            return tuple(found)
        for at, join in enumerate(joins, start=1):
            self.only(join, {"this", "on", "kind"})
            source = self.source(join.this, at)
            if source is None:
                continue
            if any(other.name == source.name for other in found):
                self.fault(join, "a table stands twice under one name", "give each an alias")
                continue
            self.sources = (*found, source)
            link = self.link(join, source)
            found.append(Source(name=source.name, alias=source.alias, table=source.table, link=link))
        return tuple(found)

    def source(self, node: exp.Expr, at: int) -> Source | None:
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            self.fault(node, "expected a table of the vault")
            return None
        self.only(node, {"this", "alias"})
        alias = node.args.get("alias")
        if alias is not None:
            self.only(alias, {"this"})
        try:
            table = self.schema.table(word(node.this))
        except UnknownName as error:
            offered = ", ".join(f"`{table.name}`" for table in self.schema.tables)
            self.fault(node, error.message, f"it has {offered}" if offered else "")
            return None
        return Source(name=word(alias.this) if alias else table.name, alias=chr(ord("a") + at), table=table)

    def link(self, join: exp.Join, source: Source) -> Link | None:
        on = join.args.get("on")
        if not isinstance(on, exp.EQ):
            self.fault(join, "expected ON with a reference and the id that it refers to")
            return None
        sides = [self.place(side) for side in (on.this, on.expression)]
        if None in sides:
            return None
        own = next((side for side in sides if side and side.source == source.name), None)
        other = next((side for side in sides if side and side.source != source.name), None)
        if own and other and (self.refers(own, other) or self.refers(other, own)):
            return Link(own, other)
        self.fault(on, "tables join by a reference only: `t.reference = u.id`", "declare `references:` at the column")
        return None

    def refers(self, one: Place, other: Place) -> bool:
        if other.column != "id" or one.column == "id" or one.part:
            return False
        column = self.column(one)
        target = self.source_of(other).table.name
        return bool(column and column.field.reference and column.field.reference.collection == target)

    # -- outputs -----------------------------------------------------------------------------------------------

    def output(self, node: exp.Expr) -> Output | None:
        alias = ""
        if isinstance(node, exp.Alias):
            self.only(node, {"this", "alias"})
            alias, node = word(node.args["alias"]), node.this
        if words_of(node):
            place = self.place(node)
            return Output(name=alias or written(node), place=place) if place else None
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "redaction":
            return self.redacted(node, alias)
        found = self.aggregate(node)
        if found is None:
            return None
        function, place = found
        of = written(place_node(node)) if place else "*"
        name = _SQL_NAMES.get(function, f"{function}({{}})").format(of)
        return Output(name=alias or name, place=place, function=function)

    def redacted(self, node: exp.Anonymous, alias: str) -> Output | None:
        said = node.expressions
        if len(said) != 2 or not words_of(said[0]) or not said[1].is_string:
            self.fault(node, "expected `redaction(column, 'name')`")
            return None
        place, name = self.place(said[0]), str(said[1].this)
        if place is None:
            return None
        column = self.column(place)
        if column is None or place.part:
            self.fault(said[0], "a redaction is of a whole column")
            return None
        offered = [mask for mask in kind_of(column).redactions if mask in MASKS]
        if name not in offered:
            self.fault(said[1], f"expected a redaction of `{column.field.type}`", f"it has {', '.join(offered)}")
            return None
        return Output(name=alias or written(said[0]), place=place, redaction=name)

    def aggregate(self, node: exp.Expr) -> tuple[Function, Place | None] | None:
        """Return (function, place) of an aggregate; place None for count(*). None after a fault."""
        if isinstance(node, exp.Count):
            self.only(node, {"this", "big_int"})
            if isinstance(node.this, exp.Star):
                self.only(node.this, ())
                return "count", None
            if isinstance(node.this, exp.Distinct) and len(node.this.expressions) == 1:
                self.only(node.this, {"expressions"})
                place = self.single(node.this.expressions[0])
                return ("count_distinct", place) if place else None
            self.fault(node, "expected `count(*)` or `count(distinct column)`")
            return None
        function = _FUNCTIONS.get(type(node))
        if function is None:
            hint = "name the columns that you need" if isinstance(node, exp.Star) else ""
            self.fault(node, "expected a column, a part, `redaction(…)`, count, min, max, sum or avg", hint)
            return None
        self.only(node, {"this"})
        place = self.single(node.this)
        if place is None:
            return None
        column = self.column(place)
        if function in ("sum", "avg") and (column is None or place.part or not sums(kind_of(column))):
            self.fault(node, f"expected a column of numbers for `{function}`")
            return None
        return function, place

    # -- groups, order, limit ----------------------------------------------------------------------------------

    def group(self, node: exp.Expr) -> Iterator[Place]:
        self.only(node, {"expressions"})
        for item in node.expressions:
            place = self.single(item)
            if place:
                yield place

    def check_groups(self, tree: exp.Select, question: Question) -> None:
        for item, output in zip(tree.expressions, question.outputs, strict=True):
            if not output.function and output.place not in question.group:
                self.fault(item, "expected a column of GROUP BY or an aggregate")

    def order(self, node: exp.Expr, outputs: tuple[Output, ...], group: tuple[Place, ...]) -> Iterator[Order]:
        self.only(node, {"expressions"})
        grouped = bool(group) or any(output.function for output in outputs)
        for item in node.expressions:
            self.only(item, {"this", "desc", "nulls_first"})
            ascending = not item.args.get("desc")
            if bool(item.args.get("nulls_first")) is not ascending:
                self.fault(item, "nulls come first ascending and last descending")
            key = self.key(item.this, outputs, grouped=grouped)
            if key is None:
                continue
            if grouped and isinstance(key, Place) and key not in group:
                self.fault(item, "groups are ordered by a column of GROUP BY or by an aggregate that is shown")
                continue
            yield Order(key, ascending)

    def key(self, node: exp.Expr, outputs: tuple[Output, ...], *, grouped: bool) -> Place | int | None:
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier) and len(node.parts) == 1:
            named = next((at for at, output in enumerate(outputs) if output.name == word(node.this)), None)
            if named is not None and outputs[named].function:
                return named
            if named is not None and outputs[named].place is not None:
                return self.only_single(node, outputs[named].place)
        if words_of(node) or not grouped:
            return self.single(node)
        found = self.aggregate(node)
        for at, output in enumerate(outputs if found else ()):
            if (output.function, output.place) == found:
                return at
        if found:
            self.fault(node, "expected an aggregate that is shown")
        return None

    def limit(self, node: exp.Expr | None) -> int:
        if node is None:
            return DEFAULT_LIMIT
        self.only(node, {"expression"})
        said = node.args.get("expression")
        text = str(said.this) if isinstance(said, exp.Literal) and not said.is_string else ""
        if not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= MOST_ROWS:
            self.fault(said or node, f"expected a limit of 1 to {MOST_ROWS:,}")
            return DEFAULT_LIMIT
        return int(text)


def word(node: exp.Expr) -> str:
    """Return the name that an identifier is, in lower case, as every name of a schema is."""
    return str(node.name).lower()


def written(node: exp.Expr) -> str:
    """Return a column as it was written: `email`, `p.email.domain`."""
    return ".".join(words_of(node))


def place_node(node: exp.Expr) -> exp.Expr:
    """Return the column inside an aggregate."""
    inner = node.this
    return inner.expressions[0] if isinstance(inner, exp.Distinct) else inner  # type: ignore[no-any-return]
