"""UUID tokens: version 4, 122 random bits. The twin is the same."""

from __future__ import annotations

import re

from privet import digest
from privet.crypto.shapes import Choice, Shape, Source

_FORM = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def _make(value: str, choice: Choice, source: Source) -> str:
    # RFC 9562, section 5.4: four bits of version, two of variant.
    number = int.from_bytes(source(16), "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    return digest.id_text(number.to_bytes(16, "big"))


def _recognizes(text: str, choice: Choice) -> bool:
    return _FORM.fullmatch(text) is not None


PART = Shape(
    name="uuid",
    about="a random UUID, for columns of that type",
    make=_make,
    size=lambda value, choice: 1 << 122,
    recognizes=_recognizes,
)
