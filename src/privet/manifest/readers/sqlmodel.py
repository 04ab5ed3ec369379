"""SQLModel's tables: `Annotated[str, Privacy(…)]`, `Field(…)` and columns.

`Field` takes `schema_extra={"json_schema_extra": {"privacy": …}}` and `sa_column_kwargs={"info": {"privacy": …}}`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from privet.manifest.finding import Finding
from privet.manifest.readers import Reader
from privet.manifest.readers._classes import Class
from privet.manifest.readers._classes import read as read_classes
from privet.manifest.source import alchemy
from privet.manifest.source.code import Code, argument, flag, last, number, place, text
from privet.manifest.source.hints import Said, entry, mark_of, mark_of_value, said
from privet.manifest.source.ledger import Column, Key, Ledger, Table
from privet.vocabulary.dataset import Dataset


def read(codes: Sequence[Code], key: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the tables of classes that say `table=True`."""
    classes = read_classes(codes, "SQLModel")
    ledger = Ledger()
    ledger.findings += classes.findings
    for one in classes.found:
        if flag(one.keyword("table")) is not True:
            continue
        name = text(one.given("__tablename__"), one.names) or one.name.lower()
        table = Table(name, place(one.code, one.node))
        ledger.create(table)
        for each in classes.above(one):
            for attribute, annotation, given in each.attributes():
                if annotation is not None and not attribute.startswith(("_", "model_config")):
                    _column(ledger, table, each, attribute, said(annotation, each.aliases), given)
    return ledger.dataset(key), tuple(ledger.findings)


def _column(ledger: Ledger, table: Table, one: Class, name: str, hint: Said, given: ast.expr | None) -> None:
    if hint.is_class_var or last(given) == "Relationship":
        return
    at = place(one.code, next((node for node in one.node.body if _names(node, name)), one.node))
    call = (
        given if isinstance(given, ast.Call) and last(given) == "Field" else ast.Call(func=_FIELD, args=[], keywords=[])
    )
    whole = argument(call, "sa_column")
    made = alchemy.column(one.code, whole, one.names, name=name) if isinstance(whole, ast.Call) else None
    column = made.column if made is not None else _own(one, call, name, hint)
    column.place = at
    table.add(column)
    table.keys += made.keys if made is not None else ()
    target = text(argument(call, "foreign_key"), one.names)
    if target is not None and "." in target:
        above, _, theirs = target.rpartition(".")
        table.keys.append(Key((column.name,), above.rpartition(".")[2], (theirs,)))
    _marks(ledger, table, column, one, (hint, call, made.annotation if made is not None else None))


def _own(one: Class, call: ast.Call, name: str, hint: Said) -> Column:
    primary = bool(flag(argument(call, "primary_key"), one.names))
    nullable = flag(argument(call, "nullable"), one.names)
    kind = alchemy.sql_type(argument(call, "sa_type"), one.names) or hint.kind
    length = number(argument(call, "max_length"), one.names)
    if kind == "VARCHAR" and length:
        kind = f"VARCHAR({length})"
    return Column(name, kind, hint.optional and not primary if nullable is None else nullable, primary)


def _marks(
    ledger: Ledger, table: Table, column: Column, one: Class, where: tuple[Said, ast.Call, ast.expr | None]
) -> None:
    hint, call, info = where
    inside = entry(argument(call, "schema_extra"), "json_schema_extra")
    said_of_column = entry(entry(argument(call, "sa_column_kwargs"), "info"))
    extra = entry(argument(call, "json_schema_extra")) or entry(inside) or said_of_column or info
    if extra is not None:
        ledger.mark(table, column, mark_of_value(extra, one.names), column.place)
    for item in hint.beside:
        mark = mark_of(item, one.names)
        if mark is not None:
            ledger.mark(table, column, mark, column.place)


def _names(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name


_FIELD = ast.Name(id="Field", ctx=ast.Load())

PART = Reader(name="sqlmodel", about="Tables of SQLModel", suffixes=(".py",), read=read)
