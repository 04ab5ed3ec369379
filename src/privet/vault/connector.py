"""The vault as one more connector: people's requests read, change and look at it like any other system, and tell it.

References between systems hold tokens: a record's `links` are its tokens, and a token that another system holds finds
the record here as the value does. Records of a person are deleted as a whole person where nothing of hers stays:
then her key is forgotten, and no backup opens what it sealed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from privet import digest
from privet.connectors.base import Batch, Change, Choice, Halted, Limits, Read, Record, Untold, Value
from privet.connectors.match import text
from privet.connectors.profile import Profile
from privet.errors import Gone, InvalidInput, NotFound, PrivetError, Refused, StillReferenced
from privet.policy.decide import of_person
from privet.store.port import Row, Select
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

USUAL = Limits()
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

    def __init__(
        self,
        vault: Vault,
        dataset: Dataset,
        deed: Callable[[str], Deed],
        run: Run[object],
        limits: Limits = USUAL,
    ) -> None:
        self._vault = vault
        self._dataset = dataset
        self._deed = deed
        self._run = run
        self._size = limits.page

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
        _declared(ask.collection, (*ask.matches, *wanted))
        first: list[Record] = []
        many: list[tuple[Predicate, list[bytes]]] = []

        async def look() -> None:
            where = _where(self._vault, table, ask.matches)
            if where is None:
                return
            rows = _rows(self._vault, table, where, most=self._size + 1)
            if len(rows) > self._size:
                many.append((where, _found(self._vault, table, where)))
            else:
                first.extend(await self._opened(table, where, rows, wanted))

        self._run(look())
        if first:
            yield first
        for where, ids in many:
            for at in range(0, len(ids), self._size):
                page = self._page(table, where, ids[at : at + self._size], wanted)
                if page:
                    yield page

    def _page(self, table: Table, where: Predicate, ids: Sequence[bytes], wanted: Sequence[str]) -> list[Record]:
        page: list[Record] = []

        async def open_them() -> None:
            page.extend(await self._opened(table, where, fetch(self._vault, table, ids), wanted))

        self._run(open_them())
        return page

    async def _opened(self, table: Table, where: Predicate, rows: Sequence[Row], wanted: Sequence[str]) -> list[Record]:
        vault, deed = self._vault, self._deed("requests.read")
        permit = of_person("read", deed.principal, table.collection, where, deed.policy)
        columns = tuple(name for name in wanted if name != "id")
        # Her own data are not metered: what is counted is what callers may see of others.
        shown = open_rows(vault, permit, rows, View(columns), Seen(table, permit))
        records_ = b"".join(one.id for one in shown)
        await vault.note(deed, table=table.name, columns=columns, records=records_, count=len(shown))
        return [_record(one, wanted) for one in shown]

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """See `Connector`. A person of whom nothing stays is erased whole, with her key, when it is her first turn."""
        known = list(batches)
        for batch in known:
            self._demand(batch)
        done: list[int] = []

        async def carry_out() -> None:
            going = _going(self._vault, known)
            for batch in known:
                done.append(0)
                table = self._vault.table(batch.collection.name)
                for change in batch.changes:
                    done[-1] += await self._carried(table, change, going)

        try:
            self._run(carry_out())
        except PrivetError as error:
            raise Halted(done, error) from None
        return done

    def tell(self, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], once: str) -> int:
        """See `Teller`. Written into the ledger of consents."""
        told: list[int] = []

        async def write() -> None:
            told.append(await tell(self._vault, dataset, choice, identities, self._deed("requests.choice")))

        self._run(write())
        return told[0]

    def _demand(self, batch: Batch) -> None:
        """Make sure before anything is changed that all of it can be asked for."""
        name = self._table(batch.collection).name
        for change in batch.changes:
            if set(change.key) != {"id"}:
                raise InvalidInput(f"expected changes of `{name}` by `id`")
            _declared(batch.collection, change.values or ())

    async def _carried(self, table: Table, change: Change, going: _Going) -> int:
        """Carry out one change; return how many records it changed."""
        record = _id(change.key["id"])
        if record is None:
            return 0
        if change.values is None and record in going.whose:
            subject = going.whose.pop(record)
            if subject not in going.gone:
                await erasure.erase(self._vault, subject, self._deed("requests.erase"))
                going.gone.add(subject)
            return 1
        return await self._change(table, record, change)

    async def _change(self, table: Table, record: bytes, change: Change) -> int:
        where = In("id", (digest.id_text(record),))
        deed = self._deed("requests.erase" if change.values is None else "requests.change")
        action: Action = "delete" if change.values is None else "update"
        permit = of_person(action, deed.principal, table.collection, where, deed.policy)
        try:
            if change.values is None:
                return await records.delete(self._vault, permit, [record], deed)
            values = {name: _writable(value) for name, value in change.values.items()}
            await records.update(self._vault, permit, record, values, deed)
        except NotFound:
            return 0
        except (InvalidInput, StillReferenced) as error:
            why = ", ".join(f"{one.message} (`{one.at}`)" for one in error.faults) or error.message
            raise Refused(f"`{table.name}` of the vault refuses the change: {why}", hint=error.hint) from None
        return 1

    def _table(self, collection: Collection) -> Table:
        table = self._vault.table(collection.name)
        missing = [f.name for f in collection.fields if f.name != "id" and f.name not in table.names()]
        if missing:
            raise InvalidInput(f"there is no column `{missing[0]}` in `{collection.name}` of the vault")
        return table


def _declared(collection: Collection, names: Iterable[str]) -> None:
    known = {field.name for field in collection.fields}
    if not known.issuperset(names):
        hint = "use names of the schema"
        raise InvalidInput(f"`{collection.name}` declares no column of the name that was asked for", hint=hint)


# --- what she chose ---------------------------------------------------------------------------------------------


async def tell(
    vault: Vault, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], deed: Deed
) -> int:
    """Write what a person chose into the vault's ledger; return of how many people, 0 where it knows nobody.

    `dataset`: see `dataset_of`. `identities`: whoever has a record of her own that holds one of them, looked up by its
    kind, is meant. A choice that stands there already is not written again. Raises Untold for one without a key, and
    what `consents.say` raises.
    """
    keys = dict.fromkeys(keys_of(choice), choice.state)
    if choice.kind == "objection" and choice.key:
        # A no to a notice is told as an objection alone; where its consent was told, too, that stands already.
        keys[choice.key] = "refused" if choice.state == "given" else "given"
    subjects = sorted(_subjects(vault, dataset, identities))
    for subject in subjects:
        for key, state in keys.items():
            said = consents.Consent(
                subject=subject,
                key=key,
                state=state,
                at_ms=choice.at_ms,
                source=choice.source,
                text=choice.text,
            )
            with suppress(Gone):  # erased meanwhile: nothing of hers is there to be used
                if not _stands(vault, said):
                    await consents.say(vault, said, deed)
    return len(subjects)


def keys_of(choice: Choice) -> tuple[str, ...]:
    """Return the keys under which a choice stands in a vault's ledger. Raises Untold where it names none."""
    if choice.kind == "restriction":
        return ("restriction",)
    keys = tuple(f"objection:{use}" for use in choice.uses) if choice.kind == "objection" else (choice.key,)
    if not keys or not all(keys):
        raise Untold("the choice names no notice and no use", hint="say by `uses` what it is about")
    return keys


