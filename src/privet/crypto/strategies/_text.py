"""Texts that stand for values: their text form, digests that fit, the suffix that Fides calls format preservation."""

from __future__ import annotations

import hmac

from privet.crypto.strategies import Context, Value, Wanted

SUFFIX = "format_preservation.suffix"
SUFFIXED = Wanted(name=SUFFIX, about="what stands behind the new value: `@example.com`", most=200)
ALGORITHM = Wanted(name="algorithm", about="the digest", choices=("SHA-256", "SHA-512"), default="SHA-256")
FEWEST = 16  # characters of a digest: 64 bits, so that no two values of a person's records meet by chance


def form(value: Value) -> bytes:
    """Return the text form of a value, by which references compare: `12` and `"12"` are one."""
    if isinstance(value, bytes):
        return value
    found = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return str(found).encode("utf-8", "surrogatepass")


def keyed(value: Value, context: Context, label: str) -> str:
    """Return the digest of a value under the request's key, with the suffix, as long as it fits."""
    algorithm = context.text("algorithm").replace("-", "").lower() or "sha256"
    made = hmac.digest(context.subkey(label), form(value), algorithm).hex()
    return fitted(made, context, FEWEST)


def fitted(made: str, context: Context, fewest: int) -> str:
    """Return a text with the suffix behind it, its end cut off as far as the field's length asks.

    Raises InvalidValue where fewer than `fewest` characters of it would be left.
    """
    suffix = context.text(SUFFIX)
    if context.length is None:
        return made + suffix
    room = context.length - len(suffix)
    if room < min(fewest, len(made)):
        raise context.fault(f"expected a length of {fewest + len(suffix)} or more, found {context.length}")
    return made[:room] + suffix
