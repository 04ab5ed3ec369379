"""The city of an address, alone. Only types with a part of that name have one."""

from __future__ import annotations

from privet.crypto.masks import fact
from privet.vocabulary.datatype import Mask

PART = Mask(
    name="city",
    about="the city",
    reveals=20,
    apply=fact("city", lambda text: None),
)
