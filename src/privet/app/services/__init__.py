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
    "flags",
    "health",
    "honey",
    "keys",
    "laws",
    "manifests",
    "notices",
    "policies",
    "preferences",
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

FURTHER: dict[str, tuple[str, ...]] = {"policies": ("review",), "requests": ("outcomes", "handling", "packages")}
"""Noun → other files with verbs of it."""


CENTER = ("center", "mine", "choices")
"""Files with verbs of the privacy centre alone."""


def verbs() -> tuple[Verb, ...]:
    """Return every verb of every noun, in a stable order."""
    return tuple(verb for noun in NOUNS for verb in verbs_of(noun))


def verbs_of(noun: str) -> tuple[Verb, ...]:
    """Return the verbs of a noun, in a stable order."""
    return tuple(verb for file in _files(noun) for verb in _rows(file) if verb.door == "api")


def center_verbs() -> tuple[Verb, ...]:
    """Return every verb that people reach by the privacy centre, in a stable order."""
    files = [file for noun in NOUNS for file in _files(noun)]
    return tuple(verb for file in (*CENTER, *files) for verb in _rows(file) if verb.door == "center")


def _files(noun: str) -> tuple[str, ...]:
    return (noun, *FURTHER.get(noun, ()))


def _rows(file: str) -> tuple[Verb, ...]:
    found: tuple[Verb, ...] = import_module(f"privet.app.services.{file}").VERBS
    return found
