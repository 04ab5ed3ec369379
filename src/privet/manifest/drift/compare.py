"""Declared against observed: what a database holds that no manifest says, and what manifests say that is not there.

Both sides are datasets of the vocabulary. Categories of an observed field are proposals, so what they say is a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from privet.codec import Place
from privet.manifest.finding import NOWHERE, Finding, Severity, about, in_order
from privet.manifest.places import Places
from privet.manifest.resources import Manifest
from privet.vocabulary.dataset import Collection, Dataset, Field, every_field

_TECHNICAL = (
    "alembic_version django_migrations django_content_type south_migrationhistory schema_migrations "
    "ar_internal_metadata flyway_schema_history schema_version databasechangelog databasechangeloglock knex_migrations "
    "knex_migrations_lock _prisma_migrations _sqlx_migrations __diesel_schema_migrations __efmigrationshistory "
    "sequelizemeta typeorm_metadata doctrine_migration_versions goose_db_version phinxlog migrations gorp_migrations "
    "atlas_schema_revisions spatial_ref_sys geometry_columns geography_columns sqlite_* "
)
TECHNICAL = tuple(_TECHNICAL.split())
"""Tables that tools keep for themselves, as patterns; matched without regard to case."""

RULES = {
    "undeclared-dataset": "A database was seen that no manifest declares.",
    "undeclared-collection": "A table was seen that its dataset does not declare.",
    "undeclared-field": "A column was seen that its collection does not declare.",
    "missing-collection": "A declared table is not there.",
    "missing-field": "A declared column is not there.",
    "retyped-field": "A column holds another kind of value than declared.",
    "changed-type": "A column's type, length or emptiness is not as declared.",
    "changed-key": "A column is, or is not, in the primary key, unlike declared.",
    "undeclared-reference": "A foreign key was seen that is not declared as a reference.",
    "lost-reference": "A declared reference has no foreign key, or nothing that it could point to.",
    "changed-category": "A column seems to be of another category than declared.",
}
"""Rule → what it is about."""

Written = Callable[[str, str, str], Place]
"""(key of a dataset, collection or "", dotted field or "") → where its name stands."""


def nowhere(dataset: str, collection: str = "", path: str = "") -> Place:
    """Return no place: for datasets that stand in no file."""
    return NOWHERE


def written(manifest: Manifest) -> Written:
    """Return where a manifest's datasets, collections and fields are named; the nearest place that there is."""
    places = Places(manifest)

    def place(dataset: str, collection: str = "", path: str = "") -> Place:
        names = tuple(filter(None, (collection, *path.split("."))))
        return places.held(dataset, names, ("fides_key", "name"))

    return place


def is_technical(dataset: str, collection: str, ignored: Sequence[str] = TECHNICAL) -> bool:
    """Return whether a table is one of tools. `ignored`: patterns of a table's name, or of dataset and table, dotted.

    >>> is_technical("shop", "alembic_version"), is_technical("shop", "tmp_1", ["shop.tmp_*"])
    (True, True)
    """
    names = (collection.casefold(), f"{dataset}.{collection}".casefold())
    return any(fnmatchcase(name, pattern.casefold()) for pattern in ignored for name in names)


@dataclass(frozen=True, slots=True)
class _Pair:
    """One collection, declared and observed, and what findings about it share."""

    dataset: str
    declared: Collection
    observed: Collection
    inherited: tuple[str, ...]  # categories of all that the dataset and the collection hold
    seen: Dataset
    place: Written
    whole: bool

    def finding(
        self, rule: str, severity: Severity, path: str, message: str, hint: str = "", at: str | None = None
    ) -> Finding:
        """Return a finding about a field. `at`: the field that it stands at, where that is another one."""
        where = path if at is None else at
        name = self.declared.name if not where else where.rpartition(".")[2]
        return Finding(
            rule=rule,
            severity=severity,
            subject=about(self.dataset, (self.declared.name, path)),
            message=message,
            at=self.place(self.dataset, self.declared.name, where),
            length=len(name),
            hint=hint,
        )


