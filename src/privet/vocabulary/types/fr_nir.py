"""The registration number of persons in France, known as the social security number. Canonical: fifteen characters."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, piece, sex, sex_by_parity, short_year, stars, tail

NAME = "fr.nir"

# Sex, year, month, department, commune, order, key. Months from 20 on stand for civil records without a month;
# 3 and 4 wait for registration, 7 and 8 are provisional.
_SHAPE = re.compile(r"[123478][0-9]{2}(0[1-9]|1[0-2]|[2-9][0-9])([0-9]{2}|2A|2B)[0-9]{8}")
# Corsica's departments count as 19 and 18 in the key.
_CORSICA = {"2A": "19", "2B": "18"}


def normalize(value: Wire) -> str:
    text = compact(value, NAME, separators=" -.")
    demand(len(text) == 15, "expected 13 characters and a key of 2", NAME)
    demand(_SHAPE.fullmatch(text) is not None, "expected sex, year, month, place, order and key", NAME)
    demand(text[5:7] != "00", "expected a department other than 00", NAME)
    demand(text[10:13] != "000", "expected an order other than 000", NAME)
    demand(key(text[:13]) == text[13:], "expected the key to agree", NAME)
    return text


def key(number: str) -> str:
    """Return the key of a number of thirteen characters.

    >>> key("2951099126111")
    '93'
    """
    department = number[5:7]
    return f"{97 - int(number[:5] + _CORSICA.get(department, department) + number[7:]) % 97:02d}"


PART = DataType(
    name=NAME,
    about="NIR, number of persons in the national register, France",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Décret 82-103 du 22 janvier 1982, article 4, composition du numéro",
        "INSEE, définition c1409, Numéro d'inscription au répertoire",
        "Loi 78-17, article 30; GDPR article 87",
    ),
    aliases=("nir",),
    parts=(
        sex(lambda text: sex_by_parity(text[0])),
        short_year(lambda text: text[1:3]),
        piece("department", "Department of birth, 99 abroad", lambda text: text[5:7], length=2, few=True),
        tail(2),
    ),
    indexes=("exact", "year"),
    masked=lambda text: stars(text, 2),
    redactions=("redacted", "masked", "last_two", "plain_text"),
    ceiling="last_two",
    keep="shreddable",
    headers=(
        *("nir", "fr_nir", "insee_number", "numero_insee", "numero_securite_sociale", "num_secu", "no_secu"),
        *("numero_de_securite_sociale", "french_ssn"),
    ),
    proves=0.95,
    laws=("GDPR", "GDPR Art. 87"),
    example="2 95 10 99 126 111 93",
)
