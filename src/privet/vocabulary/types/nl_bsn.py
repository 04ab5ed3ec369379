"""The citizen service number of the Netherlands. Canonical: nine digits."""

from __future__ import annotations

from privet.vocabulary.checksum import weighted
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, stars, tail

NAME = "nl.bsn"
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def normalize(value: Wire) -> str:
    """Accept eight digits too: the first of nine, a zero, is often left out."""
    digits = compact_digits(value, NAME, 8, 9, separators=" -.").zfill(9)
    demand(digits != "000000000", "expected a number other than zero", NAME)
    demand(weighted(digits, _WEIGHTS) % 11 == 0, "expected the eleven test to hold", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Burgerservicenummer, citizen service number, Netherlands",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Wet algemene bepalingen burgerservicenummer",
        "RvIG, Logisch Ontwerp BSN, elfproef",
        "Uitvoeringswet AVG, artikel 46",
    ),
    aliases=("bsn",),
    parts=(tail(3),),
    # Nothing of the person is in the digits, so there is no year to ask for.
    indexes=("exact",),
    masked=lambda text: stars(text, 3),
    redactions=("redacted", "masked", "last_three", "plain_text"),
    ceiling="last_three",
    keep="shreddable",
    headers=("bsn", "nl_bsn", "bsn_nummer", "bsn_number", "burgerservicenummer", "sofinummer", "sofi_nummer"),
    proves=0.6,
    laws=("GDPR", "GDPR Art. 87", "UAVG"),
    example="111222333",
)