def compare(
    declared: Sequence[Dataset],
    observed: Sequence[Dataset],
    *,
    place: Written = nowhere,
    ignored: Sequence[str] = TECHNICAL,
    whole: bool = True,
) -> tuple[Finding, ...]:
    """Return what differs, in the order of files. Declared datasets that nobody observed are not spoken of.

    `ignored`: patterns of tables that need no declaration. `whole` False: what was seen is a sample, so that what it
    lacks may still be there.
    """
    by_key = {dataset.key: dataset for dataset in declared}
    found: list[Finding] = []
    for seen in observed:
        said = by_key.get(seen.key)
        if said is None:
            found += _undeclared_dataset(seen, declared, ignored)
        else:
            found += _dataset(said, seen, place, ignored, whole)
    return in_order(tuple(found))


def _undeclared_dataset(seen: Dataset, declared: Sequence[Dataset], ignored: Sequence[str]) -> Iterator[Finding]:
    tables = {one.name for one in seen.collections if not is_technical(seen.key, one.name, ignored)}
    shared = {said.key: len(tables & {one.name for one in said.collections}) for said in declared}
    likest = max(shared, key=lambda key: shared[key], default="")
    count = len(tables)
    if count:
        yield Finding(
            rule="undeclared-dataset",
            severity="error",
            subject=about(seen.key),
            message=f"expected a dataset `{seen.key}`, found none; the database has {_tables(count)}",
            hint=f"`{likest}` has {shared[likest]} of them: say `--dataset {likest}` if it is meant"
            if shared.get(likest, 0) * 2 >= count
            else "declare it, or say with --dataset which of yours it is",
        )


def _dataset(said: Dataset, seen: Dataset, place: Written, ignored: Sequence[str], whole: bool) -> Iterator[Finding]:
    for there in seen.collections:
        declared = said.collection(there.name)
        if declared is not None:
            pair = _Pair(said.key, declared, there, (*said.labels, *declared.labels), seen, place, whole)
            yield from _fields(pair, declared.fields, there.fields, "")
            yield from _references(pair)
        elif not is_technical(said.key, there.name, ignored):
            yield Finding(
                rule="undeclared-collection",
                severity="error",
                subject=about(said.key, (there.name,)),
                message=f"table `{there.name}` is not declared; {_personal(there.fields)}",
                at=place(said.key, "", ""),
                length=len(said.key),
                hint="declare it; --patch FILE writes the change",
            )
    for declared in said.collections:
        if seen.collection(declared.name) is None:
            yield Finding(
                rule="missing-collection",
                severity="error" if whole else "note",
                subject=about(said.key, (declared.name,)),
                message=f"table `{declared.name}` is declared and not there",
                at=place(said.key, declared.name, ""),
                length=len(declared.name),
                hint="remove it, or look whether the scan's user may see it",
            )


def _fields(pair: _Pair, said: Sequence[Field], seen: Sequence[Field], prefix: str) -> Iterator[Finding]:
    declared = {field.name: field for field in said}
    for there in seen:
        path = f"{prefix}{there.name}"
        field = declared.pop(there.name, None)
        if field is None:
            message = f"column `{path}` is not declared; {_personal([there])}"
            hint = "declare it with its category; --patch FILE writes the change"
            yield pair.finding("undeclared-field", "error", path, message, hint, at=prefix.rstrip("."))
            continue
        yield from _native(pair, field, there, path)
        yield from _category(pair, field, there, path)
        yield from _fields(pair, field.fields, there.fields, f"{path}.")
    for name in declared if seen or not prefix else ():
        path = f"{prefix}{name}"
        hint = "remove it, or look why the database lost it"
        severity: Severity = "error" if pair.whole else "note"
        yield pair.finding("missing-field", severity, path, f"column `{path}` is declared and not there", hint)


