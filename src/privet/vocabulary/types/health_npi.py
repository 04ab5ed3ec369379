"""National provider identifier (NPI) of the United States: ten digits, the last a Luhn check digit.

It carries no meaning besides: whether it names a person or an organization is only in the public register (NPPES).
"""

from __future__ import annotations

from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, tail

_NAME = "health.npi"
# Industry 80 (health) and country 840 (United States) stand before the NPI when its check digit is computed.
_ISSUER = "80840"


def normalize(value: Wire) -> str:
    """Return the ten digits. The fifteen digits of a card, issuer included, are not an NPI."""
    npi = compact_digits(value, _NAME, 10)
    demand(npi[0] in "12", "expected a first digit of 1 or 2", _NAME)
    demand(luhn(_ISSUER + npi), "expected a Luhn check digit that fits, computed after 80840", _NAME)
    return npi


PART = DataType(
    name=_NAME,
    about="National provider identifier",
    category="user.government_id",
    normalize=normalize,
    sources=("45 CFR 162.406 (standard unique health identifier)", "CMS, NPI check digit calculation"),
    aliases=("npi",),
    parts=(tail(4),),
    indexes=("exact",),
    masked=lambda text: text,
    redactions=("redacted", "last_four", "masked", "plain_text"),
    token="none",
    headers=(
        "npi",
        "npi_number",
        "provider_npi",
        "national_provider_identifier",
        "rendering_npi",
        "billing_npi",
        "prescriber_npi",
        "referring_npi",
        "identificador_proveedor",
    ),
    proves=0.9,
    laws=("HIPAA",),
    example="1234567893",
)
