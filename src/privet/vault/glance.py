"""Show what one token stands for: what `reveal` does for a batch of one, without its lists and groups.

It covers the common token: stored, its holder named by its own row, in a table whose records do not expire, and shown
by a rule without conditions. Of any other `ready` says that only the batch path will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from privet.crypto import seal, shred
from privet.policy.permit import Permit, Sight
from privet.vault import tokens
from privet.vault.access import consents
from privet.vault.access.budgets import Seen
from privet.vault.holders import AT, NOBODY
from privet.vault.locate import Located
from privet.vault.log.audit import Deed
from privet.vault.rows import may_expire
from privet.vault.schema import Column, Table
from privet.vault.sealer import shred_context
from privet.vault.sight import least
from privet.vault.values import show
from privet.vault.vault import Vault
from privet.vocabulary.datatype import DataType, Wire, data_type
from privet.vocabulary.flag import bare, marks
from privet.vocabulary.predicate import ALWAYS, Predicate

_READY = "tokens shown alone"  # no name of a table, beside which it stands in `Vault.plans`
_TAG, _CELL, _HOLDER, _SUBJECT = AT["tag"], AT["cell"], AT["holder"], AT["subject"]


@dataclass(slots=True)
class _Column:
    """A column with stored tokens, with all that showing one needs looked up. `shreds`: key id → what makes the keys
    of its copies from those of subjects. `lasting`: no record of the table expires."""

    table: Table
    column: Column
    names: tuple[str, ...]
    kind: DataType
    context: bytes
    shreds: dict[int, bytes]
    lasting: bool


@dataclass(slots=True)
class Glance:
    """A token that may be shown by this path: its column, the permit, and the sight that decides."""

    of: _Column
    permit: Permit
    sight: Sight
    item: Located
    holder: bytes


def ready(vault: Vault, permits: Mapping[str, Permit], item: object) -> Glance | None:
    """Return what `detokenize` needs to show a token, None where only the batch path will do. Opens nothing."""
    if not isinstance(item, Located) or not item.row:
        return None
    holder, subject, cell = item.row[_HOLDER], item.row[_SUBJECT], item.row[_CELL]
    permit = permits.get(item.table.collection.name)
    if not isinstance(holder, bytes) or not isinstance(cell, bytes) or permit is None:
        return None
    of = _column(vault, item.table, item.column)
    sights = permit.columns.get(item.column.name)
    if not sights or not (of.lasting or holder == NOBODY) or not _free(vault, sights[0].where, subject):
        return None
    if of.column.field.keep == "shreddable" and not isinstance(subject, bytes):
        return None
    return Glance(of, permit, sights[0], item, holder)


def _free(vault: Vault, where: Predicate, subject: object) -> bool:
    """Return whether a sight shows whatever the first holder holds: it has no condition, and no flag is hers."""
    if where == ALWAYS:
        return True
    known = bare(where) == ALWAYS and isinstance(subject, bytes)
    return known and not consents.withheld(vault, marks(where), {subject})  # type: ignore[arg-type]  # bytes


def _column(vault: Vault, table: Table, column: Column) -> _Column:
    known = vault.plans.setdefault(_READY, {})
    assert isinstance(known, dict)  # nobody else keeps anything under that name
    found = known.get(column.token_id)
    if not isinstance(found, _Column) or found.table is not table:
        found = known[column.token_id] = _Column(
            table=table,
            column=column,
            names=(f"{table.name}.{column.name}",),
            kind=data_type(column.field.type),
            context=tokens.context(vault, column),
            shreds={},
            lasting=not may_expire(vault, table),
        )
    return found


async def detokenize(vault: Vault, glance: Glance, deed: Deed, *, redaction: str = "") -> Wire:
    """Return what the token shows. Audited before it returns. Raises LimitExceeded, Damaged, Gone, as `reveal` does."""
    of, sight = glance.of, glance.sight
    text = _open(vault, of, glance.item)
    capped = least(of.kind, sight.redaction, redaction)
    seen = Seen(of.table, glance.permit)
    if seen.counts(of.column, sight.rule, capped):
        # A token of nobody's counts as itself.
        seen.add(sight.rule, (glance.item.text if glance.holder == NOBODY else glance.holder,))
    value = show(of.column, (text,), capped)[0]
    seen.shown = [glance.holder]
    await vault.note(deed, columns=of.names, records=glance.holder, count=1, seen=(seen,))
    return value


def _open(vault: Vault, of: _Column, item: Located) -> str:
    """Return the canonical text behind a token. Raises Damaged, or Gone for a forgotten subject."""
    raw: bytes = item.row[0]  # type: ignore[assignment]  # a blob, as the shape says
    tag: bytes | None = item.row[_TAG]  # type: ignore[assignment]
    cell: bytes = item.row[_CELL]  # type: ignore[assignment]  # as `ready` saw
    key = vault.ring.cell_by_id(seal.key_id(cell))
    if of.column.field.keep != "shreddable":
        return key.open(of.context, (tokens.bound_one(raw, tag),), (cell,))[0].decode()
    subject: bytes = item.row[_SUBJECT]  # type: ignore[assignment]  # as `ready` saw
    shreds = of.shreds.get(key.key_id)
    if shreds is None:
        shreds = of.shreds[key.key_id] = shred_context(key, of.context)
    keys = shred.cell_keys(vault.subject_keys((subject,)), shreds)
    return seal.open_each(keys, key.key_id, of.context, (raw,), (cell,))[0].decode()
