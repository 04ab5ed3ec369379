"""Magnetic stripe content of a payment card: track 1, track 2 or both. Nobody may keep it after authorization."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._text import raw

_NAME = "card.track"
# ISO/IEC 7813: expiry YYMM and service code of three digits; a field separator stands for either that is absent.
_TRACK_1 = (
    r"B(?P<pan1>[0-9]{12,19})\^[ A-Z0-9/.'&-]{2,26}\^(?:[0-9]{2}(?P<month1>[0-9]{2})|\^)(?:[0-9]{3}|\^)"
    # Discretionary data: the 64 characters of the track without its sentinels and separator.
    r"[ -$&->@-\]_]{0,48}"
)
_TRACK_2 = r"(?P<pan2>[0-9]{12,19})=(?:[0-9]{2}(?P<month2>[0-9]{2})|=)(?:[0-9]{3}|=)[0-9]{0,20}"
_BOTH = re.compile(rf"(?:%(?P<one>{_TRACK_1})\?)?(?:;(?P<two>{_TRACK_2})\?)?")
_BARE_1 = re.compile(rf"(?P<one>{_TRACK_1})")
_BARE_2 = re.compile(rf"(?P<two>{_TRACK_2})")
# Sentinels and check character included.
_LONGEST_1, _LONGEST_2 = 79, 40


def normalize(value: Wire) -> str:
    """Return the tracks between their sentinels, `%…?` and `;…?`; one track alone may come without.

    The check character that some readers leave at the end is a matter of the reader and refused.
    """
    track = raw(value, _NAME).strip()
    found = _BOTH.fullmatch(track) or _BARE_1.fullmatch(track) or _BARE_2.fullmatch(track)
    if not track or found is None:
        raise InvalidValue("expected track 1, `%B…?`, or track 2, `;…?`, or both", type_name=_NAME)
    fields = found.groupdict()
    for number in ("1", "2"):
        pan, month = fields.get(f"pan{number}"), fields.get(f"month{number}")
        demand(pan is None or luhn(pan), "expected a card number with a Luhn check digit that fits", _NAME)
        demand(month is None or "01" <= month <= "12", "expected an expiry month from 01 to 12", _NAME)
    one = f"%{fields['one']}?" if fields.get("one") else ""
    two = f";{fields['two']}?" if fields.get("two") else ""
    demand(len(one) < _LONGEST_1 and len(two) < _LONGEST_2, "expected at most 79 characters on track 1, 40 on 2", _NAME)
    return one + two


PART = DataType(
    name=_NAME,
    about="Magnetic stripe data",
    category="user.financial.credit_card",
    normalize=normalize,
    sources=(
        "ISO/IEC 7813:2006 (structure of track 1 and track 2)",
        "PCI DSS v4.0.1, requirement 3.3.1.1 (not stored after authorization)",
    ),
    aliases=("track",),
    indexes=(),
    ceiling="redacted",
    keep="transient",
    token="transient",
    pad_bytes=128,
    headers=(
        "track",
        "track1",
        "track2",
        "track_1",
        "track_2",
        "track_data",
        "track1_data",
        "track2_data",
        "magstripe",
        "magnetic_stripe",
        "swipe_data",
        "banda_magnetica",
        "piste_magnetique",
        "magnetstreifen",
    ),
    proves=0.95,
    laws=("PCI", "GDPR", "CPRA sensitive"),
    example="%B4111111111111111^EXAMPLE/JANE^31041010000000000000?",
)
