"""Serial number that a maker gave a device. Every maker has a form of its own."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._parts import last
from privet.vocabulary.types._text import raw

_NAME = "device.serial"
_FORM = re.compile(r"[0-9A-Z](?:[ ./_-]?[0-9A-Z])*")
_SHORTEST, _LONGEST = 4, 30
_SHORTEST_WITH_LAST_FOUR = 8


def normalize(value: Wire) -> str:
    """Return the number in upper case without spaces. Other separators are the maker's and stay."""
    text = raw(value, _NAME).strip()
    if not text.isascii() or not _FORM.fullmatch(text.upper()):
        raise InvalidValue("expected letters and digits, with single - . / _ or spaces between", type_name=_NAME)
    serial = text.upper().replace(" ", "")
    demand(_SHORTEST <= len(serial) <= _LONGEST, f"expected {_SHORTEST} to {_LONGEST} characters", _NAME)
    demand(any(mark.isdigit() for mark in serial), "expected a digit", _NAME)
    return serial


def masked(serial: str) -> str:
    """Return six stars, whatever the length, and the last four characters of a number of eight or more."""
    return "*" * 6 + (serial[-4:] if len(serial) >= _SHORTEST_WITH_LAST_FOUR else "")


PART = DataType(
    name=_NAME,
    about="Serial number of a device",
    category="user.device.device_id",
    normalize=normalize,
    sources=(
        "45 CFR 164.514(b)(2)(i)(M) (device identifiers and serial numbers)",
        "21 CFR 801.40 (serial number in a unique device identifier)",
    ),
    aliases=("serial",),
    parts=(last(4, shortest=_SHORTEST_WITH_LAST_FOUR),),
    indexes=("exact", "last_four"),
    masked=masked,
    redactions=("redacted", "masked", "last_four", "plain_text"),
    keep="shreddable",
    pad_bytes=32,
    headers=(
        "serial",
        "serial_number",
        "serial_no",
        "device_serial",
        "sn",
        "hardware_serial",
        "equipment_serial",
        "numero_serie",
        "numero_de_serie",
        "seriennummer",
        "numero_serial",
    ),
    proves=0.02,
    laws=("HIPAA", "GDPR"),
    example="EX-2041-00077",
)
