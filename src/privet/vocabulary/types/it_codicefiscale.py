"""The tax code of persons in Italy. Canonical: sixteen letters and digits."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, is_day, piece, sex, short_year, stars, tail

NAME = "it.codicefiscale"

# Where two persons would share a code, digits give way to these letters from the right ("omocodia").
STAND_INS = "LMNPQRSTUV"
MONTHS = "ABCDEHLMPRST"
_DIGITS = str.maketrans(STAND_INS, "0123456789")
_SHAPE = re.compile(rf"[A-Z]{{6}}[0-9{STAND_INS}]{{2}}[{MONTHS}][0-9{STAND_INS}]{{2}}[A-MZ][0-9{STAND_INS}]{{3}}[A-Z]")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Characters at odd places count by this scale, 0 and A alike from its start; those at even places by their rank.
_ODD_SCALE = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_EVEN = {letter: at if at < 10 else at - 10 for at, letter in enumerate(_ALPHABET)}
_ODD = {letter: _ODD_SCALE[rank] for letter, rank in _EVEN.items()}


def normalize(value: Wire) -> str:
    text = compact(value, NAME)
    demand(_SHAPE.fullmatch(text) is not None, "expected name, year, month, day, place and check letter", NAME)
    demand(check_letter(text[:15]) == text[15], "expected the check letter to agree", NAME)
    day = int(_plain(text[9:11]))
    exists = is_day(int(_plain(text[6:8])), MONTHS.index(text[8]) + 1, day - 40 if day > 40 else day)
    demand(exists, "expected a date of birth that exists", NAME)
    demand(_plain(text[12:15]) != "000", "expected a place other than 000", NAME)
    return text


def check_letter(code: str) -> str:
    """Return the check letter of fifteen characters.

    >>> check_letter("RSSMRA85T10A562")
    'S'
    """
    return chr(65 + (sum(map(_ODD.__getitem__, code[::2])) + sum(map(_EVEN.__getitem__, code[1::2]))) % 26)


def _plain(field: str) -> str:
    return field.translate(_DIGITS)


PART = DataType(
    name=NAME,
    about="Codice fiscale, tax code of persons, Italy",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Decreto del Ministero delle finanze 23 dicembre 1976, articoli 2-8",
        "Agenzia delle Entrate, Informazioni sulla codificazione delle persone fisiche (omocodia)",
    ),
    aliases=("codice_fiscale",),
    parts=(
        # Women's days count from 41.
        sex(lambda text: "female" if int(_plain(text[9:11])) > 40 else "male"),
        short_year(lambda text: _plain(text[6:8])),
        piece(
            "place",
            "Code of the place of birth, Z and three digits abroad",
            lambda text: text[11] + _plain(text[12:15]),
        ),
        tail(2),
    ),
    indexes=("exact", "year"),
    masked=lambda text: stars(text, 2),
    redactions=("redacted", "masked", "last_two", "plain_text"),
    ceiling="last_two",
    keep="shreddable",
    headers=(
        "codice_fiscale",
        "codicefiscale",
        "cod_fiscale",
        "cod_fisc",
        "it_cf",
        "italian_tax_code",
        "steuernummer_italien",
    ),
    proves=0.95,
    laws=("GDPR", "GDPR Art. 87"),
    example="RSSMRA85T10A562S",
)
