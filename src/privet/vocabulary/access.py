"""Who asks, for what, and to do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NewType

Purpose = NewType("Purpose", str)
Action = Literal["read", "insert", "update", "delete", "tokenize", "detokenize", "search", "export", "manage", "audit"]
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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or service that acts. `scopes` narrow what its roles allow; empty means no narrowing."""

    id: str
    name: str
    roles: tuple[str, ...]
    purposes: tuple[Purpose, ...] = ()
    scopes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that somebody wants to do: an action on columns of one table, for a purpose or none,
    through a connection to a third party or none."""

    action: Action
    table: str
    columns: tuple[str, ...]
    purpose: Purpose | None = None
    connection: str = ""
