"""A question as one question of the store: which conditions index columns answer, and what is left to opened values.

INVARIANT: the store's condition holds wherever the question's does. Where the two are the same for a condition (a tag
of the whole index, a reference, null), the head's MAC has bound what was compared and nothing is left to open; every
other condition stays in `residue` and is judged again on opened values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from privet import digest
from privet.crypto.index import Cut, Tagger
from privet.store.port import Join, Without
from privet.vault.access import consents
from privet.vault.query.cover import cover, prefix_size, prefix_value, wanted
from privet.vault.query.joint import Joint, joints
from privet.vault.query.question import (
    All,
    Flip,
    Leaf,
    Operator,
    Place,
    Question,
    Some,
    Tree,
    conjoin,
    disjoin,
    kind_of,
)
from privet.vault.schema import Column
from privet.vault.sealer import Sealer
from privet.vocabulary.datatype import Part
from privet.vocabulary.flag import is_flag
from privet.vocabulary.predicate import ALWAYS, CONSENT, NEVER, And, Compare, In, Not, Or, Predicate, both, either

Flagged = Callable[[str], Set[bytes] | None]
MOST_JOINS = 3  # arrays and consents that one question may look up by their own tables
_FLIPPED: dict[str, Operator] = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@dataclass(frozen=True, slots=True)
class Line:
    """How one condition is answered. `index`: what answers or narrows it, "" for none; `exact`: nothing is opened."""

    text: str
    index: str = ""
    exact: bool = False
    hint: str = ""

    def __str__(self) -> str:
        if not self.index:
            return f"{self.text}: opened and compared"
        return f"{self.text}: {self.index}" + ("" if self.exact else ", then opened and compared")


@dataclass(frozen=True, slots=True)
class _Answer:
    where: Predicate
    exact: bool
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """`where`, `joins` and `without`: the candidates. `residue`: what opened values still have to meet. `lacking`: the
    flags of `without`; nothing that lifts them may be forged, see `consents.demand_lifted`."""

    where: Predicate
    joins: tuple[Join, ...]
    without: tuple[Without, ...]
    lacking: frozenset[str]
    residue: Tree
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Range(All):
    """Conditions of one place that are ends of a range: one cover serves them all."""


class Pruner:
    """Compiles the conditions of one question."""

    def __init__(
        self,
        question: Question,
        sealers: Mapping[str, Sealer],
        *,
        ledger: bool = False,
        flagged: Flagged = lambda key: None,
    ) -> None:
        """`ledger`: the store itself holds the consents that rows are judged by. `flagged`: a flag → who has it, None
        where nobody can list them."""
        self.question = question
        self.sealers = sealers
        self.ledger = ledger
        self.flagged = flagged
        self.aliases = {source.name: source.alias for source in question.sources}
        self.joins: list[Join] = []
        self.without: dict[tuple[str, str], Without] = {}  # by (subject, flag)

    def prune(self, asked: Tree, permitted: Tree) -> Pruned:
        """Return what the store is asked. `permitted`: the rows that the caller's permits cover."""
        where: Predicate = ALWAYS
        lines: list[Line] = []
        residue: list[Tree] = []
        items, rules = (dict.fromkeys(_conjuncts(tree)) for tree in (asked, permitted))
        sides: list[list[Tree]] = [list(items), [rule for rule in rules if rule not in items]]
        # What is asked and what is permitted may be answered together.
        for joint in joints([item for side in sides for item in side], self.question):
            found = self._joint(joint)
            where = both(where, found.where)
            lines += found.lines
            sides = [[item for item in side if item not in joint.leaves] for side in sides]
        for side, prefix in zip(sides, ("", "permitted rows: "), strict=True):
            for item in self._ranges(side):
                found = self._over(item, flip=False, top=True)
                where = both(where, found.where)
                lines += [replace(line, text=prefix + line.text) for line in found.lines]
                if not found.exact:
                    residue.append(item)
        return Pruned(
            where=where,
            joins=tuple(self.joins),
            without=tuple(self.without.values()),
            lacking=frozenset(key for _, key in self.without),
            residue=conjoin(*residue),
            lines=tuple(lines),
        )

    def physical(self, place: Place) -> str:
        """Return the store's column whose cells are equal just where a place's values are, "" where there is none."""
        alias, column = self.aliases[place.source], self.question.column(place)
        if column is None:
            return f"{alias}.id"
        if column.field.array:
            return ""
        if column.field.reference:
            return f"{alias}.{column.cell}"
        tag = self._tag(place, column, place.part or "exact")
        # Two living keys give one value two tags, and cut tags give two values one.
        return tag[0] if tag and len(tag[1]) == 1 and isinstance(tag[1][0], Tagger) else ""

    # -- trees -------------------------------------------------------------------------------------------------

    def _over(self, tree: Tree, *, flip: bool, top: bool) -> _Answer:
        if isinstance(tree, Leaf):
            return self._leaf(tree, flip=flip, top=top)
        if isinstance(tree, Range) and not flip:
            return self._range(tree)
        if isinstance(tree, Flip):
            return self._over(tree.item, flip=not flip, top=top)
        conjunction = isinstance(tree, All) is not flip
        # A compound tag is null where one of its parts is: its absence says nothing of the others.
        together = joints(tree.items, self.question) if conjunction and not flip else []
        answered = {leaf for joint in together for leaf in joint.leaves}
        items: Sequence[Tree] = [item for item in tree.items if item not in answered]
        items = self._ranges(items) if conjunction and not flip else items
        answers = [self._over(item, flip=flip, top=top and conjunction) for item in items]
        answers += [self._joint(joint) for joint in together]
        return _every(answers) if conjunction else _some(answers)

    def _ranges(self, items: Sequence[Tree]) -> list[Tree]:
        """Return a conjunction's items with the two ends of a range together, so that one cover serves both."""
        out: list[Tree] = []
        ends: dict[Place, list[Leaf]] = {}
        for item in items:
            if isinstance(item, Leaf) and item.op in _FLIPPED and not self._array(item.place):
                ends.setdefault(item.place, []).append(item)
            else:
                out.append(item)
        return out + [Range(tuple(leaves)) for leaves in ends.values()]

    def _array(self, place: Place) -> bool:
        column = self.question.column(place)
        return column is not None and column.field.array

    def _joint(self, joint: Joint) -> _Answer:
        name, slot = self.aliases[joint.source.name], joint.compound.slot
        taggers = self.sealers[joint.source.name].compound_taggers[slot]
        parts = list(joint.parts())
        tags = [tag for tagger in taggers for tag in tagger.tags(parts)]
        text = " and ".join(self._text(leaf, flip=False) for leaf in joint.leaves)
        index = f"index ({', '.join(joint.compound.targets)})"
        return _exact(text, index, _member(f"{name}.x{slot}", tags, flip=False))

    # -- conditions --------------------------------------------------------------------------------------------

    def _leaf(self, leaf: Leaf, *, flip: bool, top: bool) -> _Answer:
        column = self.question.column(leaf.place)
        text = self._text(leaf, flip=flip)
        if leaf.place.column.startswith(CONSENT):
            return self._person(leaf, flip=flip, top=top)
        if column is None:
            return _exact(text, "record ids", self._ids(f"{self.aliases[leaf.place.source]}.id", leaf, flip=flip))
        if leaf.op == "null":
            return self._null(leaf, column, text, flip=flip)
        if column.field.reference:
            name = f"{self.aliases[leaf.place.source]}.{column.cell}"
            return _exact(text, "references", self._ids(name, leaf, flip=flip))
        if column.field.array:
            return self._element(leaf, column, text) if top and not flip else self._open(leaf, column, text)
        if leaf.op in _FLIPPED:
            op = _FLIPPED[leaf.op] if flip else leaf.op
            return self._range(Range((replace(leaf, op=op),)))
        if leaf.op == "prefix":
            return self._open(leaf, column, text) if flip else self._prefix(leaf, column, text)
        return self._equal(leaf, column, text, flip=flip)

    def _text(self, leaf: Leaf, *, flip: bool) -> str:
        words = {
            "in": "=" if len(leaf.values) == 1 else "IN",
            "between": "BETWEEN",
            "prefix": "LIKE",
            "null": "IS NULL",
        }
        return f"{'NOT ' if flip else ''}{leaf.place} {words.get(leaf.op, leaf.op)}" + (" …" if leaf.values else "")

    def _ids(self, name: str, leaf: Leaf, *, flip: bool) -> Predicate:
        if leaf.op == "null":
            return Compare(name, "!=" if flip else "=", None)
        return _member(name, [digest.id_bytes(value) for value in leaf.values], flip=flip)

    def _null(self, leaf: Leaf, column: Column, text: str, *, flip: bool) -> _Answer:
        alias = self.aliases[leaf.place.source]
        if not leaf.place.part:
            return _exact(text, "nulls", Compare(f"{alias}.{column.cell}", "!=" if flip else "=", None))
        tag = None if column.field.array else self._tag(leaf.place, column, leaf.place.part)
        if tag is None:
            return self._open(leaf, column, text)
        return _exact(text, f"index `{leaf.place.part}`", Compare(tag[0], "!=" if flip else "=", None))

    def _equal(self, leaf: Leaf, column: Column, text: str, *, flip: bool) -> _Answer:
        name = leaf.place.part or "exact"
        tag = self._tag(leaf.place, column, name)
        opened = self._open(leaf, column, text)
        if tag is not None:
            where = _member(tag[0], _tags(tag[1], leaf.values), flip=flip)
            if isinstance(tag[1][0], Tagger):
                return _exact(text, f"index `{name}`", where)
            # A cut tag says of nothing that it is not there.
            return opened if flip else _Answer(where, False, (Line(text, f"cut index `{name}`"),))
        if leaf.place.part or flip:
            return opened
        for part in self._indexed_parts(leaf.place, column):
            values = [value for value in map(part.of, leaf.values) if value is not None]
            if len(values) == len(leaf.values):
                return self._narrowed(leaf.place, column, part, values, opened)
        return opened

    def _prefix(self, leaf: Leaf, column: Column, text: str) -> _Answer:
        opened, start = self._open(leaf, column, text), leaf.values[0]
        if leaf.place.part:
            return opened
        parts = [part for part in self._indexed_parts(leaf.place, column) if prefix_size(part) <= len(start)]
        for part in sorted(parts, key=prefix_size, reverse=True):
            value = prefix_value(part, start)
            if value:
                return self._narrowed(leaf.place, column, part, [value], opened)
        return opened

    def _range(self, span: Range) -> _Answer:
        ends = [item for item in span.items if isinstance(item, Leaf)]
        place = ends[0].place
        column = self.question.source(place).table.column(place.column)
        text = f"{place} " + " and ".join(f"{leaf.op} …" for leaf in ends)
        opened = self._open(ends[0], column, text)
        for part in self._indexed_parts(place, column):
            values = cover(kind_of(column), part, ends)
            if values is not None:
                return self._narrowed(place, column, part, values, opened)
        return opened

    def _element(self, leaf: Leaf, column: Column, text: str) -> _Answer:
        opened, name = self._open(leaf, column, text), leaf.place.part or "exact"
        index = column.index(name)
        if leaf.op != "in" or index is None or len(self.joins) == MOST_JOINS:
            return opened
        alias = f"e{len(self.joins)}"
        self.joins.append(Join("elements", alias, f"{self.aliases[leaf.place.source]}.id", "record"))
        taggers = self._taggers(leaf.place, column, name)
        tags = In(f"{alias}.tag", tuple(_tags(taggers, leaf.values)))
        where = And((Compare(f"{alias}.index_id", "=", index.id), tags))
        return _Answer(where, False, (Line(text, f"element index `{name}`"),))

    def _person(self, leaf: Leaf, *, flip: bool, top: bool) -> _Answer:
        key = leaf.place.column.partition(" ")[2]
        if is_flag(key) and flip:
            # Whose a record is its head's MAC has bound, and who has the flag is known: nothing is left to open.
            subject, listed = f"{self.aliases[leaf.place.source]}.subject", self.flagged(key)
            if listed is not None:
                return _exact("people without the flag", "subjects", unflagged(subject, listed))
            if top and self.ledger:
                self.without.setdefault((subject, key), consents.unflagged(f"f{len(self.without)}", key, subject))
                return _exact("people without the flag", "consents", ALWAYS)
        return self._consent(leaf) if top and not flip and self.ledger else _CONSENT

    def _consent(self, leaf: Leaf) -> _Answer:
        if len(self.joins) == MOST_JOINS:
            return _CONSENT
        alias, key = f"e{len(self.joins)}", leaf.place.column.partition(" ")[2]
        self.joins.append(Join("consents", alias, f"{self.aliases[leaf.place.source]}.subject", "subject"))
        # What the ledger's rows say counts only once their MACs were checked.
        return _Answer(consents.given(alias, key), False, (replace(_CONSENT.lines[0], index="consents"),))

    def _narrowed(self, place: Place, column: Column, part: Part, values: Sequence[str], opened: _Answer) -> _Answer:
        tag = self._tag(place, column, part.name)
        assert tag is not None  # INVARIANT: the part is indexed.
        where = _member(tag[0], _tags(tag[1], values), flip=False) if values else NEVER
        return _Answer(where, False, (replace(opened.lines[0], index=f"index `{part.name}`", hint=""),))

    def _open(self, leaf: Leaf, column: Column, text: str) -> _Answer:
        return _Answer(ALWAYS, False, (Line(text, hint=self._hint(leaf, column)),))

    # -- indexes -----------------------------------------------------------------------------------------------

    def _tag(self, place: Place, column: Column, name: str) -> tuple[str, tuple[Tagger | Cut, ...]] | None:
        index = column.index(name)
        if index is None:
            return None
        return f"{self.aliases[place.source]}.x{index.slot}", self._taggers(place, column, name)

    def _taggers(self, place: Place, column: Column, name: str) -> tuple[Tagger | Cut, ...]:
        slot = f"x{index.slot}" if (index := column.index(name)) else ""
        return next(tag.taggers for tag in self.sealers[place.source].tags[column.name] if tag.name == slot)

    def _indexed_parts(self, place: Place, column: Column) -> list[Part]:
        """Return the indexed parts of a column, those that narrow most first."""
        parts = [part for index in column.indexes if (part := kind_of(column).part(index.name))]
        return sorted(parts, key=lambda part: part.few)

    def hint(self, place: Place) -> str:
        """Return the schema line that would let the store tell a place's values apart, "" where there is none."""
        column = self.question.column(place)
        return self._hint(Leaf(place, "in"), column) if column else ""

    def _hint(self, leaf: Leaf, column: Column) -> str:
        kind, table = kind_of(column), self.question.source(leaf.place).table.name
        name = next((name for name in wanted(kind, leaf) if name in kind.indexes and not column.index(name)), "")
        if not name:
            return ""
        part = kind.part(name)
        leak = " and `leak: equality`" if (part.few if part else kind.few) and not column.field.leak else ""
        return f"add `index: [{', '.join((*column.field.indexes, name))}]`{leak} to `{table}.{column.name}`"


