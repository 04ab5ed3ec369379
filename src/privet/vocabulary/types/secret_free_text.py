"""Text that people wrote freely, so that anything may stand in it. What does stand in it is left to the detectors."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._text import raw, visible

_NAME = "secret.free_text"
_LARGEST_BYTES = 1 << 20


def normalize(value: Wire) -> str:
    """Return the text in NFC, trimmed, with lines ended by `\\n`: 1 byte to 1 MiB of UTF-8. Spacing inside stays."""
    text = raw(value, _NAME)
    if len(text) > _LARGEST_BYTES:
        raise InvalidValue("expected at most 1 MiB", type_name=_NAME)
    text = visible(text, _NAME, _LARGEST_BYTES).replace("\r\n", "\n").replace("\r", "\n").strip()
    demand(text != "", "expected text that is not empty", _NAME)
    demand(len(text.encode("utf-8")) <= _LARGEST_BYTES, "expected at most 1 MiB", _NAME)
    return text


PART = DataType(
    name=_NAME,
    about="Free text",
    category="user.content.private",
    normalize=normalize,
    sources=("Unicode Standard Annex 15 (NFC)", "GDPR, article 9(1) (free text may hold special categories)"),
    aliases=("free_text", "note"),
    indexes=(),
    # No mask shows a piece: nobody knows which piece is harmless.
    redactions=("redacted", "plain_text"),
    ceiling="plain_text",
    token="random",
    shape="uuid",
    pad_bytes=256,
    headers=(
        "free_text",
        "note",
        "memo",
        "message",
        "message_body",
        "comment",
        "feedback",
        "transcript",
        "clinical_note",
        "case_notes",
        "nota",
        "mensaje",
        "remarque",
        "notiz",
        "nachricht",
        "mensagem",
    ),
    proves=0.0,
    laws=("GDPR", "HIPAA", "CPRA sensitive"),
    example="Called about the invoice; wants a call back at 555-0100.",
)
