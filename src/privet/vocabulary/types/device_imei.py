"""International mobile equipment identity (IMEI): fifteen digits, the last a Luhn check digit.

The sixteen digits of an IMEISV name software too and have no check digit: they are another number.
"""

from __future__ import annotations

from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, piece, stars, tail

_NAME = "device.imei"


def normalize(value: Wire) -> str:
    """Return the fifteen digits."""
    imei = compact_digits(value, _NAME, 15, separators=" -/")
    demand(imei.strip("0") != "", "expected a number that is not all zeros", _NAME)
    demand(luhn(imei), "expected a Luhn check digit that fits", _NAME)
    return imei


PART = DataType(
    name=_NAME,
    about="International mobile equipment identity",
    category="user.device.device_id",
    normalize=normalize,
    sources=(
        "3GPP TS 23.003, clause 6.2 and annex B (composition, Luhn check digit)",
        "45 CFR 164.514(b)(2)(i)(M) (device identifiers)",
    ),
    aliases=("imei",),
    parts=(
        piece("tac", "Type allocation code: the model, eight digits", lambda text: text[:8], length=8),
        tail(4),
    ),
    indexes=("exact", "tac"),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "last_four", "masked", "plain_text"),
    keep="shreddable",
    headers=(
        "imei",
        "imei_number",
        "device_imei",
        "handset_id",
        "imei1",
        "imei2",
        "numero_imei",
        "codigo_imei",
        "imei_nummer",
    ),
    proves=0.85,
    laws=("GDPR", "HIPAA", "CCPA"),
    example="490154203237518",
)
