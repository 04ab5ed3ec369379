"""What of a question the caller's permits cover: rows, and how each output is shown. Decides nothing new: `policy` did.

A column in WHERE, JOIN, ORDER BY or GROUP BY is asked about, at the precision of the column or of a part. Asking is
allowed where the `search` permit has the column, or where the `read` permit shows at least that much of it. A type's
ceiling caps what is shown, not what may be searched for; types that show nothing answer only what they index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from privet import digest
from privet.errors import Denied, InvalidValue
from privet.policy.permit import NO_RULE, Basis, Permit, Sight
from privet.vault.query.question import (
    TRUE,
    Flip,
    Leaf,
    Operator,
    Output,
    Place,
    Question,
    Some,
    Source,
    Tree,
    conjoin,
    disjoin,
    kind_of,
    leaves,
    shows,
    shows_all,
)
from privet.vault.sight import canonical_literal, least, place_of
from privet.vocabulary.datatype import DataType
from privet.vocabulary.flag import bare
from privet.vocabulary.predicate import ALWAYS, CONSENT, And, Compare, In, Or, Predicate, Value

_PRESENCE = "?"  # the precision of IS NULL, in place of a part
_OPERATORS: dict[str, Operator] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    """What the caller may do, by table: `read` shows, `search` asks. A table that is absent is denied."""

    read: Mapping[str, Permit]
    search: Mapping[str, Permit]


@dataclass(frozen=True, slots=True)
class Grade:
    """A redaction of an output and the rows on which it holds. `rule`: who says so."""

    redaction: str
    where: Tree
    rule: Basis = NO_RULE


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """`rows`: the rows that the caller may ask about. `grades`: of each output that shows a value, most revealing
    first; () for the others. `places`: what is asked about. `plain`: whether all of it may be seen in the clear on
    every row. `seen`: whether the caller sees, on every row that may be asked about, what the question asks there."""

    rows: Tree
    grades: tuple[tuple[Grade, ...], ...]
    plain: bool
    seen: bool
    places: tuple[Place, ...]


def clear(question: Question, permits: Permits, redaction: str = "") -> Clearance:
    """Return what the caller may see and ask of a question; outputs show no more than `redaction` ("" for all).

    Raises Denied, naming the first column that the caller may not see or ask about.
    """
    asked = tuple(_asked(question))
    rows = [_needed(question, permits, place) for place in dict.fromkeys(asked)]
    grades: list[tuple[Grade, ...]] = []
    shown: list[tuple[str, tuple[Tree, ...]]] = []
    for output in question.outputs:
        place = output.place
        if place is None or output.function in ("count", "count_distinct"):
            grades.append(())
            continue
        sights = _shown(question, permits, output)
        wheres = tuple(grade.where for grade in sights)
        if output.function in ("sum", "avg"):
            rows.append(disjoin(wheres))  # one value that may not be seen would show in the sum
        else:
            shown.append((place.source, wheres))
        grades.append(_grades(question, output, sights, redaction))
    for source in question.sources:
        visible = tuple(where for name, held in shown if name == source.name for where in held)
        if visible:
            rows.append(disjoin(visible))
        elif all(place.source != source.name for place in asked):
            rows.append(_any_row(source, permits))
    plain = all(_plain(question, permits, place) for place in asked)
    seen = all(_seen(question, permits, place) for place in asked)
    return Clearance(rows=conjoin(*rows), grades=tuple(grades), plain=plain, seen=seen, places=asked)


def _asked(question: Question) -> Iterator[Place]:
    """Yield every place that decides which rows come, in which order and groups."""
    for leaf in leaves(question.where):
        yield Place(leaf.place.source, leaf.place.column, _PRESENCE) if leaf.op == "null" else leaf.place
    for source in question.sources:
        if source.link:
            yield from (source.link.own, source.link.other)
    yield from question.group
    yield from (order.key for order in question.order if isinstance(order.key, Place))
    for output in question.outputs:
        if output.place and output.function in ("min", "max", "count_distinct"):
            yield output.place


def _needed(question: Question, permits: Permits, place: Place) -> Tree:
    """Return the rows on which the caller may ask about a place."""
    source = question.source(place)
    column = question.column(place)
    if column is None:
        return _any_row(source, permits)
    found = [*_searched(question, permits, place), *_read(question, permits, place)]
    if not found:
        named = f"{source.table.name}.{column.name}"
        shown = f"`{named}` by its {place.part}" if place.part not in ("", _PRESENCE) else f"`{named}`"
        raise Denied(f"no role of the caller allows to ask about {shown}", hint="it needs `search` on the column")
    return disjoin(tuple(to_tree(where, source) for where in found))


def _searched(question: Question, permits: Permits, place: Place) -> list[Predicate]:
    """Return the rows on which the caller may search a column at the precision of a place."""
    kind, sights = _kind(question, place), _sights(permits.search, place, question.source(place))
    return [sight.where for sight in sights if _answers(kind, sight.redaction, place.part)]


def _read(question: Question, permits: Permits, place: Place) -> list[Predicate]:
    """Return the rows on which the caller sees as much of a column as a place asks about."""
    kind, sights = _kind(question, place), _sights(permits.read, place, question.source(place))
    return [sight.where for sight in sights if _reveals(kind, sight.redaction, place.part)]


def _seen(question: Question, permits: Permits, place: Place) -> bool:
    """Return whether searching lets the caller ask about a place on no row where it is not shown to her anyway."""
    if question.column(place) is None:
        return True
    read = list(map(bare, _read(question, permits, place)))
    return ALWAYS in read or all(bare(where) in read for where in _searched(question, permits, place))


def _kind(question: Question, place: Place) -> DataType:
    column = question.column(place)
    assert column is not None  # INVARIANT: callers looked.
    return kind_of(column)


def _sights(permits: Mapping[str, Permit], place: Place, source: Source) -> Sequence[Sight]:
    permit = permits.get(source.table.name)
    return permit.columns.get(place.column, ()) if permit else ()


def _reveals(kind: DataType, redaction: str, part: str) -> bool:
    if part == _PRESENCE:
        return redaction in kind.redactions and redaction != "redacted"
    return shows(kind, redaction, part)


def _answers(kind: DataType, redaction: str, part: str) -> bool:
    if part == _PRESENCE:
        return True
    indexed = kind.ceiling != "redacted" or (part or "exact") in kind.indexes
    return indexed and shows(kind, redaction, part)


def _any_row(source: Source, permits: Permits) -> Tree:
    """Return the rows of a table on which anything at all is permitted."""
    found = dict.fromkeys(
        sight.where
        for held in (permits.read, permits.search)
        if source.table.name in held
        for sights in held[source.table.name].columns.values()
        for sight in sights
    )
    if not found:
        raise Denied(f"no role of the caller allows to ask about `{source.table.name}`")
    return disjoin(tuple(to_tree(where, source) for where in found))


def _shown(question: Question, permits: Permits, output: Output) -> list[Grade]:
    """Return how the caller sees an output. Raises Denied where she does not."""
    place = output.place
    assert place is not None
    source, column = question.source(place), question.column(place)
    if column is None:
        return [Grade("plain_text", _any_row(source, permits))]
    kind = kind_of(column)
    held = _sights(permits.read, place, source)
    found = [Grade(sight.redaction, to_tree(sight.where, source), sight.rule) for sight in held]
    if output.function in ("sum", "avg"):
        found = [grade for grade in found if shows_all(kind, grade.redaction)]
    elif place.part:
        found = [grade for grade in found if shows(kind, grade.redaction, place.part)]
    if not found:
        raise Denied(f"no role of the caller allows to read `{question.said(place)}`", hint="it needs `read`")
    return found


def _grades(question: Question, output: Output, grades: Sequence[Grade], redaction: str) -> tuple[Grade, ...]:
    column = question.column(output.place) if output.place else None
    if column is None:
        return tuple(grades)
    kind = kind_of(column)
    capped = [least(kind, least(kind, grade.redaction, redaction), output.redaction) for grade in grades]
    return tuple(replace(grade, redaction=name) for name, grade in zip(capped, grades, strict=True))


def _plain(question: Question, permits: Permits, place: Place) -> bool:
    """Return whether the caller may see a place's whole column in the clear, on every row."""
    column = question.column(place)
    if column is None or column.field.reference:
        return True
    kind, sights = kind_of(column), _sights(permits.read, place, question.source(place))
    return any(shows_all(kind, sight.redaction) and sight.where == ALWAYS for sight in sights)


