"""Folders of interchangeable parts: one part a file, imported on first use, extended by entry points."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cached_property
from typing import Generic, TypeVar

from privet.errors import UnknownName
from privet.near import meant

P = TypeVar("P")


class Shelf(Generic[P]):
    """The parts of one package. A file `card_pan.py` holds `PART`, whose name is `card.pan`.

    The first underscore of a file name stands for the dot of a dotted name when `dotted` is set. Plug-ins add
    parts through the entry point group `privet.<last word of the package>`; one that carries a built-in's name
    is refused, so that a plug-in never shadows a built-in.
    """

    def __init__(self, package: str, kind: type[P], *, word: str, dotted: bool = False) -> None:
        self.package = package
        self.kind = kind
        self.word = word
        self.dotted = dotted
        self._parts: dict[str, P] = {}

    @cached_property
    def built_in(self) -> tuple[str, ...]:
        """Return the names of the files on the shelf, sorted, without importing them."""
        path = importlib.import_module(self.package).__path__
        stems = [info.name for info in pkgutil.iter_modules(path) if not info.name.startswith("_")]
        return tuple(sorted(stem.replace("_", ".", 1) if self.dotted else stem for stem in stems))

    @cached_property
    def plugged(self) -> dict[str, str]:
        """Return name → `module:attribute` of the parts that plug-ins add."""
        from importlib.metadata import entry_points  # slow to import, and only names that are not ours need it

        group = f"privet.{self.package.rpartition('.')[2]}"
        found = {}
        for entry in entry_points(group=group):
            if entry.name in self.built_in:
                raise UnknownName(f"plug-in {self.word} `{entry.name}` carries the name of a built-in", at=entry.value)
            found[entry.name] = entry.value
        return found

    def names(self) -> tuple[str, ...]:
        """Return every name, sorted."""
        return tuple(sorted((*self.built_in, *self.plugged)))

    def __contains__(self, name: object) -> bool:
        return name in self._parts or name in self.built_in or name in self.plugged

    def get(self, name: str) -> P:
        """Return the part called `name`. Raises UnknownName with the nearest names as a hint."""
        part = self._parts.get(name)
        if part is None:
            part = self._parts[name] = self._load(name)
        return part

    def shipped(self) -> list[P]:
        """Return every built-in part, by name. Does not look for plug-ins, which takes a while."""
        return [self.get(name) for name in self.built_in]

    def added(self) -> list[P]:
        """Return every part that plug-ins add, by name."""
        return [self.get(name) for name in sorted(self.plugged)]

    def all(self) -> list[P]:
        """Return every part, by name. Imports them all."""
        return [self.get(name) for name in self.names()]

    def _load(self, name: str) -> P:
        if name in self.built_in:
            stem = name.replace(".", "_", 1) if self.dotted else name
            part = importlib.import_module(f"{self.package}.{stem}").PART
        elif name in self.plugged:
            module, _, attribute = self.plugged[name].partition(":")
            part = getattr(importlib.import_module(module), attribute or "PART")
        else:
            raise UnknownName(f"there is no {self.word} of that name", hint=meant(name, self.names(), most=2))
        if not isinstance(part, self.kind):
            raise UnknownName(f"{self.word} `{name}` is not a {self.kind.__name__}")
        return part
