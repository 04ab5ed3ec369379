"""Tokens that stand for values: claimed when a value is written, released with its last holder, located when shown.

A stored token is a row keyed by 16 bytes: random ones for opaque and UUID tokens, a digest of the text for shaped
ones. Its tag makes it deterministic, its cell holds the value under the column's token key, and `refs` names the
records (or subjects) that hold it. Sealed and ff1 tokens are computed; transient ones live in this process alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from privet import digest
from privet.crypto import derive, shred, token
from privet.crypto.seal import CellKey, open_each, seal_each
from privet.crypto.shapes import SHAPES, Choice
from privet.errors import InvalidValue, LimitExceeded, NotFound
from privet.store.port import Aggregate, Cell, Delete, Expect, Insert, Put, Row, Select, Step
from privet.vault.log.audit import Deed
from privet.vault.schema import Column, Table
from privet.vault.sealer import Heads, by_key, open_cells, shred_context, take
from privet.vault.vault import Held, Vault
from privet.vocabulary.dataset import TokenPlan
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import And, Compare, In, Predicate

TOKENS = ("token", "tag", "owner", "text", "cell", "created", "consumer")
REFS = ("token", "holder", "rows", "subject", "cell")
NOBODY = digest.ZERO_ID  # the holder of tokens that belong to no record and no subject
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
    made = _stored(vault, column, plain, deed)
    holders = [heads.ids[i] for i in at]
    subjects = [heads.subjects[i] for i in at]
    copies = copies_of(vault, column, plain, made.ids, subjects)
    refs: list[Row] = list(zip(made.ids, holders, [rows] * len(at), subjects, copies, strict=True))
    if NOBODY in holders and column.token_id in _personal(vault):
        fresh = {row[0] for step in made.steps if isinstance(step, Insert) for row in step.rows}
        refs = [ref for ref in refs if ref[1] != NOBODY or ref[0] in fresh]
    steps = [*made.steps, Put("refs", REFS, refs)] if refs else made.steps
    if len(at) == len(texts):
        return Claim(made.ids, made.texts, steps)
    ids: list[Cell] = [None] * len(texts)
    shown: list[str | None] = [None] * len(texts)
    for i, stored, text in zip(at, made.ids, made.texts, strict=True):
        ids[i], shown[i] = stored, text
    return Claim(ids, shown, steps)


def _personal(vault: Vault) -> frozenset[bytes]:
    """Return the identities of the tokens of tables about people."""
    tables = [table for table in vault.schema.tables if table.collection.subject != "none"]
    return frozenset(column.token_id for table in tables for column in table.columns if column.token_id)


def _plan(column: Column) -> TokenPlan:
    if column.field.token is None:
        raise NotFound(f"column `{column.name}` has no tokens", hint="say `token:` in the schema")
    return column.field.token


def _stored(vault: Vault, column: Column, texts: Sequence[str], deed: Deed) -> Claim:
    """Return one stored token a text, equal for equal texts of a deterministic column, with the steps for new ones."""
    plan = _plan(column)
    if plan.kind != "stored":
        return _drawn(vault, column, texts, [None] * len(texts), deed)
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
    drawn = _drawn(vault, column, [texts[i] for i in new], [tags[i] for i in new], deed)
    rows = list(known.values())
    shown = _texts(column, [row[0] for row in rows], [row[2] for row in rows])  # type: ignore[misc]  # ids are blobs
    found: dict[Cell, tuple[Cell, str | None]] = {
        tag: (row[0], text) for tag, row, text in zip(known, rows, shown, strict=True)
    }
    found.update({tags[i]: (raw, text) for i, raw, text in zip(new, drawn.ids, drawn.texts, strict=True)})
    # INVARIANT: a token that is used again must still be there when this is written.
    still = [Expect("tokens", Compare("token", "=", row[0]), True) for row in known.values()]
    pairs = [found[tag] for tag in tags]
    return Claim([pair[0] for pair in pairs], [pair[1] for pair in pairs], [*still, *unused, *drawn.steps])


def _by_tag(vault: Vault, tags: Sequence[bytes]) -> dict[Cell, Row]:
    where = Compare("tag", "=", tags[0]) if len(tags) == 1 else In("tag", tuple(dict.fromkeys(tags)))
    rows = vault.store.select(Select(table="tokens", columns=("token", "tag", "text"), where=where))
    return {row[1]: row for row in rows}


def _drawn(vault: Vault, column: Column, texts: Sequence[str], tags: Sequence[bytes | None], deed: Deed) -> Claim:
    """Draw a new token for each text."""
    if not texts:
        return Claim((), ())
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
    rows = list(zip(raws, tags, *fixed, strict=True))
    shown = _texts(column, raws, shaped)
    return Claim(raws, shown, (Insert("tokens", TOKENS, rows),))


def token_cells(vault: Vault, column: Column, texts: Mapping[bytes, str]) -> dict[bytes, Cell]:
    """Return what the rows of a column's tokens hold as their column is kept now. `texts`: token id → value."""
    if column.field.keep == "shreddable" or not texts:
        return dict.fromkeys(texts)
    rows = vault.store.select(Select(table="tokens", columns=("token", "tag"), where=In("token", tuple(texts))))
    raws: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]  # blobs, as the shape says
    tied = bound(raws, [row[1] for row in rows])  # type: ignore[misc]
    plain = [texts[raw].encode() for raw in raws]
    pad = data_type(column.field.type).pad_bytes
    key = vault.ring.cell(column.token_id, "token")
    return dict(zip(raws, key.seal(context(vault, column), tied, plain, pad), strict=True))


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
        if load + len(out) >= shape.load_limit(text, choice):
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
    return [text_id(text) for text in out], list(out)