def _native(pair: _Pair, said: Field, seen: Field, path: str) -> Iterator[Finding]:
    left, right = said.native, seen.native
    if left.data_type and right.data_type and left.data_type != right.data_type:
        message = f"expected `{left.data_type}`, found `{right.data_type}`"
        yield pair.finding("retyped-field", "error", path, f"column `{path}`: {message}", "mend `data_type`")
        return
    changes = []
    if left.column_type and right.column_type and _plain(left.column_type) != _plain(right.column_type):
        changes.append(f"expected `{left.column_type}`, found `{right.column_type}`")
    elif left.length and right.length and left.length != right.length:
        changes.append(f"expected a length of {left.length}, found {right.length}")
    if None not in (left.nullable, right.nullable) and left.nullable != right.nullable:
        changes.append(f"expected {_emptiness(left.nullable)}, found {_emptiness(right.nullable)}")
    if changes:
        yield pair.finding("changed-type", "warning", path, f"column `{path}`: {'; '.join(changes)}")
    if left.primary_key != right.primary_key and any(field.native.primary_key for field in pair.declared.fields):
        words = ("in the primary key", "not in it") if left.primary_key else ("not in the primary key", "in it")
        yield pair.finding("changed-key", "warning", path, f"column `{path}`: expected {words[0]}, found {words[1]}")


def _category(pair: _Pair, said: Field, seen: Field, path: str) -> Iterator[Finding]:
    declared = said.labels or pair.inherited
    if not seen.labels or any(_kin(one, other) for one in declared for other in seen.labels):
        return
    proposed = ", ".join(f"`{label}`" for label in seen.labels)
    have = ", ".join(f"`{label}`" for label in declared) or "none"
    message = f"column `{path}`: declared {'categories' if len(declared) > 1 else 'category'} {have}, seems {proposed}"
    yield pair.finding("changed-category", "note", path, message, "the proposal may be wrong; see its reason in a scan")


def _references(pair: _Pair) -> Iterator[Finding]:
    keys_there = any(field.native.links for one in pair.seen.collections for _, field in every_field(one.fields))
    seen = dict(every_field(pair.observed.fields))
    for path, field in every_field(pair.declared.fields):
        there = seen.get(path)
        if there is None:
            continue
        pointed = {(link.dataset, link.field) for link in there.native.links}
        said = {(link.dataset, link.field) for link in field.native.links}
        for dataset, target in sorted(pointed - said):
            message = f"column `{path}` references `{dataset}.{target}`, which is not declared"
            hint = "add it to `references`, so that people's requests follow it"
            yield pair.finding("undeclared-reference", "warning", path, message, hint)
        for dataset, target in sorted(said - pointed):
            if dataset == pair.seen.key:
                yield from _lost(pair, path, target, keys_there=keys_there)


def _lost(pair: _Pair, path: str, target: str, *, keys_there: bool) -> Iterator[Finding]:
    name, _, inside = target.partition(".")
    collection = pair.seen.collection(name)
    if pair.whole and (collection is None or inside not in dict(every_field(collection.fields))):
        message = f"column `{path}` is declared to reference `{target}`, which is not there"
        yield pair.finding("lost-reference", "error", path, message, "remove the reference, or mend its target")
    elif keys_there and pair.whole:
        # Where no table has a foreign key, the database does not use them, and their lack says nothing.
        message = f"column `{path}` is declared to reference `{target}`, by no foreign key"
        yield pair.finding("lost-reference", "note", path, message)


def _personal(fields: Sequence[Field]) -> str:
    """Return what undeclared fields seem to be, in words."""
    labels = sorted({label for _, field in every_field(fields) for label in field.labels})
    return (
        f"it seems to hold {', '.join(f'`{label}`' for label in labels)}" if labels else "no name in it looks personal"
    )


def _kin(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _plain(column_type: str) -> str:
    return "".join(column_type.casefold().split())


def _emptiness(nullable: bool | None) -> str:
    return "a column that may be empty" if nullable else "one that may not be empty"


def _tables(count: int) -> str:
    return "1 table" if count == 1 else f"{count:,} tables"
