"""What Privet does, one noun a file: plain functions and their VERBS table."""

from __future__ import annotations

from importlib import import_module

from privet.app.services.verb import Verb

NOUNS = (
    "approvals",
    "audit",
    "backups",
    "connectors",
    "consents",
    "credentials",
    "exports",
    "health",
    "honey",
    "keys",
    "laws",
    "manifests",
    "policies",
    "principals",
    "promises",
    "queries",
    "queues",
    "records",
    "requests",
    "sessions",
    "settings",
    "subjects",
    "tokens",
    "types",
    "vaults",
)

FURTHER = {"policies": "review", "requests": "outcomes"}
"""Noun → another file with verbs of it."""


def verbs() -> tuple[Verb, ...]:
    """Return every verb of every noun, in a stable order."""
    return tuple(verb for noun in NOUNS for verb in verbs_of(noun))


def verbs_of(noun: str) -> tuple[Verb, ...]:
    """Return the verbs of a noun, in a stable order."""
    files = (noun, FURTHER[noun]) if noun in FURTHER else (noun,)
    return tuple(verb for file in files for verb in import_module(f"privet.app.services.{file}").VERBS)
