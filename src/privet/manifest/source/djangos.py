"""Django's fields as written in Python: the columns that they become. Read by its migrations and by models."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from privet.codec import Place
from privet.manifest.source.code import NO_NAMES, Code, Names, argument, flag, last, number, place, text
from privet.manifest.source.ledger import Column, Key, Ledger, Table

# Fields of Django 5 → SQL as its databases in general have it.
_SQL = {
    "AutoField": "INTEGER",
    "BigAutoField": "BIGINT",
    "SmallAutoField": "SMALLINT",
    "BigIntegerField": "BIGINT",
    "IntegerField": "INTEGER",
    "SmallIntegerField": "SMALLINT",
    "PositiveIntegerField": "INTEGER",
    "PositiveBigIntegerField": "BIGINT",
    "PositiveSmallIntegerField": "SMALLINT",
    "BooleanField": "BOOLEAN",
    "NullBooleanField": "BOOLEAN",
    "CharField": "VARCHAR",
    "EmailField": "VARCHAR",
    "SlugField": "VARCHAR",
    "URLField": "VARCHAR",
    "FileField": "VARCHAR",
    "ImageField": "VARCHAR",
    "FilePathField": "VARCHAR",
    "TextField": "TEXT",
    "DateField": "DATE",
    "DateTimeField": "TIMESTAMP",
    "TimeField": "TIME",
    "DurationField": "INTERVAL",
    "DecimalField": "NUMERIC",
    "FloatField": "DOUBLE PRECISION",
    "BinaryField": "BLOB",
    "JSONField": "JSON",
    "UUIDField": "UUID",
    "GenericIPAddressField": "INET",
}
# `max_length` where the field does not say. Source: Django's reference of model fields.
_LENGTHS = {
    "EmailField": 254,
    "SlugField": 50,
    "URLField": 200,
    "FileField": 100,
    "ImageField": 100,
    "FilePathField": 100,
}
RELATIONS = ("ForeignKey", "OneToOneField")
MANY = "ManyToManyField"


@dataclass(slots=True)
class ModelField:
    """One field of a model. `kind`: the field's class. `call`: as written, None for the key that Django adds."""

    name: str
    call: ast.Call | None
    names: Names
    code: Code | None = None
    at: Place = field(default_factory=lambda: Place("", 0, 0))

    @property
    def kind(self) -> str:
        return last(self.call) if self.call is not None else "BigAutoField"

    def said(self, name: str) -> str:
        return text(argument(self.call, name), self.names) or "" if self.call is not None else ""

    @property
    def column(self) -> str:
        return self.said("db_column") or (f"{self.name}_id" if self.kind in RELATIONS else self.name)

    @property
    def is_key(self) -> bool:
        return self.call is None or bool(flag(argument(self.call, "primary_key"), self.names))

    @property
    def target(self) -> str:
        """Return the related model as written (`shop.Customer`), "" where it cannot be known."""
        given = argument(self.call, "to", 0) if self.call is not None else None
        found = text(given, self.names)
        return found if found is not None else "" if isinstance(given, ast.Attribute) else last(given)


@dataclass(slots=True)
class Model:
    """One model. `app`, `name`: its label. `table`: "" for the one that Django makes of them."""

    app: str
    name: str
    at: Place
    fields: dict[str, ModelField] = field(default_factory=dict)
    table: str = ""
    has_table: bool = True
    description: str = ""

    @property
    def db_table(self) -> str:
        return self.table or f"{self.app}_{self.name.lower()}"

    @property
    def key(self) -> ModelField:
        return next((one for one in self.fields.values() if one.is_key), ModelField("id", None, NO_NAMES, at=self.at))


Models = dict[tuple[str, str], Model]
"""(app, model in lower case) → model."""


def fill(ledger: Ledger, models: Models) -> None:
    """Make the tables of models."""
    for model in models.values():
        if not model.has_table:
            continue
        table = Table(model.db_table, model.at, description=model.description)
        ledger.create(table)
        if not any(one.is_key for one in model.fields.values()):
            table.add(Column("id", "BIGINT", primary_key=True, nullable=False, place=model.at))
        for one in model.fields.values():
            if one.kind == MANY:
                _between(ledger, models, model, one)
            else:
                _column(ledger, models, model, table, one)


def related(models: Models, app: str, target: str) -> Model | None:
    """Return the model that a relation of an app names, or None."""
    label, dot, name = target.rpartition(".")
    return models.get((label.rpartition(".")[2] if dot else app, name.lower()))


def _column(ledger: Ledger, models: Models, model: Model, table: Table, one: ModelField) -> None:
    if one.call is None or one.kind in ("GenericForeignKey", "GenericRelation", "CompositePrimaryKey"):
        return
    made = Column(one.column, kind(one), place=one.at, primary_key=one.is_key)
    made.nullable = bool(flag(argument(one.call, "null"), one.names)) and not one.is_key
    table.add(made)
    ledger.describe(table, made, one.said("db_comment"), one.at)
    if one.kind not in RELATIONS:
        if not made.kind:
            ledger.note(one.at, f"field `{one.name}`: the type of its column is known only to a run", changes=False)
        return
    other = model if one.target == "self" else related(models, model.app, one.target)
    if other is None:
        ledger.note(
            one.at, f"field `{one.name}`: the table that it points to is not among what was read", changes=False
        )
        return
    to = one.said("to_field")
    theirs = other.fields.get(to) if to else other.key
    theirs = theirs or other.key
    made.kind = _followed(models, other, theirs)
    table.keys.append(Key((made.name,), other.db_table, (theirs.column,)))


def kind(one: ModelField) -> str:
    """Return the type of a field's column as SQL, "" where it is not known."""
    word = _SQL.get(one.kind, "")
    if word != "VARCHAR" or one.call is None:
        return word
    length = number(argument(one.call, "max_length"), one.names) or _LENGTHS.get(one.kind)
    return f"VARCHAR({length})" if length else word


def _followed(models: Models, model: Model, one: ModelField, depth: int = 0) -> str:
    """Return the type of a key, which may itself be a relation."""
    if one.kind not in RELATIONS or depth > 20:
        return kind(one) if one.call is not None else "BIGINT"
    other = related(models, model.app, one.target)
    return _followed(models, other, other.key, depth + 1) if other is not None else ""


def _between(ledger: Ledger, models: Models, model: Model, one: ModelField) -> None:
    """Make the table between two models, where no model of its own stands there."""
    if one.call is None or argument(one.call, "through") is not None:
        return
    other = model if one.target == "self" else related(models, model.app, one.target)
    table = Table(one.said("db_table") or f"{model.db_table}_{one.name}", one.at)
    table.add(Column("id", "BIGINT", primary_key=True, nullable=False, place=one.at))
    ledger.create(table)
    if other is None:
        ledger.note(
            one.at, f"field `{one.name}`: the table that it points to is not among what was read", changes=False
        )
        return
    names = (model.name.lower(), other.name.lower())
    if other is model:
        names = (f"from_{names[0]}", f"to_{names[1]}")
    for name, side in zip(names, (model, other), strict=True):
        table.add(Column(f"{name}_id", _followed(models, side, side.key), nullable=False, place=one.at))
        table.keys.append(Key((f"{name}_id",), side.db_table, (side.key.column,)))


def model_field(code: Code, name: str, node: ast.expr, names: Names) -> ModelField | None:
    """Return a field as it is written, None for what is no call."""
    return ModelField(name, node, names, code, place(code, node)) if isinstance(node, ast.Call) else None
