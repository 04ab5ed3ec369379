"""Text → tokens, by one pass of one regular expression that never goes back."""

from __future__ import annotations

import re
from itertools import accumulate, compress
from typing import NamedTuple

# Keys of tokens that are neither words (their key is the word in lower case) nor signs (the sign itself).
TEXT, QUOTED, NUMBER, MOMENT, OPEN, ODD, END = "'", '"', "0", "00", "''", "?", ""
_COMMENT = "#"

# INVARIANT: every pattern is possessive or bounded, so that the work is linear in the text whatever it holds, and
# some pattern matches at every place but space, so that the pieces are the whole text after the space before it.
_WORD = r"[A-Za-z_][A-Za-z0-9_-]*+"
_SIGN = r"<=|>=|!=|<>|[(),.;*=<>]"
_PATTERNS = {
    TEXT: r"'[^'\n]*+(?:''[^'\n]*+)*+'|‘[^’\n]*+’",
    _COMMENT: r"#[^\n]*+",
    QUOTED: r'"[^"\n]*+"',
    MOMENT: r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9:.]*+(?:[Zz]|[+-][0-9:]*+)?)?",
    NUMBER: r"-?[0-9]++(?:\.[0-9]++)?",
    OPEN: r"""['"‘][^\n]*+""",
    ODD: r"""[^\sA-Za-z0-9_'"‘#(),.;*=<>!-]++|\S""",
}
_PIECE = re.compile(rf"(?:{'|'.join((_WORD, _SIGN, *_PATTERNS.values()))})\s*+")
_IS_WORD, _IS_SIGN = re.compile(_WORD), re.compile(_SIGN)
_KINDS = tuple((key, re.compile(pattern)) for key, pattern in _PATTERNS.items())


class Tokens(NamedTuple):
    """The tokens of a text, END last. `keys`: what the grammar compares; `raws`: as written; `starts`: offsets.
    `comments`: (offset, text) of each comment, which is no token."""

    keys: list[str]
    raws: list[str]
    starts: list[int]
    comments: list[tuple[int, str]]


def tokens(text: str) -> Tokens:
    """Return the tokens of any text at all."""
    begin = len(text) - len(text.lstrip())
    pieces = _PIECE.findall(text, begin)
    # Most pieces of a policy come many times.
    raw_of = {piece: piece.rstrip() for piece in set(pieces)}
    key_of = {piece: _key(raw) for piece, raw in raw_of.items()}
    raws = list(map(raw_of.__getitem__, pieces))
    keys = list(map(key_of.__getitem__, pieces))
    starts = list(accumulate(map(len, pieces), initial=begin))
    comments: list[tuple[int, str]] = []
    if "#" in text:
        comments = [(start, raw) for key, raw, start in zip(keys, raws, starts, strict=False) if key == _COMMENT]
        kept = [key != _COMMENT for key in keys]
        keys, raws = list(compress(keys, kept)), list(compress(raws, kept))
        starts = list(compress(starts, (*kept, True)))
    return Tokens([*keys, END], [*raws, ""], starts, comments)


def _key(raw: str) -> str:
    if _IS_WORD.fullmatch(raw):
        return raw.lower()
    if _IS_SIGN.fullmatch(raw):
        return raw
    return next(key for key, pattern in _KINDS if pattern.fullmatch(raw))
