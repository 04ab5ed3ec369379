"""Vault templates: schemas that ship, one dataset file each. Their names are the files' names.

Beside each stand its ready roles (`.policy`) and the tests of them (`.tests.yml`).
"""

from __future__ import annotations

from importlib.resources import files

from privet.errors import UnknownName
from privet.near import meant


def template_names() -> tuple[str, ...]:
    """Return the names of every template, sorted."""
    found = (entry.name.partition(".") for entry in files(__name__).iterdir())
    return tuple(sorted(name for name, _, rest in found if rest == "yml"))


def template_text(name: str) -> str:
    """Return the schema of a template. Raises UnknownName with the nearest names as a hint."""
    return _text(name, "yml")


def template_policy(name: str) -> str:
    """Return the ready roles of a template, as a policy's text. Raises UnknownName with the nearest names as a hint."""
    return _text(name, "policy")


def template_tests(name: str) -> str:
    """Return the tests of a template's ready roles. Raises UnknownName with the nearest names as a hint."""
    return _text(name, "tests.yml")


def _text(name: str, ending: str) -> str:
    if name not in template_names():
        hint = meant(name, template_names(), most=2, otherwise=", ".join(template_names()))
        raise UnknownName("there is no template of that name", hint=hint)
    return files(__name__).joinpath(f"{name}.{ending}").read_text(encoding="utf-8")
