"""Tokens that stand for values: claimed when a value is written, released with its last holder, located when shown.

A stored token is a row keyed by 16 bytes: random ones for opaque and UUID tokens, a digest of the text for shaped
ones. Its tag makes it deterministic, and its cell holds the value under the column's token key. The row names the
holder that it was made for, if that is a record whose head names the token, or nobody; all others stand in `refs`. In
a shreddable column each of them has a copy of the value under its subject's key, and the cell is that of the row's.
Sealed and ff1 tokens are computed; transient ones live in this process alone; that of a whole record stands in its row,
under its head, and is gone with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from privet import digest
from privet.crypto import derive, shred, token
from privet.crypto.seal import CellKey, open_each, seal_each
from privet.crypto.shapes import SHAPES, Choice
from privet.errors import InvalidValue, LimitExceeded, NotFound
from privet.store.port import Aggregate, Cell, Expect, Insert, Row, Select, Step, Update
from privet.vault.holders import AT, NOBODY, TOKENS, Named, personal, refer, still
from privet.vault.log.audit import Deed
from privet.vault.schema import Column, Table
from privet.vault.sealer import Heads, Opened, by_key, open_cells, shred_context, take
from privet.vault.vault import Held, Vault
from privet.vocabulary.dataset import TokenPlan
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import Compare, In

TRANSIENT_PREFIX = "tkt_"
TRANSIENT_MS = 15 * 60 * 1000
DRAWS = 16
STORED = frozenset({"stored", "random"})


@dataclass(frozen=True, slots=True)
class Claim:
    """The tokens of one column of a batch: stored ids (None where nothing is stored), texts, and what to write."""

    ids: Sequence[Cell]
    texts: Sequence[str | None]
    steps: Sequence[Step] = ()


_Made = tuple[Sequence[Cell], ...]  # the columns of TOKENS before the holder


@dataclass(frozen=True, slots=True)
class _Found:
    """One stored token a text. `new`: places of those to be made; `made`: what their rows hold, up to the holder.

    `known`: token → (holder, subject) as its row names them, of those that are there. `steps`: what must hold.
    """

    ids: Sequence[bytes]
    texts: Sequence[str]
    new: Sequence[int]
    made: _Made
    known: Named
    steps: Sequence[Step] = ()


# --- claiming -------------------------------------------------------------------------------------------------


def claim(
    vault: Vault, column: Column, texts: Sequence[str | None], heads: Heads, deed: Deed, rows: str | None
) -> Claim:
    """Return the token of each text, making those that do not exist yet. `heads.ids` become their holders.

    `rows`: the physical table of those records; None where the holders are subjects. In a table about people NOBODY
    comes to hold only tokens that are made new: one that exists lives and dies with those who hold it.
    """
    plan = _plan(column)
    if plan.kind in ("sealed", "ff1"):
        return Claim([None] * len(texts), computed(vault, column, texts, deed.principal))
    at = [i for i, text in enumerate(texts) if text is not None]
    plain = [text for text in texts if text is not None]
    if not plain:
        return Claim([None] * len(texts), [None] * len(texts))
    found = _stored(vault, column, plain, deed)
    some = Heads(take(heads.ids, at), (), take(heads.subjects, at), (), heads.held)
    steps = [*found.steps, *_held(vault, column, plain, found, some, rows)]
    if len(at) == len(texts):
        return Claim(found.ids, found.texts, steps)
    ids: list[Cell] = [None] * len(texts)
    shown: list[str | None] = [None] * len(texts)
    for i, stored, text in zip(at, found.ids, found.texts, strict=True):
        ids[i], shown[i] = stored, text
    return Claim(ids, shown, steps)


def _held(
    vault: Vault,
    column: Column,
    texts: Sequence[str],
    found: _Found,
    heads: Heads,
    rows: str | None,
) -> Iterator[Step]:
    """Yield the steps that make the new tokens of `found` and have `heads.ids` hold them all."""
    holders, subjects = heads.ids, heads.subjects
    size, new = len(found.ids), found.new
    copies = copies_of(vault, column, texts, found.ids, subjects, heads.held)
    named = dict(found.known)
    beside: Sequence[int] = range(size)
    nulls: Sequence[Cell] = [None] * len(new)
    first: tuple[Sequence[Cell], ...] = (nulls, nulls, nulls)
    if column.token_slot > 0 if rows is not None else NOBODY in holders:
        first = (take(copies, new), take(holders, new), take(subjects, new))
        made_now = set(new) if len(new) < size else set(beside)
        beside = [i for i in beside if i not in made_now]
        if rows is None and found.known and column.token_id in personal(vault):
            beside = ()
    if new:
        cells = first[0] if column.field.keep == "shreddable" else found.made[4]
        made = list(zip(*found.made[:4], cells, *found.made[5:], *first[1:], strict=True))
        yield Insert("tokens", TOKENS, made)
        if beside:
            named.update({row[0]: row[7:] for row in made})
    yield from refer(column, named, [(found.ids[i], holders[i], rows, subjects[i], copies[i]) for i in beside])


def _plan(column: Column) -> TokenPlan:
    if column.field.token is None:
        raise NotFound(f"column `{column.name}` has no tokens", hint="say `token:` in the schema")
    return column.field.token


def _stored(vault: Vault, column: Column, texts: Sequence[str], deed: Deed) -> _Found:
    """Return one stored token a text, equal for equal texts of a deterministic column."""
    plan = _plan(column)
    if plan.kind != "stored":
        raws, shown, made = _drawn(vault, column, texts, [None] * len(texts), deed)
        return _Found(raws, shown, range(len(texts)), made, {})
    consumer = deed.principal.encode() if plan.scope == "consumer" else b""
    plain = [digest.canonical((consumer, text.encode())) for text in texts] if consumer else [t.encode() for t in texts]
    newest, *former = vault.ring.indexes(column.token_id, "unique")
    tags = newest.tags(plain)
    known = _by_tag(vault, tags)
    unused: list[Step] = []
    for tagger in former:
        # While the tags are rebuilt a token may still have an older one; a new token must not come beside it.
        older = dict(zip(tagger.tags(plain), tags, strict=True))
        found_older = _by_tag(vault, list(older))
        known.update({older[tag]: row for tag, row in found_older.items()})  # type: ignore[index]  # tags are bytes
        free = tuple(tag for tag in older if tag not in found_older)
        unused += [Expect("tokens", In("tag", free), False)] if free else []
    first: dict[bytes, int] = {}
    for at, tag in enumerate(tags):
        if tag not in known:
            first.setdefault(tag, at)
    new = list(first.values())
    raws, shown, made = _drawn(vault, column, take(texts, new), take(tags, new), deed)
    if len(new) == len(texts):
        return _Found(raws, shown, new, made, {}, unused)
    there = list(known.values())
    pairs = dict(zip((tags[i] for i in new), zip(raws, shown, strict=True), strict=True))
    held: list[bytes] = [row[0] for row in there]  # type: ignore[misc]  # ids are blobs
    pairs.update(zip(known, zip(held, _texts(column, held, [row[2] for row in there]), strict=True), strict=True))  # type: ignore[arg-type]
    named = {row[0]: (row[3], row[4]) for row in there}
    # INVARIANT: a token that is used again must still be there when this is written.
    ids, said = zip(*(pairs[tag] for tag in tags), strict=True)
    return _Found(ids, said, new, made, named, [*still(named), *unused])


def _by_tag(vault: Vault, tags: Sequence[bytes]) -> dict[Cell, Row]:
    where = Compare("tag", "=", tags[0]) if len(tags) == 1 else In("tag", tuple(dict.fromkeys(tags)))
    columns = ("token", "tag", "text", "holder", "subject")
    return {row[1]: row for row in vault.store.select(Select(table="tokens", columns=columns, where=where))}


def _drawn(
    vault: Vault, column: Column, texts: Sequence[str], tags: Sequence[bytes | None], deed: Deed
) -> tuple[list[bytes], list[str], _Made]:
    """Return (ids, texts, what their rows hold up to the holder) of a new token for each text."""
    if not texts:
        return [], [], ((),) * AT["holder"]
    plan = _plan(column)
    raws, shaped = _draw(vault, column, plan, texts)
    cells: Sequence[Cell] = [None] * len(texts)
    if column.field.keep != "shreddable":
        key = vault.ring.cell(column.token_id, "token")
        plain = [text.encode() for text in texts]
        cells = key.seal(context(vault, column), bound(raws, tags), plain, data_type(column.field.type).pad_bytes)
    size = len(texts)
    consumer = deed.principal if plan.scope == "consumer" else None
    fixed = ([column.token_id] * size, shaped, cells, [deed.at_ms] * size, [consumer] * size)
    return raws, _texts(column, raws, shaped), (raws, tags, *fixed)


def token_cells(vault: Vault, column: Column, texts: Mapping[bytes, str]) -> Iterator[Step]:
    """Yield the steps by which the rows of a column's tokens hold what they do as it is kept now.

    `texts`: token id → value. A row of a shreddable column that names a record has a copy of its own, or gets one with
    that record.
    """
    question = Select(table="tokens", columns=("token", "tag", "holder"), where=In("token", tuple(texts)))
    rows = vault.store.select(question) if texts else []
    if column.field.keep == "shreddable":
        bare = [(None, None, None, row[0]) for row in rows if row[2] in (None, NOBODY)]
        if bare:
            yield Update("tokens", ("cell", "holder", "subject"), ("token",), bare)
        return
    if rows:
        raws: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]  # blobs, as the shape says
        tied = bound(raws, [row[1] for row in rows])  # type: ignore[misc]
        plain = [texts[raw].encode() for raw in raws]
        key = vault.ring.cell(column.token_id, "token")
        cells = key.seal(context(vault, column), tied, plain, data_type(column.field.type).pad_bytes)
        yield Update("tokens", ("cell",), ("token",), list(zip(cells, raws, strict=True)))


def _draw(vault: Vault, column: Column, plan: TokenPlan, texts: Sequence[str]) -> tuple[list[bytes], list[str | None]]:
    if plan.shape in ("", "uuid"):
        raws = digest.random_ids(len(texts))
        if plan.shape == "uuid":
            raws = [_as_uuid4(raw) for raw in raws]
        return raws, [None] * len(texts)
    shape = SHAPES.get(plan.shape)
    choice = Choice(plan.keep_last_four, plan.looks_real, plan.domain or Choice().domain)
    load = _load(vault, column)
    out: list[str] = []
    taken: set[str] = set()
    for text in texts:
        limit = shape.load_limit(text, choice)
        if load + len(out) >= limit:
            load = _recount(vault, column)
        if load + len(out) >= limit:
            raise LimitExceeded(
                f"column `{column.name}` has used its share of `{plan.shape}` tokens", hint="use opaque tokens"
            )
        for _ in range(DRAWS):
            drawn = shape.draw(text, digest.random_bytes, choice)
            if drawn not in taken and not _exists(vault, text_id(drawn)):
                break
        else:
            raise LimitExceeded(f"no free `{plan.shape}` token was found for column `{column.name}`")
        taken.add(drawn)
        out.append(drawn)
    vault.plans[_load_name(column)] = load + len(out)
    return [text_id(text) for text in out], list(out)


def demand_room(vault: Vault, column: Column, texts: Sequence[str], count: int) -> None:
    """Raise LimitExceeded unless `count` shaped tokens, some of them for `texts`, fit beside those that there are."""
    plan = _plan(column)
    shape, choice = SHAPES.get(plan.shape), Choice(plan.keep_last_four, plan.looks_real, plan.domain or Choice().domain)
    limit = min((shape.load_limit(text, choice) for text in texts), default=count)
    if count and _recount(vault, column) + count > limit:
        raise LimitExceeded(f"column `{column.name}` would use up its share of `{plan.shape}` tokens")


def _as_uuid4(raw: bytes) -> bytes:
    return raw[:6] + bytes([raw[6] & 0x0F | 0x40, raw[7], raw[8] & 0x3F | 0x80]) + raw[9:]


def text_id(text: str) -> bytes:
    """Return the 16 bytes under which a shaped token is stored."""
    return digest.sha256(b"privet shaped token " + text.encode())[:16]


def _exists(vault: Vault, raw: bytes) -> bool:
    return bool(
        vault.store.select(Select(table="tokens", columns=("token",), where=Compare("token", "=", raw), limit=1))
    )


def _load(vault: Vault, column: Column) -> int:
    """Return how many tokens a column has, or a little more: drawn ones count even if they were never written."""
    known = vault.plans.get(_load_name(column))
    return known if isinstance(known, int) else _recount(vault, column)


def _recount(vault: Vault, column: Column) -> int:
    where = Compare("owner", "=", column.token_id)
    count = vault.store.select(Select(table="tokens", aggregates=(Aggregate("count"),), where=where))[0][0]
    return count if isinstance(count, int) else 0


def _load_name(column: Column) -> str:
    return f"shaped tokens of {column.token_id.hex()}"


def context(vault: Vault, column: Column) -> bytes:
    """Return the 16 bytes that a column's token cells are bound to."""
    return derive.context(vault.id, column.token_id, column.token_id)


