"""The shelf of systems: one kind of database, store or door to people a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from privet.connectors.base import Connector, Setup
from privet.connectors.profile import Profile
from privet.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that an operator says. `default` None: it must be said. `secret`: kept sealed and never shown."""

    name: str
    about: str
    default: str | int | bool | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One kind of system. `title`: its name as its makers write it. `open`: raises InvalidInput for settings that
    cannot be, Unavailable with the extra to install where a driver is missing; connects no sooner than it must.
    `profiled`: where what it can do depends on the set-up."""

    name: str
    title: str
    settings: tuple[Setting, ...]
    profile: Profile
    open: Callable[[Setup], Connector]
    profiled: Callable[[Setup], Profile] | None = None

    def profile_of(self, setup: Setup) -> Profile:
        """Return what one of its connectors can do."""
        return self.profile if self.profiled is None else self.profiled(setup)


SYSTEMS: Shelf[System] = Shelf("privet.connectors.systems", System, word="connector")
