"""What callers send and get: wire values to canonical texts in columns, and texts to masked wire values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from privet import codec, digest
from privet.crypto.masks import MASKS
from privet.errors import InvalidValue, PrivetError, UnknownName
from privet.vault.schema import Column, Table
from privet.vault.sealer import Texts, array_texts
from privet.vocabulary.datatype import DataType, Wire, data_type
from privet.vocabulary.typed import field_type

Record = Mapping[str, Wire]


@dataclass(slots=True)
class Canon:
    """Records as columns of canonical texts. `faults`: position → what is wrong with that record."""

    texts: dict[str, list[str | None]]
    faults: dict[int, list[PrivetError]] = field(default_factory=dict)

    def fault(self, at: int, error: PrivetError) -> None:
        self.faults.setdefault(at, []).append(error)


def read_records(table: Table, records: Sequence[Record], *, path: str = "records", changes: bool = False) -> Canon:
    """Return the canonical columns of `records`, with every fault named by path, type and rule.

    `changes`: the records are updates, so that only named columns count and nothing is required or defaulted.
    """
    canon = Canon({})
    known = frozenset(table.names())
    for at, record in enumerate(records):
        if not record.keys() <= known:
            for name in record.keys() - known:
                shown = name if name.isidentifier() and len(name) < 64 else "?"
                canon.fault(at, UnknownName("no such column", at=f"{path}[{at}].{shown}"))
    for column in table.columns:
        name = column.name
        values = [record.get(name) for record in records]
        if changes and not any(name in record for record in records):
            continue
        if not changes and column.field.default is not None:
            values = [column.field.default if value is None else value for value in values]
        texts = _read_column(column, values, canon, f"{path}[{{}}].{name}")
        canon.texts[name] = _read_paths(column, texts, canon, f"{path}[{{}}].{name}") if column.field.paths else texts
        if column.field.required:
            _require(column, values, records, canon, f"{path}[{{}}].{name}", changes=changes)
    return canon


def _require(
    column: Column, values: Sequence[Wire], records: Sequence[Record], canon: Canon, path: str, *, changes: bool
) -> None:
    if None not in values:
        return
    for at, value in enumerate(values):
        if value is None and (not changes or column.name in records[at]):
            canon.fault(at, InvalidValue("expected a value", type_name=column.field.type, at=path.format(at)))


def _read_column(column: Column, values: Sequence[Wire], canon: Canon, path: str) -> list[str | None]:
    kind = data_type(column.field.type)
    if column.field.reference:
        return [_read_id(at, value, canon, path) for at, value in enumerate(values)]
    if column.field.array:
        return [_read_array(kind, at, value, canon, path) for at, value in enumerate(values)]
    if None not in values:
        texts, faults = kind.canonicalize(values)
        for at, rule in faults.items():
            canon.fault(at, InvalidValue(rule, type_name=kind.name, at=path.format(at)))
        return list(texts)
    out: list[str | None] = [None] * len(values)
    present = [at for at, value in enumerate(values) if value is not None]
    texts, faults = kind.canonicalize([values[at] for at in present])
    for at, text in zip(present, texts, strict=True):
        out[at] = text
    for at, rule in faults.items():
        canon.fault(present[at], InvalidValue(rule, type_name=kind.name, at=path.format(present[at])))
    return out


def _read_paths(column: Column, texts: list[str | None], canon: Canon, path: str) -> list[str | None]:
    """Return json texts whose values at typed paths are what their types say; a path may be absent."""
    kind = data_type(column.field.type)
    for at, text in enumerate(texts):
        if not text:
            continue
        value = kind.present(text)
        for dotted, type_name in column.field.paths:
            rule = _read_path(value, dotted.split("."), data_type(type_name))
            if rule:
                canon.fault(at, InvalidValue(rule, type_name=type_name, at=f"{path.format(at)}.{dotted}"))
        texts[at] = kind.normalize(value)
    return texts


def _read_path(value: Wire, steps: Sequence[str], kind: DataType) -> str:
    """Put the canonical form in the place of the value at a path; return the rule that it breaks, "" for none."""
    for step in steps[:-1]:
        value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get(steps[-1]) is None:
        return ""
    try:
        value[steps[-1]] = kind.present(kind.normalize(value[steps[-1]]))
    except InvalidValue as error:
        return error.rule
    return ""


def _read_id(at: int, value: Wire, canon: Canon, path: str) -> str | None:
    """Return a reference in the one form of a record id."""
    if value is None:
        return None
    try:
        return digest.id_text(digest.id_bytes(value if isinstance(value, str) else ""))
    except ValueError:
        canon.fault(at, InvalidValue("expected a record id (a UUID)", type_name="reference", at=path.format(at)))
        return None


def _read_array(kind: DataType, at: int, value: Wire, canon: Canon, path: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, list):
        canon.fault(at, InvalidValue("expected a list", type_name=f"{kind.name}[]", at=path.format(at)))
        return None
    texts, faults = kind.canonicalize(value)
    for place, rule in faults.items():
        canon.fault(at, InvalidValue(rule, type_name=kind.name, at=f"{path.format(at)}[{place}]"))
    return codec.encode(texts).decode()


def show(column: Column, texts: Texts, redaction: str) -> list[Wire]:
    """Return what a caller sees of canonical texts under a redaction, or of the part that stands in its place."""
    kind = field_type(column.field)
    if redaction == "plain_text" and not column.field.array:
        present = kind.present
        return [None if text is None else present(text) for text in texts]
    mask = _mask(kind, redaction)
    if column.field.array:
        return [None if text is None else [mask(kind, element) for element in array_texts(text)] for text in texts]
    return [None if text is None else mask(kind, text) for text in texts]


def _mask(kind: DataType, redaction: str) -> Callable[[DataType, str], Wire]:
    part = kind.part(redaction)
    if part is None or redaction in MASKS:
        return MASKS.get(redaction).apply
    return lambda kind, text: None if (found := part.of(text)) is None else part.present(found)


@cache
def within(kind: DataType, less: str, more: str) -> bool:
    """Return whether a redaction, or a part, tells nothing that another does not tell too.

    Redactions of a type stand in one order, and yet the first letter of an address is no part of its domain. Judged by
    the type's example and what differs from it by one character: whatever changes `less` has to change `more`.
    """
    if less in (more, "redacted") or more == "plain_text":
        return True
    if more == "redacted" or not kind.example:
        return False
    first, second = _mask(kind, less), _mask(kind, more)
    for text in _probes(kind):
        pairs = [_masked(kind, probe, first, second) for probe in (text, *_neighbours(text))]
        held = [pair for pair in pairs if pair is not None]
        if any(one[0] != held[0][0] and one[1] == held[0][1] for one in held):
            return False
    return True


def _probes(kind: DataType) -> Iterator[str]:
    """Yield a type's example, and its ends as far as they are values."""
    whole = kind.normalize(kind.example)
    yield whole
    for at in range(1, len(whole)):
        with suppress(InvalidValue):
            if kind.normalize(whole[at:]) == whole[at:]:
                yield whole[at:]


def _neighbours(text: str) -> Iterator[str]:
    for at, held in enumerate(text):
        near = "0123456789" if held.isdigit() else "AQZ" if held.isupper() else "aqz" if held.islower() else ""
        yield from (text[:at] + other + text[at + 1 :] for other in near)


def _masked(
    kind: DataType, text: str, first: Callable[[DataType, str], Wire], second: Callable[[DataType, str], Wire]
) -> tuple[Wire, Wire] | None:
    try:
        return first(kind, text), second(kind, text)
    except (InvalidValue, ValueError):
        return None  # no value at all: a 39th of a month
