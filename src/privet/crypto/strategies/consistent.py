"""A value of the same kind that looks random, and is the same for the same value everywhere under one request.

Drawn from a stream that the request's key and the value's text form give. Once the key is forgotten, nobody can tell
which value it was drawn for.
"""

from __future__ import annotations

import hmac

from privet.crypto.strategies import Context, Strategy, Value, stream
from privet.crypto.strategies._draw import drawn
from privet.crypto.strategies._text import form


def _apply(value: Value, context: Context) -> Value:
    return drawn(value, context, stream(hmac.digest(context.subkey("consistent"), form(value), "sha256")))


PART = Strategy(
    name="consistent",
    title="random, of the same kind, the same for the same value",
    deterministic=True,
    apply=_apply,
)
