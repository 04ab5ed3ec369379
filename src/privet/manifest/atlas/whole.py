"""The data map as a whole: what every export is written from. The clock and files are the caller's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from privet.errors import UnknownName
from privet.manifest.atlas.graph import Graph, graph
from privet.manifest.atlas.lineage import NO_LINEAGE, Lineage
from privet.manifest.atlas.names import Names, text_of
from privet.manifest.atlas.rows import Row, rows
from privet.manifest.resources import Manifest, Organization
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.system import System

_DEFAULT = "default_organization"


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """A data map. `made`: when, as ISO 8601 with the zone. `organizations`: those whose systems and datasets it has,
    also where no file describes them."""

    made: str
    organizations: tuple[Organization, ...]
    systems: tuple[System, ...]
    datasets: tuple[Dataset, ...]
    rows: tuple[Row, ...]
    names: Names
    lineage: Lineage = NO_LINEAGE

    @cached_property
    def graph(self) -> Graph:
        """Return the graph of its rows, references and lineage."""
        return graph(self.names, (row.use for row in self.rows), self.datasets, self.lineage)

    @property
    def title(self) -> str:
        """Return a heading: of one organization with a name, its name."""
        named = [found.name for found in self.organizations if found.name]
        return f"Data map of {named[0]}" if len(self.organizations) == 1 and named else "Data map"


def atlas(
    manifest: Manifest,
    *,
    made: str,
    systems: Sequence[System] = (),
    datasets: Sequence[Dataset] = (),
    organization: str = "",
    lineage: Lineage = NO_LINEAGE,
) -> Atlas:
    """Return the map of a manifest, and of systems and datasets that no file has, such as a vault's own.

    `organization`: only its systems, and the datasets that are its own or that they use. Raises UnknownName for one
    that nothing belongs to.
    """
    every_system, every_dataset = (*manifest.systems, *systems), (*manifest.datasets, *datasets)
    names = Names(manifest, every_system, every_dataset)
    if organization:
        every_system = tuple(found for found in every_system if found.organization == organization)
        every_dataset = tuple(_of(organization, names, every_system, every_dataset))
        if not every_system and not every_dataset:
            raise UnknownName("expected an organization that has systems or datasets", at="--organization")
    drawn = rows(names, every_system, every_dataset)
    owners = dict.fromkeys((found.organization for found in every_system), None) or {organization or _DEFAULT: None}
    known = {found.key: found for found in manifest.organizations}
    return Atlas(
        made=made,
        organizations=tuple(known.get(key, Organization(key=key)) for key in owners),
        systems=tuple(sorted(every_system, key=lambda found: found.key)),
        datasets=tuple(sorted(every_dataset, key=lambda found: found.key)),
        rows=drawn,
        names=names,
        lineage=lineage,
    )


def _of(organization: str, names: Names, systems: Iterable[System], datasets: Iterable[Dataset]) -> Iterable[Dataset]:
    used = {key for system in systems for key in system.datasets}
    used |= {key for system in systems for found in system.declarations for key in found.datasets}
    for dataset in datasets:
        owner = text_of(names.said("dataset", dataset.key), "organization_fides_key") or _DEFAULT
        if dataset.key in used or owner == organization:
            yield dataset
