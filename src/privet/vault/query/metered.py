"""What an answer spends: records that it shows, groups so small that they tell of somebody, values it looked for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from privet.vault.access.budgets import Seen
from privet.vault.query.clearance import Permits
from privet.vault.query.judge import Opened, by_grade
from privet.vault.query.plan import Plan
from privet.vault.query.question import Output, Place, leaves
from privet.vault.query.tally import Group
from privet.vault.schema import Column
from privet.vocabulary.datatype import Wire

SMALL_GROUP = 5  # rows: what fewer agree on counts as a record


class Metered:
    """What one question tells, by table."""

    def __init__(self, plan: Plan, permits: Permits) -> None:
        self.question = plan.question
        self.grades = plan.clearance.grades
        self.read = {s.table.name: Seen(s.table, permits.read.get(s.table.name)) for s in plan.question.sources}
        self.search = {s.table.name: Seen(s.table, permits.search.get(s.table.name)) for s in plan.question.sources}
        self._look_up()

    def seen(self) -> tuple[Seen, ...]:
        """Return what to spend."""
        return (*self.read.values(), *self.search.values())

    def rows(self, opened: Opened, shown: Sequence[Sequence[Wire]]) -> None:
        """Count rows of an answer. `shown`: the values of each output."""
        for source in self.question.sources:
            self.read[source.table.name].shown += opened.ids(source.name)
        for at, _, place, column in self._outputs():
            told, ids = self._told(place), opened.ids(place.source)
            for grade, chosen in by_grade(self.grades[at], opened):
                if told.counts(column, grade.rule, grade.redaction):
                    told.add(grade.rule, [ids[row] for row in chosen if shown[at][row] is not None])

    def groups(self, groups: Sequence[Group]) -> None:
        """Count groups of an answer: those of few records, and the least and the greatest value of any."""
        for group in groups:
            for (source, _), record in group.records.items():
                self.read[self.question.source(Place(source, "id")).table.name].shown.append(record)
        for at, output, place, column in self._outputs():
            told = self._told(place)
            counted = [grade for grade in self.grades[at] if told.counts(column, grade.rule, grade.redaction)]
            if counted:
                few = [group for group in groups if output.function in ("min", "max") or group.size < SMALL_GROUP]
                # Which grade decided is not kept; the most revealing one is the strictest guess.
                told.add(counted[0].rule, [_one(group, place.source) for group in few])

    def moved(self, counts: frozenset[bytes], most: int) -> None:
        """Count counts that are moved. `most`: how many different ones the caller may have of a table in a day."""
        for told in self.search.values():
            told.moved, told.most_moved = counts, most

    def _outputs(self) -> Iterator[tuple[int, Output, Place, Column]]:
        for at, output in enumerate(self.question.outputs):
            column = self.question.column(output.place) if output.place and self.grades[at] else None
            if output.place is not None and column is not None:
                yield at, output, output.place, column

    def _told(self, place: Place) -> Seen:
        return self.read[self.question.source(place).table.name]

    def _look_up(self) -> None:
        """Count the values that the question looks for in unique columns, or under a rule with a budget."""
        for leaf in leaves(self.question.where):
            column = self.question.column(leaf.place)
            if column is None or leaf.op == "null":
                continue
            table = self.question.source(leaf.place).table
            unique = any(column.name in unique.columns for unique in table.uniques)
            told = self.search[table.name]
            rules = [] if told.permit is None else [s.rule for s in told.permit.columns.get(column.name, ())]
            if unique or told.budgeted(rules):
                told.asks(column, rules, len(leaf.values))


def _one(group: Group, source: str) -> Hashable:
    """Return what a group counts as: the record that stands for it, else one of its own."""
    found = next((record for (name, _), record in group.records.items() if name == source), None)
    return found if found is not None else object()
