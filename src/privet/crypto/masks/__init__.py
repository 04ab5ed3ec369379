"""The shelf of masks: one redaction a file. See `privet.vocabulary.datatype.Mask`.

One rule for all masks named after a piece of the value: the type's own part of that name is the piece, else the
general one of the mask's file. A piece that stands at an end of the value is shown in place, every other letter and
digit starred and the separators kept, so that the form stays readable (`***-**-6789`); a piece that is a fact of its
own (a year, a domain) is shown alone. Where the piece would be the whole value, or there is none, nothing is shown
but `STARS`, which hides even the length.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from privet.shelf import Shelf
from privet.vocabulary.datatype import DataType, Mask, Wire

STARS = "***"
# All else is starred, letters and digits of every script among it.
SEPARATORS = frozenset(" -./+()")
_BARE = str.maketrans("", "", "".join(SEPARATORS))
_LETTER = re.compile(r"[^ \-./+()]")

MASKS: Shelf[Mask] = Shelf("privet.crypto.masks", Mask, word="mask")


def ending(name: str, count: int) -> Callable[[DataType, str], Wire]:
    """Return the mask that shows the type's part `name`, or the last `count` characters that are no separators."""

    def apply(datatype: DataType, text: str) -> Wire:
        shown = _shown(datatype, text)
        piece = _piece(datatype, name, text)
        if piece is None:
            return _ended(shown, count)
        letters = _letters(piece)
        ends = bool(piece) and _letters(shown).endswith(letters)
        return _ended(shown, len(letters)) if ends else alone(piece, text)

    return apply


def beginning(name: str, count: int) -> Callable[[DataType, str], Wire]:
    """Return the mask that shows the type's part `name`, or the first `count` characters that are no separators."""

    def apply(datatype: DataType, text: str) -> Wire:
        shown = _shown(datatype, text)
        piece = _piece(datatype, name, text)
        if piece is None:
            return starred(shown, _first(shown, count))
        begins = bool(piece) and _letters(shown).startswith(_letters(piece))
        return starred(shown, _first(shown, len(_letters(piece)))) if begins else alone(piece, text)

    return apply


def fact(name: str, general: Callable[[str], str | None]) -> Callable[[DataType, str], Wire]:
    """Return the mask that shows the type's part `name` alone, or what `general` finds in the canonical text."""

    def apply(datatype: DataType, text: str) -> Wire:
        part = datatype.part(name)
        return alone(part.of(text) if part else general(text), text)

    return apply


def alone(piece: str | None, text: str) -> str:
    """Return the piece, or STARS where there is none or it gives the whole value away."""
    return piece if piece and _letters(piece) != _letters(text) else STARS


def starred(text: str, keep: frozenset[int]) -> str:
    """Return `text` with a star for each character that is neither a separator nor at a position of `keep`.

    STARS alone where nothing would be starred, or nothing kept.

    >>> starred("219-09-9999", frozenset(range(7, 11)))
    '***-**-9999'
    """
    hidden = {at for at, character in enumerate(text) if character not in SEPARATORS} - keep
    if not hidden or not keep:
        return STARS
    return "".join("*" if at in hidden else character for at, character in enumerate(text))


def _piece(datatype: DataType, name: str, text: str) -> str | None:
    part = datatype.part(name)
    return None if part is None else part.of(text) or ""


def _shown(datatype: DataType, text: str) -> str:
    """Return the value as callers see it, where that is text."""
    shown = datatype.present(text)
    return shown if isinstance(shown, str) else text


def _letters(text: str) -> str:
    return text.translate(_BARE)


def _ended(text: str, count: int) -> str:
    """Return `text` with a star for each letter but the last `count`; STARS alone as `starred` says."""
    if not 0 < count < len(_letters(text)):
        return STARS
    cut = len(text) - count
    while len(_letters(text[cut:])) < count:  # separators among the last characters
        cut -= 1
    return _LETTER.sub("*", text[:cut]) + text[cut:]


def _first(text: str, count: int) -> frozenset[int]:
    places = [at for at, character in enumerate(text) if character not in SEPARATORS]
    return frozenset(places[:count])
