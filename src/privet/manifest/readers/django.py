"""Django's models: a class `Privacy` within the model, attribute by attribute, or `db_comment="privacy: …"`.

Django refuses what it does not know as an argument of a field and as an option of `Meta`; a class of another name in
a model it leaves alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from privet.manifest.finding import Finding
from privet.manifest.readers import Reader
from privet.manifest.readers._classes import Class, Classes
from privet.manifest.readers._classes import read as read_classes
from privet.manifest.source.code import Code, flag, place, text
from privet.manifest.source.djangos import MANY, Model, Models, fill, model_field
from privet.manifest.source.hints import mark_of, mark_of_value
from privet.manifest.source.ledger import RULE, Ledger
from privet.vocabulary.dataset import Dataset

_ROOTS = ("Model", "AbstractUser", "AbstractBaseUser")


def read(codes: Sequence[Code], key: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the tables of models. The folder of a file `models.py`, or of a folder `models`, names the app."""
    classes = read_classes([code for code in codes if "/migrations/" not in f"/{code.file}"], "models.")
    ledger = Ledger()
    ledger.findings += classes.findings
    models: Models = {}
    lines = {}
    for one in classes.found:
        if _is_model(classes, one):
            model = _model(classes, one)
            models[(model.app, model.name.lower())] = model
            lines[(model.app, model.name.lower())] = one
    fill(ledger, models)
    for label, model in models.items():
        for each in classes.above(lines[label]):
            _marks(ledger, model, each)
    return ledger.dataset(key), tuple(finding for finding in ledger.findings if finding.rule != RULE)


def _is_model(classes: Classes, one: Class) -> bool:
    return classes.inherits(one, _ROOTS) and not _meta(one, "abstract") and not _meta(one, "proxy")


def _model(classes: Classes, one: Class) -> Model:
    app = _option(one, "app_label") or _app(one.code.file)
    model = Model(app, one.name, place(one.code, one.node), table=_option(one, "db_table"))
    for each in classes.above(one):
        for name, _, given in each.attributes():
            made = model_field(each.code, name, given, each.names) if given is not None else None
            if made is not None and (made.kind.endswith("Field") or made.kind == "ForeignKey" or made.kind == MANY):
                model.fields[name] = made
    return model


def _marks(ledger: Ledger, model: Model, each: Class) -> None:
    inner = each.inner("Privacy")
    table = ledger.tables.get(model.db_table.casefold())
    if inner is None or table is None:
        return
    said = Class(inner, each.code, each.names, each.aliases)
    for name, _, given in said.attributes():
        field = model.fields.get(name)
        column = table.column(field.column) if field is not None else None
        if column is None or given is None:
            continue
        ledger.mark(table, column, mark_of(given, each.names) or mark_of_value(given, each.names), column.place)


def _app(file: str) -> str:
    parts = PurePosixPath(file).parts[:-1]
    if parts and parts[-1] == "models":
        parts = parts[:-1]
    return parts[-1] if parts else ""


def _option(one: Class, name: str) -> str:
    meta = one.inner("Meta")
    if meta is None:
        return ""
    return text(Class(meta, one.code, one.names, {}).given(name), one.names) or ""


def _meta(one: Class, name: str) -> bool:
    meta = one.inner("Meta")
    return meta is not None and flag(Class(meta, one.code, one.names, {}).given(name)) is True


PART = Reader(name="django", about="Models of Django with a class Privacy", suffixes=(".py",), read=read)