def _stands(vault: Vault, said: consents.Consent) -> bool:
    """Return whether the same was written down before: by an earlier worker, or by whoever was told first."""
    mine = (said.state == "given", said.at_ms, said.source, said.text)
    told = consents.history(vault, said.subject, said.key)
    return any((one.state == "given", one.at_ms, one.source, one.text) == mine for one in told)


def _subjects(vault: Vault, dataset: Dataset, identities: Mapping[str, Sequence[Value]]) -> set[bytes]:
    found: set[bytes] = set()
    for table in vault.schema.tables:
        seen = dataset.collection(table.name)
        if table.collection.subject == "none" or seen is None or seen.skipped:
            continue
        known = {one.name: one.native.identity for one in seen.fields if one.native.identity in identities}
        where = _where(vault, table, {name: identities[kind] for name, kind in known.items()})
        if where is not None:
            found.update(_subjects_of(vault, table, where))
    return found


def _subjects_of(vault: Vault, table: Table, where: Predicate) -> set[bytes]:
    place = vault.sealer(table).place["subject"]
    ids = _found(vault, table, where)
    return {subject for row in fetch(vault, table, ids) if isinstance(subject := row[place], bytes)} if ids else set()


def _found(vault: Vault, table: Table, where: Predicate) -> list[bytes]:
    """Return the records that meet a condition and are not expired, each once."""
    question = _question(vault, table, where)
    rows = vault.store.select(replace(question, columns=("a.id" if question.joins else "id",)))
    return [raw for raw in dict.fromkeys(row[0] for row in rows) if isinstance(raw, bytes)]


def _rows(vault: Vault, table: Table, where: Predicate, *, most: int) -> list[Row]:
    """Return the verified rows of such records, each once; `most` or more of them where that is not all."""
    found = vault.store.select(replace(_question(vault, table, where), limit=most))
    rows = list({row[0]: row for row in found}.values()) if len(found) < most else found
    vault.sealer(table).verify(rows)
    return rows


def _question(vault: Vault, table: Table, where: Predicate) -> Select:
    sealer = vault.sealer(table)
    among = compiled(sealer, where, ledger=consents.kept(vault))
    live = not_expired(vault, table, joined=bool(among.joins))
    where = both(among.where, live)
    return Select(table=table.rows, columns=among.columns(sealer), where=where, joins=among.joins)


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


def _writable(value: Value) -> Value:
    """Return a new value as a record takes it: numbers and dates by their texts."""
    if isinstance(value, list | tuple):
        return [_writable(one) for one in value]
    return value if value is None else text(value)


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


@dataclass(slots=True)
class _Going:
    """Persons of whom no record stays. `whose`: each of their records that is to be deleted and that nobody counted
    yet; `gone`: those who are erased."""

    whose: dict[bytes, bytes]
    gone: set[bytes] = field(default_factory=set)


def _going(vault: Vault, batches: Sequence[Batch]) -> _Going:
    """Return whose records are all to be deleted; expired ones go anyway."""
    ids: dict[str, set[bytes]] = {}
    for batch in batches:
        said = (_id(change.key["id"]) for change in batch.changes if change.values is None)
        ids.setdefault(batch.collection.name, set()).update(raw for raw in said if raw is not None)
    whose: dict[bytes, bytes] = {}
    for name, some in ids.items():
        table = vault.table(name)
        place = vault.sealer(table).place["subject"]
        for row in fetch(vault, table, sorted(some)) if some else []:
            record, subject = row[0], row[place]
            if isinstance(record, bytes) and isinstance(subject, bytes):
                whose[record] = subject
    counts = Counter(whose.values())
    whole = {subject for subject, count in counts.items() if _living(vault, subject) <= count}
    return _Going({record: subject for record, subject in whose.items() if subject in whole})


def _living(vault: Vault, subject: bytes) -> int:
    about = [table for table in vault.schema.tables if table.collection.subject != "none"]
    where = Compare("subject", "=", subject)
    questions = [
        Select(table=table.rows, columns=("id",), where=both(where, not_expired(vault, table))) for table in about
    ]
    return sum(len(vault.store.select(question)) for question in questions)
