"""SQLAlchemy's models and tables: `info={"privacy": …}` of a column, or `Privacy(…)` within `Annotated`.

What is not read: columns that a function makes, reflected tables, columns of classes in other packages.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from privet.manifest.finding import Finding
from privet.manifest.readers import Reader
from privet.manifest.readers._classes import Class, Classes
from privet.manifest.readers._classes import read as read_classes
from privet.manifest.source import alchemy
from privet.manifest.source.code import Code, Names, argument, flag, last, place, text, unread
from privet.manifest.source.hints import Said, mark_of, mark_of_value, said
from privet.manifest.source.ledger import Column, Ledger, Table
from privet.vocabulary.dataset import Dataset

_COLUMNS = ("Column", "mapped_column", "MappedColumn")
_NO_COLUMNS = ("relationship", "association_proxy", "column_property", "composite", "synonym", "Relationship")


def read(codes: Sequence[Code], key: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the tables of models that say `__tablename__`, and of `Table(…)`."""
    classes = read_classes(codes, "__tablename__", "Column", "Table(")
    ledger = Ledger()
    ledger.findings += classes.findings
    for one in classes.found:
        if one.given("__tablename__") is None or flag(one.keyword("table")) is not None:
            continue
        name = text(one.given("__tablename__"), one.names)
        if name is None:
            at = place(one.code, one.node)
            ledger.findings.append(unread(at, f"class `{one.name}`: the name of its table is known only to a run"))
        else:
            _model(ledger, classes, one, name)
    for code, tree, names in classes.trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and last(node) == "Table":
                _table(ledger, code, node, names)
    return ledger.dataset(key), tuple(ledger.findings)


def _model(ledger: Ledger, classes: Classes, one: Class, name: str) -> None:
    line = classes.above(one)
    table = ledger.tables.get(name.casefold()) or Table(name, place(one.code, one.node))
    ledger.create(table)
    for each in line:
        if each is not one and each.given("__tablename__") is not None:
            continue  # a joined table of its own
        for attribute, annotation, given in each.attributes():
            _attribute(ledger, table, each, attribute, said(annotation, each.aliases), given)
        for call in _arguments(each):
            alchemy.constraint(table, call, each.names)


def _attribute(ledger: Ledger, table: Table, one: Class, name: str, hint: Said, given: ast.expr | None) -> None:
    if name.startswith("__") or last(given) in _NO_COLUMNS or hint.is_class_var:
        return
    calls = [item for item in (*reversed(hint.beside), given) if isinstance(item, ast.Call) and last(item) in _COLUMNS]
    if not calls and not (hint.mapped and (hint.kind or any(last(item) == "Privacy" for item in hint.beside))):
        return
    kept: Column | None = None
    if not calls:
        kept = Column(name, _kind(hint), nullable=hint.optional, place=place(one.code, _line(one, name)))
        table.add(kept)
    for call in calls:
        kept = _written(ledger, table, one, call, name, hint)
    for item in hint.beside:
        mark = mark_of(item, one.names)
        if mark is not None and kept is not None:
            ledger.mark(table, kept, mark, kept.place)


def _written(ledger: Ledger, table: Table, one: Class, call: ast.Call, name: str, hint: Said) -> Column | None:
    made = alchemy.column(one.code, call, one.names, name=name)
    at = place(one.code, _line(one, name))
    if made is None:
        ledger.findings.append(unread(at, f"column `{name}` of `{table.name}`: its name is known only to a run"))
        return None
    kept = replace(made.column, kind=made.column.kind or _kind(hint), place=at)
    if hint.mapped and argument(call, "nullable") is None:
        kept.nullable = hint.optional and not kept.primary_key
    before = table.column(kept.name)
    if before is not None:  # of an alias of annotations: what is said here goes before it
        kept.kind, kept.primary_key = kept.kind or before.kind, kept.primary_key or before.primary_key
    table.add(kept)
    table.keys += made.keys
    ledger.describe(table, kept, made.comment, at)
    if made.annotation is not None:
        ledger.mark(table, kept, mark_of_value(made.annotation, one.names), at)
    return kept


def _table(ledger: Ledger, code: Code, node: ast.Call, names: Names) -> None:
    name = text(argument(node, "name", 0), names)
    if name is None or len(node.args) < 2:
        return
    table = Table(name, place(code, node))
    for part in node.args[2:]:
        if isinstance(part, ast.Call) and last(part) == "Column":
            made = alchemy.column(code, part, names)
            if made is not None:
                table.add(made.column)
                table.keys += made.keys
                ledger.describe(table, made.column, made.comment, made.column.place)
                if made.annotation is not None:
                    ledger.mark(table, made.column, mark_of_value(made.annotation, names), made.column.place)
        elif isinstance(part, ast.Call):
            alchemy.constraint(table, part, names)
    if table.columns:
        ledger.create(table)


def _arguments(one: Class) -> list[ast.Call]:
    given = one.given("__table_args__")
    items = given.elts if isinstance(given, ast.Tuple) else []
    return [item for item in items if isinstance(item, ast.Call)]


def _line(one: Class, name: str) -> ast.AST:
    for statement in one.node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return statement
    return one.node


def _kind(hint: Said) -> str:
    return f"{hint.kind}[]" if hint.array and hint.kind else hint.kind


PART = Reader(name="sqlalchemy", about="Columns of SQLAlchemy with info={'privacy': …}", suffixes=(".py",), read=read)