def demand_room(vault: Vault, column: Column, texts: Sequence[str], count: int) -> None:
    """Raise LimitExceeded unless `count` shaped tokens, some of them for `texts`, fit beside those that there are."""
    plan = _plan(column)
    shape, choice = SHAPES.get(plan.shape), Choice(plan.keep_last_four, plan.looks_real, plan.domain or Choice().domain)
    if count and _load(vault, column) + count > min((shape.load_limit(text, choice) for text in texts), default=count):
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
    where = Compare("owner", "=", column.token_id)
    question = Select(table="tokens", aggregates=(Aggregate("count"),), where=where)
    count = vault.store.select(question)[0][0]
    return count if isinstance(count, int) else 0


def context(vault: Vault, column: Column) -> bytes:
    """Return the 16 bytes that a column's token cells are bound to."""
    return derive.context(vault.id, column.token_id, column.token_id)


def bound(raws: Sequence[bytes], tags: Sequence[bytes | None]) -> list[bytes]:
    """Return the 16 bytes that the cells of stored tokens are bound to.

    Token and tag together, so that neither can be given to another row.
    """
    return [digest.sha256(raw + (tag or b""))[:16] for raw, tag in zip(raws, tags, strict=True)]


def copies_of(
    vault: Vault, column: Column, texts: Sequence[str], ids: Sequence[Cell], subjects: Sequence[bytes | None]
) -> Sequence[Cell]:
    """Return a copy of each token's value under its subject's own key; None for columns that are not shreddable.

    The write makes new keys of subjects durable first. Raises InvalidValue without a subject, Gone.
    """
    if column.field.keep != "shreddable":
        return [None] * len(texts)
    known = [subject for subject in subjects if subject is not None]
    if len(known) != len(texts):
        raise InvalidValue("expected a subject for every value", type_name=column.field.type, at=column.name)
    vault.draw_subjects(known)
    where, key = context(vault, column), vault.ring.cell(column.token_id, "token")
    keys = shred.cell_keys(vault.subject_keys(known), shred_context(key, where))
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


# --- releasing ------------------------------------------------------------------------------------------------


