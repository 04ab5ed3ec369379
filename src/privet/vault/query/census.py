"""Groups that the store counts by tags alone. One record of each group is opened to say what the group is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from privet.errors import Damaged, Gone
from privet.store.port import Aggregate, Cell, Row, Select
from privet.vault.query.judge import Opened, cells, keys
from privet.vault.query.plan import Plan
from privet.vault.query.question import Source
from privet.vault.query.tally import Group
from privet.vocabulary.predicate import In

RUN = 1_000


class Census:
    """The groups of one plan, unlabelled at first."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        group = plan.question.group
        self._sources = [source for source in plan.question.sources if any(p.source == source.name for p in group)]
        self._rows: dict[int, Row] = {}

    def groups(self) -> list[Group]:
        """Count, and return the groups without their labels."""
        plan, width = self.plan, len(self.plan.group)
        samples = tuple(Aggregate("min", f"{source.alias}.id") for source in self._sources)
        aggregates = (Aggregate("count"), *plan.counts, *samples)
        groups = []
        for row in plan.vault.store.select(plan.select(group=plan.group, aggregates=aggregates)):
            counted = iter(row[width + 1 :])
            counts = [_number(next(counted)) if output.function else 0 for output in plan.question.outputs]
            shown = [
                count if output.function else None for count, output in zip(counts, plan.question.outputs, strict=True)
            ]
            group = Group(_number(row[width]), list(shown), [(True, count) for count in counts])
            self._rows[id(group)] = row
            groups.append(group)
        return groups

    def label(self, groups: Sequence[Group]) -> bool:
        """Open one record of each group for what is shown and ordered by.

        Returns whether every record was of its group; one that was not was changed or erased since, or is damaged.
        """
        first = len(self.plan.group) + 1 + len(self.plan.counts)
        for start in range(0, len(groups), RUN):
            chunk = groups[start : start + RUN]
            for at, source in enumerate(self._sources, start=first):
                records = self._records(source, [self._rows[id(group)][at] for group in chunk])
                if records is None or not self._of_group(source, chunk, records):
                    return False
                try:
                    self._show(source, chunk, records)
                except Gone:
                    return False
        return True

    def _records(self, source: Source, ids: Sequence[Cell]) -> list[Row] | None:
        physical = self.plan.sealers[source.name].physical
        where = In("id", tuple(dict.fromkeys(ids)))
        found = self.plan.vault.store.select(Select(table=source.table.rows, columns=physical, where=where))
        by_id = {row[0]: row for row in found}
        return [by_id[record] for record in ids] if len(by_id) == len(set(ids)) else None

    def _of_group(self, source: Source, groups: Sequence[Group], records: Sequence[Row]) -> bool:
        sealer, alias = self.plan.sealers[source.name], f"{source.alias}."
        places = [
            (at, sealer.place[name.removeprefix(alias)])
            for at, name in enumerate(self.plan.group)
            if name.startswith(alias)
        ]
        return all(
            self._rows[id(group)][at] == record[cell]
            for group, record in zip(groups, records, strict=True)
            for at, cell in places
        )

    def _show(self, source: Source, groups: Sequence[Group], records: Sequence[Row]) -> None:
        question = self.plan.question
        opened = Opened(replace(question, sources=(source,)), self.plan.sealers, records)
        for place in question.group:
            if place.source == source.name:
                for group, key, text in zip(groups, keys(place, opened), opened.parts(place), strict=True):
                    group.keys[place], group.texts[place] = key, text
        for at, output in enumerate(question.outputs):
            if output.function or output.place is None or output.place.source != source.name:
                continue
            shown = cells(output, self.plan.clearance.grades[at], opened)
            for group, value, record in zip(groups, shown, opened.ids(source.name), strict=True):
                group.cells[at] = value
                group.records[source.name, at] = record


def damaged(plan: Plan) -> Damaged:
    """Return the error of groups whose records are not of them, however often they are counted."""
    names = ", ".join(f"`{source.table.name}`" for source in plan.question.sources)
    return Damaged(
        f"records of {names} are not of the groups that the store counts them in", hint="run `privet verify`"
    )


def _number(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0
