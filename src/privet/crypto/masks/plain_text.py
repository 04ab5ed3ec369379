"""The value itself, as callers sent it."""

from __future__ import annotations

from privet.vocabulary.datatype import Mask

PART = Mask(
    name="plain_text",
    about="the whole value",
    reveals=100,
    apply=lambda datatype, text: datatype.present(text),
)
