"""The vaults of a house in the words of manifests, so that they stand in checks and in the data map by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from privet.errors import InvalidPolicy
from privet.manifest.resources import Manifest, PolicyText
from privet.policy.format import write
from privet.policy.syntax import Policy
from privet.vault.access import policies
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.system import Declaration, System

if TYPE_CHECKING:
    from privet.app.wiring import House
    from privet.manifest.atlas.impact import Touch
    from privet.manifest.atlas.whole import Atlas
    from privet.vault.vault import Vault

KEEPING = Purpose("functional.storage")
"""What a vault uses data for as far as its policy names no purpose: it keeps them."""
_ITS_OWN = frozenset({"key", "erasure"})


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


def depending(house: House, vault: Vault, columns: Collection[str]) -> dict[str, tuple[Touch, ...]]:
    """Return what depends on columns of a vault, `table.column` → touches, by the newest manifests that were pushed, by
    the policies beside them and by the vault's own; () for a column that the vault does not have.

    What a column is by itself (a key, an index, how it is erased) and the vault that keeps it are left out.
    """
    from privet.manifest.atlas.impact import impact

    manifest = newest(house)
    held = _dataset(vault)
    if any(dataset.key == vault.schema.key for dataset in manifest.datasets):
        held = replace(held, key=vault.schema.key)
    manifest = replace(manifest, datasets=tuple(dataset for dataset in manifest.datasets if dataset.key != held.key))
    policies_of = readable(manifest)
    if policies.in_force(vault).activation.policy:
        policies_of[f"vault {vault.name}"] = policies.in_force(vault).policy
    known = {f"{table.name}.{column.name}" for table in held.collections for column in table.fields}
    found: dict[str, tuple[Touch, ...]] = {column: () for column in columns}
    for column in known.intersection(columns):
        told = impact(manifest, f"{held.key}.{column}", policies=policies_of, datasets=[held])
        found[column] = tuple(touch for touch in told.touches if touch.kind not in _ITS_OWN)
    return found


def newest(house: House) -> Manifest:
    """Return the manifests that were pushed last; an empty one where there are none."""
    from privet.manifest.load import read_texts

    pushed = house.declared.newest()
    return read_texts(house.declared.files(pushed.version))[0] if pushed else Manifest()


def readable(manifest: Manifest) -> dict[str, Policy]:
    """Return the policies beside a manifest, by file, without those that cannot be read."""
    from privet.policy.parse import parse

    found = {}
    for text in manifest.texts:
        with suppress(InvalidPolicy):  # `privet check` tells of its faults
            found[text.file] = parse(text.text, text.file, labels=manifest.labels)
    return found


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