def bound(raws: Sequence[bytes], tags: Sequence[bytes | None]) -> list[bytes]:
    """Return the 16 bytes that the cells of stored tokens are bound to.

    Token and tag together, so that neither can be given to another row.
    """
    tied = digest.sha256_each([raw + tag if tag else raw for raw, tag in zip(raws, tags, strict=True)])
    return [each[:16] for each in tied]


def bound_one(raw: bytes, tag: bytes | None) -> bytes:
    """Return `bound` of one token."""
    return digest.sha256(raw + tag if tag else raw)[:16]


def copies_of(
    vault: Vault,
    column: Column,
    texts: Sequence[str],
    ids: Sequence[Cell],
    subjects: Sequence[bytes | None],
    held: Opened | None = None,
) -> Sequence[Cell]:
    """Return a copy of each token's value under its subject's own key; None for columns that are not shreddable.

    The write makes new keys of subjects durable first. `held`: the keys of subjects that were drawn for it already.
    Raises InvalidValue without a subject, Gone.
    """
    if column.field.keep != "shreddable":
        return [None] * len(texts)
    if None in subjects:
        raise InvalidValue("expected a subject for every value", type_name=column.field.type, at=column.name)
    held = {} if held is None else held
    missing = [subject for subject in subjects if subject not in held]
    if missing:
        vault.draw_subjects(missing)
        ready = shred.make_ready(vault.subject_keys(missing))  # type: ignore[arg-type]  # None was refused
        held.update(zip(missing, ready, strict=True))
    where, key = context(vault, column), vault.ring.cell(column.token_id, "token")
    keys = shred.ready_cell_keys([held[subject] for subject in subjects], shred_context(key, where))
    key_id = key.key_id
    pad = data_type(column.field.type).pad_bytes
    return list(seal_each(keys, key_id, where, ids, [text.encode() for text in texts], pad))  # type: ignore[arg-type]


