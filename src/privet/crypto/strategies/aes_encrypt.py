"""Encryption, which Fides offers and Privet refuses."""

from __future__ import annotations

from privet.crypto.strategies import Strategy, Wanted
from privet.crypto.strategies._text import SUFFIXED

PART = Strategy(
    name="aes_encrypt",
    title="encryption (Fides)",
    settings=(Wanted(name="mode", about="how AES is used", default="GCM"), SUFFIXED),
    deterministic=True,
    makes="text",
    refused="whoever has the key has the data, so that nothing is erased",
    apply=lambda value, context: None,
)
