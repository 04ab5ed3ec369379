"""Registration plate of a vehicle: letters and digits of any script. Every issuer has a form of its own."""

from __future__ import annotations

import unicodedata

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._parts import last
from privet.vocabulary.types._text import clean, prefix

_NAME = "vehicle.plate"
_SEPARATORS = dict.fromkeys(map(ord, " -.·•"))
_SHORTEST, _LONGEST = 2, 10
_SHORTEST_SHOWN = 5


def normalize(value: Wire) -> str:
    """Return the letters, in upper case, and digits without what stands between them."""
    text = clean(value, _NAME, 2 * _LONGEST)
    plate = text.upper().translate(_SEPARATORS)
    if not plate.isascii():
        plate = unicodedata.normalize("NFC", plate)
    demand(text[0].isalnum() and _ends_well(text), "expected letters and digits at both ends", _NAME)
    demand(_SHORTEST <= len(plate) <= _LONGEST, f"expected {_SHORTEST} to {_LONGEST} letters and digits", _NAME)
    # Thai and Indic letters carry combining marks, which are no letters by themselves.
    demand(all(mark.isalnum() or unicodedata.combining(mark) for mark in plate), "expected letters and digits", _NAME)
    return plate


def masked(plate: str) -> str:
    """Return the last two characters of a plate of five or more, stars alone for a shorter one."""
    return f"***{plate[-2:]}" if len(plate) >= _SHORTEST_SHOWN else "***"


def _ends_well(text: str) -> bool:
    return text[-1].isalnum() or unicodedata.combining(text[-1]) > 0


PART = DataType(
    name=_NAME,
    about="Vehicle registration plate",
    category="user.government_id.vehicle_registration",
    normalize=normalize,
    sources=(
        "45 CFR 164.514(b)(2)(i)(L) (license plate numbers)",
        "Vienna Convention on Road Traffic, annex 2 (registration number)",
    ),
    aliases=("plate", "license_plate"),
    parts=(prefix(3, of=str.upper), last(2, shortest=_SHORTEST_SHOWN), last(4, shortest=6)),
    indexes=("exact", "prefix_3", "last_four"),
    masked=masked,
    redactions=("redacted", "last_two", "masked", "plain_text"),
    keep="shreddable",
    headers=(
        "plate",
        "plate_number",
        "license_plate",
        "licence_plate",
        "number_plate",
        "registration_plate",
        "vehicle_registration",
        "reg_number",
        "tag_number",
        "matricula",
        "placa",
        "plaque_immatriculation",
        "immatriculation",
        "kennzeichen",
        "targa",
    ),
    proves=0.05,
    laws=("HIPAA", "GDPR"),
    example="EXA1234",
)
