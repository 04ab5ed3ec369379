"""Vault templates: schemas that ship, one dataset file each. Their names are the files' names."""

from __future__ import annotations

import difflib
from importlib.resources import files

from privet.errors import UnknownName


def template_names() -> tuple[str, ...]:
    """Return the names of every template, sorted."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".yml") for name in found if name.endswith(".yml")))


def template_text(name: str) -> str:
    """Return the schema of a template. Raises UnknownName with the nearest names as a hint."""
    if name not in template_names():
        near = difflib.get_close_matches(name, template_names(), n=2)
        hint = "did you mean " + " or ".join(f"`{n}`" for n in near) + "?" if near else ", ".join(template_names())
        raise UnknownName("there is no template of that name", hint=hint)
    return files(__name__).joinpath(f"{name}.yml").read_text(encoding="utf-8")
