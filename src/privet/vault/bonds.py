"""What hangs on records: unique tags, elements, tokens and references, each checked against what it belongs to.

A pass reads one table and names the rows that do not fit. What a record itself must be, and what becomes of a row
that changed while it was looked at, is the business of `vault.log.verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from privet import digest
from privet.errors import Damaged, Gone
from privet.store.port import Cell, Row, Select
from privet.vault import locate, tokens
from privet.vault.holders import AT, NOBODY, REFS, TOKENS, first_of
from privet.vault.locate import Located
from privet.vault.log.history import Fault
from privet.vault.schema import Column, Table
from privet.vault.sealer import Sealer, elements_digest
from privet.vault.vault import Vault
from privet.vocabulary.predicate import In

Found = Iterator[tuple[int, Fault]]
"""Places of rows that do not fit, and why."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at every row of a table. `key`: columns of the question that name a row."""

    question: Select
    key: tuple[str, ...]
    check: Callable[[Sequence[Row]], Found]


class Bonds:
    """The bonds of one vault's records, as its schema says."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._sealers = [vault.sealer(table) for table in vault.schema.tables]
        self._by_rows = {sealer.table.rows: sealer for sealer in self._sealers}
        self._owners = {c.token_id: (s.table, c) for s in self._sealers for c in s.table.columns if c.token_id}
        self._indexes = {
            tag.id: (sealer, tag.name)
            for sealer in self._sealers
            for column in sealer.table.columns
            for tag in (sealer.tags[column.name] if column.field.array else ())
        }

    def passes(self) -> tuple[Pass, ...]:
        """Return the looks at all that is not itself a record."""
        return (
            Pass(_all("uniques", ("tag", "record"), "tag"), ("tag",), self._uniques),
            Pass(_all("elements", ("index_id", "tag", "record"), "record"), _ELEMENT, self._elements),
            Pass(_all("tokens", TOKENS, "token"), ("token",), self._tokens),
            Pass(_all("refs", REFS, "token"), ("token", "holder"), self._refs),
        )

    # --- from a record to what hangs on it --------------------------------------------------------------------

    def of_records(self, sealer: Sealer, rows: Sequence[Row]) -> Found:
        """Find what verified rows of a table lack: a unique claim, element tags, a reference to a token."""
        yield from self._claims(sealer, rows)
        yield from self._held_elements(sealer, rows)
        yield from self._held_tokens(sealer, rows)

    def _claims(self, sealer: Sealer, rows: Sequence[Row]) -> Found:
        for unique in sealer.table.uniques:
            at = sealer.place[f"u{unique.slot}"]
            tags = [row[at] for row in rows if row[at] is not None]
            holders = {row[0]: row[1] for row in self._select("uniques", ("tag", "record"), "tag", tags)}
            for i, row in enumerate(rows):
                if row[at] is not None and holders.get(row[at]) != row[0]:
                    names = ", ".join(unique.columns)
                    yield i, Fault("unique", place_of(sealer.table, row[0]), f"its claim of unique ({names}) is gone")

    def _held_elements(self, sealer: Sealer, rows: Sequence[Row]) -> Found:
        names = [(index, name) for index, (owner, name) in self._indexes.items() if owner is sealer]
        # During a rebuild an array has tags under two keys, of which its head holds one digest.
        if not names or not sealer.settled:
            return
        held: dict[tuple[Cell, Cell], list[bytes]] = {}
        for index, tag, record in self._select("elements", _ELEMENT, "record", [row[0] for row in rows]):
            held.setdefault((record, index), []).append(tag)  # type: ignore[arg-type]  # a blob
        for i, row in enumerate(rows):
            for index, name in names:
                tags = sorted(held.get((row[0], index), []))
                if elements_digest(tags) != row[sealer.place[name]]:
                    yield i, Fault("element", place_of(sealer.table, row[0]), "the tags of its array are not its own")

    def _held_tokens(self, sealer: Sealer, rows: Sequence[Row]) -> Found:
        places = [(c.name, sealer.place[c.token]) for c in sealer.table.columns if c.token_slot]
        if not places:
            return
        ids = [row[0] for row in rows]
        held = {row[:2] for row in self._select("refs", ("token", "holder", "rows"), "holder", ids)}
        raws = [row[at] for _, at in places for row in rows if row[at] is not None]
        held.update(self._select("tokens", ("token", "holder"), "token", raws))
        for i, row in enumerate(rows):
            for name, at in places:
                if row[at] is not None and (row[at], row[0]) not in held:
                    yield i, Fault("ref", place_of(sealer.table, row[0]), f"its hold on the token of `{name}` is gone")

    # --- from what hangs on it to the record ------------------------------------------------------------------

    def _uniques(self, rows: Sequence[Row]) -> Found:
        found: dict[Cell, set[Cell]] = {}
        rebuilt: set[Cell] = set()
        for sealer in self._sealers:
            names = tuple(f"u{unique.slot}" for unique in sealer.table.uniques)
            if names:
                for row in self._records(sealer, names, [record for _, record in rows]):
                    found[row[0]] = set(row[1:])
                    if not sealer.settled:  # a claim under each of two keys, of which the head holds one
                        rebuilt.add(row[0])
        for i, (tag, record) in enumerate(rows):
            if tag not in found.get(record, ()) and record not in rebuilt:
                yield i, Fault("unique", _named("unique tag", tag), "no record has it")

    def _elements(self, rows: Sequence[Row]) -> Found:
        live: dict[tuple[Cell, Cell], Cell] = {}
        for index in dict.fromkeys(row[0] for row in rows):
            owner = self._indexes.get(index) if isinstance(index, bytes) else None
            if owner is not None:
                ids = [row[2] for row in rows if row[0] == index]
                live.update({(index, row[0]): row[1] for row in self._records(owner[0], (owner[1],), ids)})
        for i, (index, tag, record) in enumerate(rows):
            if live.get((index, record)) is None:
                yield i, Fault("element", _named("element tag", tag), "no array of a record has it")

    def _tokens(self, rows: Sequence[Row]) -> Found:
        refs: dict[Cell, Row] = {}
        for ref in self._select("refs", REFS, "token", [row[0] for row in rows]):
            refs.setdefault(ref[0], ref)
        records = self._named_records(rows)
        whole: dict[bytes, list[int]] = {}
        for i, row in enumerate(rows):
            fault = self._token_fault(row, refs) or self._first_fault(row, records)
            if fault:
                yield i, Fault("token", _named("token", row[0]), fault)
            elif isinstance(row[2], bytes):
                whole.setdefault(row[2], []).append(i)
        refs.update({first[0]: first for row in rows if (first := self._first(row)) is not None})
        for owner, places in whole.items():
            for i, what in self._open(self._owners[owner], [(i, rows[i]) for i in places], refs):
                yield i, Fault("token", _named("token", rows[i][0]), what)

    def _owner(self, row: Row) -> tuple[Table, Column] | None:
        owner = row[AT["owner"]]
        return self._owners.get(owner) if isinstance(owner, bytes) else None

    def _first(self, row: Row) -> Row | None:
        owner = self._owner(row)
        return first_of(row, *owner) if owner is not None else None

    def _named_records(self, rows: Sequence[Row]) -> dict[tuple[Cell, Cell], Row]:
        """Return (id, subject, token ids) of the records that rows of tokens name, by (physical table, id)."""
        refs = [ref for row in rows if (ref := self._first(row)) is not None]
        return self._holders([(ref[2], ref[1]) for ref in refs])

    def _holders(self, wanted: Sequence[tuple[Cell, Cell]]) -> dict[tuple[Cell, Cell], Row]:
        found: dict[tuple[Cell, Cell], Row] = {}
        for name in dict.fromkeys(rows for rows, _ in wanted):
            sealer = self._by_rows.get(name) if isinstance(name, str) else None
            if sealer is not None:
                columns = tuple(c.token for c in sealer.table.columns if c.token_slot)
                ids = [holder for rows, holder in wanted if rows == name]
                found.update({(name, row[0]): row for row in self._records(sealer, ("subject", *columns), ids)})
        return found

    def _token_fault(self, row: Row, refs: Mapping[Cell, Row]) -> str:
        owner = self._owner(row)
        if owner is None:
            return "it belongs to no column"
        raw, tag, text, consumer, holder = (row[AT[name]] for name in _LOOKED_AT)
        plan = owner[1].field.token
        shaped = plan is not None and plan.shape not in ("", "uuid")
        if (tokens.text_id(text) != raw) if shaped and isinstance(text, str) else (shaped or text is not None):
            return "its text is not its own"
        if (row[AT["cell"]] is None) is not (owner[1].field.keep == "shreddable" and holder is None):
            return "its sealed value is gone, or does not belong there"
        if (tag is None) is (plan is not None and plan.kind == "stored"):
            return "its tag is gone, or does not belong there"
        if (consumer is None) is (plan is not None and plan.scope == "consumer"):
            return "its consumer is gone, or does not belong there"
        return "" if holder is not None or raw in refs else "nothing holds it"

    def _first_fault(self, row: Row, records: Mapping[tuple[Cell, Cell], Row]) -> str:
        """Return what is wrong with the holder that the row of a token names. `records`: as `_holders` returns them."""
        owner, holder, subject = self._owner(row), row[AT["holder"]], row[AT["subject"]]
        if holder is None or holder == NOBODY or owner is None:
            return "" if subject is None else "its subject does not belong there"
        record = records.get((owner[0].rows, holder))
        if not owner[1].token_slot or record is None or row[0] not in record[2:]:
            return "the record that it names does not hold it"
        return "" if record[1] == subject else "its subject is not that of the record"

    def _open(
        self, owner: tuple[Table, Column], rows: Sequence[tuple[int, Row]], refs: Mapping[Cell, Row]
    ) -> Iterator[tuple[int, str]]:
        """Yield (place, what is wrong) of tokens of one column whose value does not open or has another tag."""
        column = owner[1]
        located = [Located(i, "", *owner, row=row) for i, row in rows]
        try:
            texts = locate.values(self._vault, located, refs)
        except (Damaged, Gone):
            if len(rows) == 1:
                yield rows[0][0], "its value does not open"
            else:
                for one in rows:
                    yield from self._open(owner, [one], refs)
            return
        taggers = self._vault.ring.indexes(column.token_id, "unique") if column.token_id else ()
        for (i, row), text in zip(rows, texts, strict=True):
            tag, consumer = row[AT["tag"]], row[AT["consumer"]]
            plain = text.encode() if consumer is None else digest.canonical((str(consumer).encode(), text.encode()))
            if tag is not None and all(tagger.tag(plain) != tag for tagger in taggers):
                yield i, "its tag is not that of its value"

    def _refs(self, rows: Sequence[Row]) -> Found:
        owners = {row[0]: row for row in self._select("tokens", TOKENS, "token", [row[0] for row in rows])}
        holders = self._holders([(row[2], row[1]) for row in rows])
        for i, row in enumerate(rows):
            fault = self._ref_fault(row, owners.get(row[0]), holders.get((row[2], row[1])))
            if fault:
                yield i, Fault("ref", f"{_named('token', row[0])} of {_named('holder', row[1])}", fault)

    def _ref_fault(self, row: Row, token: Row | None, record: Row | None) -> str:
        """Return what is wrong with a reference. `record`: id, subject and token ids of the record that it names."""
        raw, holder, rows, subject, cell = row
        if token is None:
            return "there is no such token"
        owner = self._owners.get(token[2]) if isinstance(token[2], bytes) else None
        if owner is None:
            return ""  # told of the token itself
        if token[AT["holder"]] == holder:
            return "its token names the same holder"
        if rows is None:
            if holder != (subject or digest.ZERO_ID):
                return "its holder is not the subject that it names"
        # The head of a record names no token that each consumer has one of.
        elif record is None or (owner[1].token_slot and raw not in record[2:]):
            return "no record holds it"
        elif record[1] != subject:
            return "its subject is not that of the record"
        return self._copy_fault(owner, row, token, cell)

    def _copy_fault(self, owner: tuple[Table, Column], row: Row, token: Row, cell: Cell) -> str:
        if owner[1].field.keep != "shreddable":
            return "" if cell is None else "a sealed copy does not belong there"
        if cell is None:
            return "its sealed copy is gone"
        return next((what for _, what in self._open(owner, [(0, token)], {row[0]: row})), "")

    # --- looking up -------------------------------------------------------------------------------------------

    def _records(self, sealer: Sealer, names: tuple[str, ...], ids: Iterable[Cell]) -> list[Row]:
        return self._select(sealer.table.rows, ("id", *names), "id", ids)

    def _select(self, table: str, columns: tuple[str, ...], by: str, values: Iterable[Cell]) -> list[Row]:
        wanted = tuple(dict.fromkeys(values))
        if not wanted:
            return []
        return self._vault.store.select(Select(table=table, columns=columns, where=In(by, wanted)))


_LOOKED_AT = ("token", "tag", "text", "consumer", "holder")
_ELEMENT = ("index_id", "tag", "record")


def place_of(table: Table, record: Cell) -> str:
    """Return how a fault names a record."""
    return f"{_named('record', record)} of `{table.name}`"


def _named(word: str, raw: Cell) -> str:
    if not isinstance(raw, bytes):
        return word
    return f"{word} {digest.id_text(raw) if len(raw) == 16 else raw.hex()[:64]}"


def _all(table: str, columns: tuple[str, ...], by: str) -> Select:
    return Select(table=table, columns=columns, order=((by, True),))
