"""The domain of an address, alone."""

from __future__ import annotations

from privet.crypto.masks import fact
from privet.vocabulary.datatype import Mask


def _domain(text: str) -> str | None:
    local, at, domain = text.rpartition("@")
    return domain if local and at else None


PART = Mask(
    name="domain",
    about="what stands after the @",
    reveals=20,
    apply=fact("domain", _domain),
)
