"""The population registry code of Mexico. Canonical: eighteen letters and digits."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, is_day, stars, tail

NAME = "mx.curp"
WORDS_FILE = Path(__file__).parent.parent / "data" / "mx_words.csv"

STATES = "AS BC BS CC CH CL CM CS DF DG GR GT HG JC MC MN MS NE NL NT OC PL QR QT SL SP SR TC TL TS VZ YN ZS"
_STATES = frozenset(STATES.split())
# Initials, date, sex (H, M, since 2021 X), state, inner consonants, a mark against doubles, a check digit.
_SHAPE = re.compile(r"[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]")
# Ñ has a rank of its own between N and O, though no code holds it.
_RANK = {letter: at for at, letter in enumerate("0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ")}


def normalize(value: Wire) -> str:
    text = compact(value, NAME)
    demand(_SHAPE.fullmatch(text) is not None, "expected initials, date, sex, state, consonants and 2 marks", NAME)
    demand(text[:4] not in refused("curp"), "expected initials that are issued", NAME)
    # A digit as the mark says born before 2000, a letter since.
    year = int(text[4:6]) + (1900 if text[16].isdigit() else 2000)
    demand(is_day(year, int(text[6:8]), int(text[8:10])), "expected a date of birth that exists", NAME)
    demand(text[11:13] in _STATES, "expected a state of Mexico, or NE for born abroad", NAME)
    demand(check_digit(text[:17]) == text[17], "expected the check digit to agree", NAME)
    return text


def check_digit(code: str) -> str:
    """Return the check digit of seventeen characters.

    >>> check_digit("BOXW310820HNERXN0")
    '9'
    """
    return str(-sum(_RANK[letter] * (18 - at) for at, letter in enumerate(code)) % 10)


@cache
def refused(code: str) -> frozenset[str]:
    """Return the beginnings that `curp` or `rfc` never has, read from the data file on first use."""
    lines = [line.split(",", 1) for line in WORDS_FILE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return frozenset(word for name, words in lines if name == code for word in words.split())


PART = DataType(
    name=NAME,
    about="CURP, population registry code, Mexico",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=("RENAPO, Instructivo Normativo para la Asignación de la CURP, DOF 18 October 2021, annexes",),
    aliases=("curp",),
    parts=(tail(4),),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    pad_bytes=32,
    headers=("curp", "mx_curp", "clave_curp", "clave_unica_de_registro_de_poblacion", "curp_number", "num_curp"),
    proves=0.95,
    laws=("LFPDPPP",),
    example="BOXW310820HNERXN09",
)
