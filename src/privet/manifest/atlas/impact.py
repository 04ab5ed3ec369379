"""What depends on one field: who uses it and for what, what is found through it, which rules are about it.

Fear of what a change breaks is why personal data stays; this is the list to look at before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from privet.codec import Place
from privet.errors import InvalidInput, UnknownName
from privet.manifest.atlas.cells import third_party
from privet.manifest.atlas.lineage import NO_LINEAGE, Lineage
from privet.manifest.finding import NOWHERE
from privet.manifest.places import Places
from privet.manifest.resources import Manifest
from privet.near import meant
from privet.policy.bind import at_or_below, covers, overlap
from privet.policy.syntax import DenyUse, Limit, Policy, RequireConsent
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, every_field
from privet.vocabulary.system import Declaration, System

Kind = Literal[
    "identity",
    "key",
    "reference",
    "reach",
    "order",
    "erasure",
    "use",
    "recipient",
    "role",
    "promise",
    "rule",
    "derived",
]
KINDS: Mapping[Kind, str] = {
    "identity": "people are looked up by it",
    "key": "keys, tokens and indexes",
    "reference": "fields that point to it, or that it points to",
    "reach": "tables that a person's request finds through it",
    "order": "tables that are read or erased only after it",
    "erasure": "how an erasure treats it",
    "use": "declared uses",
    "recipient": "who receives it",
    "role": "roles whose rules are about it",
    "promise": "promises that bind it",
    "rule": "rules of Fides policies that are about it",
    "derived": "fields that jobs make of it",
}
"""Kind → what it is, in the order in which an impact is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One thing that depends on the field. `what`: its name; `how`: in words. `sure`: False where the manifest says no
    more than that it may (a use of a broader category, of a dataset as a whole)."""

    kind: Kind
    what: str
    how: str
    sure: bool = True
    at: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """All that depends on a field. `path`: names, from the collection down. `labels`: its categories."""

    dataset: str
    path: tuple[str, ...]
    labels: tuple[str, ...]
    at: Place = NOWHERE
    touches: tuple[Touch, ...] = ()

    @property
    def name(self) -> str:
        """Return the field's full name, dotted."""
        return ".".join((self.dataset, *self.path))


def impact(
    manifest: Manifest,
    wanted: str,
    *,
    policies: Mapping[str, Policy] | None = None,
    datasets: Sequence[Dataset] = (),
    systems: Sequence[System] = (),
    lineage: Lineage = NO_LINEAGE,
) -> Impact:
    """Return what depends on the field `[dataset.]collection.field[.field]`.

    `policies`: file or vault → policy. `datasets`, `systems`: what no file has, such as a vault's own. Raises
    UnknownName where there is no such field, InvalidInput where several datasets have one and none is named.
    """
    every = (*manifest.datasets, *datasets)
    spot = _found(every, wanted)
    asked = _Asked(manifest, spot, every, (*manifest.systems, *systems))
    touches = [
        *asked.itself(),
        *asked.references(),
        *asked.order(),
        *asked.uses(),
        *asked.rules(),
        *(touch for name, policy in (policies or {}).items() for touch in asked.policy(name, policy)),
        *asked.derived(lineage),
    ]
    order = {kind: at for at, kind in enumerate(KINDS)}
    told = sorted(dict.fromkeys(touches), key=lambda touch: (order[touch.kind], not touch.sure, touch.what))
    return Impact(
        dataset=spot.dataset.key,
        path=spot.path,
        labels=spot.field.labels,
        at=asked.place(spot.dataset, spot.path),
        touches=tuple(told),
    )


@dataclass(frozen=True, slots=True)
class _Spot:
    dataset: Dataset
    collection: Collection
    field: Field
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        return ".".join((self.dataset.key, *self.path))


def _spots(datasets: Iterable[Dataset]) -> Iterator[_Spot]:
    for dataset in datasets:
        for collection in dataset.collections:
            for path, held in every_field(collection.fields):
                yield _Spot(dataset, collection, held, (collection.name, *path.split(".")))


def _found(datasets: Sequence[Dataset], wanted: str) -> _Spot:
    known = list(_spots(datasets))
    found = [spot for spot in known if wanted in (spot.name, ".".join(spot.path))]
    whole = [spot for spot in found if spot.name == wanted]
    if len(whole or found) == 1:
        return (whole or found)[0]
    if found:
        names = " or ".join(f"`{spot.name}`" for spot in found[:3])
        raise InvalidInput("several datasets have that field", at="FIELD", hint=f"say {names}")
    every = {name for s in known for name in (s.name, ".".join(s.path))}
    hint = meant(wanted, every, most=2, otherwise="as in `dataset.table.column`")
    raise UnknownName("no dataset has that field", at="FIELD", hint=hint)


