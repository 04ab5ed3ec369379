"""The register number of bodies in Brazil. Canonical: twelve digits or letters, then two digits."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, piece, tail

NAME = "br.cnpj"
_SHAPE = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def normalize(value: Wire) -> str:
    text = compact(value, NAME, separators=" -./")
    demand(_SHAPE.fullmatch(text) is not None, "expected 12 digits or letters and 2 digits", NAME)
    demand(text[:12] != "0" * 12, "expected a number other than zero", NAME)
    demand(check_digits(text[:12]) == text[12:], "expected the check digits to agree", NAME)
    return text


def check_digits(base: str) -> str:
    """Return the two check digits of twelve digits or letters.

    >>> check_digits("12ABC34501DE")
    '35'
    """
    # The value of a character is its ASCII code less 48: digits keep theirs, letters begin at 17.
    values = [ord(letter) - 48 for letter in base]
    for weights in (_WEIGHTS[1:], _WEIGHTS):
        total = sum(value * weight for value, weight in zip(values, weights, strict=True))
        values.append(-total % 11 % 10)
    return f"{values[-2]}{values[-1]}"


PART = DataType(
    name=NAME,
    about="CNPJ, register number of companies and other bodies, Brazil",
    category="user.government_id",
    normalize=normalize,
    sources=("Receita Federal, Instrução Normativa RFB 2.229/2024, CNPJ alfanumérico, and its annex XV",),
    aliases=("cnpj",),
    parts=(
        piece("root", "The eight characters that name the body", lambda text: text[:8], length=8),
        piece("branch", "The four characters that name the establishment", lambda text: text[8:12], length=4),
        tail(2),
    ),
    masked=lambda text: "**.***.***/****-" + text[12:],
    redactions=("redacted", "masked", "last_two", "plain_text"),
    # The register is public (Lei 12.527/2011 and the open data of the Receita Federal).
    ceiling="plain_text",
    headers=(
        "cnpj",
        "br_cnpj",
        "cnpj_number",
        "numero_cnpj",
        "nr_cnpj",
        "num_cnpj",
        "cadastro_nacional_pessoa_juridica",
    ),
    proves=0.9,
    laws=("LGPD",),
    example="12.ABC.345/01DE-35",
)
