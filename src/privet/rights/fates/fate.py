"""What an erasure does with each field: which of all that is said of it counts, and whether that can be done at all.

Deepest and nearest wins: a manifest's own word on the field, a promise on it, a promise on its collection, one on the
deepest category, and at last the rule of the house: what is personal is overwritten, by null where it may be null.
Keys and references are left, so that records still meet; where what refers and what is referred to is personal itself
(an e-mail), both are overwritten alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from privet.connectors.base import Value
from privet.crypto.strategies import Context, Setting, Strategy, settled, strategy
from privet.errors import InvalidInput, InvalidValue
from privet.policy.bind import at_or_below
from privet.rights.fates.holds import Hold
from privet.rights.fates.leaves import Leaf, Level, Node, leaves_of
from privet.rights.fates.said import Said, Sayings
from privet.rights.plans.graph import Refer
from privet.rights.words import Address
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset

READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True)
class Put:
    """How a value is set right. `of`: what stands there → what is to stand there, the same where it is right, or
    nothing is said of it; raises InvalidValue where that does not fit. `narrow`: it is said what stands there now."""

    of: Callable[[Value], Value]
    narrow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one field. `said`: None where it is left. `why`: of what is left, or chosen by us. `remains`: it
    is left although it is personal. `varies`: what comes depends on what was there. `put`: of a rectification, what is
    right."""

    path: str
    said: Said | None
    context: Context
    personal: bool
    nullable: bool
    wholly: bool
    why: str = ""
    remains: bool = False
    put: Put | None = None

    @property
    def varies(self) -> bool:
        """Return whether two values of the field may get two new ones that must not be mixed up."""
        if self.put is not None:
            return self.put.narrow
        return self.said is not None and self.said.strategy.deterministic and not self.said.strategy.constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What becomes of the records of a collection. `fields`: those of which there is anything to tell. `deleted`: who
    says that records go as a whole, "" for nobody. `key`: paths of the primary key."""

    address: Address
    collection: Collection
    fields: tuple[Fate, ...]
    holds: tuple[Hold, ...]
    deleted: str
    key: tuple[str, ...]

    def under(self, key: Secret[bytes]) -> Fates:
        """Return the same with masks under a request's own key."""
        fields = tuple(replace(fate, context=replace(fate.context, key=key)) for fate in self.fields)
        return replace(self, fields=fields)


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of all collections, and what people should know of it."""

    fates: Mapping[Address, Fates]
    notes: tuple[str, ...]


def fates(
    said: Sayings,
    datasets: Iterable[Dataset],
    refers: Iterable[Refer],
    key: Secret[bytes],
) -> Judged:
    """Return what becomes of every field of every collection. Faults are added to those of `said`."""
    judge = _Judge(said, tuple(datasets), tuple(refers))
    judge.choose()
    judge.link()
    return judge.judged(key)


class _Judge:
    """Finds out what becomes of each field, then looks at references between them."""

    def __init__(self, said: Sayings, datasets: Sequence[Dataset], refers: Sequence[Refer]) -> None:
        self.said = said
        self.refers = refers
        self.collections: dict[Address, Collection] = {}
        self.leaves: dict[Node, Leaf] = {}
        self.deleted: dict[Address, str] = dict(said.deleted)
        self.notes: list[str] = []
        for dataset in datasets:
            for collection in dataset.collections:
                if not collection.skipped:
                    self._take(Address(dataset.key, collection.name), collection)

    def _take(self, address: Address, collection: Collection) -> None:
        self.collections[address] = collection
        for leaf in leaves_of(address, collection.fields):
            self.leaves[leaf.node] = leaf
        if collection.masking is not None:
            found = self.said.masking(collection.masking, str(address))
            if found is not None and found.strategy.deletes:
                self.deleted[address] = found.rule
            elif found is not None:
                self.said.fields[address, ""] = found

    # -- each field alone --------------------------------------------------------------------------------------

    def choose(self) -> None:
        """Choose for each field what is said nearest to it."""
        for leaf in self.leaves.values():
            leaf.level, leaf.said = self._chosen(leaf)
            if leaf.key:
                self._spare(leaf, "a primary key")
            elif leaf.read_only:
                leaf.asked = leaf.said is not None
                leaf.leave(READ_ONLY)
            elif leaf.level == Level.DEFAULT:
                leaf.said, leaf.why = _default(leaf), "nobody says otherwise"

    def _chosen(self, leaf: Leaf) -> tuple[Level, Said | None]:
        if leaf.masking is not None:
            found = self.said.masking(leaf.masking, leaf.name)
            if found is not None and found.strategy.deletes:
                hint = f"say it of the collection, or `erase {leaf.address} by deletion`"
                self.said.fault("deletion is about whole records, found a field", at=leaf.name, hint=hint)
                found = None
            return (Level.OVERRIDE, found) if found else (Level.LEFT, None)
        words = leaf.path.split(".")
        for at in range(len(words), 0, -1):
            found = self.said.fields.get((leaf.address, ".".join(words[:at])))
            if found is not None:
                return Level.FIELD, found
        found = self.said.fields.get((leaf.address, ""))
        if found is not None and leaf.personal:
            return Level.COLLECTION, found
        found = self._of_category(leaf)
        if found is not None:
            return Level.CATEGORY, found
        return (Level.DEFAULT if leaf.personal else Level.LEFT), None

    def _of_category(self, leaf: Leaf) -> Said | None:
        """Return what is said of the deepest category that a field is labelled at or below."""
        fits = [key for key in self.said.categories if any(at_or_below(label, key) for label in leaf.labels)]
        if not fits:
            return None
        depth = max(key.count(".") for key in fits)
        found = [self.said.categories[key] for key in fits if key.count(".") == depth]
        if any(not found[0].same(other) for other in found):
            message = f"`{leaf.name}` is in two categories that are erased in different ways"
            self.said.fault(message, at=found[-1].rule, hint=f"write `erase {leaf.name} by {found[0].words}`")
        return found[0]

    def _spare(self, leaf: Leaf, what: str) -> None:
        """Leave a key or reference. Whoever says of the field itself that it is masked is told that it cannot be."""
        if leaf.level >= Level.FIELD and leaf.said is not None:
            at = leaf.name if leaf.level == Level.OVERRIDE else leaf.said.rule
            hint = f"leave it out, or write `erase {leaf.address} by deletion`"
            self.said.fault(f"`{leaf.name}` is {what}, which cannot be masked", at=at, hint=hint)
        leaf.leave(what)

    # -- references --------------------------------------------------------------------------------------------

    def link(self) -> None:
        """See to it that what refers and what is referred to go together."""
        referring = {(refer.source, refer.field) for refer in self.refers}
        for unit in self._units():
            members = [self.leaves[node] for node in unit if node in self.leaves and node[0] not in self.deleted]
            anchored = any(node not in self.leaves or self.leaves[node].key for node in unit)
            if anchored:
                for leaf in members:
                    if not leaf.key and not (leaf.nulled and leaf.level >= Level.FIELD):
                        self._spare(leaf, "a reference to a key")
            else:
                self._alike([leaf for leaf in members if not leaf.read_only], referring)
                self._warn(members)
        self._unhook()

    def _warn(self, members: Iterable[Leaf]) -> None:
        """Tell that records which are kept go on holding what is overwritten where it is referred to."""
        changed = [leaf for leaf in members if leaf.said is not None]
        for leaf in changed:
            whole = [hold.rule for hold in self.said.holds.get(leaf.address, ()) if not hold.path]
            others = [other.name for other in changed if other is not leaf]
            if whole and others:
                self.notes.append(
                    f"records of `{leaf.address}` that {whole[0]} keeps go on holding `{leaf.path}`, "
                    f"which no longer meets `{others[0]}`"
                )

    def _units(self) -> Iterator[list[Node]]:
        """Yield the fields that hold the same values, because some refer to others."""
        near: dict[Node, list[Node]] = {}
        for refer in self.refers:
            if refer.source in self.collections and refer.target in self.collections:
                one, other = (refer.source, refer.field), (refer.target, refer.target_field)
                near.setdefault(one, []).append(other)
                near.setdefault(other, []).append(one)
        seen: set[Node] = set()
        for node in sorted(near):
            if node in seen:
                continue
            seen.add(node)
            unit, at = [node], 0
            while at < len(unit):
                more = [other for other in near[unit[at]] if other not in seen]
                seen.update(more)
                unit += dict.fromkeys(more)
                at += 1
            yield unit

    def _alike(self, members: list[Leaf], referring: set[Node]) -> None:
        """Demand one deterministic strategy of fields that hold the same values and are no keys."""
        said = [leaf for leaf in members if leaf.level > Level.DEFAULT]
        if not said:
            self._by_default(members)
            return
        # What refers may be null while what it refers to is not, where somebody wants that.
        bound = [leaf for leaf in members if not (leaf in said and leaf.nulled and leaf.node in referring)]
        if not bound:
            return
        first = next((leaf for leaf in bound if leaf.level > Level.DEFAULT), said[0])
        assert first.said is not None  # INVARIANT: something is said of it.
        for leaf in bound:
            leaf.unit = tuple(bound)
        names = ", ".join(leaf.name for leaf in bound)
        at = first.name if first.level == Level.OVERRIDE else first.said.rule
        if not first.said.strategy.deterministic:
            message = (
                f"`{first.name}` is referred to, or refers, and `{first.said.strategy.name}` would part the records"
            )
            self.said.fault(message, at=at, hint=f"write `erase {names} by consistent`")
        elif any(leaf.said is None or not leaf.said.same(first.said) for leaf in bound):
            message = "fields that refer to each other are erased in different ways, which would part their records"
            self.said.fault(message, at=at, hint=f"write `erase {names} by {first.said.words}`")

    def _by_default(self, members: list[Leaf]) -> None:
        if not any(leaf.personal for leaf in members):
            return
        null = all(leaf.nullable for leaf in members)
        for leaf in members:
            leaf.level = Level.DEFAULT
            leaf.said = _house("null" if null else "consistent")
            leaf.why = "nobody says otherwise; the same for all that it refers to"
            leaf.unit = tuple(members)

    def _unhook(self) -> None:
        """Null what refers to records that go as a whole, where it can be."""
        for refer in self.refers:
            leaf = self.leaves.get((refer.source, refer.field))
            if refer.target not in self.deleted or refer.source in self.deleted or leaf is None:
                continue
            if leaf.nullable and not leaf.key and not leaf.read_only:
                if leaf.level <= Level.DEFAULT:
                    leaf.level, leaf.said, leaf.unit = Level.DEFAULT, _house("null"), ()
                    leaf.why = f"the records of `{refer.target}` that it refers to are deleted"
            else:
                self.notes.append(
                    f"`{leaf.name}` refers to `{refer.target}`, whose records are deleted, and cannot be null: "
                    f"write `erase {leaf.address} by deletion`"
                )

    # -- all together ------------------------------------------------------------------------------------------

    def judged(self, key: Secret[bytes]) -> Judged:
        """Return what becomes of everything, with a fault for each field that cannot be overwritten so."""
        by_address: dict[Address, list[Leaf]] = {address: [] for address in self.collections}
        for leaf in self.leaves.values():
            by_address[leaf.address].append(leaf)
        found = {}
        for address, leaves in by_address.items():
            used = [leaf for leaf in leaves if leaf.said is not None or leaf.asked or leaf.personal]
            made = [_fate(leaf, key) for leaf in used]
            if address not in self.deleted:
                for leaf, fate in zip(used, made, strict=True):
                    self._fits(leaf, fate)
            found[address] = Fates(
                address=address,
                collection=self.collections[address],
                fields=tuple(made),
                holds=tuple(self._holds(address, leaves)),
                deleted=self.deleted.get(address, ""),
                key=tuple(leaf.path for leaf in leaves if leaf.key),
            )
            self._tell(found[address])
        return Judged(found, tuple(self.notes))

    def _holds(self, address: Address, leaves: Iterable[Leaf]) -> Iterator[Hold]:
        yield from self.said.holds.get(address, ())
        for label, hold in self.said.kept_labels:
            for leaf in leaves:
                if any(at_or_below(own, label) for own in leaf.labels):
                    yield replace(hold, path=leaf.path)

    def _tell(self, found: Fates) -> None:
        personal = [fate for fate in found.fields if fate.personal]
        if personal and not found.deleted and all(fate.said is None for fate in personal):
            self.notes.append(
                f"all that is personal in `{found.address}` is left, because it is keys, references or read-only: "
                f"to delete its records, write `erase {found.address} by deletion`"
            )

    def _fits(self, leaf: Leaf, fate: Fate) -> None:
        if fate.said is None:
            return
        name = fate.said.strategy.name
        at = leaf.name if leaf.level in (Level.OVERRIDE, Level.DEFAULT) else fate.said.rule
        other = f"write `erase {leaf.name} by random`"
        if leaf.nulled and not leaf.nullable:
            self.said.fault(f"`{leaf.name}` may not be null, and `{name}` writes null", at=at, hint=other)
        elif fate.said.strategy.makes == "text" and leaf.base not in ("", "string"):
            self.said.fault(f"`{leaf.name}` holds `{leaf.base}`, and `{name}` writes texts", at=at, hint=other)
        elif leaf.base == "boolean" and name in ("random", "consistent", "format_preserving"):
            hint = f"write `erase {leaf.name} by constant (value false)`"
            self.said.fault(f"`{leaf.name}` has two values, of which `{name}` would tell", at=at, hint=hint)
        elif leaf.base in ("", "string"):
            self._rehearse(leaf, fate, at)

    def _rehearse(self, leaf: Leaf, fate: Fate, at: str) -> None:
        """Mask an invented value, to see whether the result fits."""
        said = fate.said
        if said is None or fate.context.length is None or said.strategy.name not in _FITTED:
            return
        try:
            said.strategy.mask([_INVENTED[leaf.kind]], fate.context)
        except InvalidValue as error:
            hint = error.hint or f"write `erase {leaf.name} by null`"
            self.said.fault(f"`{leaf.name}`: {error.rule}", at=at, hint=hint)


_FITTED = ("hash", "hmac", "constant", "string_rewrite", "random_string_rewrite", "random", "consistent")
_INVENTED = {"": "An Example", "email": "an@example.com", "phone": "+15550100000"}


def _house(name: str, **settings: Setting) -> Said:
    found: Strategy = strategy(name)
    return Said(found, settled(found, settings.items()), "")


def _default(leaf: Leaf) -> Said:
    if leaf.nullable:
        return _house("null")
    return _house("constant", value=False) if leaf.base == "boolean" else _house("random")


# --- what fits ------------------------------------------------------------------------------------------------

_LARGEST = {"TINYINT": 127, "SMALLINT": 2**15 - 1, "MEDIUMINT": 2**23 - 1, "BIGINT": 2**63 - 1, "INT8": 2**63 - 1}
_LARGEST |= {"INT2": 2**15 - 1, "SMALLSERIAL": 2**15 - 1, "BIGSERIAL": 2**63 - 1}
_DIGITS = re.compile(r"(?:NUMERIC|DECIMAL|DEC|NUMBER)\s*\(\s*(\d{1,3})\s*(?:,\s*(\d{1,3})\s*)?\)", re.IGNORECASE)


def _fate(leaf: Leaf, key: Secret[bytes]) -> Fate:
    # What holds the same values gets the same ones only where the same fits.
    unit = leaf.unit or (leaf,)
    lengths = [one.field.native.length for one in unit if one.field.native.length is not None]
    digits = _DIGITS.match(leaf.field.native.column_type.strip())
    before, after = (int(digits[1]), int(digits[2] or 0)) if digits else (0, 0)
    return Fate(
        path=leaf.path,
        said=leaf.said,
        context=Context(
            place=leaf.name,
            key=key,
            settings=leaf.said.settings if leaf.said else {},
            kind=next((one.kind for one in unit if one.kind), ""),
            length=min(lengths, default=None),
            largest=min(_largest(one.field.native.column_type) for one in unit),
            digits=(max(1, before - after), after) if digits else None,
        ),
        personal=leaf.personal,
        nullable=leaf.nullable,
        wholly=leaf.wholly,
        why=leaf.why,
        remains=leaf.said is None and (leaf.asked or (leaf.personal and (leaf.why == READ_ONLY or leaf.tells))),
    )


@lru_cache(1024)
def _largest(column_type: str) -> int:
    words = re.split(r"[^A-Z0-9]", column_type.strip().upper(), maxsplit=1)
    return _LARGEST.get(words[0], 2**31 - 1)


def raised(faults: Sequence[InvalidInput]) -> InvalidInput:
    """Return one error that holds all faults."""
    first = faults[0]
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return InvalidInput(f"{first.message}{more}", at=first.at, hint=first.hint, faults=tuple(faults))
