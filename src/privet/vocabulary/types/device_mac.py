"""Hardware address of a network interface (MAC, EUI-48)."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._text import raw

_NAME = "device.mac"
_FORM = re.compile(
    r"[0-9a-f]{2}(?P<mark>[:-])[0-9a-f]{2}(?:(?P=mark)[0-9a-f]{2}){4}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{12}"
)
_LOCAL = 0b10


def normalize(value: Wire) -> str:
    """Return six pairs in lower case with colons between. Hyphens, points after each four, or nothing do as well.

    >>> normalize("00-00-5E-00-53-2A")
    '00:00:5e:00:53:2a'
    """
    text = raw(value, _NAME).strip().lower()
    if not _FORM.fullmatch(text):
        raise InvalidValue(
            "expected twelve hexadecimal digits, in pairs with `:` or `-`, or in fours with `.`", type_name=_NAME
        )
    digits = text.replace(":", "").replace("-", "").replace(".", "")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def oui(mac: str) -> str | None:
    """Return the maker's identifier, None of an address that was chosen at random or by hand.

    Source: IEEE 802-2014, clause 8.2 (the bit that says a local address).
    """
    return None if int(mac[:2], 16) & _LOCAL else mac[:8]


def masked(mac: str) -> str:
    """Return the first three pairs."""
    return f"{mac[:8]}:**:**:**"


def _fix_oui(literal: str) -> str:
    digits = literal.strip().lower().replace(":", "").replace("-", "")
    demand(bool(re.fullmatch(r"[0-9a-f]{6}", digits)), "expected six hexadecimal digits", "oui")
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:]}"


PART = DataType(
    name=_NAME,
    about="Hardware address of a network interface",
    category="user.device.device_id",
    normalize=normalize,
    sources=(
        "IEEE 802-2014, clause 8 (EUI-48, its spelling)",
        "RFC 9542, section 2.1 (EUI-48, documentation range)",
        "45 CFR 164.514(b)(2)(i)(M) (device identifiers)",
    ),
    aliases=("mac",),
    parts=(Part(name="oui", about="The maker, three pairs", of=oui, fix=_fix_oui),),
    indexes=("exact", "oui"),
    masked=masked,
    keep="shreddable",
    pad_bytes=24,
    headers=(
        "mac",
        "mac_address",
        "mac_addr",
        "hardware_address",
        "wifi_mac",
        "bluetooth_mac",
        "ethernet_address",
        "bssid",
        "direccion_mac",
        "adresse_mac",
        "mac_adresse",
    ),
    proves=0.95,
    laws=("GDPR", "HIPAA", "CCPA"),
    example="00:00:5e:00:53:2a",
)
