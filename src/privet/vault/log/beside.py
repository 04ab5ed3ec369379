"""Rows beside records against the newest entries that bind them: places in queues, what people said, spent budgets.

A row that was put back, taken away or changed is found; of places and budgets, those alone whose time is not over,
since the others count for nothing and are removed without haste.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from privet import digest
from privet.errors import Damaged
from privet.store.port import Select
from privet.vault.access import bound, budgets, consents, queues
from privet.vault.access.bound import DELETED
from privet.vault.log.history import Fault
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare

ROWS = 1000  # looked at together
_GONE = "it was taken away and is there again"
_OLD = "it is not as it was last written"
_UNLOGGED = "no entry says that it was written"
_MISSING = "it was written and is not there"


def faults(vault: Vault, newest: Mapping[bytes, bytes]) -> Iterator[Fault]:
    """Yield what does not fit. `newest`: as the `Prover` has it."""
    yield from _places(vault, newest)
    yield from _consents(vault, newest)
    yield from _spent(vault, newest)


def _places(vault: Vault, newest: Mapping[bytes, bytes]) -> Iterator[Fault]:
    expected, now = bound.living(newest, bound.PLACE), vault.clock()
    question = Select(table="queues", columns=queues.COLUMNS, where=Compare("until", ">", now))
    for rows in vault.store.stream(question, rows=ROWS):
        for row in rows:
            at = f"queue {row[0]!s}, record {_id(row[2])}"
            try:
                id, state = queues.state(queues.checked(vault, row), row)
            except Damaged as error:
                yield Fault("queue", at, error.message)
                if isinstance(row[2], bytes):
                    expected.pop(queues.identity(str(row[0]), str(row[1]), row[2]), None)
                continue
            expected.pop(id, None)
            yield from _compared("queue", at, newest.get(id), state)
    for until, record in expected.values():
        # A record that was deleted takes its places with it.
        if until * queues.MINUTE_MS > now + queues.MINUTE_MS and newest.get(record, DELETED) != DELETED:
            yield Fault("queue.missing", f"record {_id(record)}", _MISSING)


def _consents(vault: Vault, newest: Mapping[bytes, bytes]) -> Iterator[Fault]:
    expected = bound.living(newest, bound.SAID)
    order = (("subject", True), ("key", True), ("place", True))
    question = Select(table="consents", columns=consents.COLUMNS, order=order)
    rows = (row for batch in vault.store.stream(question, rows=ROWS) for row in batch)
    for (subject, key), told in groupby(rows, lambda row: row[:2]):
        at = f"consents of subject {_id(subject)} to {key}"
        try:
            id, state = consents.state(vault, list(told))
        except Damaged as error:
            yield Fault("consent", at, error.message)
            expected.pop(consents.identity(subject, str(key)), None)
            continue
        if id in expected and _erased(vault, [expected.pop(id)[1]]):
            yield Fault("consent.erased", at, "the person was erased")
        yield from _compared("consent", at, newest.get(id), state)
    owners = [owner for _, owner in expected.values()]
    for start in range(0, len(owners), ROWS):
        some = owners[start : start + ROWS]
        gone = _erased(vault, some)
        for owner in some:
            if owner not in gone:
                yield Fault("consent.missing", f"consents of subject {_id(owner)}", _MISSING)


def _spent(vault: Vault, newest: Mapping[bytes, bytes]) -> Iterator[Fault]:
    expected, now = bound.living(newest, bound.SPENT), vault.clock()
    question = Select(table="spent", columns=budgets.COLUMNS, where=Compare("until", ">", now))
    for rows in vault.store.stream(question, rows=ROWS):
        for row in rows:
            named = budgets.identity(row[0]) if isinstance(row[0], bytes) else b""
            expected.pop(named, None)
            try:
                id, state = vault.meter.state(row)
            except Damaged as error:
                yield Fault("budget", _budget(named), error.message)
                continue
            yield from _compared("budget", _budget(id), newest.get(id), state)
    for id, (until, _) in expected.items():
        if until * budgets.MINUTE_MS > now + budgets.MINUTE_MS:
            yield Fault("budget.missing", _budget(id), _MISSING)


def _budget(id: bytes) -> str:
    return f"what was spent of budget {_id(id)}"


def _compared(what: str, at: str, known: bytes | None, state: bytes) -> Iterator[Fault]:
    if known is None:
        yield Fault(f"{what}.unlogged", at, _UNLOGGED)
    elif known == DELETED:
        yield Fault(f"{what}.deleted", at, _GONE)
    elif known != state:
        yield Fault(f"{what}.old", at, _OLD)


def _erased(vault: Vault, subjects: Sequence[bytes]) -> set[bytes]:
    return vault.erased(subjects)


def _id(cell: object) -> str:
    return digest.id_text(cell) if isinstance(cell, bytes) and len(cell) == 16 else "of no known form"
