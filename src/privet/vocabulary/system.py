"""What a team declares: systems that use data, and for what. Reading manifests is the business of others."""

from __future__ import annotations

from dataclasses import dataclass, field

from privet.vocabulary.access import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One use of data. `categories`: labels of what is used; `datasets`: keys of the datasets that it is found in.

    `legal_basis`: as the manifest words it (`Consent`, `Contract`, …). `consents`: keys that people agree to for this
    use. `at`: file, line and column.
    """

    categories: tuple[str, ...]
    use: Purpose
    name: str = ""
    subjects: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    legal_basis: str = ""
    consents: tuple[str, ...] = ()
    at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """An application or service, and what it declares."""

    key: str
    declarations: tuple[Declaration, ...]
    name: str = ""
    at: str = field(default="", compare=False)
