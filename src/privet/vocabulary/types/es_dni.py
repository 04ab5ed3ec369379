"""The national identity number of Spain. Canonical: eight digits and a letter."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand

NAME = "es.dni"
LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def normalize(value: Wire) -> str:
    text = compact(value, NAME, separators=" -.")
    demand(len(text) == 9 and text[:8].isdigit(), "expected 8 digits and a letter", NAME)
    demand(check_letter(text[:8]) == text[8], "expected the check letter to agree", NAME)
    return text


def check_letter(digits: str) -> str:
    """Return the check letter of a number.

    >>> check_letter("12345678")
    'Z'
    """
    return LETTERS[int(digits) % 23]


PART = DataType(
    name=NAME,
    about="DNI, national identity number, Spain",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Real Decreto 1553/2005, artículo 11; Orden INT/2058/2008 (letra de control)",
        "AEPD, Orientación para la aplicación de la disposición adicional séptima de la LOPDGDD (four middle digits)",
    ),
    aliases=("dni",),
    # The four digits that every Spanish authority shows, so that two masks never add up to a number.
    masked=lambda text: f"***{text[3:7]}**",
    redactions=("redacted", "masked", "plain_text"),
    ceiling="masked",
    keep="shreddable",
    headers=("dni", "es_dni", "nif", "numero_dni", "num_dni", "documento_nacional_de_identidad", "documento_identidad"),
    proves=0.8,
    laws=("GDPR", "GDPR Art. 87", "LOPDGDD"),
    example="12345678Z",
)
