"""What Privet does, one noun a file: plain functions and their VERBS table."""

from __future__ import annotations

from importlib import import_module

from privet.app.services.verb import Verb

NOUNS = (
    "audit",
    "backups",
    "credentials",
    "health",
    "keys",
    "principals",
    "queries",
    "records",
    "sessions",
    "subjects",
    "tokens",
    "types",
    "vaults",
)


def verbs() -> tuple[Verb, ...]:
    """Return every verb of every noun, in a stable order."""
    found: list[Verb] = []
    for noun in NOUNS:
        found.extend(import_module(f"privet.app.services.{noun}").VERBS)
    return tuple(found)
