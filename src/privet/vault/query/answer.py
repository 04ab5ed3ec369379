"""Answer a question: one question to the store, rows verified and opened, what the permits show of them.

Rows that index tags alone decide are opened only to be shown. All others are candidates: they are verified and
opened in runs, off the event loop, and judged on their values. Counts and groups stay in the store only where every
condition is answered by whole tags and every group is of one tag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from privet.errors import Denied, Gone, InvalidQuery, PrivetError
from privet.policy.permit import unflagged
from privet.store.port import Aggregate, Cell, Row, Step
from privet.vault.access.budgets import COUNTS
from privet.vault.log.audit import Deed
from privet.vault.query import blur
from privet.vault.query.census import Census, damaged
from privet.vault.query.clearance import Permits, clear
from privet.vault.query.judge import Opened, cells, keys, matching
from privet.vault.query.metered import Metered
from privet.vault.query.plan import Plan
from privet.vault.query.question import TRUE, Order, Place, Question
from privet.vault.query.tally import Group, Tally
from privet.vault.vault import Vault
from privet.vocabulary.datatype import Wire

MOST_SCANNED = 200_000  # candidates that a question may open: two seconds of one core
RUN = 1_000  # rows that are opened at a time
_QUICK = 1_000  # rows that may be opened on the event loop itself
_ATTEMPTS = 3  # counts of groups, where records change between the count and the opening of a record of each
_DONE = object()

A = TypeVar("A")

Keyed = tuple[tuple[object, ...], Row]


def _no_objection() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How to answer. `redaction`: show no more than this. `least`: leave out groups of fewer rows. `blurred`: for one
    who may not see all that is counted, see `vault.query.blur`; `most_moved`: different counts of such that the caller
    may have of a table in a day. `most`: candidates that may be opened, 0 for however many it takes. `still` raises
    once the asker may not be answered any more."""

    redaction: str = ""
    least: int = 1
    blurred: bool = False
    most_moved: int = COUNTS
    most: int = MOST_SCANNED
    still: Callable[[], None] = _no_objection


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`used`: "index" (tags alone decided which rows came), "scan" (opened values did) or "index+scan" (opened values
    of candidates that tags chose). `suppressed`: groups were left out, or may have been. `perturbed`: counts are off by
    a small number. `cut`: there is more than the limit."""

    columns: tuple[str, ...]
    rows: list[list[Wire]]
    used: str
    plan: tuple[str, ...]
    suppressed: bool = False
    perturbed: bool = False
    cut: bool = False


_FREE = Terms()


def explain(vault: Vault, question: Question, permits: Permits) -> Answer:
    """Return the plan of a question without reading a record. Raises Denied as `run` does."""
    return _Work(Plan(vault, question, permits), permits, _FREE).answer()


def plainly(question: Question, permits: Permits) -> bool:
    """Return whether the caller may see in the clear what a question asks about, on every row there is but for those
    that flags hold back, which are not counted either. Raises Denied."""
    read, search = ({name: unflagged(p) for name, p in held.items()} for held in (permits.read, permits.search))
    found = clear(question, Permits(read=read, search=search))
    return found.plain and found.rows == TRUE


async def run(vault: Vault, question: Question, permits: Permits, deed: Deed, terms: Terms = _FREE) -> Answer:
    """Return the answer; the audit knows of it before it leaves. Literals are in neither.

    Raises Denied, which names the column; InvalidQuery where too many candidates would be opened, with the schema
    line that spares it; Damaged where a row fails its check.
    """
    with vault.reading():
        plan = Plan(vault, question, permits, terms.redaction)
        work = _Work(plan, permits, terms)
        if plan.decided and not question.grouped and question.limit <= _QUICK:
            work.read()
        else:
            # One run at a time, so that a caller who went away stops the work at the next one.
            runs = work.runs()
            try:
                while await asyncio.to_thread(next, runs, _DONE) is not _DONE:
                    terms.still()
            except PrivetError:
                runs.close()  # its snapshot of the store ends now, not when somebody collects it
                raise
    await vault.disclose(deed, tuple(work.entries(deed)), work.meter.seen())
    return work.answer()


class _Work:
    """One question on its way to its answer."""

    def __init__(self, plan: Plan, permits: Permits, terms: Terms) -> None:
        self.plan = plan
        self.meter = Metered(plan, permits)
        self.terms = terms
        self.question = plan.question
        self.needed = plan.needed()
        self.rows: list[list[Wire]] = []
        self.released: dict[str, list[bytes]] = {}
        self.suppressed = self.cut = False
        if terms.blurred:
            _demand_seen(plan)

    def answer(self) -> Answer:
        """Return what the caller gets."""
        return Answer(
            columns=tuple(output.name for output in self.question.outputs),
            rows=self.rows,
            used=self.plan.used,
            plan=self.plan.text(),
            suppressed=self.suppressed,
            perturbed=self.terms.blurred and blur.counts(self.question.outputs),
            cut=self.cut,
        )

    def entries(self, deed: Deed) -> Iterator[Step]:
        """Yield the audit's entry of each table: columns that are shown or asked about, records that are shown."""
        places = [output.place for output in self.question.outputs if output.place]
        for source in self.question.sources:
            named = {place.column for place in (*places, *self.plan.clearance.places) if place.source == source.name}
            names = tuple(name for name in source.table.names() if name in named)
            ids = b"".join(dict.fromkeys(self.released.get(source.name, ())))
            yield deed.seen(source.table.name, names, records=ids, count=len(self.rows))

    # -- records -----------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read rows that the store alone decides."""
        plan, limit = self.plan, self.question.limit
        found = plan.vault.store.select(plan.select(columns=plan.columns(), order=plan.id_order(), limit=limit + 1))
        self._show(found)

    def runs(self) -> Generator[None, None, None]:
        """Do the work of a question that takes longer, stopping after each run of rows."""
        if self.plan.in_store:
            self._count()
        elif self.plan.decided:
            self.read()
        else:
            self._check_size()
            yield from self._tally() if self.question.grouped else self._scan()

    def _scan(self) -> Iterator[None]:
        order, limit = self.question.order, self.question.limit
        kept: list[Keyed] = []
        for rows, opened in self._candidates():
            found = [keys(item.key, opened) for item in order if isinstance(item.key, Place)]
            sort_keys: Sequence[tuple[object, ...]] = list(zip(*found, strict=True)) if found else [()] * len(rows)
            kept += zip(sort_keys, rows, strict=True)
            if order:
                kept = [kept[at] for at in _places([key for key, _ in kept], order)[: limit + 1]]
            elif len(kept) > limit:
                break
            yield
        self._show([row for _, row in kept])

    def _candidates(self) -> Iterator[tuple[list[Row], Opened]]:
        """Yield the rows that meet the question's condition, run by run, verified and judged."""
        plan = self.plan
        starts, width = [], 0
        for source in self.question.sources:
            starts.append(width)
            width += len(plan.sealers[source.name].physical)
        seen: set[tuple[Cell, ...]] = set()
        for rows in plan.vault.store.stream(plan.select(columns=plan.columns()), rows=RUN):
            if plan.pruned.joins:
                # A record that holds several of the elements comes once for each.
                fresh = {tuple(row[start] for start in starts): row for row in rows}
                rows = [row for ids, row in fresh.items() if ids not in seen]
                seen.update(fresh)
            yield self._spared(rows, self._judge)

    def _judge(self, rows: Sequence[Row]) -> tuple[list[Row], Opened]:
        opened = Opened(self.question, self.plan.sealers, rows)
        chosen = matching(self.plan.pruned.residue, opened)
        met = opened.take(chosen)
        met.ready(self.needed)
        return [rows[at] for at in chosen], met

    def _spared(self, rows: Sequence[Row], do: Callable[[Sequence[Row]], A]) -> A:
        """Do something with rows, without those of people who are erased in the meantime."""
        for _ in range(_ATTEMPTS):
            try:
                return do(rows)
            except Gone:
                rows = self.plan.living(rows)
        return do(rows)

    def _check_size(self) -> None:
        most = self.terms.most
        if not most:
            return
        count = self.plan.vault.store.select(self.plan.select(aggregates=(Aggregate("count"),)))[0][0]
        if isinstance(count, int) and count > most:
            hints = self.plan.hints()
            raise InvalidQuery(
                f"more than {most:,} records would be opened to answer this",
                hint=hints[0] if hints else "narrow it by an indexed column",
            )

    def _show(self, rows: Sequence[Row]) -> None:
        """Open what is shown of the rows of the answer."""
        self.cut = len(rows) > self.question.limit
        for start in range(0, min(len(rows), self.question.limit), RUN):
            self._spared(rows[start : min(start + RUN, self.question.limit)], self._show_run)

    def _show_run(self, rows: Sequence[Row]) -> None:
        opened = Opened(self.question, self.plan.sealers, rows)
        pairs = zip(self.question.outputs, self.plan.clearance.grades, strict=True)
        shown = [cells(output, grades, opened) for output, grades in pairs]
        self.rows += [list(row) for row in zip(*shown, strict=True)]
        self.meter.rows(opened, shown)
        for source in self.question.sources:
            self.released.setdefault(source.name, []).extend(opened.ids(source.name))

    # -- groups ------------------------------------------------------------------------------------------------

    def _tally(self) -> Iterator[None]:
        tally = Tally(self.question, self.plan.clearance.grades)
        for _, opened in self._candidates():
            tally.add(opened)
            yield
        self._give(self._ordered(self._blurred(self._large_enough(tally.finish()))))

    def _count(self) -> None:
        by_label = self.terms.blurred or any(isinstance(order.key, Place) for order in self.question.order)
        for _ in range(_ATTEMPTS):
            census = Census(self.plan)
            groups = self._large_enough(census.groups())
            if by_label:
                whole = census.label(groups)
                groups = self._ordered(self._blurred(groups)) if whole else []
            else:
                groups = self._ordered(groups)
                whole = census.label(groups)
            if whole:
                self._give(groups)
                return
        raise damaged(self.plan)

    def _large_enough(self, groups: list[Group]) -> list[Group]:
        """Leave out small groups. The count of every record asks about nobody, so it is none."""
        question = self.question
        if self.terms.blurred:
            self.meter.moved(self._blur().spent(groups), self.terms.most_moved)
        about_all = question.where == TRUE and not question.group and not self.terms.blurred
        if about_all and all(output.function == "count" for output in question.outputs):
            return groups
        kept = [group for group in groups if self.terms.least <= 1 or group.size >= self.terms.least]
        # Whether a group was there to be left out would say that somebody is in it.
        self.suppressed = self.terms.blurred or len(kept) < len(groups)
        return kept

    def _blurred(self, groups: list[Group]) -> list[Group]:
        """Move the counts of groups whose labels are known, for a caller who may not see all that is counted."""
        return self._blur().applied(groups) if self.terms.blurred else groups

    def _blur(self) -> blur.Blur:
        return blur.Blur(blur.key(self.plan.vault), self.question, self.plan.clearance.rows, self.terms.least)

    def _ordered(self, groups: list[Group]) -> list[Group]:
        order, limit = self.question.order, self.question.limit
        found = [tuple(g.keys[o.key] if isinstance(o.key, Place) else g.values[o.key] for o in order) for g in groups]
        self.cut = len(groups) > limit
        return [groups[at] for at in _places(found, order)[:limit]]

    def _give(self, groups: Sequence[Group]) -> None:
        self.meter.groups(groups)
        for group in groups:
            self.rows.append(group.cells)
            for (source, _), record in group.records.items():
                self.released.setdefault(source, []).append(record)


def _demand_seen(plan: Plan) -> None:
    """Raise Denied where a sum would tell whom the caller found by what she does not see: no moved count hides that."""
    if not plan.clearance.seen and any(output.function in ("sum", "avg") for output in plan.question.outputs):
        raise Denied(
            "no role of the caller allows to add up what is chosen by columns that she does not see",
            hint="it needs `read` on every column that the question asks about",
        )


def _places(found: Sequence[tuple[object, ...]], order: Sequence[Order]) -> list[int]:
    """Return positions in the order asked for; those that are equal keep theirs."""
    places = list(range(len(found)))
    for at in reversed(range(len(order))):
        places.sort(key=lambda place: found[place][at], reverse=not order[at].ascending)  # type: ignore[arg-type, return-value]
    return places