def _texts(column: Column, raws: Sequence[bytes], shaped: Sequence[Cell]) -> list[str]:
    shape = _plan(column).shape
    if shape == "uuid":
        return [digest.id_text(raw) for raw in raws]
    if shape:
        return [str(text) for text in shaped]
    return token.opaque_texts(raws) if raws else []


def computed(vault: Vault, column: Column, texts: Sequence[str | None], consumer: str) -> list[str | None]:
    """Return sealed or ff1 tokens: nothing is stored."""
    plain = [text for text in texts if text is not None]
    made = iter(machine(vault, column, consumer).seal(plain) if plain else ())
    return [None if text is None else next(made) for text in texts]


class Machine:
    """One verb pair over the two kinds of computed tokens."""

    def __init__(self, made: token.SealedTokens | token.FF1Tokens) -> None:
        self.seal = made.seal if isinstance(made, token.SealedTokens) else made.make
        self.open = made.open


def machine(vault: Vault, column: Column, consumer: str) -> Machine:
    plan = _plan(column)
    where = context(vault, column)
    scope = digest.sha256(consumer.encode())[:16] if plan.scope == "consumer" else bytes(16)
    if plan.kind == "sealed":
        pad = data_type(column.field.type).pad_bytes
        return Machine(token.SealedTokens(vault.ring.cell(column.token_id, "token"), where, scope=scope, pad_bytes=pad))
    form: token.Form = "card" if column.field.type == "card.pan" else "digits"
    key = vault.ring.raw("token", column.token_id)
    tweak = digest.sha256(where + scope)[:16]
    keep = plan.keep_last_four
    return Machine(token.FF1Tokens(key, tweak, form=form, keep_last_four=keep, looks_real=plan.looks_real))


