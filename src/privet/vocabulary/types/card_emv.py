"""Chip data of a payment card: EMV data objects in BER-TLV, as hexadecimal text.

The tags are not looked up: networks and issuers add their own. The card number in tag 5A, if any, is checked.
"""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._text import raw

_NAME = "card.emv"
# ISO 8583 field 55 counts its length with three digits.
_LONGEST_BYTES = 999
_DEEPEST = 8
_PAN_TAG = b"\x5a"


def normalize(value: Wire) -> str:
    """Return the objects as upper-case hexadecimal without spaces."""
    squeezed = "".join(raw(value, _NAME).split())
    if not squeezed or len(squeezed) % 2 or not squeezed.isascii() or not squeezed.isalnum():
        raise InvalidValue("expected an even number of hexadecimal digits", type_name=_NAME)
    demand(len(squeezed) <= 2 * _LONGEST_BYTES, f"expected at most {_LONGEST_BYTES} bytes", _NAME)
    try:
        data = bytes.fromhex(squeezed)
    except ValueError:
        raise InvalidValue("expected hexadecimal digits", type_name=_NAME) from None
    demand(_walk(data, 0) > 0, "expected a data object", _NAME)
    return squeezed.upper()


def _walk(data: bytes, depth: int) -> int:
    """Check every object in `data`, those inside others too, and return how many stand at this level."""
    demand(depth <= _DEEPEST, f"expected objects at most {_DEEPEST} deep", _NAME)
    at = count = 0
    while at < len(data):
        if data[at] == 0:
            at += 1  # EMV Book 3, annex B1: zero bytes may stand between objects.
            continue
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        demand(at + length <= len(data), "expected as many bytes as the length of an object says", _NAME)
        content = data[at : at + length]
        if tag[0] & 0x20:
            _walk(content, depth + 1)
        elif tag == _PAN_TAG:
            _check_pan(content)
        at += length
        count += 1
    return count


def _tag(data: bytes, at: int) -> tuple[bytes, int]:
    """Return a tag of one to three bytes and where it ends. Source: EMV Book 3, annex B1."""
    end = at + 1
    if data[at] & 0x1F == 0x1F:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
    demand(end <= len(data) and end - at <= 3, "expected a tag of one to three bytes", _NAME)
    return data[at:end], end


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return a length and where its bytes end. Source: EMV Book 3, annex B2."""
    demand(at < len(data), "expected a length after the tag", _NAME)
    if data[at] < 0x80:
        return data[at], at + 1
    count = data[at] & 0x7F
    demand(1 <= count <= 2 and at + count < len(data), "expected a length of one to three bytes", _NAME)
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


def _check_pan(content: bytes) -> None:
    pan = content.hex().rstrip("f")
    holds = pan.isdigit() and len(pan) in range(12, 20) and luhn(pan)
    demand(holds, "expected in tag 5A a card number with a Luhn check digit that fits", _NAME)


PART = DataType(
    name=_NAME,
    about="Card chip data",
    category="user.financial.credit_card",
    normalize=normalize,
    sources=(
        "EMV 4.4 Book 3, annexes A and B (data elements, BER-TLV)",
        "ISO/IEC 8825-1, clause 8.1 (tag, length, contents)",
        "PCI DSS v4.0.1, requirement 3.3.1.1 (track equivalent on a chip is not stored after authorization)",
    ),
    aliases=("emv",),
    indexes=(),
    ceiling="redacted",
    keep="transient",
    token="transient",
    pad_bytes=256,
    headers=(
        "emv",
        "emv_data",
        "chip_data",
        "icc_data",
        "field_55",
        "de55",
        "emv_tlv",
        "tlv_data",
        "datos_chip",
        "donnees_puce",
        "chipdaten",
    ),
    proves=0.8,
    laws=("PCI", "GDPR", "CPRA sensitive"),
    example="9F02060000000010009F03060000000000009F1A0208405F2A0208409A032604159C0100",
)
