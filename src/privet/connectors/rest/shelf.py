"""Connector files that come with Privet: one vendor a file, no code."""

from __future__ import annotations

import difflib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from privet.connectors.rest.config import LONGEST_FILE, load
from privet.connectors.rest.words import Config
from privet.errors import InvalidInput, UnknownName

_FOLDER = "privet.connectors"


@lru_cache(1)
def names() -> tuple[str, ...]:
    """Return the vendors there is a file of, sorted."""
    found = (entry.name for entry in (files(_FOLDER) / "saas").iterdir())
    return tuple(sorted(name.removesuffix(".yml") for name in found if name.endswith(".yml")))


def shelf(name: str, *, key: str = "") -> Config:
    """Return the file of a vendor. `key`: stands in place of `<instance_fides_key>`, the vendor's name if "".

    Raises UnknownName with the nearest names as a hint.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=2)
        hint = "did you mean " + " or ".join(f"`{one}`" for one in near) + "?" if near else ""
        raise UnknownName("there is no connector file of that name", hint=hint)
    return _shelf(name, key or name)


@lru_cache(64)
def _shelf(name: str, key: str) -> Config:
    text = (files(_FOLDER) / "saas" / f"{name}.yml").read_text(encoding="utf-8")
    return load(text, f"{name}.yml", key=key)


def named(said: str, *, key: str = "") -> Config:
    """Return the file that a setting names: a vendor on the shelf, a path of a YAML file, or the YAML text itself.

    Raises InvalidInput with all its faults, UnknownName.
    """
    if "\n" in said:
        return load(said, key=key)
    if not said.endswith((".yml", ".yaml")):
        return shelf(said, key=key)
    path = Path(said)
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise InvalidInput("expected a file of at most two megabytes", at=path.name)
        return load(path.read_text(encoding="utf-8"), path.name, key=key)
    except (OSError, UnicodeDecodeError):
        raise InvalidInput("expected a connector file that can be read", at=path.name) from None
