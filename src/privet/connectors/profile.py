"""How good a connector is, said by the connector: what it can do, and against what that was shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tried = Literal["server", "emulation", "fake", "statements", "nothing"]
"""Against what the tests run it: the real server; an emulation of it by others; a fake that was written from the
vendor's documents; compiled statements alone; nothing."""

Effect = Literal["transaction", "key", "look", "nature"]
"""Why an erasure that is asked for twice happens once: both are one transaction; the system takes an idempotency key;
we look whether it happened before we ask again; by the nature of the change."""

Level = Literal["bronze", "silver", "gold"]

NOT_TRIED = "not tried against the vendor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a connector can do. `against`: name and version of what it was tried against. `atomic`: an erasure happens
    whole or not at all. `deletes`, `masks`: it removes records, overwrites fields. `streams`: it reads in bounded
    memory. `reads_back`: what was erased can be looked for. `by_any`: records can be asked for by any field, and not by
    identities and references alone. `docs`: pages of the vendor that it was written from."""

    tried: Tried
    against: str
    atomic: bool
    deletes: bool
    masks: bool
    streams: bool
    reads_back: bool
    effect: Effect
    docs: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    by_any: bool = True

    @property
    def level(self) -> Level:
        """Return gold for what was tried against its own server and is atomic, or cannot repeat an effect, and reads
        back; silver for what was tried against an emulation or a fake and reads back; bronze for all else."""
        if not (self.reads_back and self.streams and self.tried in ("server", "emulation", "fake")):
            return "bronze"
        return "gold" if self.tried == "server" and (self.atomic or self.effect != "look") else "silver"

    @property
    def untried(self) -> str:
        """Return the mark of parts that no vendor's server has seen, "" for the others."""
        return "" if self.tried in ("server", "emulation") else NOT_TRIED
