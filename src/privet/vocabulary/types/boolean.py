"""boolean: true or false."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire


def normalize(value: Wire) -> str:
    """Return `true` or `false`. Takes booleans and those two words in any case; 1, 0, yes and no are refused."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.strip().lower() if isinstance(value, str) and len(value) < 16 else ""
    if text not in ("true", "false"):
        raise InvalidValue("expected true or false", type_name="boolean")
    return text


PART = DataType(
    name="boolean",
    about="True or false.",
    category="user",
    normalize=normalize,
    present=lambda text: text == "true",
    sources=("RFC 8259, section 3",),
    aliases=("bool",),
    few=True,
    redactions=("redacted", "plain_text"),
    token="none",
    order=lambda text: text == "true",
    example="true",
)
