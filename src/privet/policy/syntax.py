"""The tree of a policy: what the parser makes, the formatter writes and both readers walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from privet.vocabulary.access import Action, Purpose
from privet.vocabulary.predicate import ALWAYS, Predicate


@dataclass(frozen=True, slots=True)
class Target:
    """What a rule is about. `table` "" means every table; `column` "" means every column; `label` narrows to
    columns labelled at or below a taxonomy category."""

    table: str = ""
    column: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One allow or deny. `purposes` empty: the purposes granted to the role. `unsafe` lifts type ceilings."""

    effect: Literal["allow", "deny"]
    actions: tuple[Action, ...]
    targets: tuple[Target, ...] = (Target(),)
    redaction: str = "plain_text"
    where: Predicate = ALWAYS
    purposes: tuple[Purpose, ...] = ()
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of rules."""

    name: str
    about: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Every role in force, under one version that audit entries name."""

    version: str
    roles: tuple[Role, ...]

    def role(self, name: str) -> Role | None:
        """Return the role called `name`, or None."""
        return next((role for role in self.roles if role.name == name), None)
