"""The vault as one more connector: people's requests read it, erase in it and look at it again like any other system.

References between systems hold tokens: a record's `links` are its tokens, and a token that another system holds finds
the record here as the value does. Records of a person are deleted as a whole person where nothing of hers stays:
then her key is forgotten, and no backup opens what it sealed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from privet import digest
from privet.connectors.base import Batch, Change, Halted, Read, Record, Value
from privet.connectors.profile import Profile
from privet.errors import InvalidInput, NotFound, PrivetError
from privet.policy.decide import of_person
from privet.store.port import Select
from privet.vault import locate, records
from privet.vault.access import consents
from privet.vault.access.budgets import Seen
from privet.vault.candidates import compiled
from privet.vault.holders import AT, NOBODY
from privet.vault.log.audit import Deed
from privet.vault.people import erasure
from privet.vault.records import Opened, open_rows
from privet.vault.rows import fetch, not_expired
from privet.vault.schema import Column, Table
from privet.vault.sight import View
from privet.vault.vault import Vault
from privet.vocabulary.access import Action
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Masking, Native
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import Compare, In, Or, Predicate, both

T = TypeVar("T")
Run = Callable[[Awaitable[T]], T]

PROFILE = Profile(
    tried="server",
    against="this version of Privet",
    atomic=False,
    deletes=True,
    masks=True,
    streams=True,
    reads_back=True,
    effect="nature",
    limits=("a token that each consumer has of its own leads nowhere",),
)

IDENTITIES = {"contact.email": "email", "contact.phone": "phone_number"}
"""Data type → the kind of identity that people are looked up by, where the schema says none and an index finds it."""
_ID = Field(name="id", type="text", native=Native(primary_key=True, data_type="string"))


def dataset_of(vault: Vault, declared: Dataset | None = None) -> Dataset:
    """Return what a vault holds as requests see it: ids, references, identities, and that people are erased whole.

    `declared`: the dataset of a manifest that is this vault's schema; its key, identities and links hold.
    """
    key = declared.key if declared else f"vault_{vault.name}"
    tables = [_collection(table, key, declared) for table in vault.schema.tables]
    return Dataset(key=key, name=f"Vault {vault.name}", collections=tuple(tables))


def _collection(table: Table, key: str, declared: Dataset | None) -> Collection:
    said = declared.collection(table.name) if declared else None
    fields = (_ID, *(_field(column, key, said) for column in table.columns))
    whole = Masking("delete") if table.collection.subject != "none" else None
    seen = replace(table.collection, fields=fields, masking=whole)
    if said is None:
        return seen
    return replace(seen, after=said.after, erase_after=said.erase_after, skipped=said.skipped)


def _field(column: Column, key: str, said: Collection | None) -> Field:
    field, more = column.field, said.field(column.name) if said else None
    known = more.native if more else Native()
    exact = column.index("exact") is not None
    identity = known.identity or (IDENTITIES.get(field.type, "") if exact and not field.array else "")
    links = known.links
    if field.reference is not None:
        links = (*links, Link(key, f"{field.reference.collection}.id", "from"))
    array = "[]" if field.array else ""
    native = replace(known, identity=identity, links=links, data_type=f"string{array}", nullable=not field.required)
    return replace(field, native=native)


class VaultConnector:
    """An open vault, for one request. `deed`: what the audit will say of a verb. `run`: waits, on the caller's thread,
    for what the vault's event loop does."""

    def __init__(self, vault: Vault, dataset: Dataset, deed: Callable[[str], Deed], run: Run[object]) -> None:
        self._vault = vault
        self._dataset = dataset
        self._deed = deed
        self._run = run

    def probe(self) -> None:
        """See `Connector`."""
        self._vault.store.select(Select(table="meta", columns=("name",), limit=1))

    def describe(self) -> Dataset:
        """See `Connector`."""
        return self._dataset

    def close(self) -> None:
        """See `Connector`. The vault itself stays open."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """See `Connector`. Each page is in the vault's audit before it is given."""
        table = self._table(ask.collection)
        wanted = ask.fields or tuple(field.name for field in ask.collection.fields)
        found: list[list[Record]] = []

        async def look() -> None:
            where = _where(self._vault, table, ask.matches)
            if where is not None:
                found.extend([await self._opened(table, where, wanted)])

        self._run(look())
        yield from (page for page in found if page)

    async def _opened(self, table: Table, where: Predicate, wanted: Sequence[str]) -> list[Record]:
        vault, deed = self._vault, self._deed("requests.read")
        permit = of_person("read", deed.principal, table.collection, where, deed.policy)
        sealer = vault.sealer(table)
        among = compiled(sealer, where, ledger=consents.kept(vault))
        question = Select(
            table=table.rows,
            columns=among.columns(sealer),
            where=both(among.where, not_expired(vault, table, joined=bool(among.joins))),
            joins=among.joins,
        )
        rows = list({row[0]: row for row in vault.store.select(question)}.values())
        sealer.verify(rows)
        columns = tuple(name for name in wanted if name != "id")
        # Her own data are not metered: what is counted is what callers may see of others.
        shown = open_rows(vault, permit, rows, View(columns), Seen(table, permit))
        ids = b"".join(one.id for one in shown)
        await vault.note(deed, table=table.name, columns=columns, records=ids, count=len(shown))
        return [_record(one, wanted) for one in shown]

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """See `Connector`. A person of whom nothing stays is erased whole, with her key."""
        known = list(batches)
        for batch in known:
            self._table(batch.collection)
        done: list[int] = []

        async def carry_out() -> None:
            deleted = {batch.collection.name: _ids(batch.changes) for batch in known}
            for subject in _whole(self._vault, deleted):
                await erasure.erase(self._vault, subject, self._deed("requests.erase"))
            for batch in known:
                done.append(0)
                for change in batch.changes:
                    done[-1] += await self._change(self._vault.table(batch.collection.name), change)

        # Counted before: an erasure of the whole person leaves nothing to count.
        before = [self._present(batch) for batch in known]
        try:
            self._run(carry_out())
        except PrivetError as error:
            raise Halted(done, error) from None
        return before

    def _present(self, batch: Batch) -> int:
        ids = [raw for raw in (_id(change.key.get("id")) for change in batch.changes) if raw is not None]
        return len(fetch(self._vault, self._vault.table(batch.collection.name), ids)) if ids else 0

    async def _change(self, table: Table, change: Change) -> int:
        record = _id(change.key.get("id"))
        if record is None:
            raise InvalidInput(f"expected changes of `{table.name}` by `id`")
        where = In("id", (digest.id_text(record),))
        deed = self._deed("requests.erase")
        action: Action = "delete" if change.values is None else "update"
        permit = of_person(action, deed.principal, table.collection, where, deed.policy)
        if change.values is None:
            return await records.delete(self._vault, permit, [record], deed)
        try:
            await records.update(self._vault, permit, record, dict(change.values), deed)
        except NotFound:
            return 0
        return 1

    def _table(self, collection: Collection) -> Table:
        table = self._vault.table(collection.name)
        missing = [f.name for f in collection.fields if f.name != "id" and f.name not in table.names()]
        if missing:
            raise InvalidInput(f"there is no column `{missing[0]}` in `{collection.name}` of the vault")
        return table


