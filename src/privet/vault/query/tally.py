"""Groups of opened rows: counts, sums and extremes, exact. What is shown of a group is what its records show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal

from privet.vault.query.clearance import Grade
from privet.vault.query.judge import Opened, cells, keys
from privet.vault.query.question import Output, Place, Question, kind_of, shows_all
from privet.vocabulary.datatype import Wire

Key = tuple[str | None, ...]

# Canonical numbers have at most some hundred digits, so sums of them never round.
_EXACT = Context(prec=10_000)
_MEAN = Decimal("1e-12")  # an average is rounded to twelve decimals, half to even


@dataclass(slots=True)
class Group:
    """One row of a grouped answer. `size`: how many rows it is made of. `values`: what each output is ordered by.
    `keys`: what each place of GROUP BY is ordered by, `texts`: what stands there. `records`: (source, output) → record
    whose value is shown."""

    size: int
    cells: list[Wire]
    values: list[object]
    keys: dict[Place, object] = field(default_factory=dict)
    texts: dict[Place, str | None] = field(default_factory=dict)
    records: dict[tuple[str, int], bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Sum:
    total: Decimal = Decimal(0)
    count: int = 0
    distinct: set[str] = field(default_factory=set)


class Tally:
    """Groups rows as they are opened, in any number of runs."""

    def __init__(self, question: Question, grades: Sequence[Sequence[Grade]]) -> None:
        self.question = question
        self.grades = grades
        self.groups: dict[Key, Group] = {}
        self._sums: dict[tuple[Key, int], _Sum] = {}
        if not question.group:
            self.groups[()] = self._empty()

    def _empty(self) -> Group:
        count = len(self.question.outputs)
        return Group(0, [None] * count, [(False, 0)] * count)

    def add(self, opened: Opened) -> None:
        """Count rows in."""
        texts = [opened.parts(place) for place in self.question.group]
        rows: list[Key] = list(zip(*texts, strict=True)) if texts else [()] * opened.size
        first: dict[Key, int] = {}
        for at, key in enumerate(rows):
            group = self.groups.get(key)
            if group is None:
                group = self.groups[key] = self._empty()
                group.texts = dict(zip(self.question.group, key, strict=True))
                first[key] = at
            group.size += 1
        self._label(opened, first)
        for at, output in enumerate(self.question.outputs):
            if output.function in ("min", "max"):
                self._extreme(at, output, opened, rows)
            elif output.function and output.place:
                self._sum(at, output.place, opened, rows)

    def _label(self, opened: Opened, first: dict[Key, int]) -> None:
        """Show of each new group what its first record shows: in the places of GROUP BY all its records agree."""
        if not first or not self.question.group:
            return
        part = opened.take(list(first.values()))
        ordered = {place: keys(place, part) for place in self.question.group}
        shown = {
            at: cells(output, self.grades[at], part)
            for at, output in enumerate(self.question.outputs)
            if not output.function
        }
        sources = {output.place.source for output in self.question.outputs if output.place and not output.function}
        ids = {source: part.ids(source) for source in sources}
        for row, key in enumerate(first):
            group = self.groups[key]
            group.keys = {place: found[row] for place, found in ordered.items()}
            group.records.update({(source, -1): found[row] for source, found in ids.items()})
            for at, values in shown.items():
                group.cells[at] = values[row]

    def _extreme(self, at: int, output: Output, opened: Opened, rows: Sequence[Key]) -> None:
        assert output.place is not None
        least = output.function == "min"
        best: dict[Key, int] = {}
        found = keys(output.place, opened)
        for row, (key, value) in enumerate(zip(rows, found, strict=True)):
            if value[0]:
                held = found[best[key]] if key in best else self.groups[key].values[at]
                if not held[0] or ((value < held) if least else (value > held)):  # type: ignore[index, operator]
                    best[key] = row
        if not best:
            return
        part = opened.take(list(best.values()))
        shown, ids = cells(output, self.grades[at], part), part.ids(output.place.source)
        for place, (key, row) in enumerate(best.items()):
            group = self.groups[key]
            group.cells[at], group.values[at] = shown[place], found[row]
            group.records[output.place.source, at] = ids[place]

    def _sum(self, at: int, place: Place, opened: Opened, rows: Sequence[Key]) -> None:
        distinct = self.question.outputs[at].function == "count_distinct"
        for key, text in zip(rows, opened.parts(place), strict=True):
            if text is None:
                continue
            held = self._sums.setdefault((key, at), _Sum())
            if distinct:
                held.distinct.add(text)
            else:
                held.total = _EXACT.add(held.total, Decimal(text))
                held.count += 1

    def finish(self) -> list[Group]:
        """Return every group, in the order of their first rows."""
        for key, group in self.groups.items():
            for at, output in enumerate(self.question.outputs):
                if output.function in ("", "min", "max"):
                    continue
                held = self._sums.get((key, at), _Sum())
                value = self._value(output, group, held)
                group.values[at] = (value is not None, 0 if value is None else value)
                group.cells[at] = self._wire(at, output, value)
        return list(self.groups.values())

    def _value(self, output: Output, group: Group, held: _Sum) -> int | Decimal | None:
        if output.function in ("count", "count_distinct"):
            return group.size if output.place is None else len(held.distinct)
        if not held.count:
            return None
        if output.function == "sum":
            return held.total
        mean = _EXACT.divide(held.total, Decimal(held.count))
        return mean.quantize(_MEAN, rounding=ROUND_HALF_EVEN, context=_EXACT)

    def _wire(self, at: int, output: Output, value: int | Decimal | None) -> Wire:
        if value is None or isinstance(value, int):
            return value
        column = self.question.column(output.place) if output.place else None
        if column is None or not all(shows_all(kind_of(column), grade.redaction) for grade in self.grades[at]):
            return None
        whole = output.function == "sum" and isinstance(kind_of(column).present("0"), int)
        return int(value) if whole else plain(value)


def plain(value: Decimal) -> str:
    """Return a number without exponent and without zeros that say nothing.

    >>> plain(Decimal("1.50")), plain(Decimal("1E+3")), plain(Decimal("-0.0"))
    ('1.5', '1000', '0')
    """
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
