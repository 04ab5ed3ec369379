"""What a team declares: systems that use data, for what, and where it goes. Others read manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from privet.vocabulary.access import Purpose

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Data that comes from (ingress) or goes to (egress) a dataset, another system or people themselves.

    `categories`: what flows; () where nobody said.
    """

    key: str
    kind: Literal["dataset", "system", "user"]
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One use of data. `categories`: labels of what is used; `datasets`: keys of the datasets that it is found in.

    `ingress`, `egress`: keys of the system's flows that it uses. `legal_basis`: as the manifest words it (`Consent`,
    `Contract`, …). `retention`: how long, in the manifest's words. `consents`: keys that people agree to for this use.
    `facts`: what else the manifest says, under the keys of Fides. `at`: file, line and column.
    """

    categories: tuple[str, ...]
    use: Purpose
    name: str = ""
    subjects: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    ingress: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    legal_basis: str = ""
    retention: str = ""
    consents: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict, compare=False)
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """An application or service, and what it declares. `kind`: its type in the manifest's words (`Service`).
    `datasets`: keys of datasets that it holds, whatever it does with them. `facts`: as of a declaration."""

    key: str
    declarations: tuple[Declaration, ...]
    name: str = ""
    kind: str = ""
    description: str = ""
    organization: str = "default_organization"
    datasets: tuple[str, ...] = ()
    ingress: tuple[Flow, ...] = ()
    egress: tuple[Flow, ...] = ()
    facts: Facts = field(default_factory=dict, compare=False)
    at: str = field(default="", compare=False)
