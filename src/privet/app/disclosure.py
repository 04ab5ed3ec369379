"""What a package says beside records: read from the manifests that were pushed, the vaults, and the settings.

Nothing is concluded: where a manifest says nothing, the package says that nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from privet.app.atlas import declared_vaults, newest
from privet.app.wiring import House
from privet.errors import UnknownName
from privet.manifest.atlas.cells import Use as Row
from privet.manifest.atlas.cells import flows, retention
from privet.manifest.atlas.names import Names, inner, text_of, together
from privet.manifest.resources import Manifest, Organization
from privet.policy.bind import at_or_below
from privet.rights import letters
from privet.rights.clock import zone_of
from privet.rights.packet.about import Disclosure, Place, Use, Words
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.plain import plain
from privet.vocabulary.system import Declaration, Facts, System


def disclosure(house: House) -> Disclosure:
    """Return what is declared now. Blocking. Raises what a damaged row raises."""
    manifest, known = newest(house), house.desk.known()
    declared = {dataset.key: dataset for dataset in manifest.datasets}
    held = declared_vaults(house, declared.keys())
    names = Names(manifest, (*manifest.systems, *held.systems), known.datasets.values())
    privacy = house.settings.privacy
    organization = manifest.organizations[0] if len(manifest.organizations) == 1 else Organization(key="")
    return Disclosure(
        organization=privacy.organization or organization.name,
        contact=privacy.contact,
        controller=_person(organization.facts, "controller") or privacy.organization or organization.name,
        officer=_person(organization.facts, "data_protection_officer"),
        places={
            key: _place(dataset, declared.get(key), manifest.systems, held.systems, names)
            for key, dataset in known.datasets.items()
        },
        datasets=known.datasets,
    )


def words_of(house: House, language: str) -> Words:
    """Return the words of the nearest language; labels of the team's own are named as its manifest names them."""
    nearest, zone = letters.nearest(language), zone_of(house.settings.privacy.time_zone)
    own = _own_labels(newest(house))

    def named(kind: str, key: str) -> str:
        if key in own:
            return own[key]
        try:
            return plain("use" if kind == "use" else "category", key, nearest).name
        except UnknownName:
            return key

    def moment(at_ms: int) -> str:
        return letters.moment(datetime.fromtimestamp(at_ms / 1000, zone), nearest)

    return Words(language=nearest, texts=letters.words("page", nearest), plain=named, moment=moment)


def _own_labels(manifest: Manifest) -> Mapping[str, str]:
    return {label.key: label.name for label in manifest.labels if label.name}


def _person(facts: Facts, key: str) -> str:
    said = inner(facts, key)
    return ", ".join(filter(None, (text_of(said, name) for name in ("name", "address", "email", "phone"))))


def _place(
    dataset: Dataset, declared: Dataset | None, systems: Iterable[System], vaults: Iterable[System], names: Names
) -> Place:
    """Return where a dataset is held: by the system that says so, else by the first that uses it.

    `vaults`: what policies let roles do. Where `systems` declare such a use, with ground and retention, it is told
    once.
    """
    users = [system for system in systems if _concerns(system, dataset.key)]
    keepers = [system for system in vaults if _concerns(system, dataset.key)]
    holders = [system for system in users if dataset.key in system.datasets] or users or keepers
    title = (holders[0].name or holders[0].key) if holders else dataset.name or dataset.key
    said = declared.description if declared else dataset.description
    about = said or (holders[0].description if holders else "")
    uses = list(_uses(dataset, users, names))
    told = [use.use for use in uses]
    permitted = (replace(use, permitted=True) for use in _uses(dataset, keepers, names) if not _told(use.use, told))
    return Place(title=title, about=about, uses=(*uses, *permitted))


def _uses(dataset: Dataset, systems: Iterable[System], names: Names) -> Iterable[Use]:
    for system in systems:
        for each in system.declarations:
            if _touches(system, each, dataset.key):
                yield _use(Row(names=names, system=system, declaration=each, dataset=dataset, dataset_key=dataset.key))


def _told(use: str, told: Iterable[str]) -> bool:
    """Return whether a use stands at, below or above one that was told."""
    return any(at_or_below(use, one) or at_or_below(one, use) for one in told)


def _concerns(system: System, dataset: str) -> bool:
    return dataset in system.datasets or any(dataset in each.datasets for each in system.declarations)


def _touches(system: System, declaration: Declaration, dataset: str) -> bool:
    return dataset in declaration.datasets or (not declaration.datasets and dataset in system.datasets)


def _use(row: Row) -> Use:
    system, declaration = row.system, row.declaration
    assert system is not None and declaration is not None  # made of both
    return Use(
        system=system.name or system.key,
        use=declaration.use,
        name=declaration.name,
        categories=declaration.categories,
        basis=declaration.legal_basis or text_of(row.custom_use, "legal_basis"),
        retention=retention(row),
        recipients=_recipients(row),
        sources=_sources(row),
        transfers=_transfers(row),
        automated=_flagged(system.facts, "uses_profiling", "legal_basis_for_profiling"),
    )


def _recipients(row: Row) -> tuple[str, ...]:
    assert row.system is not None
    found = [_called(row, flow.kind, flow.key) for flow in flows(row.system, row.declaration, "egress")]
    found.append(text_of(row.said, "third_parties"))
    found.append(text_of(row.custom_use, "recipients"))
    return tuple(dict.fromkeys(filter(None, found)))


def _sources(row: Row) -> tuple[str, ...]:
    """Return where data comes from; "" stands for the person herself."""
    assert row.system is not None
    found = [
        "" if flow.kind == "user" else _called(row, flow.kind, flow.key)
        for flow in flows(row.system, row.declaration, "ingress")
    ]
    return tuple(dict.fromkeys(found))


def _called(row: Row, kind: str, key: str) -> str:
    if kind == "user":
        return ""
    entry = row.names.entry(kind, key)
    return (entry.name if entry else "") or key


def _transfers(row: Row) -> str | None:
    named = together(
        text_of(facts, key)
        for facts in (row.facts, row.stored)
        for key in ("third_country_transfers", "legal_basis_for_transfers", "third_country_safeguards")
    )
    return named or _flagged(row.facts, "does_international_transfers")


def _flagged(facts: Mapping[str, Any], key: str, more: str = "") -> str | None:
    """Return "yes" or what stands beside it, "" for no, None where nobody said."""
    said = facts.get(key)
    if not isinstance(said, bool):
        return None
    return (text_of(facts, more) or "yes") if said else ""
