"""What promises about erasures name: categories, collections and fields of declared datasets."""

from __future__ import annotations

from privet.errors import InvalidPolicy
from privet.policy.clauses._cursor import Cursor
from privet.policy.clauses._words import ROOTS, category, name
from privet.policy.syntax import Aim

_PATH = "a collection is `dataset.collection`, a field `dataset.collection.field`"


def read_aims(cursor: Cursor) -> tuple[Aim, ...]:
    """Read aims, with commas between them. Raises InvalidPolicy."""
    found = [_aim(cursor)]
    while cursor.skip(","):
        found.append(_aim(cursor))
    return tuple(found)


def read_path(cursor: Cursor, what: str) -> Aim:
    """Read a dataset, a collection and what may stand below it. Raises InvalidPolicy."""
    start = cursor.at
    words = [cursor.word(what)]
    if cursor.keys[cursor.at] != ".":
        cursor.fail("`.` and a collection", _PATH)
    while cursor.skip("."):
        words.append(cursor.word("the name of a collection or field"))
    return Aim(path=tuple(words), span=cursor.span(start, cursor.at))


def write_aim(aim: Aim) -> str:
    """Return an aim as the language writes it. Raises InvalidPolicy for one that it cannot say."""
    if aim.label:
        if aim.path:
            raise InvalidPolicy("expected a category alone, found one within a dataset")
        return category(aim.label)
    if len(aim.path) < 2:
        raise InvalidPolicy("expected a dataset and a collection")
    return ".".join((name(aim.path[0], ROOTS), *map(name, aim.path[1:])))


def dataset_of(aims: tuple[Aim, ...]) -> str:
    """Return the first name of aims that all have the same one, "" where they have not."""
    found = {aim.path[0] if aim.path else "" for aim in aims}
    return found.pop() if len(found) == 1 else ""


def _aim(cursor: Cursor) -> Aim:
    start = cursor.at
    if cursor.keys[start] in ROOTS:
        label = cursor.label("category")
        return Aim(label, span=cursor.span(start, cursor.at))
    return read_path(cursor, "a category, a collection or a field of a dataset")
