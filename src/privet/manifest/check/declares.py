"""Lint of systems and what they declare."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from privet.manifest.check.ground import Declared, Ground, Say, flows, is_personal, shown
from privet.manifest.finding import Finding
from privet.near import meant
from privet.vocabulary.laws import laws

# What GDPR art. 9(1) calls special, as far as the taxonomy tells it apart.
_SPECIAL = (
    "user.authorization.biometric",
    "user.biometric",
    "user.demographic.political_opinion",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.sexual_orientation",
    "user.health_and_medical",
)
# What laws of US states call sensitive goes further: Va. Code § 59.1-575, for one.
_SENSITIVE = (*_SPECIAL, "user.childrens", "user.location.precise")


def no_subjects(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield declarations of personal data that do not say about whom: no Fides rule ever speaks of them."""
    for one in _personal(ground):
        if not one.declaration.subjects:
            asked = _asked(ground.needs(one.system).get("subjects", ""))
            yield say(
                subject=one.subject,
                message=f"it does not say about whom its data is, so no rule on people can be broken{asked}",
                at=ground.places.declaration(one.system, one.at),
                hint="add `data_subjects`",
            )


def no_declarations(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield systems that process personal data and declare no use of it."""
    for system in ground.manifest.systems:
        exempt = system.facts.get("exempt_from_privacy_regulations") is True
        if not system.declarations and not exempt and system.facts.get("processes_personal_data") is not False:
            yield say(
                subject=f"system {system.key}",
                message="it declares no use of data, so nothing of it is checked",
                at=ground.places.resource("system", system.key),
                hint="add `privacy_declarations`, or `processes_personal_data: false`",
            )


def unknown_dataset(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield references of declarations, systems and flows to datasets that are not there."""
    for one in ground.declared:
        for key in one.declaration.datasets:
            if key not in ground.datasets:
                at = ground.places.declaration(one.system, one.at, "dataset_references", key)
                yield say(subject=one.subject, at=at, length=len(key), **_missing("dataset", key, ground.datasets))
    for system in ground.manifest.systems:
        for key in system.datasets:
            if key not in ground.datasets:
                at = ground.places.resource("system", system.key, "dataset_references", key)
                subject = f"system {system.key}"
                yield say(subject=subject, at=at, length=len(key), **_missing("dataset", key, ground.datasets))
    yield from _flows(ground, say, "dataset", ground.datasets)


def unknown_system(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield flows from and to systems that are not there."""
    yield from _flows(ground, say, "system", ground.systems)


def _flows(ground: Ground, say: Say, kind: str, known: Collection[str]) -> Iterator[Finding]:
    for system in ground.manifest.systems:
        for word, flow in flows(system):
            if flow.kind == kind and flow.key not in known:
                yield say(
                    subject=f"system {system.key}, {word} {flow.key}",
                    at=ground.places.flow(system.key, word, flow.key, "fides_key"),
                    length=len(flow.key),
                    **_missing(kind, flow.key, known),
                )


def unlisted_flow(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield flows that a declaration names and its system does not have."""
    for one in ground.declared:
        for word, named, there in (
            ("ingress", one.declaration.ingress, one.system.ingress),
            ("egress", one.declaration.egress, one.system.egress),
        ):
            listed = [flow.key for flow in there]
            for key in named:
                if key not in listed:
                    yield say(
                        subject=one.subject,
                        message=f"`{shown(key)}` is no {word} of system `{one.system.key}`",
                        at=ground.places.declaration(one.system, one.at, word, key),
                        length=len(key),
                        hint=meant(key, listed, otherwise=f"add it to `{word}` of the system"),
                    )


# --- what laws ask for ------------------------------------------------------------------------------------------


def unknown_law(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield laws that an organization says it is under and of which nothing is known."""
    for organization in ground.manifest.organizations:
        known = [law.key for law in laws()] if organization.laws else []
        for key in organization.laws:
            if key not in known:
                at = ground.places.resource("organization", organization.key, "meta", "privet", "laws", key)
                yield say(
                    subject=f"organization {organization.key}",
                    message=f"nothing is known of a law `{shown(key)}`",
                    at=at,
                    length=len(key),
                    hint=meant(key, known, otherwise="see `privet laws`"),
                )


def no_legal_basis(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield declarations of personal data without the legal basis that a law asks for."""
    for one in _personal(ground):
        asked = ground.needs(one.system).get("legal_basis")
        if asked and not one.declaration.legal_basis:
            yield say(
                subject=one.subject,
                message=f"it names no legal basis{_asked(asked)}",
                at=ground.places.declaration(one.system, one.at),
                hint="add `legal_basis_for_processing`",
            )


def no_retention(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield declarations of personal data that do not say how long they keep it, where a law asks."""
    for one in _personal(ground):
        asked = ground.needs(one.system).get("retention")
        if asked and not one.declaration.retention:
            yield say(
                subject=one.subject,
                message=f"it does not say how long data is kept{_asked(asked)}",
                at=ground.places.declaration(one.system, one.at),
                hint="add `retention_period`",
            )


def no_special_basis(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield declarations of special categories of data without a basis for those. Where the laws are known and none
    asks for one, only those that say themselves that they process such data."""
    for one in ground.declared:
        facts = one.declaration.facts
        if facts.get("special_category_legal_basis"):
            continue
        asked = ground.needs(one.system).get("special_category_basis", "")
        said = facts.get("processes_special_category_data") is True
        category = _first(ground, one, _SPECIAL) if asked or not ground.names_laws(one.system) else ""
        if said or category:
            held = f"it uses `{category}`" if category else "it says that it processes special categories of data"
            step = ("processes_special_category_data",) if said and not category else ("data_categories", category)
            yield say(
                subject=one.subject,
                message=f"{held}, and names no legal basis for that{_asked(asked)}",
                at=ground.places.declaration(one.system, one.at, *step),
                hint="add `special_category_legal_basis`",
            )


def no_sensitive_consent(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield declarations of sensitive data that name no consent, where a law asks for it."""
    for one in ground.declared:
        declaration = one.declaration
        asked = ground.needs(one.system).get("sensitive_consent")
        basis = (declaration.legal_basis, str(declaration.facts.get("special_category_legal_basis", "")))
        if not asked or declaration.consents or any("consent" in said.lower() for said in basis):
            continue
        category = _first(ground, one, _SENSITIVE)
        if category:
            yield say(
                subject=one.subject,
                message=f"it uses `{category}`, and names no consent{_asked(asked)}",
                at=ground.places.declaration(one.system, one.at, "data_categories", category),
                hint="name consent as its legal basis",
            )


def no_transfer_basis(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield systems that say that data leaves for other countries, and not on what basis."""
    for system in ground.manifest.systems:
        facts = system.facts
        if facts.get("does_international_transfers") is True and not facts.get("legal_basis_for_transfers"):
            asked = ground.needs(system).get("transfer_basis", "")
            yield say(
                subject=f"system {system.key}",
                message=f"it transfers data to other countries, and names no legal basis for that{_asked(asked)}",
                at=ground.places.resource("system", system.key, "does_international_transfers"),
                hint="add `legal_basis_for_transfers`",
            )


# --- what they have in common -----------------------------------------------------------------------------------


def _personal(ground: Ground) -> Iterator[Declared]:
    return (one for one in ground.declared if is_personal(ground.categories(one.declaration)))


def _first(ground: Ground, one: Declared, roots: tuple[str, ...]) -> str:
    """Return the first category at or below some roots that a declaration uses, "" for none."""
    stems = tuple(f"{root}." for root in roots)
    categories = ground.categories(one.declaration)
    return next((key for key in categories if key in roots or key.startswith(stems)), "")


def _asked(laws_and_provisions: str) -> str:
    return f" ({laws_and_provisions})" if laws_and_provisions else ""


def _missing(kind: str, key: str, known: Collection[str]) -> dict[str, str]:
    return {
        "message": f"there is no {kind} `{shown(key)}`",
        "hint": meant(key, known, otherwise=f"add it, or write a {kind} that exists"),
    }
