"""Parts of codes and numbers that several families share. Not a part of the shelf."""

from __future__ import annotations

from collections.abc import Callable

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part
from privet.vocabulary.identifier import piece

_LAST_NAMES = {2: "last_two", 3: "last_three", 4: "last_four"}


def prefix(count: int) -> Part:
    """Return the part of the first `count` characters, upper case."""
    return piece(f"prefix_{count}", f"The first {count} characters", lambda text: text[:count], length=count)


def last(count: int, *, shortest: int) -> Part:
    """Return the part of the last `count` characters, which a value shorter than `shortest` does not have.

    Four digits of a number of five leave ten candidates: that is no longer a part but the number itself.
    """

    def of(text: str) -> str | None:
        return text[-count:] if len(text) >= shortest else None

    about = f"The last {count} characters of a value of {shortest} or more"
    return piece(_LAST_NAMES[count], about, of, length=count, few=count == 2)


def word(name: str, about: str, of: Callable[[str], str | None], words: tuple[str, ...]) -> Part:
    """Return a part that takes one of a few words, written in lower case."""
    known = frozenset(words)

    def fix(literal: str) -> str:
        trimmed = literal.strip().lower()
        if trimmed not in known:
            raise InvalidValue("expected a word of its list", type_name=name, hint=", ".join(words))
        return trimmed

    return Part(name=name, about=about, of=of, fix=fix, few=True)
