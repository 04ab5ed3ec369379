"""text: a long text of several lines."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._text import raw, visible

LARGEST_BYTES = 1 << 20


def normalize(value: Wire) -> str:
    """Return the text trimmed and in NFC, lines ended by `\\n`, at most 1 MiB as UTF-8; it may be empty."""
    text = raw(value, "text")
    if len(text) > LARGEST_BYTES:
        raise InvalidValue("expected at most 1 MiB", type_name="text")
    text = visible(text, "text", LARGEST_BYTES).replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text.encode()) > LARGEST_BYTES:
        raise InvalidValue("expected at most 1 MiB", type_name="text")
    return text


PART = DataType(
    name="text",
    about="A long text of several lines.",
    category="user",
    normalize=normalize,
    sources=("Unicode Standard Annex 15: NFC",),
    indexes=(),
    redactions=("redacted", "plain_text"),
    token="none",
    pad_bytes=256,
    headers=("notes", "comments", "description", "remarks", "bemerkungen", "commentaires", "observaciones"),
    example="some words\nand some more",
)
