"""An HMAC under the request's own key, in hexadecimal."""

from __future__ import annotations

from privet.crypto.strategies import Strategy
from privet.crypto.strategies._text import ALGORITHM, SUFFIXED, keyed

PART = Strategy(
    name="hmac",
    title="HMAC (Fides)",
    settings=(ALGORITHM, SUFFIXED),
    deterministic=True,
    makes="text",
    apply=lambda value, context: keyed(value, context, "hmac"),
)
