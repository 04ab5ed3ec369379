"""The rows that a permit may cover, as a condition of the store: what lies outside never leaves it.

INVARIANT: every row that the permit covers is a candidate. Candidates are verified, opened and judged by `vault.sight`
before anything of them is released; a row that no index tells apart from them is a candidate, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from privet.policy.permit import Permit
from privet.store.port import Row, Select, Without
from privet.vault.access import consents
from privet.vault.query.clearance import to_tree
from privet.vault.query.prune import Pruner, unflagged
from privet.vault.query.question import TRUE, Question, Source
from privet.vault.rows import EVERY, Among, not_expired
from privet.vault.schema import Table
from privet.vault.sealer import Sealer
from privet.vault.vault import Vault
from privet.vocabulary.flag import bare, marks
from privet.vocabulary.predicate import ALWAYS, Compare, Predicate, both

MOST_READY = 256  # row rules of one table that stay compiled


@dataclass(slots=True)
class _Ready:
    """Row rules of one table, compiled with the keys of its sealer."""

    sealer: Sealer
    ledger: bool
    found: dict[Predicate, Among]


def among(vault: Vault, permit: Permit) -> Among:
    """Return the candidates of a permit: EVERY row where its rules have no condition.

    Flags narrow nothing here: of a few rows that are fetched by their ids, whoever opens them is the one to judge.
    """
    rows = bare(permit.rows)
    if rows == ALWAYS:
        return EVERY
    table = vault.table(permit.table)
    sealer, ledger, name = vault.sealer(table), consents.kept(vault), f"row rules of {table.name}"
    ready = vault.plans.get(name)
    if not isinstance(ready, _Ready) or ready.sealer is not sealer or ready.ledger is not ledger:
        ready = vault.plans[name] = _Ready(sealer, ledger, {})
    found = ready.found.get(rows)
    if found is None:
        if len(ready.found) >= MOST_READY:
            ready.found.clear()
        found = ready.found[rows] = compiled(sealer, rows, ledger=ledger)
    return found


def compiled(sealer: Sealer, rows: Predicate, *, ledger: bool) -> Among:
    """Return the candidates of row rules, without remembering them: rules of a request name a person's values."""
    source = Source(name=sealer.table.name, alias="a", table=sealer.table)
    pruner = Pruner(Question(sources=(source,), outputs=()), {source.name: sealer}, ledger=ledger)
    pruned = pruner.prune(TRUE, to_tree(rows, source))
    return Among(pruned.where, pruned.joins)


def page(vault: Vault, permit: Permit, after: bytes, limit: int) -> tuple[list[Row], bool]:
    """Return (up to `limit` verified candidates with ids above `after`, in the order of their ids; whether there may be
    more). One that the store found twice, as it can where it joins, stands there once."""
    table: Table = vault.table(permit.table)
    sealer, rule = vault.sealer(table), among(vault, permit)
    free, without = _unflagged(vault, permit.rows)
    where = both(both(rule.where, free), not_expired(vault, table, joined=True))
    if after:
        where = both(Compare("a.id", ">", after), where)
    question = Select(
        table=table.rows,
        columns=rule.columns(sealer),
        where=where,
        joins=rule.joins,
        without=without,
        order=(("a.id", True),),
        limit=limit + 1,
    )
    rows = vault.store.select(question)
    more, rows = len(rows) > limit, rows[:limit]
    rows = list({row[0]: row for row in rows}.values()) if rule.joins else rows
    sealer.verify(rows)
    return rows, more


def _unflagged(vault: Vault, rows: Predicate) -> tuple[Predicate, tuple[Without, ...]]:
    """Return the condition of rows whose people lack the flags that a permit's rules name.

    Those of one flag stand together in pages: without it a page of which some fall away would look for more. Whom the
    ledger's rows leave in all the same is judged once they are opened.
    """
    where: Predicate = ALWAYS
    without: list[Without] = []
    for at, key in enumerate(marks(rows)):
        found = consents.listed(vault, key)
        if found:
            where = both(where, unflagged("a.subject", found))
        elif found is None and consents.kept(vault):
            without.append(consents.unflagged(f"f{at}", key, "a.subject"))
    return where, tuple(without)
