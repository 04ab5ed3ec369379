"""The taxpayer register code of Mexico. Canonical: thirteen characters for persons, twelve for bodies."""

from __future__ import annotations

import re
import unicodedata

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, is_day, stars, tail
from privet.vocabulary.types.mx_curp import refused

NAME = "mx.rfc"
_SHAPE = re.compile(r"([A-Z&Ñ]{3,4})([0-9]{2})([0-9]{2})([0-9]{2})[0-9A-Z]{2}[0-9A]")


def normalize(value: Wire) -> str:
    """Accept hyphens and spaces between the groups. The date may be of any century.

    The last character is not computed: the tax office itself issues numbers that fail (about 1 in 70), and its
    generic numbers for the public and for foreigners do.
    """
    composed = unicodedata.normalize("NFC", value) if isinstance(value, str) else value
    text = compact(composed, NAME, also="&Ññ")
    match = _SHAPE.fullmatch(text)
    demand(match is not None, "expected 3 or 4 letters, a date and 3 marks", NAME)
    letters, *date = match.groups() if match else ("", "", "", "")
    demand(letters not in refused("rfc"), "expected initials that are issued", NAME)
    demand(is_day(*map(int, date)), "expected a date that exists", NAME)
    return text


PART = DataType(
    name=NAME,
    about="RFC, taxpayer register code, Mexico",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Código Fiscal de la Federación, artículo 27",
        "SAT, Anexo 20, tdCFDI.xsd, simple type t_RFC (shape)",
    ),
    aliases=("rfc",),
    parts=(tail(4),),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("rfc", "mx_rfc", "rfc_number", "clave_rfc", "registro_federal_de_contribuyentes", "num_rfc"),
    proves=0.8,
    laws=("LFPDPPP",),
    example="GODE561231GR8",
)
