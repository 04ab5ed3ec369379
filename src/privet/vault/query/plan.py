"""A question made ready: what the caller may see of it, what the store is asked, and what is opened to decide it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypedDict, Unpack

from privet.errors import Gone
from privet.store.port import Aggregate, Cell, Join, Row, Select
from privet.vault.access import consents
from privet.vault.query.clearance import Permits, clear
from privet.vault.query.prune import Line, Pruner
from privet.vault.query.question import TRUE, Output, Place, Question, Source, leaves
from privet.vault.query.whole import demand_whole
from privet.vault.rows import may_expire
from privet.vault.sealer import Sealer
from privet.vault.vault import Vault
from privet.vocabulary.predicate import ALWAYS, Compare, Or, Predicate, both


class Clauses(TypedDict, total=False):
    """Clauses of the store's question that differ between the uses of one plan."""

    columns: tuple[str, ...]
    group: tuple[str, ...]
    aggregates: tuple[Aggregate, ...]
    order: tuple[tuple[str, bool], ...]
    limit: int


class Plan:
    """How one question is answered.

    `in_store`: groups and counts are made by the store. `decided`: index columns alone say which rows, groups and
    order the answer has; otherwise candidates are opened and judged.
    """

    def __init__(self, vault: Vault, question: Question, permits: Permits, redaction: str = "") -> None:
        """Raises Denied, naming the column that the caller may not see or ask about; InvalidQuery where it would need
        whole tags and the schema keeps cut ones."""
        self.vault = vault
        self.question = question
        self.clearance = clear(question, permits, redaction)
        self.sealers: dict[str, Sealer] = {source.name: vault.sealer(source.table) for source in question.sources}
        demand_whole(question, self.clearance.rows)
        ledger, flagged = consents.kept(vault), partial(consents.listed, vault)
        pruner = self._pruner = Pruner(question, self.sealers, ledger=ledger, flagged=flagged)
        self.pruned = pruner.prune(question.where, self.clearance.rows)
        for key in self.pruned.lacking:
            consents.demand_lifted(vault, key)
        self.group = tuple(pruner.physical(place) for place in question.group)
        counts = [self._count(output) for output in question.outputs if output.function]
        self.counts = tuple(count for count in counts if count is not None)
        exact = self.pruned.residue == TRUE
        self.in_store = exact and question.grouped and "" not in self.group and None not in counts
        by_ids = all(isinstance(order.key, Place) and order.key.column == "id" for order in question.order)
        self.decided = self.in_store or (exact and by_ids and not question.grouped)

    def _count(self, output: Output) -> Aggregate | None:
        """Return how the store counts, None for what it cannot."""
        if output.function == "count":
            return Aggregate("count")
        name = self._pruner.physical(output.place) if output.place and output.function == "count_distinct" else ""
        return Aggregate("count_distinct", name) if name else None

    @property
    def used(self) -> str:
        """Return "index", "scan" or "index+scan"; see `vault.query.answer.Answer`."""
        if self.decided:
            return "index"
        return "scan" if self.pruned.where == ALWAYS and not self.pruned.without else "index+scan"

    # -- the store's question ----------------------------------------------------------------------------------

    def select(self, **clauses: Unpack[Clauses]) -> Select:
        """Return the store's question over the candidates."""
        sources = self.question.sources
        where: Predicate = self.pruned.where
        for source in sources:
            where = both(where, self._not_expired(source))
        joins = tuple(join for source in sources for join in self._join(source))
        found = Select(
            table=sources[0].table.rows,
            where=where,
            joins=(*joins, *self.pruned.joins),
            without=self.pruned.without,
        )
        return replace(found, **clauses)

    def columns(self) -> tuple[str, ...]:
        """Return every physical column of every source in turn: what verifying rows needs."""
        return tuple(f"{s.alias}.{name}" for s in self.question.sources for name in self.sealers[s.name].physical)

    def id_order(self) -> tuple[tuple[str, bool], ...]:
        """Return the order of a question that is ordered by ids alone."""
        order = self.question.order
        return tuple((self._pruner.physical(o.key), o.ascending) for o in order if isinstance(o.key, Place))

    def _join(self, source: Source) -> Iterator[Join]:
        if source.link:
            own = self._pruner.physical(source.link.own).partition(".")[2]
            yield Join(source.table.rows, source.alias, self._pruner.physical(source.link.other), own)

    def _not_expired(self, source: Source) -> Predicate:
        if not may_expire(self.vault, source.table):
            return ALWAYS
        name = f"{source.alias}.expires"
        return Or((Compare(name, "=", None), Compare(name, ">", self.vault.clock())))

    # -- opened rows -------------------------------------------------------------------------------------------

    def needed(self) -> tuple[Place, ...]:
        """Return the places that judged rows are opened at to be grouped, ordered and shown."""
        question = self.question
        found = [*question.group, *(order.key for order in question.order if isinstance(order.key, Place))]
        if question.grouped:
            found += [output.place for output in question.outputs if output.place]
            found += [
                leaf.place for grades in self.clearance.grades for grade in grades for leaf in leaves(grade.where)
            ]
        return tuple(dict.fromkeys(found))

    def living(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows without those of people who were erased since the store was asked."""
        start = 0
        for source in self.question.sources:
            sealer = self.sealers[source.name]
            if sealer.shreds:
                at = start + sealer.place["subject"]
                dead = {subject for subject in {row[at] for row in rows} if self._forgotten(subject)}
                rows = [row for row in rows if row[at] not in dead]
            start += len(sealer.physical)
        return list(rows)

    def _forgotten(self, subject: Cell) -> bool:
        try:
            self.vault.subject_keys([subject] if isinstance(subject, bytes) else [])
        except Gone:
            return True
        return False

    # -- words -------------------------------------------------------------------------------------------------

    def hints(self) -> list[str]:
        """Return the schema lines that would spare opening values, each once."""
        return list(dict.fromkeys(line.hint for line in self._lines() if line.hint))

    def text(self) -> tuple[str, ...]:
        """Return the plan in lines. No literal stands in it."""
        return (*map(str, self._lines()), *(f"hint: {hint}" for hint in self.hints()))

    def _lines(self) -> Sequence[Line]:
        question = self.question
        lines = [Line(f"from {question.sources[0].name}", "records", exact=True)]
        for source in question.sources:
            if source.link:
                lines.append(Line(f"join {source.link.own} = {source.link.other}", "references", exact=True))
        lines += self.pruned.lines
        lines += [self._line(f"group by {place}", place, exact=self.in_store) for place in question.group]
        for output in question.outputs:
            if output.function and output.place:
                text = f"{output.function.replace('_', ' ')} of {output.place}"
                wanted = output.function == "count_distinct"
                lines.append(self._line(text, output.place, exact=self.in_store, wanted=wanted))
        for order in question.order if not question.grouped else ():
            if isinstance(order.key, Place):
                text = f"order by {order.key}"
                lines.append(self._line(text, order.key, exact=order.key.column == "id", wanted=False))
        return lines

    def _line(self, text: str, place: Place, *, exact: bool, wanted: bool = True) -> Line:
        """Return a line of a place. `wanted`: an index of the place would serve."""
        if exact:
            return Line(text, "record ids" if place.column == "id" else f"index `{place.part or 'exact'}`", exact=True)
        return Line(text, hint=self._pruner.hint(place) if wanted and not self._pruner.physical(place) else "")
