"""The tax identification number of persons in Germany. Canonical: eleven digits."""

from __future__ import annotations

from collections import Counter

from privet.vocabulary.checksum import mod_11_10
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, stars, tail

NAME = "de.idnr"


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 11, separators=" -./")
    demand(digits[0] != "0", "expected a first digit other than 0", NAME)
    repeated = [(digit, count) for digit, count in Counter(digits[:10]).items() if count > 1]
    one = len(repeated) == 1 and repeated[0][1] in (2, 3)
    demand(one, "expected one of the first 10 digits twice or three times, the others once", NAME)
    demand(repeated[0][0] * 3 not in digits[:10], "expected no three equal digits in a row", NAME)
    demand(mod_11_10(digits), "expected the check digit to agree", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Steuerliche Identifikationsnummer, tax number of persons, Germany",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Abgabenordnung § 139b; Steueridentifikationsnummerverordnung § 1",
        "ELSTER, Prüfung der Steuer- und Steueridentifikationsnummer (structure since 2016)",
        "ISO/IEC 7064, MOD 11,10",
    ),
    aliases=("steuer_id", "idnr"),
    parts=(tail(3),),
    # Nothing of the person is in the digits, so there is no year to ask for.
    indexes=("exact",),
    masked=lambda text: stars(text, 3),
    redactions=("redacted", "masked", "last_three", "plain_text"),
    ceiling="last_three",
    keep="shreddable",
    headers=(
        "idnr",
        "steuer_id",
        "steuerid",
        "steuer_idnr",
        "steueridentifikationsnummer",
        "identifikationsnummer",
        "german_tax_id",
    ),
    proves=0.9,
    laws=("GDPR", "GDPR Art. 87"),
    example="36 574 261 809",
)