def unflagged(subject: str, listed: Set[bytes]) -> Predicate:
    """Return the condition of rows that are of none of some people. `subject`: the column that says whose one is."""
    if not listed:
        return ALWAYS
    return Or((Compare(subject, "=", None), Not(In(subject, tuple(sorted(listed))))))


def _conjuncts(tree: Tree) -> Iterator[Tree]:
    """Yield the conditions that all hold: those that every one of some alternatives has stand by themselves.

    A caller's rules are alternatives, and flags hold back what each of them allows.
    """
    for item in _all(tree):
        sides = [_all(side) for side in item.items] if isinstance(item, Some) else []
        shared = [part for part in (sides[0] if sides else ()) if _lacks(part) and all(part in side for side in sides)]
        if not shared:
            yield item
            continue
        yield from shared
        rest = disjoin(tuple(conjoin(*(part for part in side if part not in shared)) for side in sides))
        yield from _all(rest)


def _all(tree: Tree) -> Sequence[Tree]:
    return tree.items if isinstance(tree, All) else (tree,)


def _lacks(tree: Tree) -> bool:
    """Return whether a condition is that a person lacks a flag."""
    place = tree.item.place.column if isinstance(tree, Flip) and isinstance(tree.item, Leaf) else ""
    return place.startswith(CONSENT) and is_flag(place.partition(" ")[2])