def release(vault: Vault, pairs: Sequence[Row], *, gained: Collection[Cell] = ()) -> Iterator[Step]:
    """Yield the steps that end the hold of (token, record) pairs; a token dies with its last holder.

    In a table about people NOBODY is no holder next to others: a token that was made without a subject, and then came
    to stand for a person's value, goes with the last of those who hold it. `gained`: tokens that get a holder in the
    same unit. The unit clashes if holders come or go so that another decision were right. It takes one release a
    unit: `together` makes one of several.
    """
    if not pairs:
        return
    yield Delete("refs", ("token", "holder"), list(pairs))
    losing: dict[Cell, int] = {}
    for raw, _ in dict.fromkeys(pairs):
        losing[raw] = losing.get(raw, 0) + 1
    counts = vault.store.select(
        Select(
            table="refs",
            group=("token",),
            aggregates=(Aggregate("count"),),
            where=In("token", tuple(losing)),
        )
    )
    left: dict[Cell, int] = {row[0]: row[1] - losing[row[0]] for row in counts}  # type: ignore[operator]  # a count
    personal = _among_personal(vault, [raw for raw, count in left.items() if count])
    forsaken = _only_nobodys(vault, [raw for raw in personal if left[raw] == 1 and raw not in gained])
    dying = tuple(raw for raw, count in left.items() if raw not in gained and (not count or raw in forsaken))
    if forsaken:
        yield Delete("refs", ("token", "holder"), [(raw, NOBODY) for raw in forsaken])
    if dying:
        yield Delete("tokens", ("token",), [(raw,) for raw in dying])
        yield Expect("refs", In("token", dying), False)
    # INVARIANT: of two units that each leave a token to the other's holder, the second clashes.
    for raw in left.keys() - set(dying):
        held: Predicate = Compare("token", "=", raw)
        yield Expect("refs", And((held, Compare("holder", "!=", NOBODY))) if raw in personal else held, True)


def _among_personal(vault: Vault, raws: Sequence[Cell]) -> set[Cell]:
    """Return those of `raws` that are tokens of a table about people."""
    if not raws:
        return set()
    owners = vault.store.select(Select(table="tokens", columns=("token", "owner"), where=In("token", tuple(raws))))
    personal = _personal(vault)
    return {row[0] for row in owners if row[1] in personal}


def _only_nobodys(vault: Vault, raws: Sequence[Cell]) -> set[Cell]:
    """Return those of `raws` that NOBODY holds."""
    if not raws:
        return set()
    where = And((In("token", tuple(raws)), Compare("holder", "=", NOBODY)))
    return {row[0] for row in vault.store.select(Select(table="refs", columns=("token",), where=where))}


def together(vault: Vault, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps of a unit with its releases made one, at its end: a token dies if all of them leave nobody."""
    pairs: list[Row] = []
    gained: set[Cell] = set()
    for step in steps:
        if isinstance(step, Delete) and step.table == "refs":
            pairs += [row for row in step.rows if row[1] != NOBODY]
        elif isinstance(step, Put) and step.table == "refs":
            gained.update(row[0] for row in step.rows)
            yield step
        elif not (isinstance(step, Delete) and step.table == "tokens") and not _on_refs(step):
            yield step
    yield from release(vault, pairs, gained=gained)


def _on_refs(step: Step) -> bool:
    return isinstance(step, Expect) and step.table == "refs"


# --- showing --------------------------------------------------------------------------------------------------


def texts_of(vault: Vault, table: Table, rows: Sequence[Row], place: Mapping[str, int]) -> list[dict[str, str | None]]:
    """Return the stored tokens of records, by column."""
    out: list[dict[str, str | None]] = [{} for _ in rows]
    for column in table.columns:
        if column.token_slot:
            shown = texts_by_id(vault, column, [row[place[column.token]] for row in rows])
            for record, text in zip(out, shown, strict=True):
                record[column.name] = text
    return out


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
    return open_cells(vault.ring, context(vault, column), ids, [row[4] for row in rows])  # type: ignore[misc]


def open_copies(vault: Vault, column: Column, raws: Sequence[bytes], copies: Sequence[Row]) -> list[bytes]:
    """Return the values of a shreddable column's tokens from references to them. Raises Damaged, Gone."""
    where = context(vault, column)
    subjects: list[bytes] = [copy[3] for copy in copies]  # type: ignore[misc]  # such a reference names a subject
    cells: list[bytes] = [copy[4] for copy in copies]  # type: ignore[misc]

    def open_some(key: CellKey, at: Sequence[int]) -> list[bytes]:
        keys = shred.cell_keys(vault.subject_keys(take(subjects, at)), shred_context(key, where))
        return open_each(keys, key.key_id, where, take(raws, at), take(cells, at))

    return by_key(vault.ring, cells, open_some)
