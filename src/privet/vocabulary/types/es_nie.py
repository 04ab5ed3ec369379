"""The identity number of foreigners in Spain. Canonical: X, Y or Z, seven digits and a letter."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand
from privet.vocabulary.types.es_dni import check_letter

NAME = "es.nie"


def normalize(value: Wire) -> str:
    text = compact(value, NAME, separators=" -.")
    demand(
        len(text) == 9 and text[0] in "XYZ" and text[1:8].isdigit(), "expected X, Y or Z, 7 digits and a letter", NAME
    )
    demand(check_letter(f"{'XYZ'.index(text[0])}{text[1:8]}") == text[8], "expected the check letter to agree", NAME)
    return text


PART = DataType(
    name=NAME,
    about="NIE, identity number of foreigners, Spain",
    category="user.government_id.immigration",
    normalize=normalize,
    sources=(
        "Real Decreto 557/2011, artículo 206, número de identidad; Orden INT/2058/2008 (letra de control)",
        "AEPD, Orientación para la aplicación de la disposición adicional séptima de la LOPDGDD (four middle digits)",
    ),
    aliases=("nie",),
    masked=lambda text: f"****{text[4:8]}*",
    redactions=("redacted", "masked", "plain_text"),
    ceiling="masked",
    keep="shreddable",
    headers=("nie", "es_nie", "numero_nie", "num_nie", "nie_number", "numero_de_identidad_de_extranjero"),
    proves=0.9,
    laws=("GDPR", "GDPR Art. 87", "LOPDGDD"),
    example="X1234567L",
)
