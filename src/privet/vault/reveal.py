"""Tokenize and detokenize: values into tokens without a right to read, tokens into what a permit shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from privet import digest
from privet.errors import Denied, InvalidBatch, InvalidInput, InvalidToken, InvalidValue, NotFound, PrivetError
from privet.policy.permit import Permit, Sight
from privet.store.port import Cell, Row, Select, Step
from privet.vault import glance, locate, tokens
from privet.vault.access.budgets import Seen
from privet.vault.candidates import among
from privet.vault.holders import AT, NOBODY, REFS
from privet.vault.locate import Located
from privet.vault.log.audit import Deed
from privet.vault.rows import fetch, live, may_expire
from privet.vault.schema import Column, Table
from privet.vault.sealer import Heads
from privet.vault.sight import View, least, visible
from privet.vault.unheld import Withheld
from privet.vault.values import show
from privet.vault.vault import Vault
from privet.vocabulary.datatype import Wire, data_type
from privet.vocabulary.flag import bare
from privet.vocabulary.predicate import ALWAYS, And, Compare, In

MANY_HOLDERS = 1000


async def tokenize(
    vault: Vault, permit: Permit, column: Column, values: Sequence[Wire], deed: Deed, *, subject: bytes = NOBODY
) -> list[str | None]:
    """Return the token of each value, None for None. Audited; durable for stored tokens.

    Without a `subject`, in a table about people, a token that exists is looked up and lives and dies with those who
    hold it; one that is made new has nobody as its holder, and goes with the last person who comes to hold it.
    Raises InvalidBatch with every fault, Denied, NotFound where the column has no tokens.
    """
    table = vault.table(permit.table)
    if not permit.allows(column.name):
        raise Denied(f"no role of the caller allows `tokenize` on `{table.name}.{column.name}`")
    if column in table.of_record:
        raise InvalidInput(
            f"the token of `{table.name}.{column.name}` stands for a whole record",
            hint="insert a record: the answer holds its token",
        )
    texts = canonical(column, values)
    owner = None if subject == NOBODY else subject
    seen = Seen(table, permit)
    seen.makes(column, [sight.rule for sight in permit.columns[column.name]], len(texts) - texts.count(None))
    if column.field.keep == "transient":
        await vault.note(deed, table=table.name, columns=(column.name,), count=len(texts), seen=(seen,))
        return tokens.hold(vault, column, texts, [owner] * len(texts))
    await vault.admit(deed, (seen,))
    heads = Heads([subject] * len(texts), [0] * len(texts), [owner] * len(texts), [None] * len(texts))

    def prepare() -> tuple[list[str | None], Sequence[Step]]:
        claim = tokens.claim(vault, column, texts, heads, deed, None)
        entry = deed.entry(table.name, (column.name,), count=len(texts))
        raws = [raw if isinstance(raw, bytes) else digest.ZERO_ID for raw in claim.ids]
        alive = vault.unerased([owner])
        return list(claim.texts), [*claim.steps, *alive, entry, *deed.settle(b"".join(raws))]

    return await vault.attempt(prepare)


def canonical(column: Column, values: Sequence[Wire]) -> list[str | None]:
    """Return canonical texts of one column's values. Raises InvalidBatch with every fault."""
    kind = data_type(column.field.type)
    at = [i for i, value in enumerate(values) if value is not None]
    texts, faults = kind.canonicalize([values[i] for i in at])
    if faults:
        found = tuple(InvalidValue(rule, type_name=kind.name, at=f"values[{at[i]}]") for i, rule in faults.items())
        raise InvalidBatch(f"{len(found)} of the values break a rule; nothing was kept", faults=found)
    if len(at) == len(values):
        return list(texts)
    out: list[str | None] = [None] * len(values)
    for i, text in zip(at, texts, strict=True):
        out[i] = text
    return out


async def detokenize(
    vault: Vault,
    permits: Mapping[str, Permit],
    located: Sequence[Located | PrivetError],
    deed: Deed,
    *,
    redaction: str = "",
    texts: Sequence[str] = (),
) -> list[Wire | PrivetError]:
    """Return what each token shows under the permits of its table, or why nothing. Audited before it returns.

    `texts`: what was located, in order; where it is not said, all that is no token counts as guessed. Raises
    LimitExceeded with nothing shown.

    A stored token opens only if a live record (or subject) holds it and passes the caller's row rules. That of a whole
    record shows {column: value} of those of its columns that the permit allows.
    """
    alone = glance.ready(vault, permits, located[0]) if len(located) == 1 else None
    if alone is not None:
        return [await glance.detokenize(vault, alone, deed, redaction=redaction)]
    return await detokenize_all(vault, permits, located, deed, redaction=redaction, texts=texts)


