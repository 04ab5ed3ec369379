"""The legal entity identifier. Canonical: eighteen letters and digits, then two digits."""

from __future__ import annotations

from privet.vocabulary.checksum import mod_97_10
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, piece

NAME = "org.lei"


def normalize(value: Wire) -> str:
    text = compact(value, NAME)
    demand(len(text) == 20 and text[18:].isdigit(), "expected 18 letters or digits and 2 digits", NAME)
    # The algorithm yields 02 to 98: 00, 01 and 99 are their doubles and never issued.
    demand("02" <= text[18:] <= "98" and mod_97_10(text), "expected the check digits to agree", NAME)
    return text


def _plain(text: str) -> str:
    # A public register of bodies: the mask hides nothing.
    return text


PART = DataType(
    name=NAME,
    about="Legal entity identifier",
    category="user.contact.organization",
    normalize=normalize,
    sources=("ISO 17442-1:2020, Legal entity identifier, assignment", "ISO/IEC 7064, MOD 97-10"),
    aliases=("lei",),
    parts=(piece("lou", "Issuing unit, four characters", lambda text: text[:4], length=4, few=True),),
    masked=_plain,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    pad_bytes=32,
    headers=("lei", "lei_code", "lei_number", "legal_entity_identifier", "entity_lei", "identifiant_entite_juridique"),
    proves=0.95,
    laws=(),
    example="213800KUD8LAJWSQ9D15",
)