_CONSENT = _Answer(ALWAYS, False, (Line("the person's consent"),))


def _exact(text: str, index: str, where: Predicate) -> _Answer:
    return _Answer(where, True, (Line(text, index, exact=True),))


def _every(answers: Sequence[_Answer]) -> _Answer:
    where: Predicate = ALWAYS
    for answer in answers:
        where = both(where, answer.where)
    lines = tuple(line for answer in answers for line in answer.lines)
    return _Answer(where, all(answer.exact for answer in answers), lines)


def _some(answers: Sequence[_Answer]) -> _Answer:
    where: Predicate = NEVER
    for answer in answers:
        where = either(where, answer.where)
    lines = tuple(line for answer in answers for line in answer.lines)
    if where == ALWAYS:
        # One side that no index narrows leaves every record a candidate.
        lines = tuple(replace(line, index="", exact=False) for line in lines)
    return _Answer(where, all(answer.exact for answer in answers), lines)


def _member(name: str, values: Sequence[bytes], *, flip: bool) -> Predicate:
    found = Compare(name, "=", values[0]) if len(values) == 1 else In(name, tuple(values))
    return Not(found) if flip else found


def _tags(taggers: Sequence[Tagger | Cut], values: Sequence[str]) -> list[bytes]:
    texts = [value.encode() for value in values]
    return [tag for tagger in taggers for tag in tagger.tags(texts)]