def hold(
    vault: Vault, column: Column, texts: Sequence[str | None], subjects: Sequence[bytes | None]
) -> list[str | None]:
    """Keep values in this process's memory for a quarter of an hour and return their tokens.

    `subjects`: whose values they are; erasing a person lets hers go sooner. Raises LimitExceeded where too many are
    kept; those of the call that were taken before end by time.
    """
    out: list[str | None] = []
    for text, subject in zip(texts, subjects, strict=True):
        if text is None:
            out.append(None)
            continue
        name = TRANSIENT_PREFIX + token.opaque_text(digest.random_bytes(16)).removeprefix(token.OPAQUE_PREFIX)
        vault.hold(name, Held(column.id, text, vault.clock() + TRANSIENT_MS, subject))
        out.append(name)
    return out


# --- showing --------------------------------------------------------------------------------------------------


def texts_of(vault: Vault, table: Table, rows: Sequence[Row], place: Mapping[str, int]) -> list[dict[str, str | None]]:
    """Return the stored tokens of records, by column."""
    out: list[dict[str, str | None]] = [{} for _ in rows]
    for column in table.columns:
        if column.token_slot:
            shown = texts_by_id(vault, column, [row[place[column.token]] for row in rows])
            for record, text in zip(out, shown, strict=True):
                record[column.name] = text
    for column in table.of_record:
        for record, row in zip(out, rows, strict=True):
            record[column.name] = of_record(row[place[table.token]], row[place[column.cell]])
    return out


