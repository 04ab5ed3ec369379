"""The shelf of readers: what programs say of their fields becomes datasets, one way of saying it a file.

Source is read, never run. The grammar of annotations is that of `privet.manifest.source.annotate`. Of all tables and
classes, those are taken that annotate a field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from privet.manifest.finding import Finding, in_order
from privet.manifest.source.code import Code
from privet.shelf import Shelf
from privet.vocabulary.dataset import Collection, Dataset, Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader. `suffixes`: of files that it looks at. `read`: files, key of the dataset → its tables, findings."""

    name: str
    about: str
    suffixes: tuple[str, ...]
    read: Callable[[Sequence[Code], str], tuple[Dataset, tuple[Finding, ...]]]


READERS: Shelf[Reader] = Shelf("privet.manifest.readers", Reader, word="reader")


def read(codes: Sequence[Code], key: str, names: Sequence[str] = ()) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the one dataset that programs annotate, and what could not be known. `names`: of readers, () for all.

    Where two readers see the same table, its columns and categories are put together. Raises UnknownName.
    """
    collections: dict[str, Collection] = {}
    findings: list[Finding] = []
    for name in names or READERS.names():
        reader = READERS.get(name)
        mine = [code for code in codes if code.file.endswith(reader.suffixes)]
        if mine:
            dataset, said = reader.read(mine, key)
            findings += said
            for one in filter(_is_annotated, dataset.collections):
                before = collections.get(one.name)
                collections[one.name] = _joined(before, one) if before is not None else one
    kept = [replace(one, fields=tuple(_kept(one.fields, key, collections))) for _, one in sorted(collections.items())]
    return Dataset(key=key, collections=tuple(kept)), in_order(tuple(findings))


def _is_annotated(collection: Collection) -> bool:
    return any(_labelled(field) for field in collection.fields)


def _labelled(field: Field) -> bool:
    return bool(field.labels) or any(_labelled(inner) for inner in field.fields)


def _joined(one: Collection, other: Collection) -> Collection:
    fields = {field.name: field for field in one.fields}
    for field in other.fields:
        before = fields.get(field.name, field)
        fields[field.name] = replace(before, labels=before.labels or field.labels, fields=before.fields or field.fields)
    return replace(one, fields=tuple(fields.values()), about=tuple(dict.fromkeys((*one.about, *other.about))))


def _kept(fields: Iterable[Field], key: str, collections: dict[str, Collection]) -> Iterable[Field]:
    """Yield fields without references to tables that annotate nothing, which the dataset has not."""
    for field in fields:
        links = tuple(
            link for link in field.native.links if link.dataset != key or link.field.partition(".")[0] in collections
        )
        yield replace(field, native=replace(field.native, links=links))
