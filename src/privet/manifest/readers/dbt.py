"""dbt's models, sources, seeds and snapshots: `meta: {privacy: …}` of columns, in `schema.yml` or `manifest.json`.

Tests of relationships are references. Source of the artifact's keys: dbt's manifest, version 12.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from privet.codec import Place, parse_yaml
from privet.manifest.finding import Finding
from privet.manifest.readers import Reader
from privet.manifest.source.annotate import of_value
from privet.manifest.source.code import Code, unread
from privet.manifest.source.ledger import Column, Key, Ledger, Table
from privet.vocabulary.dataset import Dataset

ARTIFACT = "manifest.json"
_KINDS = ("models", "seeds", "snapshots")
_TARGET = re.compile(r"""(?:ref|source)\(.*?['"]([^'"]+)['"]\s*(?:,[^'"]*v[^'"]*)?\)""")
_Shape = dict[str, Any]


def read(codes: Sequence[Code], key: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the tables of all files: of the artifact, where there is one, and of what is written by hand."""
    ledger = Ledger()
    for code in codes:
        if "privacy" in code.text:
            (_artifact if code.file.endswith(ARTIFACT) else _schema)(ledger, code)
    return ledger.dataset(key), tuple(ledger.findings)


def _schema(ledger: Ledger, code: Code) -> None:
    node, faults = parse_yaml(code.text, code.file)
    if faults:
        if re.search(r"(?m)^(?:models|sources|seeds|snapshots):", code.text):
            ledger.findings.append(unread(faults[0].place, "expected YAML"))
        return
    whole = _shape(node.plain())
    tables = [one for kind in _KINDS for one in _items(whole.get(kind))]
    tables += [one for source in _items(whole.get("sources")) for one in _items(source.get("tables"))]
    for one in tables:
        if isinstance(one.get("name"), str):
            columns = _items(one.get("columns"))
            _table(ledger, code, one, columns)
            for column in columns:
                _tests(ledger, one["name"], column)


def _artifact(ledger: Ledger, code: Code) -> None:
    try:
        whole = _shape(json.loads(code.text))
    except (ValueError, RecursionError):
        ledger.findings.append(unread(Place(code.file, 1, 1), "expected JSON"))
        return
    nodes = [_shape(one) for part in ("nodes", "sources") for one in _shape(whole.get(part)).values()]
    for one in nodes:
        if one.get("resource_type") in ("model", "seed", "snapshot", "source") and isinstance(one.get("name"), str):
            _table(ledger, code, one, [_shape(column) for column in _shape(one.get("columns")).values()])
    for one in nodes:
        told = _shape(one.get("test_metadata"))
        if told.get("name") == "relationships":
            said = _shape(told.get("kwargs"))
            table = str(one.get("attached_node") or "").rpartition(".")[2] or _target(said.get("model"))
            _relation(ledger, table, str(said.get("column_name") or one.get("column_name") or ""), said)


def _table(ledger: Ledger, code: Code, one: _Shape, columns: Sequence[_Shape]) -> None:
    name = one["name"]
    found = _lines(code.text, name)
    table = ledger.tables.get(name.casefold()) or Table(name, Place(code.file, found, 1))
    table.description = table.description or str(one.get("description") or "")
    ledger.create(table)
    for said in columns:
        if not isinstance(said.get("name"), str):
            continue
        at = Place(code.file, _lines(code.text, said["name"], found), 1)
        column = table.column(said["name"]) or Column(said["name"], place=at)
        column.kind = column.kind or str(said.get("data_type") or "")
        column.description = column.description or str(said.get("description") or "")
        table.add(column)
        kinds = {str(one.get("type")) for one in _items(said.get("constraints"))}
        column.primary_key = column.primary_key or "primary_key" in kinds
        column.nullable = False if "not_null" in kinds else column.nullable
        meta = _shape(said.get("meta")) or _shape(_shape(said.get("config")).get("meta"))
        if "privacy" in meta:
            ledger.mark(table, column, of_value(meta["privacy"]), at)


def _tests(ledger: Ledger, table: str, column: _Shape) -> None:
    for word in ("tests", "data_tests"):
        for one in _items(column.get(word)):
            said = _shape(one.get("relationships"))
            _relation(ledger, table, str(column.get("name") or ""), _shape(said.get("arguments")) or said)


def _relation(ledger: Ledger, table: str, column: str, said: _Shape) -> None:
    inside, target, field = ledger.tables.get(table.casefold()), _target(said.get("to")), said.get("field")
    if inside is not None and target and column and isinstance(field, str):
        inside.keys.append(Key((column,), target, (field,)))


def _target(said: object) -> str:
    found = _TARGET.search(said) if isinstance(said, str) else None
    return found[1] if found else ""


def _lines(text: str, name: str, after: int = 1) -> int:
    """Return the line that names a thing, from a line on; that line where none does."""
    for number, line in enumerate(text.split("\n")[after - 1 :], after):
        if re.search(rf"name['\"]?:\s*['\"]?{re.escape(name)}\b", line):
            return number
    return after


def _shape(value: object) -> _Shape:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[_Shape]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


PART = Reader(name="dbt", about="Columns of dbt with meta", suffixes=(".yml", ".yaml", ARTIFACT), read=read)
