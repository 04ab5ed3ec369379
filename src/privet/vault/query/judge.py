"""Opened rows of a question: what conditions say of them, what orders them and what the caller sees. Asks no store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from privet import digest
from privet.store.port import Row
from privet.vault.query.clearance import Grade
from privet.vault.query.question import All, Flip, Leaf, Output, Place, Question, Some, Tree, kind_of, order_key, shows
from privet.vault.schema import Column
from privet.vault.sealer import Sealer, array_texts
from privet.vault.sight import consents
from privet.vault.values import show
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.predicate import CONSENT
from privet.vocabulary.types._text import fold

Truth = bool | None
Texts = Sequence[str | None]


class Opened:
    """Rows of a question, verified when made, their columns opened when first asked for.

    A record that stands in many joined rows is verified and opened once.
    """

    def __init__(self, question: Question, sealers: Mapping[str, Sealer], rows: Sequence[Row]) -> None:
        """Take rows that hold every physical column of each source in turn. Raises Damaged."""
        self.question = question
        self.sealers = sealers
        self.size = len(rows)
        self._records: dict[str, Sequence[Row]] = {}
        self._places: dict[str, Sequence[int]] = {}
        self._texts: dict[tuple[str, str], Texts] = {}
        start = 0
        for source in question.sources:
            width = len(sealers[source.name].physical)
            self._split(source.name, [row[start : start + width] for row in rows] if len(rows) else [])
            start += width

    def _split(self, name: str, rows: Sequence[Row]) -> None:
        if len(self.question.sources) == 1:
            records, places = rows, range(len(rows))
        else:
            at: dict[Row, int] = {}
            places = [at.setdefault(row, len(at)) for row in rows]  # type: ignore[assignment]  # a sequence of ints
            records = list(at)
        self.sealers[name].verify(records)
        self._records[name], self._places[name] = records, places

    def take(self, chosen: Sequence[int]) -> Opened:
        """Return some of the rows, in that order; what is open stays open."""
        if len(chosen) == self.size and all(at == i for at, i in enumerate(chosen)):
            return self
        part = object.__new__(Opened)
        part.question, part.sealers, part.size = self.question, self.sealers, len(chosen)
        part._records, part._places, part._texts = {}, {}, {}
        for name, places in self._places.items():
            at: dict[int, int] = {}
            part._places[name] = [at.setdefault(places[i], len(at)) for i in chosen]
            part._records[name] = [self._records[name][i] for i in at]
            for (source, column), texts in self._texts.items():
                if source == name:
                    part._texts[name, column] = [texts[i] for i in at]
        return part

    def ready(self, places: Iterable[Place]) -> None:
        """Open the columns of places now. Raises Damaged, Gone; asked for later, they raise nothing."""
        for place in places:
            self._column(place)

    def ids(self, source: str) -> list[bytes]:
        """Return the ids of a source's records, one a row."""
        records = self._records[source]
        return [records[at][0] for at in self._places[source]]  # type: ignore[misc]  # ids are bytes

    def texts(self, place: Place) -> Texts:
        """Return canonical texts, one a row, of a place's column. Raises Damaged, Gone."""
        return self._spread(place.source, self._column(place))

    def parts(self, place: Place) -> Texts:
        """Return a place's texts: parts, where it is one of a part. Arrays stay whole."""
        column = self.question.column(place)
        texts = self._column(place)
        if place.part and column is not None and not column.field.array:
            texts = _each(texts, _part_of(column, place.part))
        return self._spread(place.source, texts)

    def map(self, place: Place, judge: Callable[[str | None], Truth]) -> list[Truth]:
        """Return what `judge` says of each row's text; a text that many rows share is judged once."""
        known: dict[str | None, Truth] = {}
        texts = self._column(place)
        for text in texts:
            if text not in known:
                known[text] = judge(text)
        found = [known[text] for text in texts]
        return [found[at] for at in self._places[place.source]]

    def _column(self, place: Place) -> Texts:
        found = self._texts.get((place.source, place.column))
        if found is None:
            found = self._texts[place.source, place.column] = self._open(place)
        return found

    def _open(self, place: Place) -> Texts:
        records = self._records[place.source]
        column = self.question.column(place)
        if place.column.startswith(CONSENT):
            return consents(self.sealers[place.source], place.column.partition(" ")[2], records)
        if column is None:
            return [digest.id_text(record[0]) for record in records]  # type: ignore[arg-type]  # ids are bytes
        return self.sealers[place.source].open(column, records)

    def _spread(self, source: str, texts: Texts) -> Texts:
        places = self._places[source]
        return texts if isinstance(places, range) else [texts[at] for at in places]


def _each(texts: Texts, part: Callable[[str], str | None]) -> Texts:
    return [None if text is None else part(text) for text in texts]


def _part_of(column: Column, name: str) -> Callable[[str], str | None]:
    part = kind_of(column).part(name)
    assert part is not None  # INVARIANT: a question's places were checked against its schema.
    return part.of


