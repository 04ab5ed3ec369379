"""The vaults of a house in the words of manifests, so that they stand in checks and in the data map by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from privet.manifest.resources import Manifest, PolicyText
from privet.policy.format import write
from privet.policy.syntax import Policy
from privet.vault.access import policies
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.system import Declaration, System

if TYPE_CHECKING:
    from privet.app.wiring import House
    from privet.manifest.atlas.whole import Atlas
    from privet.vault.vault import Vault

KEEPING = Purpose("functional.storage")
"""What a vault uses data for as far as its policy names no purpose: it keeps them."""


@dataclass(frozen=True, slots=True)
class Held:
    """What vaults hold, what for, and by which policies."""

    datasets: tuple[Dataset, ...] = ()
    systems: tuple[System, ...] = ()
    texts: tuple[PolicyText, ...] = ()


def declared_vaults(house: House, taken: Collection[str] = ()) -> Held:
    """Return every vault as a system with its dataset and its policy in force. Raises what opening a vault raises.

    `taken`: keys of datasets that manifests declare; a vault whose schema is one of them is not told twice.
    """
    datasets, systems, texts = [], [], []
    for name in house.vault_names():
        vault = house.vault(name)
        policy = policies.in_force(vault).policy
        held = _dataset(vault)
        key = vault.schema.key if vault.schema.key in taken else held.key
        systems.append(_system(vault, held, key, policy))
        if key == held.key:
            datasets.append(held)
        if policies.in_force(vault).activation.policy:
            texts.append(PolicyText(f"vault {name}", write(policy)))
    return Held(tuple(datasets), tuple(systems), tuple(texts))


def of_one(systems: Iterable[System], manifest: Manifest) -> tuple[System, ...]:
    """Return systems as of the organization of a manifest, where it has just one."""
    if len(manifest.organizations) != 1:
        return tuple(systems)
    return tuple(replace(system, organization=manifest.organizations[0].key) for system in systems)


def lay_out(house: House, manifest: Manifest, organization: str = "") -> Atlas:
    """Return the data map of a manifest and of the vaults. Raises UnknownName for an organization without either."""
    from privet.manifest.atlas.whole import atlas

    held = declared_vaults(house, frozenset(dataset.key for dataset in manifest.datasets))
    made = datetime.fromtimestamp(house.clock() / 1000, UTC).isoformat(timespec="seconds")
    systems = of_one(held.systems, manifest)
    return atlas(manifest, made=made, systems=systems, datasets=held.datasets, organization=organization)


def _dataset(vault: Vault) -> Dataset:
    schema = vault.schema
    return Dataset(
        key=f"vault_{vault.name}",
        name=f"Vault {vault.name}",
        description="Sealed values of personal data. Other systems hold tokens.",
        collections=tuple(table.collection for table in schema.tables),
        suite=schema.suite,
        window_seconds=schema.window_seconds,
    )


def _system(vault: Vault, held: Dataset, dataset: str, policy: Policy) -> System:
    labels = {label for table in held.collections for column in table.fields for label in column.labels}
    about = {subject for table in held.collections for subject in table.about}
    purposes = sorted({*_purposes(policy)}) or [KEEPING]
    return System(
        key=f"vault_{vault.name}",
        name=f"Vault {vault.name}",
        kind="Vault",
        description="Keeps personal data encrypted, shows each caller what a policy permits, and audits it.",
        datasets=(dataset,),
        declarations=tuple(
            Declaration(
                categories=tuple(sorted(labels)),
                use=purpose,
                subjects=tuple(sorted(about)),
                datasets=(dataset,),
            )
            for purpose in purposes
        ),
    )


def _purposes(policy: Policy) -> Iterable[Purpose]:
    for role in policy.roles:
        yield from role.purposes
        for rule in role.rules:
            yield from rule.purposes if rule.effect == "allow" else ()