def record_tokens(count: int) -> list[bytes]:
    """Return tokens for whole records: random UUIDs, which no id of a record is."""
    return [_as_uuid4(raw) for raw in digest.random_ids(count)]


def of_record(raw: Cell, held: object) -> str | None:
    """Return the text of a record's token for one of its columns, None where the column holds nothing."""
    return digest.id_text(raw) if isinstance(raw, bytes) and held is not None else None


def texts_by_id(vault: Vault, column: Column, raws: Sequence[Cell]) -> list[str | None]:
    """Return the texts of a column's stored tokens, None for None."""
    held = [raw for raw in raws if raw is not None]
    if not held:
        return [None] * len(raws)
    shaped: dict[Cell, Cell] = {}
    if _plan(column).shape not in ("", "uuid"):
        where = In("token", tuple(dict.fromkeys(held)))
        question = Select(table="tokens", columns=("token", "text"), where=where)
        shaped = {row[0]: row[1] for row in vault.store.select(question)}
    texts = iter(_texts(column, held, [shaped.get(raw) for raw in held]))  # type: ignore[arg-type]
    return [None if raw is None else next(texts) for raw in raws]


def open_stored(vault: Vault, column: Column, rows: Sequence[Row]) -> list[bytes]:
    """Return the values of stored tokens from their rows (the columns of TOKENS), of a column that is not shreddable.

    Raises Damaged.
    """
    ids = bound([row[0] for row in rows], [row[1] for row in rows])  # type: ignore[misc]
    return open_cells(vault.ring, context(vault, column), ids, [row[AT["cell"]] for row in rows])  # type: ignore[misc]


def open_copies(vault: Vault, column: Column, raws: Sequence[bytes], copies: Sequence[Row]) -> list[bytes]:
    """Return the values of a shreddable column's tokens from references to them. Raises Damaged, Gone."""
    where = context(vault, column)
    subjects: list[bytes] = [copy[3] for copy in copies]  # type: ignore[misc]  # such a reference names a subject
    cells: list[bytes] = [copy[4] for copy in copies]  # type: ignore[misc]

    def open_some(key: CellKey, at: Sequence[int]) -> list[bytes]:
        keys = shred.cell_keys(vault.subject_keys(take(subjects, at)), shred_context(key, where))
        return open_each(keys, key.key_id, where, take(raws, at), take(cells, at))

    return by_key(vault.ring, cells, open_some)