# --- conditions -------------------------------------------------------------------------------------------------


def truths(tree: Tree, opened: Opened) -> list[Truth]:
    """Return what a condition says of each row. None is "unknown", as in SQL."""
    if isinstance(tree, Leaf):
        return opened.map(tree.place, _leaf(tree, opened.question.column(tree.place)))
    if isinstance(tree, Flip):
        return [None if truth is None else not truth for truth in truths(tree.item, opened)]
    columns = [truths(item, opened) for item in tree.items]
    if not columns:
        return [isinstance(tree, All)] * opened.size
    decides = isinstance(tree, Some)
    return [decides if decides in row else None if None in row else not decides for row in zip(*columns, strict=True)]


def matching(tree: Tree, opened: Opened) -> list[int]:
    """Return the positions of the rows on which a condition holds."""
    return [at for at, truth in enumerate(truths(tree, opened)) if truth]


def _leaf(leaf: Leaf, column: Column | None) -> Callable[[str | None], Truth]:
    if column is None:
        ids = frozenset(leaf.values)
        return lambda text: None if text is None else text in ids  # an id never is, a consent may be unknown
    part = _part_of(column, leaf.place.part) if leaf.place.part else None
    if leaf.op == "null":
        whole = part is None or column.field.array
        return lambda text: text is None or (not whole and part is not None and part(text) is None)
    test = _test(leaf, kind_of(column))

    def one(text: str) -> Truth:
        found = part(text) if part else text
        return None if found is None else test(found)

    if not column.field.array:
        return lambda text: None if text is None else one(text)
    return lambda text: None if text is None else any(one(element) for element in array_texts(text))


def _test(leaf: Leaf, kind: DataType) -> Callable[[str], bool]:
    if leaf.op == "in":
        wanted = frozenset(leaf.values)
        return lambda text: text in wanted
    if leaf.op == "prefix":
        start = fold(leaf.values[0])
        return lambda text: fold(text).startswith(start)
    if leaf.op == "between":
        low, high = (order_key(kind, leaf.place.part, value) for value in leaf.values)
        return lambda text: bool(low <= order_key(kind, leaf.place.part, text) <= high)  # type: ignore[operator]
    bound = order_key(kind, leaf.place.part, leaf.values[0])
    strict, above = "=" not in leaf.op, leaf.op.startswith(">")

    def test(text: str) -> bool:
        key = order_key(kind, leaf.place.part, text)
        if key == bound:
            return not strict
        return bool(key > bound) is above  # type: ignore[operator]  # keys of one type compare

    return test


# --- order and sight --------------------------------------------------------------------------------------------


def keys(place: Place, opened: Opened) -> list[tuple[bool, object]]:
    """Return sort keys of a place, one a row; nulls come first."""
    column = opened.question.column(place)
    texts = opened.parts(place)
    if column is None:
        return [(True, text) for text in texts]
    kind = kind_of(column)
    return [(False, 0) if text is None else (True, order_key(kind, place.part, text)) for text in texts]


def cells(output: Output, grades: Sequence[Grade], opened: Opened) -> list[Wire]:
    """Return an output's values as the caller sees them; None on rows that no grade covers."""
    out: list[Wire] = [None] * opened.size
    for grade, chosen in by_grade(grades, opened):
        part = opened.take(chosen)
        for at, value in zip(chosen, _shown(output, grade.redaction, part), strict=True):
            out[at] = value
    return out


def by_grade(grades: Sequence[Grade], opened: Opened) -> Iterator[tuple[Grade, Sequence[int]]]:
    """Yield which rows each grade decides: the first, most revealing one that holds on them."""
    left: Sequence[int] = range(opened.size)
    for grade in grades:
        chosen = left if grade.where == All() else matching_of(grade.where, opened, left)
        yield grade, chosen
        taken = set(chosen)
        left = [at for at in left if at not in taken]
        if not left:
            break


def matching_of(tree: Tree, opened: Opened, left: Sequence[int]) -> list[int]:
    """Return those of the rows `left` on which a condition holds."""
    held = truths(tree, opened)
    return [at for at in left if held[at]]


def _shown(output: Output, redaction: str, opened: Opened) -> Sequence[Wire]:
    place = output.place
    assert place is not None  # INVARIANT: count(*) has no cells.
    column = opened.question.column(place)
    if column is None:
        return opened.texts(place)
    texts = opened.texts(place)
    if not place.part:
        return show(column, texts, redaction)
    if not shows(kind_of(column), redaction, place.part):
        return [None] * opened.size
    part = kind_of(column).part(place.part)
    assert part is not None  # INVARIANT: a question's places were checked against its schema.
    of, present = part.of, part.present

    def presented(text: str | None) -> Wire:
        return None if text is None else present(text)

    if column.field.array:
        return [None if text is None else [of(element) for element in array_texts(text)] for text in texts]
    return [None if text is None else presented(of(text)) for text in texts]