async def detokenize_all(
    vault: Vault,
    permits: Mapping[str, Permit],
    located: Sequence[Located | PrivetError],
    deed: Deed,
    *,
    redaction: str = "",
    texts: Sequence[str] = (),
) -> list[Wire | PrivetError]:
    """`detokenize` of any number of tokens of any kind: what the path for one is held against."""
    known = [item for item in located if isinstance(item, Located)]
    found = [item for item in known if not item.record]
    refs = _living(vault, locate.holders(vault, found))
    seen = {item.table.name: Seen(item.table, permits.get(item.table.name)) for item in known}
    out: list[Wire | PrivetError] = [item if isinstance(item, PrivetError) else None for item in located]
    withheld = Withheld(vault, refs)
    plain: list[Located] = []
    opened: list[bytes] = []
    for item in known:
        if item.record:
            out[item.at] = _whole(vault, permits.get(item.table.name), item, redaction, seen[item.table.name])
            opened += [item.record] if isinstance(out[item.at], dict) else []
    for item in found:
        verdict = _verdict(vault, seen[item.table.name], item, refs, withheld, redaction)
        if isinstance(verdict, PrivetError):
            out[item.at] = verdict
        elif verdict is None:
            plain.append(item)
            opened += [_holder(refs, item)] if item.row else []
        else:
            record, value = verdict
            out[item.at] = value
            opened.append(record)
    shown = _show_plain(vault, seen, plain, refs, redaction)
    columns = tuple(sorted({f"{item.table.name}.{column.name}" for item in known for column in item.columns}))
    told = (*seen.values(), _missed(out, texts, opened))
    await vault.note(deed, columns=columns, records=b"".join(opened), count=len(located), seen=told)
    for item, value in zip(plain, shown, strict=True):
        out[item.at] = value
    return out


def _missed(out: Sequence[Wire | PrivetError], texts: Sequence[str], opened: list[bytes]) -> Seen:
    """Return which records were opened, and how many tokens that do not exist were tried: those that can be guessed."""
    seen = Seen()
    seen.shown = opened
    failed = [at for at, item in enumerate(out) if isinstance(item, PrivetError)]
    missed = [at for at in failed if isinstance(out[at], NotFound | InvalidToken)]
    seen.misses = sum(not texts or locate.is_guess(texts[at]) for at in missed)
    return seen


def _whole(vault: Vault, permit: Permit | None, item: Located, redaction: str, seen: Seen) -> Wire | PrivetError:
    """Return what the token of a whole record shows of its columns, or why nothing."""
    at = f"tokens[{item.at}]"
    names = tuple(column.name for column in item.columns if permit is not None and permit.allows(column.name))
    if permit is None or not names:
        return Denied(f"no role of the caller allows `detokenize` on these columns of `{item.table.name}`", at=at)
    sealer = vault.sealer(item.table)
    found = fetch(vault, item.table, [item.record], among(vault, permit))
    rows = [row for row in found if row[sealer.place[item.table.token]] == item.raw]
    _, shown = visible(sealer, permit, rows, View(names, redaction), seen)
    # A record that has gone meanwhile, or that the caller's row rules hide, does not exist.
    return dict(shown[0]) if shown and shown[0] else NotFound("no such token", at=at)


def _holder(refs: Mapping[Cell, Row], item: Located) -> bytes:
    holder = refs[item.row[0]][1]
    return holder if isinstance(holder, bytes) else NOBODY


def _whose(refs: Mapping[Cell, Row], item: Located) -> Cell:
    """Return what a shown token counts as: its holder, else itself."""
    holder = _holder(refs, item) if item.row else NOBODY
    return item.text if holder == NOBODY else holder


def _verdict(
    vault: Vault, seen: Seen, item: Located, refs: Mapping[Cell, Row], withheld: Withheld, redaction: str
) -> PrivetError | tuple[bytes, Wire] | None:
    """Return an error, a value that a row rule decided (with its record), or None: a rule without conditions decides.

    A computed token, and one that was made without a record, has no row that a condition could hold on; flags hold it
    back where somebody who has one has its value.
    """
    at, permit = f"tokens[{item.at}]", seen.permit
    if permit is None or not permit.allows(item.column.name):
        return Denied(f"no role of the caller allows `detokenize` on `{item.table.name}.{item.column.name}`", at=at)
    if item.row and item.row[0] not in refs:
        return NotFound("no such token", at=at)
    sights = permit.columns[item.column.name]
    plain = _unconditional(sights)
    if plain is not None and plain is sights[0] and _shown_anyway(plain, item, refs, withheld):
        return None
    found = _by_record(vault, permit, item, redaction, seen) if item.row else None
    if found is None and plain is not None and (not item.row or _stands_alone(vault, item)):
        return NotFound("no such token", at=at) if withheld.holds(plain.where, item) else None
    return found or NotFound("no such token", at=at)


