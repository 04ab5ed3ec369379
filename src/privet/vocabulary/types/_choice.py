"""Enumerations: a table of words, read from whatever spelling a caller uses. Not a part of the shelf."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Wire
from privet.vocabulary.types._text import clean

_BREAKS = re.compile(r"[\s\-_/.,'’]+")


def chooser(type_name: str, words: dict[str, str], *, longest: int = 64) -> Callable[[Wire], str]:
    """Return a `normalize` that takes the words of a table.

    `words`: canonical word → its other spellings, with spaces between. Case, accents, spaces, hyphens, points and
    apostrophes do not matter in what callers write; in the table a spelling is in lower case, without accents and
    with `_` between words.
    """
    known = {word: word for word in words}
    for word, others in words.items():
        known.update(dict.fromkeys(others.split(), word))

    def normalize(value: Wire) -> str:
        if isinstance(value, str) and (word := known.get(value)):
            return word
        text = unicodedata.normalize("NFKD", clean(value, type_name, longest)).casefold()
        bare = "".join(ch for ch in text if not unicodedata.combining(ch))
        word = known.get(_BREAKS.sub("_", bare).strip("_"))
        if word is None:
            # The words stand in the hint: a message that lists them could hold a piece of what was sent.
            raise InvalidValue("expected a word of its list", type_name=type_name, hint=", ".join(words))
        return word

    return normalize
