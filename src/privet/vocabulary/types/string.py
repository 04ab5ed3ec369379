"""string: a short text of no particular meaning."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._bulk import in_bulk
from privet.vocabulary.types._text import last_four, prefix, raw, starred, visible

LONGEST = 4096


def normalize(value: Wire) -> str:
    """Return the text trimmed and in NFC, at most 4,096 characters; it may be empty."""
    text = raw(value, "string")
    if not (text.isascii() and text.isprintable()):
        text = visible(text, "string", LONGEST)
    text = text.strip()
    if len(text) > LONGEST:
        raise InvalidValue(f"expected at most {LONGEST} characters", type_name="string")
    return text


PART = DataType(
    name="string",
    about="A short text of no particular meaning.",
    category="user",
    normalize=normalize,
    normalize_all=in_bulk(
        lambda texts: [
            text.strip() if text.isascii() and text.isprintable() and len(text) <= LONGEST else "" for text in texts
        ],
        normalize,
    ),
    sources=("Unicode Standard Annex 15: NFC",),
    parts=(prefix(3), last_four()),
    indexes=("exact", "prefix_3"),
    masked=lambda text: starred(text) if text else "",
    redactions=("redacted", "first_initial", "masked", "last_two", "last_four", "plain_text"),
    sights=(("support", "masked"),),
    pad_bytes=32,
    example="some words",
)
