"""Find what a token stands for: where its value belongs, who holds it, and the value itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from privet import digest
from privet.crypto import token
from privet.errors import Gone, InvalidToken, InvalidValue, NotFound, PrivetError
from privet.store.port import Aggregate, Cell, Row, Select
from privet.vault import tokens
from privet.vault.holders import REFS, TOKENS, first_of
from privet.vault.schema import Column, Schema, Table
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, Compare, In

_OWNERS = "owners of tokens"  # no name of a table, beside which it stands in `Vault.plans`


@dataclass(frozen=True, slots=True)
class Located:
    """A token that exists: where its value belongs, and how to open it.

    `row` is of a stored token, `value` of others. Of the token of a whole record, `record` is its id and `wanted` the
    columns that it stands for; `column` is the first of them.
    """

    at: int
    text: str
    table: Table
    column: Column
    row: Row = ()
    value: str | None = None
    record: bytes = b""
    wanted: tuple[Column, ...] = ()

    @property
    def raw(self) -> bytes:
        """Return the 16 bytes of the token of a whole record. Raises ValueError for one of another kind."""
        return digest.id_bytes(self.text)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return every column that the token stands for."""
        return self.wanted or (self.column,)


def locate(
    vault: Vault, texts: Sequence[str], *, table: str = "", column: str = "", consumer: str = ""
) -> list[Located | PrivetError]:
    """Return where each token's value belongs, or why there is none: NotFound, Gone, InvalidToken.

    `table` and `column`: where an ff1 token, whose text does not say, belongs. `column` also says which one of those
    that a whole record's token stands for is wanted.
    """
    alone = _alone(vault, texts[0]) if len(texts) == 1 and not (table and column) else None
    if alone is not None:
        return [alone]
    return locate_all(vault, texts, table=table, column=column, consumer=consumer)


def locate_all(
    vault: Vault, texts: Sequence[str], *, table: str = "", column: str = "", consumer: str = ""
) -> list[Located | PrivetError]:
    """`locate` of any number of tokens of any kind: what the path for one is held against."""
    hint = _hinted(vault, table, column)
    out: list[Located | PrivetError] = []
    raws: dict[bytes, list[int]] = {}
    for at, text in enumerate(texts):
        found = _elsewhere(vault, at, text, hint, consumer)
        if found is None:
            try:
                raws.setdefault(_raw(text), []).append(at)
                found = NotFound("no such token", at=f"tokens[{at}]")
            except (InvalidToken, ValueError):
                found = InvalidToken("not the text of a token", at=f"tokens[{at}]")
        out.append(found)
    if raws:
        for row in _rows(vault, list(raws)):
            owner = _owner(vault, row[2])
            for at in raws[row[0]] if owner else ():  # type: ignore[index]
                out[at] = Located(at, texts[at], *owner, row=row)  # type: ignore[misc]
        left = {raw: places for raw, places in raws.items() if isinstance(out[places[0]], NotFound)}
        for at, whole in _of_records(vault, left, column):
            out[at] = replace(whole, at=at, text=texts[at]) if isinstance(whole, Located) else whole
    return out


def _alone(vault: Vault, text: str) -> Located | None:
    """Return where an opaque token belongs, without the lists that many take; None where that says nothing yet."""
    if not text.startswith(token.OPAQUE_PREFIX):
        return None
    try:
        raw = token.opaque_raw(text)
    except InvalidToken:
        return None
    rows = _rows(vault, (raw,))
    owner = _owner(vault, rows[0][2]) if rows else None
    return None if owner is None else Located(0, text, *owner, row=rows[0])


def is_guess(text: str) -> bool:
    """Return whether a text that is no token may have been guessed to be one: it has a shape of fewer than 122 bits."""
    if text.startswith((token.OPAQUE_PREFIX, token.SEALED_PREFIX, tokens.TRANSIENT_PREFIX)):
        return False
    return len(text) != 36 or text[8] != "-"


def _of_records(
    vault: Vault, raws: Mapping[bytes, Sequence[int]], wanted: str
) -> Iterator[tuple[int, Located | PrivetError]]:
    """Yield (place, what is located) of the tokens of whole records among `raws`."""
    for table in vault.schema.tables if raws else ():
        columns = tuple(column for column in table.of_record if wanted in ("", column.name))
        if not table.record_slot:
            continue
        question = Select(table=table.rows, columns=("id", table.token), where=In(table.token, tuple(raws)))
        for record, raw in vault.store.select(question):
            for at in raws[raw]:  # type: ignore[index]  # a blob, as it was asked for
                if columns:
                    yield at, Located(at, "", table, columns[0], record=record, wanted=columns)  # type: ignore[arg-type]
                else:
                    yield at, InvalidToken("not a token of this column", at=f"tokens[{at}]")


