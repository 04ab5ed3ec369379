"""Canonical text, prefixes and endings: what most types share. Not a part of the shelf."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part, Wire

# Controls other than white space; bidirectional and invisible formatting, which lets two texts look alike; surrogates
# and non-characters. The joiners U+200C and U+200D stay: Persian and the Indic scripts spell with them.
_REFUSED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def raw(value: Wire, type_name: str) -> str:
    """Return `value` if it is text. Raises InvalidValue on any other kind."""
    if not isinstance(value, str):
        raise InvalidValue("expected text", type_name=type_name)
    return value


def clean(value: Wire, type_name: str, longest: int) -> str:
    """Return text in NFC, trimmed, each run of white space as one space.

    Raises InvalidValue on another kind of value, on empty text, on more than `longest` characters, on controls and
    on invisible formatting characters. Source: Unicode Standard Annex 15 (NFC).
    """
    text = raw(value, type_name)
    if not (text.isascii() and text.isprintable()):
        text = visible(text, type_name, longest)
    text = " ".join(text.split())
    if not text:
        raise InvalidValue("expected some text, found none", type_name=type_name)
    if len(text) > longest:
        raise InvalidValue(f"expected at most {longest} characters", type_name=type_name)
    return text


def is_clean(text: str, longest: int) -> bool:
    """Return whether `clean` surely leaves `text` as it is: printable, in NFC, with single spaces inside alone."""
    # What `_REFUSED` finds is not printable to `str`, and of white space the space alone is.
    tidy = text.isprintable() and len(text) <= longest and " ".join(text.split()) == text
    return tidy and (text.isascii() or unicodedata.is_normalized("NFC", text))


def visible(text: str, type_name: str, longest: int) -> str:
    """Return `text` in NFC. Raises InvalidValue where it holds a control or an invisible formatting character."""
    # Refused before the normalization, whose cost grows with the length.
    if len(text) > 8 * longest:
        raise InvalidValue(f"expected at most {longest} characters", type_name=type_name)
    if _REFUSED.search(text):
        raise InvalidValue("expected no control or invisible characters", type_name=type_name)
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Return `text` so that two spellings that differ only in case are equal."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def key(text: str) -> str:
    """Return the letters and digits of a name alone, without accents and case, to look it up in a table."""
    return "".join(ch for ch in unicodedata.normalize("NFKD", text).casefold() if ch.isalnum())


def starred(text: str) -> str:
    """Return the first character and three stars; stars alone where one character is all there is."""
    return f"{text[0]}***" if len(text) > 1 else "***"


def prefix(count: int, *, few: bool = False, of: Callable[[str], str] = fold) -> Part:
    """Return the part `prefix_N`: the first `count` characters, without regard to case."""

    def fix(literal: str) -> str:
        text = of(literal)
        if not 0 < len(text) <= count:
            raise InvalidValue(f"expected a prefix of 1 to {count} characters")
        return text

    return Part(
        name=f"prefix_{count}",
        about=f"The first {count} characters, in lower case.",
        of=lambda text: of(text)[:count] or None,
        fix=fix,
        few=few,
    )


def last_four() -> Part:
    """Return the part `last_four`: the last four characters, or None where there are fewer than five."""

    def fix(literal: str) -> str:
        if len(literal) != 4:
            raise InvalidValue("expected four characters")
        return literal

    return Part(
        name="last_four",
        about="The last four characters; none where there are fewer than five.",
        of=lambda text: text[-4:] if len(text) > 4 else None,
        fix=fix,
    )