# --- which records are asked for --------------------------------------------------------------------------------


def _where(vault: Vault, table: Table, matches: Mapping[str, Sequence[Value]]) -> Predicate | None:
    """Return the condition that the wanted records meet, None where no value can be one of theirs."""
    items: list[Predicate] = []
    for name, values in matches.items():
        texts = [value if isinstance(value, str) else str(value) for value in values if value is not None]
        if name == "id":
            ids = {raw for raw in map(_id, texts) if raw is not None}
        else:
            column = table.column(name)
            ids = _holders(vault, table, column, texts)
            plain = _canonical(column, texts)
            if plain:
                items.append(In(name, tuple(plain)))
        if ids:
            items.append(In("id", tuple(digest.id_text(raw) for raw in sorted(ids))))
    return (items[0] if len(items) == 1 else Or(tuple(items))) if items else None


def _canonical(column: Column, texts: Sequence[str]) -> list[str]:
    """Return those of the texts that the column's type takes, in their one form."""
    if column.field.reference:
        return [digest.id_text(raw) for raw in map(_id, texts) if raw is not None]
    kind = data_type(column.field.type)
    found, faults = kind.canonicalize(texts)
    return [kind_text for at, kind_text in enumerate(found) if at not in faults and kind_text is not None]


def _holders(vault: Vault, table: Table, column: Column, texts: Sequence[str]) -> set[bytes]:
    """Return the records that hold tokens of the column."""
    if column.field.token is None or not texts:
        return set()
    out: set[bytes] = set()
    for one in locate.locate_all(vault, texts, table=table.name, column=column.name):
        if not isinstance(one, locate.Located) or one.table.name != table.name or column not in one.columns:
            continue
        if one.record:
            out.add(one.record)
        elif one.row:
            where = Compare("token", "=", one.row[0])
            held = vault.store.select(Select(table="refs", columns=("holder",), where=where))
            holders = [one.row[AT["holder"]], *(row[0] for row in held)]
            out.update(holder for holder in holders if isinstance(holder, bytes) and holder != NOBODY)
    return out


def _id(value: Value) -> bytes | None:
    try:
        return digest.id_bytes(value if isinstance(value, str) else "")
    except ValueError:
        return None


def _record(one: Opened, wanted: Sequence[str]) -> Record:
    values = {"id": digest.id_text(one.id)} if "id" in wanted else {}
    tokens = {name: text for name, text in one.tokens.items() if text is not None and name in one.values}
    return Record({**values, **one.values}, tokens)


# --- whole people -----------------------------------------------------------------------------------------------


def _ids(changes: Sequence[Change]) -> set[bytes]:
    return {raw for change in changes if change.values is None and (raw := _id(change.key.get("id"))) is not None}


def _whole(vault: Vault, deleted: Mapping[str, set[bytes]]) -> list[bytes]:
    """Return the subjects of deleted records of whom no record stays; expired ones go anyway."""
    subjects: Counter[bytes] = Counter()
    for name, ids in deleted.items():
        table = vault.table(name)
        place = vault.sealer(table).place["subject"]
        rows = fetch(vault, table, sorted(ids)) if ids else []
        subjects.update(subject for row in rows if isinstance(subject := row[place], bytes))
    return [subject for subject, count in subjects.items() if _living(vault, subject) <= count]


def _living(vault: Vault, subject: bytes) -> int:
    about = [table for table in vault.schema.tables if table.collection.subject != "none"]
    where = Compare("subject", "=", subject)
    questions = [
        Select(table=table.rows, columns=("id",), where=both(where, not_expired(vault, table))) for table in about
    ]
    return sum(len(vault.store.select(question)) for question in questions)
