"""SQLAlchemy's columns as written in Python: types, keys and what is said of them. Read by Alembic's migrations and
by the readers of models."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from privet.manifest.source.code import NO_NAMES, Code, Names, argument, flag, last, number, place, text, texts
from privet.manifest.source.ledger import Column, Key, Table

# Types of SQLAlchemy → SQL, as databases in general have it. What is not here is SQL's own name, or not known.
_SQL = {
    "String": "VARCHAR",
    "Unicode": "VARCHAR",
    "AutoString": "VARCHAR",
    "NVARCHAR": "VARCHAR",
    "NCHAR": "CHAR",
    "Text": "TEXT",
    "UnicodeText": "TEXT",
    "Enum": "TEXT",
    "Integer": "INTEGER",
    "BigInteger": "BIGINT",
    "SmallInteger": "SMALLINT",
    "Float": "FLOAT",
    "Double": "DOUBLE PRECISION",
    "Numeric": "NUMERIC",
    "Boolean": "BOOLEAN",
    "Date": "DATE",
    "DateTime": "TIMESTAMP",
    "Time": "TIME",
    "Interval": "INTERVAL",
    "LargeBinary": "BLOB",
    "PickleType": "BLOB",
    "Uuid": "UUID",
}
_WORDS = (
    "VARCHAR CHAR TEXT CLOB TINYTEXT MEDIUMTEXT LONGTEXT CITEXT INTEGER INT BIGINT SMALLINT TINYINT MEDIUMINT FLOAT "
    "REAL DOUBLE DOUBLE_PRECISION NUMERIC DECIMAL MONEY BOOLEAN BIT DATE DATETIME TIMESTAMP TIMESTAMPTZ TIME INTERVAL "
    "YEAR BLOB TINYBLOB MEDIUMBLOB LONGBLOB BYTEA BINARY VARBINARY JSON JSONB HSTORE UUID INET CIDR MACADDR XML"
)
_PLAIN = frozenset(_WORDS.split())
_SIZED = ("VARCHAR", "CHAR")


@dataclass(frozen=True, slots=True)
class Made:
    """A column as it is written. `keys`: its foreign keys. `annotation`: what stands under `privacy` in its `info`.
    `comment`: what it says of itself. `unknown`: names of what only a run would tell."""

    column: Column
    keys: tuple[Key, ...]
    annotation: ast.expr | None = None
    comment: str = ""
    unknown: tuple[str, ...] = ()


def column(code: Code, call: ast.Call, names: Names = NO_NAMES, *, name: str = "") -> Made | None:
    """Return what `Column(…)` or `mapped_column(…)` says. `name`: the attribute that it is given to. None where its
    name cannot be known."""
    given = list(call.args)
    said = text(argument(call, "name"), names)
    if said is None and given and not isinstance(given[0], ast.Call) and not dotted_type(given[0]):
        said = text(given[0], names)
        named = said is not None or (len(given) > 1 and _is_type(given[1]))
        given = given[1:] if named else given  # else the name of a type of their own
        if said is None and (named or not name):
            return None
    said = said or name
    if not said:
        return None
    keys = tuple(key for one in given if last(one) == "ForeignKey" for key in _foreign(one, said, names))
    kind, unknown = _kind_of(call, given, names)
    made = Column(said, kind, primary_key=bool(flag(argument(call, "primary_key"), names)), place=place(code, call))
    nullable = flag(argument(call, "nullable"), names)
    made.nullable = not made.primary_key if nullable is None else nullable
    return Made(
        made, keys, _privacy(argument(call, "info")), text(argument(call, "comment"), names) or "", tuple(unknown)
    )


def sql_type(node: ast.expr | None, names: Names = NO_NAMES) -> str | None:
    """Return a type as SQL; "" for one that nobody gave, None for one that is not known here."""
    if node is None:
        return ""
    word = last(node)
    if word in ("ARRAY", "Array"):
        inner = sql_type(argument(node, "item_type", 0), names) if isinstance(node, ast.Call) else ""
        return f"{inner}[]" if inner else None
    kind = _SQL.get(word, word.replace("_", " ") if word in _PLAIN else "")
    if not kind:
        return None
    sized = isinstance(node, ast.Call) and kind in _SIZED
    length = number(argument(node, "length", 0), names) if sized and isinstance(node, ast.Call) else None
    return f"{kind}({length})" if length else kind


def constraint(table: Table, call: ast.Call, names: Names = NO_NAMES) -> bool:
    """Put a table's own constraint into it. Returns False where it cannot be known."""
    if last(call) == "PrimaryKeyConstraint":
        columns = [text(one, names) for one in call.args]
        table.primary([one for one in columns if one is not None])
        return None not in columns
    if last(call) != "ForeignKeyConstraint":
        return True  # unique, check and exclusion say nothing here
    ours = texts(argument(call, "columns", 0), names)
    targets = [_target(one) for one in texts(argument(call, "refcolumns", 1), names) or ()]
    if not ours or len(ours) != len(targets):
        return False
    theirs = tuple(column for _, column in targets)
    table.keys.append(Key(ours, targets[0][0], theirs, text(argument(call, "name"), names) or ""))
    return True


def dotted_type(node: ast.expr) -> bool:
    """Return whether an expression is the name of a type (`sa.Integer`), rather than a text or its name."""
    return isinstance(node, ast.Name | ast.Attribute) and (last(node) in _SQL or last(node) in _PLAIN)


def _kind_of(call: ast.Call, given: list[ast.expr], names: Names) -> tuple[str, list[str]]:
    node = argument(call, "type_") or argument(call, "type") or argument(call, "sa_type")
    for one in given:
        node = one if node is None and _is_type(one) else node
    kind = sql_type(node, names)
    return kind or "", ["type"] if kind is None else []


def _is_type(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) or (isinstance(node, ast.Call) and last(node) not in _NO_TYPES)


_NO_TYPES = frozenset(("ForeignKey", "Sequence", "Identity", "Computed", "CheckConstraint", "FetchedValue"))


def _foreign(node: ast.expr, ours: str, names: Names) -> Iterator[Key]:
    target = text(argument(node, "column", 0), names) if isinstance(node, ast.Call) else None
    if target is not None and "." in target:
        table, theirs = _target(target)
        yield Key((ours,), table, (theirs,))


def _target(target: str) -> tuple[str, str]:
    parts = target.split(".")
    return (parts[-2], parts[-1]) if len(parts) > 1 else (target, "")


def _privacy(info: ast.expr | None) -> ast.expr | None:
    if not isinstance(info, ast.Dict):
        return None
    pairs = zip(info.keys, info.values, strict=True)
    return next((item for key, item in pairs if isinstance(key, ast.Constant) and key.value == "privacy"), None)