# --- a policy's condition in the words of a question ------------------------------------------------------------


def to_tree(predicate: Predicate, source: Source) -> Tree:
    """Return a policy's row condition on a table as a tree. Raises InvalidValue for a literal of the wrong type."""
    if isinstance(predicate, And):
        return conjoin(*(to_tree(item, source) for item in predicate.items)) if predicate.items else TRUE
    if isinstance(predicate, Or):
        return disjoin(tuple(to_tree(item, source) for item in predicate.items)) if predicate.items else Some()
    if isinstance(predicate, Compare | In):
        return _to_leaf(predicate, source)
    return Flip(to_tree(predicate.item, source))


def _to_leaf(predicate: Compare | In, source: Source) -> Tree:
    name, _, part = predicate.target.partition(".")
    if predicate.target == CONSENT:
        return Leaf(Place(source.name, place_of(predicate)), "in", ("yes",))
    place = Place(source.name, name, part)
    if isinstance(predicate, In):
        return Leaf(place, "in", tuple(_literal(source, place, value) for value in predicate.values))
    if predicate.value is None:
        null = Leaf(place, "null")
        return null if predicate.op == "=" else Flip(null)
    literal = (_literal(source, place, predicate.value),)
    if predicate.op in ("=", "!="):
        equal = Leaf(place, "in", literal)
        return equal if predicate.op == "=" else Flip(equal)
    return Leaf(place, _OPERATORS[predicate.op], literal)


def _literal(source: Source, place: Place, value: Value) -> str:
    column = None if place.column == "id" else source.table.column(place.column)
    if column is not None and not column.field.reference:
        return canonical_literal(column, place.part, value)
    try:
        return digest.id_text(value if isinstance(value, bytes) else digest.id_bytes(str(value)))
    except ValueError:
        raise InvalidValue("expected a record id (a UUID)") from None
