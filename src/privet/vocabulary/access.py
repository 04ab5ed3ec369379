"""Who asks, for what, and to do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NewType

Purpose = NewType("Purpose", str)
Action = Literal[
    "read", "insert", "update", "delete", "tokenize", "detokenize", "search", "export", "manage", "audit", "request"
]
ACTIONS: tuple[Action, ...] = (
    "read",
    "insert",
    "update",
    "delete",
    "tokenize",
    "detokenize",
    "search",
    "export",
    "manage",
    "audit",
    "request",
)
"""The last three are about no column: keys and schemas, the audit, and people's requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or service that acts. `scopes` (actions) and `vaults` narrow what its roles allow; empty means no
    narrowing. `attributes`: what `caller.NAME` is in a condition. `credential`, `proof`: the id and the kind of what
    it proved itself by."""

    id: str
    name: str
    roles: tuple[str, ...]
    purposes: tuple[Purpose, ...] = ()
    scopes: tuple[str, ...] = ()
    vaults: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["person", "service"] = "service"
    credential: str = ""
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that somebody wants to do: an action on columns of one table, for a purpose or none,
    through a connection to a third party or none. `lifted`: a second person agreed that types' ceilings do not hold."""

    action: Action
    table: str
    columns: tuple[str, ...]
    purpose: Purpose | None = None
    connection: str = ""
    lifted: bool = False