class _Asked:
    """One field, and all that may depend on it."""

    def __init__(self, manifest: Manifest, spot: _Spot, datasets: Sequence[Dataset], systems: Sequence[System]) -> None:
        self.manifest, self.spot, self.datasets, self.systems = manifest, spot, datasets, systems
        self.places = Places(manifest)

    def place(self, dataset: Dataset, path: Sequence[str]) -> Place:
        """Return where a field, or the collection that `path` alone names, stands in the files."""
        return self.places.held(dataset.key, tuple(path))

    # -- the field ---------------------------------------------------------------------------------------------

    def itself(self) -> Iterator[Touch]:
        """Yield what the field is for: identities, keys, indexes, tokens, how it is erased."""
        here = self.place(self.spot.dataset, self.spot.path)
        for kind, what, how in (*self._keys(), *self._erased()):
            yield Touch(kind=kind, what=what, how=how, at=here)

    def _keys(self) -> Iterator[tuple[Kind, str, str]]:
        held, native = self.spot.field, self.spot.field.native
        if native.identity:
            yield "identity", native.identity, "requests begin here"
        if native.primary_key:
            yield "key", f"primary key of {self.spot.collection.name}", "updates go by it"
        if held.unique:
            yield "key", "unique", "no two records share a value"
        for index in held.indexes:
            yield "key", f"index {index}", "questions are answered by it"
        if held.token is not None:
            yield "key", f"{held.token.kind} token", "other systems hold it"
        for sets, word in ((self.spot.collection.uniques, "unique together"), (self.spot.collection.indexes, "index")):
            for named in sets:
                if any(name.partition(".")[0] == held.name for name in named):
                    yield "key", f"{word}: {', '.join(named)}", "made of several columns"

    def _erased(self) -> Iterator[tuple[Kind, str, str]]:
        if self.spot.field.native.read_only:
            yield "erasure", "read only", "an erasure cannot overwrite it"
        for masking in filter(None, (self.spot.field.native.masking, self.spot.collection.masking)):
            yield "erasure", masking.strategy, "in place of what a policy says"

    # -- references --------------------------------------------------------------------------------------------

    def references(self) -> Iterator[Touch]:
        """Yield references to and from the field, then the tables that are found through it."""
        links = self._links()
        me, table = self.spot.name, ".".join((self.spot.dataset.key, self.spot.path[0]))
        for source, target, at in links:
            if target == me:
                yield Touch(kind="reference", what=source, how="points to it", at=at)
            elif source == me:
                yield Touch(kind="reference", what=target, how="it points there", at=at)
        # Where the field is an identity or a key, whatever hangs on its table by references is found through it.
        first = {self._table(b if a == me else a) for a, b, _ in links if me in (a, b)}
        if self.spot.field.native.identity or self.spot.field.unique:
            first |= {self._table(b if self._table(a) == table else a) for a, b, _ in links if table in _tables(a, b)}
        seen, wave = {table}, sorted(first - {table})
        while wave:
            seen.update(wave)
            for name in wave:
                yield Touch(kind="reach", what=name, how="found by references", at=self._table_place(name))
            beyond = ((a, b) for a, b, _ in links if set(wave) & _tables(a, b))
            wave = sorted({name for pair in beyond for name in _tables(*pair)} - seen)

    def _links(self) -> list[tuple[str, str, Place]]:
        """Return every reference as (field that says it, field that it names, where it stands)."""
        found = []
        for spot in _spots(self.datasets):
            for link in _links_of(spot):
                target = f"{link.dataset}.{link.field}"
                found.append((spot.name, target, self.place(spot.dataset, spot.path)))
        return found

    def _table(self, name: str) -> str:
        return ".".join(name.split(".")[:2])

    def _table_place(self, name: str) -> Place:
        key, _, table = name.partition(".")
        dataset = next((found for found in self.datasets if found.key == key), None)
        return self.place(dataset, (table,)) if dataset else NOWHERE

    def order(self) -> Iterator[Touch]:
        """Yield the tables that wait for the field's table."""
        table = f"{self.spot.dataset.key}.{self.spot.path[0]}"
        for dataset in self.datasets:
            for collection in dataset.collections:
                for named, word in ((collection.after, "read"), (collection.erase_after, "erased")):
                    if table in named:
                        name, at = f"{dataset.key}.{collection.name}", self.place(dataset, (collection.name,))
                        yield Touch(kind="order", what=name, how=f"is {word} after {table}", at=at)
            if self.spot.dataset.key in dataset.after:
                at = self.places.resource("dataset", dataset.key)
                yield Touch(kind="order", what=dataset.key, how=f"is read after {self.spot.dataset.key}", at=at)

    # -- uses --------------------------------------------------------------------------------------------------

    def uses(self) -> Iterator[Touch]:
        """Yield the declarations that use the field's categories out of its dataset, and who receives them."""
        for system in self.systems:
            for at, declaration in enumerate(system.declarations):
                named = self.spot.dataset.key in (*declaration.datasets, *system.datasets)
                said = [label for label in declaration.categories if self._about(label)]
                if not named or not (said or not declaration.categories):
                    continue
                place = self.places.declaration(system, at)
                sure = any(at_or_below(mine, label) for mine in self.spot.field.labels for label in said)
                what = f"system {system.key}" + (f", {declaration.name}" if declaration.name else "")
                subjects = f" about {', '.join(declaration.subjects)}" if declaration.subjects else ""
                yield Touch(kind="use", what=what, how=f"for {declaration.use}{subjects}", sure=sure, at=place)
                yield from self._recipients(system, declaration, place, sure=sure)

    def _recipients(self, system: System, declaration: Declaration, place: Place, *, sure: bool) -> Iterator[Touch]:
        for flow in system.egress:
            if declaration.egress and flow.key not in declaration.egress:
                continue
            if flow.categories and not any(self._about(label) for label in flow.categories):
                continue
            there = self.places.flow(system.key, "egress", flow.key)
            certain = sure and bool(flow.categories)
            yield Touch(
                kind="recipient", what=f"{flow.kind} {flow.key}", how=f"from {system.key}", sure=certain, at=there
            )
        if third := third_party(dict(declaration.facts)):
            yield Touch(kind="recipient", what=third, how=f"from {system.key}", sure=sure, at=place)

    def _about(self, label: str) -> bool:
        return any(overlap(mine, label) for mine in self.spot.field.labels)

    # -- rules -------------------------------------------------------------------------------------------------

    def rules(self) -> Iterator[Touch]:
        """Yield the rules of Fides policies that name a category of the field or one above it."""
        for policy in self.manifest.policies:
            for rule in policy.rules:
                named = [root for root in rule.categories.values if self._within(root)]
                if bool(named) == (rule.categories.matches in ("ANY", "ALL")):
                    place = self.places.rule(policy.key, rule.name)
                    yield Touch(kind="rule", what=f"{policy.key}: {rule.name}", how=_uses(rule.uses.values), at=place)

    def policy(self, name: str, policy: Policy) -> Iterator[Touch]:
        """Yield the roles of a policy whose rules cover the field, and the promises that bind it."""
        column = self.spot.dataset.collection(self.spot.path[0])
        top = column.field(self.spot.path[1]) if column else None
        for role in policy.roles:
            for rule in role.rules:
                if top is not None and any(covers(target, self.spot.path[0], top) for target in rule.targets):
                    shown = f" with {rule.redaction}" if rule.effect == "allow" and rule.redaction else ""
                    how = f"{rule.effect} {', '.join(rule.actions)}{shown}"
                    at = Place(name, rule.span.line, rule.span.column)
                    yield Touch(kind="role", what=role.name, how=how, at=at)
        for promise in policy.promises:
            at = Place(name, promise.span.line, promise.span.column)
            if isinstance(promise, DenyUse) and any(self._within(root) for root in promise.labels):
                how = f"deny use for {', '.join(promise.purposes)}"
                yield Touch(kind="promise", what=", ".join(promise.labels), how=how, at=at)
            elif isinstance(promise, Limit) and any(self._within(root) for root in promise.labels):
                how = f"{promise.redaction} for connections alone"
                yield Touch(kind="promise", what=", ".join(promise.labels), how=how, at=at)
            elif isinstance(promise, RequireConsent) and any(
                at_or_below(mine, "user") for mine in self.spot.field.labels
            ):
                how = f"needed for {', '.join(promise.purposes)}"
                yield Touch(kind="promise", what=f"consent {promise.key}", how=how, sure=False, at=at)

    def _within(self, root: str) -> bool:
        return any(at_or_below(mine, root) for mine in self.spot.field.labels)

    # -- lineage -----------------------------------------------------------------------------------------------

    def derived(self, lineage: Lineage) -> Iterator[Touch]:
        """Yield what jobs make of the field, through as many jobs as there are."""
        seen, wave = {self.spot.name}, [self.spot.name]
        while wave:
            made = [edge for edge in lineage.edges if str(edge.source) in wave and str(edge.target) not in seen]
            for edge in made:
                how = f"by {edge.job}" if edge.job else "by a job"
                how += "" if edge.direct else ", which rows there are"
                yield Touch(kind="derived", what=str(edge.target), how=how + (", masked" if edge.masked else ""))
            wave = sorted({str(edge.target) for edge in made})
            seen.update(wave)


def _tables(*fields: str) -> set[str]:
    return {".".join(name.split(".")[:2]) for name in fields}


def _links_of(spot: _Spot) -> Iterator[Link]:
    yield from spot.field.native.links
    if spot.field.reference is not None:
        yield Link(spot.dataset.key, f"{spot.field.reference.collection}.{spot.field.reference.field}", "from")


def _uses(values: Sequence[str]) -> str:
    return f"about {', '.join(values)}" if values else "about any use"


def text(found: Impact) -> str:
    """Return an impact for people: a heading, then what depends on the field, kind by kind."""
    labels = f" ({', '.join(found.labels)})" if found.labels else ""
    lines = [f"{found.name}{labels}" + (f"  {found.at}" if found.at.file else "")]
    for kind, about in KINDS.items():
        touches = [touch for touch in found.touches if touch.kind == kind]
        if touches:
            lines += ["", f"{about}:"]
        for touch in touches:
            place = f"  {touch.at}" if touch.at.file else ""
            lines.append(f"  {touch.what}: {touch.how}{'' if touch.sure else ' (may)'}{place}")
    if not found.touches:
        lines += ["", "nothing that is declared depends on it"]
    return "\n".join(lines) + "\n"
