"""Identifier of a device or of its advertising profile: an Apple UDID, or a UUID as both mobile systems give out."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import demand, stars
from privet.vocabulary.types._text import raw

_NAME = "device.udid"
_OLD_APPLE = re.compile(r"[0-9a-f]{40}")
_NEW_APPLE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{16}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def normalize(value: Wire) -> str:
    """Return 40 digits or a UUID in lower case, 8 and 16 digits in upper case as Apple writes them.

    The UUID of zeros alone stands for a user who refuses an advertising identifier, so it names nobody.
    """
    text = raw(value, _NAME).strip().lower()
    if _NEW_APPLE.fullmatch(text):
        return text.upper()
    if not (_OLD_APPLE.fullmatch(text) or _UUID.fullmatch(text)):
        raise InvalidValue("expected 40 hexadecimal digits, 8 and 16 with a hyphen, or a UUID", type_name=_NAME)
    demand(text.strip("0-") != "", "expected an identifier that is not all zeros", _NAME)
    return text


def _fix_last(literal: str) -> str:
    digits = literal.strip().lower()
    demand(bool(re.fullmatch(r"[0-9a-f]{4}", digits)), "expected 4 hexadecimal digits", "last_four")
    return digits


PART = DataType(
    name=_NAME,
    about="Device or advertising identifier",
    category="user.device.device_id",
    normalize=normalize,
    sources=(
        "RFC 9562, section 4 (UUID)",
        "Apple, AdSupport documentation (advertisingIdentifier)",
        "45 CFR 164.514(b)(2)(i)(M) (device identifiers)",
    ),
    aliases=("udid",),
    parts=(
        Part(name="last_four", about="The last 4 digits, lower case", of=lambda text: text[-4:].lower(), fix=_fix_last),
    ),
    indexes=("exact",),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "last_four", "masked", "plain_text"),
    keep="shreddable",
    pad_bytes=48,
    headers=(
        "udid",
        "device_id",
        "device_udid",
        "device_uuid",
        "advertising_id",
        "ad_id",
        "idfa",
        "idfv",
        "aaid",
        "gaid",
        "maid",
        "android_id",
        "id_dispositivo",
        "id_appareil",
        "geraete_id",
    ),
    proves=0.5,
    laws=("GDPR", "HIPAA", "CCPA", "ePrivacy"),
    example="3d0e4f6a-1b2c-4d5e-8f90-a1b2c3d4e5f6",
)
