"""A random text of lower-case letters and digits, as Fides calls it."""

from __future__ import annotations

from privet.crypto.strategies import Context, Strategy, Value, Wanted
from privet.crypto.strategies._draw import symbols
from privet.crypto.strategies._text import SUFFIXED, fitted

_FEWEST = 8


def _apply(value: Value, context: Context) -> str:
    return fitted(symbols(context.source, context.number("length")), context, _FEWEST)


PART = Strategy(
    name="random_string_rewrite",
    title="a random text (Fides)",
    settings=(
        Wanted(name="length", about="characters before the suffix", kind="number", default=30, least=1, most=4_000),
        SUFFIXED,
    ),
    deterministic=False,
    makes="text",
    apply=_apply,
)
