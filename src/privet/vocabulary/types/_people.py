"""Names of people: which characters they have, and how they split. Not a part of the shelf."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part, Wire
from privet.vocabulary.types._text import clean, is_clean, starred

# Letters of ASCII are the common case; every other letter and mark is asked of `str`.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z '.,\-]*")
_SPACED = re.compile(r"[A-Za-z][A-Za-z'.,\-]*(?: [A-Za-z'.,\-]+)*")
_MARKS = frozenset(" '’ʼ‘`´-‐‑–.,·・‧()\"\u200c\u200d")
_ORDINAL = re.compile(r"\b(?:2nd|3rd|[4-9]th)\b", re.IGNORECASE)
_TITLES = "mr mrs ms miss mx dr prof professor doctor rev sir dame hon herr frau sr sra señor señora"
_SUFFIXES = "jr sr i ii iii iv v vi 2nd 3rd 4th 5th 6th esq phd md dds jd mba cpa rn obe mbe"
_PARTICLES = "van von der den ten ter de del della di da das dos du des la le las los el al bin ibn bint ben abu mac o"
TITLES = frozenset(_TITLES.split())
SUFFIXES = frozenset(_SUFFIXES.split())
PARTICLES = frozenset(_PARTICLES.split())
# Soundex gives no digit to vowels and Y; H and W do not part two letters of one digit.
_SOUND = str.maketrans("BFPVCGJKQSXZDTLMNRAEIOUYHW", "11112222222233455600000099")


def name(value: Wire, type_name: str, longest: int) -> str:
    """Return a name as canonical text. Raises InvalidValue unless it is letters and their punctuation."""
    text = clean(value, type_name, longest)
    if _PLAIN.fullmatch(text):
        return text
    bare = _ORDINAL.sub("", text)
    letters = 0
    for ch in bare:
        if ch.isalpha():
            letters += 1
        # A combining mark belongs to the letter before it, where NFC has no single character for the two.
        elif ch not in _MARKS and not _is_mark(ch):
            raise InvalidValue("expected letters, spaces, hyphens, apostrophes and points", type_name=type_name)
    if not letters:
        raise InvalidValue("expected at least one letter", type_name=type_name)
    return text


def names(texts: Sequence[str], longest: int) -> list[str]:
    """Return those texts that `name` surely leaves as they are, "" for each other."""
    return [
        text
        if len(text) <= longest
        and (_SPACED.fullmatch(text) or (text.replace(" ", "").isalpha() and is_clean(text, longest)))
        else ""
        for text in texts
    ]


def _is_mark(ch: str) -> bool:
    return unicodedata.category(ch) in ("Mn", "Mc")


def split(text: str) -> tuple[str, str, str, str]:
    """Return (given, middle, family, suffix), "" for what is not there.

    Reads "Given Middle Family Suffix" with particles before the family name ("van der Berg"), and "Family, Given".
    A lone word is a given name. Names do not follow one grammar, so this is a guess that serves search, not identity.
    """
    head, comma, tail = text.partition(",")
    if comma and not _all_suffixes(tail):
        rest, suffix = _take_suffix(tail.replace(",", " ").split())
        family, more = _take_suffix(head.split())
        return _join(rest[:1]), _join(rest[1:]), _join(family), suffix or more
    words, suffix = _take_suffix(text.replace(",", " ").split())
    while len(words) > 1 and _bare(words[0]) in TITLES:
        words = words[1:]
    if len(words) < 2:
        return _join(words), "", "", suffix
    at = len(words) - 1
    while at > 1 and _bare(words[at - 1]) in PARTICLES:
        at -= 1
    return words[0], _join(words[1:at]), _join(words[at:]), suffix


def soundex(word: str) -> str | None:
    """Return the American Soundex code of the ASCII letters of a word, None where it has none.

    Source: US National Archives, The Soundex Indexing System.

    >>> soundex("Ashcraft"), soundex("Tymczak"), soundex("Lee")
    ('A261', 'T522', 'L000')
    """
    letters = [ch for ch in unicodedata.normalize("NFKD", word).upper() if "A" <= ch <= "Z"]
    if not letters:
        return None
    digits = "".join(letters).translate(_SOUND)
    code, last = "", digits[0]
    for digit in digits[1:]:
        if digit == "9":
            continue
        if digit not in ("0", last):
            code += digit
        last = digit
    return f"{letters[0]}{code[:3]:0<3}"


def fix_soundex(literal: str) -> str:
    """Return the code of a name, or a code as it stands. Raises InvalidValue where there is no letter."""
    if re.fullmatch(r"[A-Za-z]\d{3}", literal):
        return literal.upper()
    code = soundex(literal)
    if code is None:
        raise InvalidValue("expected a name or a Soundex code")
    return code


def masked(text: str) -> str:
    """Return `J***oe` for a name of six characters or more, its first letter and stars for a shorter one."""
    return f"{text[0]}***{text[-2:]}" if len(text) > 5 else starred(text)


def piece(at: int, label: str, about: str, *, few: bool = False) -> Part:
    """Return the part that is piece `at` of `split`."""
    return Part(name=label, about=about, of=lambda text: split(text)[at] or None, fix=_literal, few=few)


def _literal(text: str) -> str:
    return clean(text, "", 200)


def _take_suffix(words: list[str]) -> tuple[list[str], str]:
    at = len(words)
    while at > 1 and _bare(words[at - 1]) in SUFFIXES:
        at -= 1
    return words[:at], _join(words[at:])


def _all_suffixes(text: str) -> bool:
    return all(_bare(word) in SUFFIXES for word in text.replace(",", " ").split())


def _bare(word: str) -> str:
    return word.replace(".", "").casefold()


def _join(words: list[str]) -> str:
    return " ".join(words)
