"""A collection as CSV that no spreadsheet takes for a program, and the words that describe it.

UTF-8 with its mark, commas, CRLF; values that hold others are JSON; the first lines decide which columns there are, and
what comes later beyond them stands as JSON in the last. Source: RFC 4180; OWASP, CSV Injection; Data Package 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from privet.rights.packet.others import Shared
from privet.vocabulary.dataset import Collection, Field

MARK = b"\xef\xbb\xbf"
BOND, WITHHELD, MORE = "_bond", "_withheld", "_more"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_RISKY_STARTS = frozenset((*_STARTS, " ", "\u00a0", "\ufeff"))
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_TYPES = {"integer": "integer", "float": "number", "boolean": "boolean", "object": "object"}
_BUILT = {int: "integer", float: "number", bool: "boolean", dict: "object", list: "array", str: "string"}


def inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, without control signs. A plain number is none.

    >>> inert("=1+1"), inert(" =1+1"), inert("-12.50"), inert("a\\x00b")
    ("'=1+1", "' =1+1", '-12.50', 'a\ufffdb')
    """
    cell = _CONTROL.sub("\ufffd", cell)
    risky = cell.startswith(_STARTS) or cell.lstrip(" \u00a0\ufeff").startswith(_STARTS)
    return f"'{cell}" if risky and not _NUMBER.fullmatch(cell) else cell


class Table:
    """One collection's lines."""

    def __init__(self, collection: Collection | None, *, bonds: bool) -> None:
        """`bonds`: say of each record whether it is hers, and what of it is withheld."""
        self._declared = {field.name: field for field in collection.fields} if collection else {}
        self._bonds = bonds
        self._kinds: dict[str, set[type]] = {}
        self.columns: tuple[str, ...] | None = None

    def lines(self, records: Sequence[Shared]) -> bytes:
        """Return lines of CSV; before the first records, the titles."""
        head = b""
        if self.columns is None:
            self.columns = self._found(records)
            head = MARK + _line(_quoted(inert(name)) for name in self._titles())
        rows = [record.values for record in records]
        same = _columns(rows, self.columns)
        found = same or [[row.get(name) for row in rows] for name in self.columns]
        cells = [self._cells(name, values) for name, values in zip(self.columns, found, strict=True)]
        if self._bonds:
            cells += [[record.bond for record in records], _texts([" ".join(record.withheld) for record in records])]
        cells.append([""] * len(rows) if same else self._rest(rows))
        # The module csv looks at every sign of every cell; here a look at a whole column is enough, as a rule.
        body = "\r\n".join(map(",".join, zip(*cells, strict=True)))
        return head + body.encode("utf-8", "replace") + b"\r\n"

    def schema(self) -> dict[str, Any]:
        """Return what the columns are, once all lines are made."""
        fields = [self._described(name) for name in self.columns or ()]
        more = (BOND, WITHHELD) if self._bonds else ()
        fields += [{"name": name, "type": "string"} for name in more]
        return {"fields": [*fields, {"name": MORE, "type": "object"}], "missingValues": [""]}

    def _titles(self) -> Iterable[str]:
        return (*(self.columns or ()), *((BOND, WITHHELD) if self._bonds else ()), MORE)

    def _found(self, records: Sequence[Shared]) -> tuple[str, ...]:
        seen = dict.fromkeys(name for record in records for name in record.values)
        return tuple(dict.fromkeys([*(name for name in self._declared if name in seen), *seen]))

    def _cells(self, name: str, values: list[Any]) -> list[str]:
        kinds = set(map(type, values))
        self._kinds.setdefault(name, set()).update(kinds)
        if kinds == {int}:
            return list(map(str, values))
        if kinds == {str}:
            return _texts(values)
        if kinds <= {str, type(None)}:
            return _texts([value or "" for value in values])
        return [_quoted(inert(value) if type(value) is str else _flat(value)) for value in values]

    def _rest(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        known = frozenset(self.columns or ())
        found = []
        for row in rows:
            more = {} if known.issuperset(row) else {name: row[name] for name in row if name not in known}
            found.append(_quoted(inert(_json(more))) if more else "")
        return found

    def _described(self, name: str) -> dict[str, Any]:
        field = self._declared.get(name)
        kinds = self._kinds.get(name, set()) - {type(None)}
        seen = {_BUILT.get(kind, "any") for kind in kinds}
        if seen == {"integer", "number"}:
            seen = {"number"}
        told: dict[str, Any] = {"name": name, "type": seen.pop() if len(seen) == 1 else _declared_type(field, seen)}
        if field is not None and field.description:
            told["description"] = field.description
        if field is not None and field.labels:
            told["privet:categories"] = list(field.labels)
        return told


def _columns(rows: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> list[list[Any]] | None:
    """Return the values of rows by column, None where a row has other names; most tables' rows all have the same."""
    if len(names) < 2 or {*map(len, rows)} != {len(names)}:
        return None
    try:
        return list(map(list, zip(*map(itemgetter(*names), rows), strict=True)))
    except KeyError:
        return None


def _declared_type(field: Field | None, seen: set[str]) -> str:
    """Return the type of a column of which no line, or lines of several types, came."""
    if seen or field is None:
        return "any"
    return _TYPES.get(field.native.data_type, "string")


def _texts(values: list[str]) -> list[str]:
    """Return texts as cells. Most columns hold none that needs anything, which a few looks at all of it tell."""
    together = " ".join(values)
    is_plain = together.isprintable() and '"' not in together and "," not in together
    if is_plain and _RISKY_STARTS.isdisjoint([value[:1] for value in values]):
        return values
    return [_quoted(inert(value)) for value in values]


def _flat(value: Any) -> str:
    """Return a value that is no text as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # A list's or an object's JSON begins with a bracket, a number with a digit or a sign: no formula.
    return _json(value) if isinstance(value, dict | list) else str(value)


def _quoted(cell: str) -> str:
    if '"' in cell or "," in cell or "\n" in cell or "\r" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _line(cells: Iterable[str]) -> bytes:
    return (",".join(cells) + "\r\n").encode("utf-8", "replace")


def _json(value: Any) -> str:
    return _CONTROL.sub("\ufffd", json.dumps(value, ensure_ascii=False, separators=(",", ":")))