def _shown_anyway(sight: Sight, item: Located, refs: Mapping[Cell, Row], withheld: Withheld) -> bool:
    """Return whether a sight shows a token whatever its record: nobody has a flag, or its holder has none."""
    return sight.where == ALWAYS or (bool(item.row) and withheld.spares(sight.where, refs[item.row[0]][3]))


def _unconditional(sights: Sequence[Sight]) -> Sight | None:
    """Return the sight that holds on every record, but for those that flags hold back."""
    return next((sight for sight in sights if bare(sight.where) == ALWAYS), None)


def _stands_alone(vault: Vault, item: Located) -> bool:
    if item.row[AT["holder"]] == NOBODY:
        return True
    where = And((Compare("token", "=", item.row[0]), Compare("rows", "=", None)))
    return bool(vault.store.select(Select(table="refs", columns=("token",), where=where, limit=1)))


def _living(vault: Vault, refs: Mapping[Cell, Row]) -> dict[Cell, Row]:
    """Return a reference to each token that still counts, the given one if it does: not that of an expired record."""
    found = _of_living(vault, list(refs.values()))
    rest = tuple(raw for raw in refs if raw not in found)
    if rest:
        question = Select(table="refs", columns=REFS, where=In("token", rest))
        found.update(_of_living(vault, vault.store.select(question)))
    return found


def _of_living(vault: Vault, refs: Sequence[Row]) -> dict[Cell, Row]:
    found = {row[0]: row for row in refs if row[2] is None}
    for table in vault.schema.tables:
        held = [row for row in refs if row[2] == table.rows]
        if held and may_expire(vault, table):
            present = live(vault, table, [row[1] for row in held])  # type: ignore[misc]  # blobs
            held = [row for row in held if row[1] in present]
        found.update({row[0]: row for row in held})  # else a reference goes in the unit in which its record goes
    return found


def _by_record(vault: Vault, permit: Permit, item: Located, redaction: str, seen: Seen) -> tuple[bytes, Wire] | None:
    question = Select(table="refs", columns=("holder",), where=Compare("token", "=", item.row[0]), limit=MANY_HOLDERS)
    ids = [item.row[AT["holder"]], *(row[0] for row in vault.store.select(question))]
    ids = [holder for holder in ids if holder is not None]
    rows = fetch(vault, item.table, sorted(set(ids)), among(vault, permit))  # type: ignore[arg-type]
    view = View((item.column.name,), redaction)
    kept, shown = visible(vault.sealer(item.table), permit, rows, view)
    for row, values in zip(kept, shown, strict=True):
        if item.column.name in values:
            visible(vault.sealer(item.table), permit, [row], view, seen)  # of many holders one is shown
            return row[0], values[item.column.name]  # type: ignore[return-value]
    return None


def _show_plain(
    vault: Vault,
    seen: Mapping[str, Seen],
    items: Sequence[Located],
    refs: Mapping[Cell, Row],
    redaction: str,
) -> list[Wire]:
    texts = locate.values(vault, items, refs)
    out: list[Wire] = [None] * len(items)
    groups: dict[bytes, list[int]] = {}
    for at, item in enumerate(items):
        groups.setdefault(item.column.id, []).append(at)
    for places in groups.values():
        first = items[places[0]]
        told = seen[first.table.name]
        assert told.permit is not None  # `_verdict` lets nothing else through
        sight = _unconditional(told.permit.columns[first.column.name])
        assert sight is not None
        capped = least(data_type(first.column.field.type), sight.redaction, redaction)
        if told.counts(first.column, sight.rule, capped):
            told.add(sight.rule, [_whose(refs, items[at]) for at in places])
        for at, value in zip(places, show(first.column, [texts[at] for at in places], capped), strict=True):
            out[at] = value
    return out


def tables_of(located: Sequence[Located | PrivetError]) -> dict[str, tuple[Table, tuple[str, ...]]]:
    """Return the tables and columns that located tokens belong to: what a caller needs permits for."""
    found: dict[str, tuple[Table, dict[str, None]]] = {}
    for item in located:
        if isinstance(item, Located):
            names = found.setdefault(item.table.name, (item.table, {}))[1]
            for column in item.columns:
                names[column.name] = None
    return {name: (table, tuple(columns)) for name, (table, columns) in found.items()}


def token_texts(vault: Vault, column: Column, raws: bytes) -> list[str | None]:
    """Return the texts of stored tokens by their ids, 16 bytes each: for a retried call."""
    ids = [raws[at : at + 16] for at in range(0, len(raws), 16)]
    return tokens.texts_by_id(vault, column, [None if raw == digest.ZERO_ID else raw for raw in ids])
