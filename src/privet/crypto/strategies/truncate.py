"""The first characters of a text, the rest is gone. Only as safe as what is kept is common."""

from __future__ import annotations

from privet.crypto.strategies import Context, Strategy, Value, Wanted


def _apply(value: Value, context: Context) -> str:
    if not isinstance(value, str):
        raise context.fault("expected a text to cut off", "say `null` or `random`")
    return value[: context.number("keep")]


PART = Strategy(
    name="truncate",
    title="truncation",
    settings=(
        Wanted(name="keep", about="how many characters stay", kind="number", required=True, least=1, most=1_000),
    ),
    deterministic=True,
    apply=_apply,
)
