"""Where a question needs whole tags: an index that keeps some of their bits only may choose candidates, no more."""

from __future__ import annotations

from collections.abc import Iterator

from privet.errors import InvalidQuery
from privet.vault.query.question import Flip, Leaf, Place, Question, Tree, leaves


def demand_whole(question: Question, permitted: Tree) -> None:
    """Raise InvalidQuery where cut tags would have to decide: rules, joins, counts, groups and negation.

    `permitted`: the rows that the caller's permits cover.
    """
    for leaf in leaves(permitted):
        if leaf.op == "in":
            _refuse(question, leaf.place, "a row rule")
    for leaf, flipped in _asked(question.where, flip=False):
        if flipped:
            _refuse(question, leaf.place, "a negation")
        if len(question.sources) > 1:
            _refuse(question, leaf.place, "a question that joins tables")
        if question.grouped:
            _refuse(question, leaf.place, "a question that counts or groups")
    counted = [output.place for output in question.outputs if output.function == "count_distinct" and output.place]
    for place in (*question.group, *counted):
        _refuse(question, place, "a question that counts or groups")


def _asked(tree: Tree, *, flip: bool) -> Iterator[tuple[Leaf, bool]]:
    """Yield every condition of equality, and whether it is negated."""
    if isinstance(tree, Leaf):
        if tree.op == "in":
            yield tree, flip
    elif isinstance(tree, Flip):
        yield from _asked(tree.item, flip=not flip)
    else:
        for item in tree.items:
            yield from _asked(item, flip=flip)


def _refuse(question: Question, place: Place, what: str) -> None:
    column = question.column(place)
    index = column.index(place.part or "exact") if column else None
    if column is not None and index is not None and index.bits:
        raise InvalidQuery(
            f"{what} needs whole tags, and index `{index.name}` of `{question.said(Place(place.source, place.column))}`"
            f" keeps {index.bits} bits",
            hint=f"keep them whole: `index: [{', '.join(column.field.indexes)}]`",
        )