def _rows(vault: Vault, raws: Sequence[bytes]) -> list[Row]:
    where = Compare("token", "=", raws[0]) if len(raws) == 1 else In("token", tuple(raws))
    return vault.store.select(Select(table="tokens", columns=TOKENS, where=where))


def _hinted(vault: Vault, table: str, column: str) -> tuple[Table, Column] | None:
    if not table or not column:
        return None
    found = vault.table(table)
    return found, found.column(column)


def _raw(text: str) -> bytes:
    if text.startswith(token.OPAQUE_PREFIX):
        return token.opaque_raw(text)
    if len(text) == 36 and text[8] == "-":
        return digest.id_bytes(text)
    return tokens.text_id(text)


def _owner(vault: Vault, token_id: Cell) -> tuple[Table, Column] | None:
    known = vault.plans.get(_OWNERS)
    if not isinstance(known, _Owners) or known.schema is not vault.schema:
        known = vault.plans[_OWNERS] = _owners(vault.schema)
    return known.by_token.get(token_id)


@dataclass(frozen=True, slots=True)
class _Owners:
    """Token id → where its values belong, in one version of the schema."""

    schema: Schema
    by_token: Mapping[Cell, tuple[Table, Column]]


def _owners(schema: Schema) -> _Owners:
    found: dict[Cell, tuple[Table, Column]] = {}
    for table in schema.tables:
        for column in table.columns:
            found.setdefault(column.token_id, (table, column))
    return _Owners(schema, found)


def _elsewhere(
    vault: Vault, at: int, text: str, hint: tuple[Table, Column] | None, consumer: str
) -> Located | PrivetError | None:
    """Locate tokens that no row holds: transient, sealed, ff1."""
    if text.startswith(tokens.TRANSIENT_PREFIX):
        held = vault.held(text)
        for table in vault.schema.tables if held else ():
            for column in table.columns:
                if held and column.id == held.column:
                    return Located(at, text, table, column, value=held.text)
        return Gone("the token's time is over", at=f"tokens[{at}]")
    owner = hint
    if text.startswith(token.SEALED_PREFIX):
        try:
            key_id = token.sealed_key_id(text)
        except InvalidToken:
            return InvalidToken("not the text of a token", at=f"tokens[{at}]")
        row = next((row for row in vault.ring.rows() if row.key_id == key_id and row.purpose == "token"), None)
        owner = _owner(vault, row.owner) if row else None
    elif hint is None or hint[1].field.token is None or hint[1].field.token.kind != "ff1":
        return None
    if owner is None:
        return NotFound("no such token", at=f"tokens[{at}]")
    try:
        return Located(at, text, *owner, value=tokens.machine(vault, owner[1], consumer).open([text])[0])
    except (InvalidToken, InvalidValue):
        return InvalidToken("not a token of this column", at=f"tokens[{at}]")


def holders(vault: Vault, located: Sequence[Located]) -> dict[Cell, Row]:
    """Return one reference (token, holder, rows, subject, cell) of each stored token that has any."""
    found = {item.row[0]: first_of(item.row, item.table, item.column) for item in located if item.row}
    out = {raw: ref for raw, ref in found.items() if ref is not None}
    rest = tuple(raw for raw, ref in found.items() if ref is None)
    if rest:
        where = In("token", rest)
        least = Select(table="refs", group=("token",), aggregates=(Aggregate("min", "holder"),), where=where)
        chosen = {(row[0], row[1]) for row in vault.store.select(least)}
        among = And((where, In("holder", tuple(holder for _, holder in chosen))))
        beside = vault.store.select(Select(table="refs", columns=REFS, where=among))
        out.update({row[0]: row for row in beside if row[:2] in chosen})
    return out


def values(vault: Vault, located: Sequence[Located], refs: Mapping[Cell, Row]) -> list[str]:
    """Return the canonical text behind each located token. Raises Damaged, or Gone for a forgotten subject."""
    out = [item.value or "" for item in located]
    by_column: dict[bytes, list[int]] = {}
    for at, item in enumerate(located):
        if item.row:
            by_column.setdefault(item.column.token_id, []).append(at)
    for places in by_column.values():
        column = located[places[0]].column
        rows = [located[at].row for at in places]
        for at, plain in zip(places, _open(vault, column, rows, refs), strict=True):
            out[at] = plain.decode()
    return out


def _open(vault: Vault, column: Column, rows: Sequence[Row], refs: Mapping[Cell, Row]) -> list[bytes]:
    if column.field.keep != "shreddable":
        return tokens.open_stored(vault, column, rows)
    raws: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]
    return tokens.open_copies(vault, column, raws, [refs[raw] for raw in raws])
