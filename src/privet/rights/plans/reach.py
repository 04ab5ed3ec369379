"""Gathering: what to ask of each collection, and which of the records that come are hers. Reads nothing itself.

Every value is asked for once. What is kept meanwhile is keys and asked values, never records. One Reach serves several
threads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from privet.connectors.base import Record, Value
from privet.errors import InvalidInput
from privet.rights.plans.graph import Place, place_of
from privet.rights.plans.match import Kept, found, keep, many, mark, rebuilt, shows, text
from privet.rights.words import CARRIES, Address, Bond, Plan, Turn
from privet.vocabulary.dataset import Dataset

CHUNK = 1_000
_EMAIL = "email"
_ALL = 0
_BONDS: tuple[Bond, ...] = ("own", "referred")


class TooMany(InvalidInput):
    """A request gathers more of one collection than its guard lets it: a reference leads to what is not hers."""

    code = "too_many"


@dataclass(frozen=True, slots=True)
class Guard:
    """How much is too much: records of one collection, and rounds of one turn."""

    records: int = 1_000_000
    rounds: int = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read of a collection: records of which any field holds any of its values. At most CHUNK values."""

    address: Address
    bond: Bond
    matches: Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A record that was gathered. `whole`: as its system gave it; in `record`, arrays through which it was found hold
    only the elements that match, unless all were said to. `number`: counts the records of its collection; one that
    comes again, because more elements match, has the number that it had and replaces what was there. `key`: path →
    value of its primary key, empty where it has none."""

    record: Record
    whole: Record
    address: Address
    bond: Bond
    number: int
    key: Mapping[str, Value]


@dataclass(slots=True)
class Count:
    """Records of a collection: hers, referred to, and those that a system gave though nobody asked for them.
    `others`: those that refer to hers without a direction and hold who else they are; they are left out."""

    own: int = 0
    referred: int = 0
    dropped: int = 0
    others: int = 0


@dataclass(slots=True)
class _Asked:
    """What was asked of one field. `texts`: text form → value. `folded`: text forms that match without case.
    `waiting`, `folding`: the same of what is not asked yet. `is_seed`: people are looked up here, so that elements of
    an array are hers or are not. `sure`: the same of those values alone by which a record is hers whatever else it
    holds; None where records hold nobody's identity."""

    texts: dict[str, Value] = field(default_factory=dict)
    folded: set[str] = field(default_factory=set)
    waiting: dict[str, Value] = field(default_factory=dict)
    folding: set[str] = field(default_factory=set)
    is_seed: bool = False
    sure: _Asked | None = None

    def want(self, value: Value, *, folds: bool, sure: bool) -> None:
        """Note a value to ask for, with its lower case where it `folds`, unless it was asked for. What becomes `sure`
        is asked for again, because records may have been left out."""
        if sure and self.sure is not None:
            self.sure.want(value, folds=folds, sure=True)
        form = text(value)
        if form is None:
            return
        if form not in self.texts:
            self.waiting.setdefault(form, value)
        if folds and isinstance(value, str):
            low = form.lower()
            self.folding.add(low)
            if low not in self.texts:
                self.waiting.setdefault(low, low)

    def drain(self) -> list[Value]:
        """Return what was not asked yet; from now on it is."""
        waiting = self.waiting if self.sure is None else self.sure.waiting | self.waiting
        if self.sure is not None:
            self.sure.drain()
        self.texts.update(waiting)
        self.folded |= self.folding
        self.waiting, self.folding = {}, set()
        return list(waiting.values())

    def waits(self) -> bool:
        """Return whether anything is to be asked for."""
        return bool(self.waiting) or (self.sure is not None and bool(self.sure.waiting))

    def holds(self, value: Value) -> bool:
        """Return whether a value was asked for."""
        form = text(value)
        return form is not None and (form in self.texts or (bool(self.folded) and form.lower() in self.folded))


@dataclass(slots=True)
class _Gathered:
    """The records of one collection. `numbers`: key, or digest where there is none → number. `own`: numbers of those
    that are hers. `others`: keys or digests of those that were left out as other people's. `shown`: number → a hash of
    which elements of its arrays are shown, where not all are."""

    numbers: dict[Any, int] = field(default_factory=dict)
    own: set[int] = field(default_factory=set)
    others: set[Any] = field(default_factory=set)
    shown: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Lead:
    """Where the values of a field lead. `folds`: they match without case. `key`: the target field is its whole key.
    `sure`: the manifest says so."""

    path: str
    target: Address
    field: str
    folds: bool
    key: bool
    sure: bool


class Reach:
    """One request's gathering. `identities`: kind → its value, or several.

    Raises TooMany where a collection gives more records, or a turn takes more rounds, than `guard` lets them.
    """

    def __init__(
        self,
        plan: Plan,
        datasets: Iterable[Dataset],
        identities: Mapping[str, Value | Sequence[Value]],
        *,
        guard: Guard | None = None,
    ) -> None:
        used = {address for turn in plan.turns for address in turn.members}
        self._guard = guard or Guard()
        self._places = dict(_places(datasets, used))
        self._leads = _leads(plan, self._places)
        self._asked: dict[tuple[Address, Bond], dict[str, _Asked]] = {}
        self._gathered: defaultdict[Address, _Gathered] = defaultdict(_Gathered)
        self._rounds: defaultdict[tuple[Address, Bond], int] = defaultdict(int)
        self._lock = Lock()
        self.counts: defaultdict[Address, Count] = defaultdict(Count)
        given = {kind: tuple(value) if many(value) else (value,) for kind, value in identities.items()}
        # Collection → fields by which people are told apart there.
        self._people: defaultdict[Address, list[str]] = defaultdict(list)
        for seed in plan.seeds:
            if any(text(value) is not None for value in given.get(seed.identity, ())):
                self._people[seed.address].append(seed.field)
        for seed in plan.seeds:
            asked = self._field(seed.address, "own", seed.field)
            asked.is_seed = True
            for value in given.get(seed.identity, ()):
                asked.want(value, folds=seed.identity == _EMAIL, sure=True)

    def again(self, address: Address, asked: Mapping[str, Iterable[Value]]) -> None:
        """Want of a collection what an earlier attempt asked for as hers: what led there may be erased by now. Passed
        over: fields that no reference leads to any more."""
        with self._lock:
            for path, values in asked.items():
                leads = [lead for lead in self._led(address) if lead.field == path]
                for value in values if leads else ():
                    folds, sure = any(lead.folds for lead in leads), all(lead.sure for lead in leads)
                    self._field(address, "own", path).want(value, folds=folds, sure=sure)

    def more(self, turn: Turn) -> bool:
        """Return whether anything is wanted of a turn's collections that was not asked for yet."""
        with self._lock:
            every = (self._asked.get((member, turn.bond), {}) for member in turn.members)
            return any(asked.waits() for fields in every for asked in fields.values())

    def asks(self, turn: Turn) -> list[Wanted]:
        """Return what to ask of a turn's collections now: one round of it."""
        with self._lock:
            return [wanted for member in turn.members for wanted in self._drained(member, turn.bond)]

    def asked(self, address: Address) -> list[Wanted]:
        """Return all that was asked of a collection so far: for reading back what was erased."""
        with self._lock:
            each = ((bond, self._asked.get((address, bond), {})) for bond in _BONDS)
            return [
                wanted
                for bond, fields in each
                for wanted in _chunks(address, bond, {path: asked.texts.values() for path, asked in fields.items()})
            ]

    def hers(self, address: Address) -> dict[str, tuple[Value, ...]]:
        """Return path → values by which records of a collection count as hers, of what was asked so far."""
        with self._lock:
            fields = self._asked.get((address, "own"), {})
            return {path: tuple(asked.texts.values()) for path, asked in fields.items() if asked.texts}

    def take(self, wanted: Wanted, records: Iterable[Record]) -> list[Taken]:
        """Return which of a page of records are gathered now, and note what they lead to.

        Passed over: records in which no field that was asked for holds what was asked, those gathered before, and
        those that only refer to hers, without a direction, and hold who else they are. Where a record does not show a
        field that was asked for, its system is trusted to have looked.
        """
        with self._lock:
            return [taken for record in records if (taken := self._take(wanted, record)) is not None]

    def is_others(self, address: Address, record: Record) -> bool:
        """Return whether a record was left out as somebody else's: asking again finds it, and it is to stay."""
        with self._lock:
            return _name(_key(self._places[address], record), record) in self._gathered[address].others

    def _take(self, wanted: Wanted, record: Record) -> Taken | None:
        address, bond = wanted.address, wanted.bond
        fields, gathered = self._asked[address, bond], self._gathered[address]
        if not (_holds(record, fields) or any(True for _ in _unshown(record, wanted))):
            self.counts[address].dropped += 1
            return None
        place = self._places[address]
        key = _key(place, record)
        name = _name(key, record)
        number = gathered.numbers.get(name)
        if number is not None and (number in gathered.own) != (bond == "own"):
            return None
        if number is None and bond == "own" and address in self._people and self._contradicts(wanted, record, fields):
            self._leave(address, name)
            return None
        kept, stays = _elements(place, record, self._through(address, bond))
        if number is not None and stays == gathered.shown.get(number, _ALL):
            return None
        if number is None:
            number = gathered.numbers[name] = len(gathered.numbers)
            if name in gathered.others:
                gathered.others.discard(name)
                self.counts[address].others -= 1
            self._count(address, bond, number)
        if stays != _ALL:
            gathered.shown[number] = stays
        self._lead(address, bond, kept)
        return Taken(record=kept, whole=record, address=address, bond=bond, number=number, key=key)

    def _contradicts(self, wanted: Wanted, record: Record, fields: Mapping[str, _Asked]) -> bool:
        """Return whether a record holds somebody's identity and nothing that makes it hers for certain."""
        sure = {path: asked.sure for path, asked in fields.items() if asked.sure is not None}
        if _holds(record, sure):
            return False
        # A system is trusted about a field that it does not show only where all that it was asked of it is certain.
        if any(path in sure and all(map(sure[path].holds, wanted.matches[path])) for path in _unshown(record, wanted)):
            return False
        return any(text(value) for path in self._people[wanted.address] for value in found(record.values, path))

    def _leave(self, address: Address, name: Any) -> None:
        """Count a record of somebody else, once however often it comes."""
        others = self._gathered[address].others
        others.add(name)
        self.counts[address].others = len(others)
        if len(others) > self._guard.records:
            raise _too_many(address, f"{self._guard.records:,} records of other people")

    def _through(self, address: Address, bond: Bond) -> list[tuple[str, _Asked]]:
        """Return by what elements of arrays are shown: what was asked, and who she is, however a record was found."""
        asked = list(self._asked[address, bond].items())
        if bond == "referred":
            asked += [(path, own) for path, own in self._asked.get((address, "own"), {}).items() if own.is_seed]
        return asked

    def _count(self, address: Address, bond: Bond, number: int) -> None:
        count = self.counts[address]
        if bond == "own":
            self._gathered[address].own.add(number)
            count.own += 1
        else:
            count.referred += 1
        if number >= self._guard.records:
            raise _too_many(address, f"{self._guard.records:,} records")

    def _lead(self, address: Address, bond: Bond, record: Record) -> None:
        for ends, lead in self._leads.get((address, bond), ()):
            linked = record.links.get(lead.path)
            for value in found(record.values, lead.path) if linked is None else found(record.links, lead.path):
                if lead.key and (text(value),) in self._gathered[lead.target].numbers:
                    continue  # that one record is here, as hers or as one that is referred to
                self._field(lead.target, ends, lead.field).want(value, folds=lead.folds, sure=lead.sure)

    def _led(self, address: Address) -> Iterator[_Lead]:
        for leads in self._leads.values():
            yield from (lead for ends, lead in leads if ends == "own" and lead.target == address)

    def _field(self, address: Address, bond: Bond, path: str) -> _Asked:
        fields = self._asked.setdefault((address, bond), {})
        asked = fields.get(path)
        if asked is None:
            asked = fields[path] = _Asked(sure=_Asked() if bond == "own" and address in self._people else None)
        return asked

    def _drained(self, address: Address, bond: Bond) -> Iterator[Wanted]:
        fields = self._asked.get((address, bond), {})
        waiting = {path: asked.drain() for path, asked in fields.items() if asked.waits()}
        if not waiting:
            return
        self._rounds[address, bond] += 1
        if self._rounds[address, bond] > self._guard.rounds:
            raise _too_many(address, f"{self._guard.rounds:,} rounds")
        yield from _chunks(address, bond, waiting)


def _places(datasets: Iterable[Dataset], used: set[Address]) -> Iterator[tuple[Address, Place]]:
    for dataset in datasets:
        for collection in dataset.collections:
            address = Address(dataset.key, collection.name)
            if address in used:
                yield address, place_of(dataset, collection)


def _leads(plan: Plan, places: Mapping[Address, Place]) -> dict[tuple[Address, Bond], list[tuple[Bond, _Lead]]]:
    """Return where records of a collection lead by their bond, and the bond of what is found there."""
    found: defaultdict[tuple[Address, Bond], list[tuple[Bond, _Lead]]] = defaultdict(list)
    for edge in plan.edges:
        ends = ((edge.source, edge.source_field), (edge.target, edge.target_field))
        folds = any((held := places[at].field(path)) and held.native.identity == _EMAIL for at, path in ends)
        key = places[edge.target].key == (edge.target_field,)
        lead = _Lead(edge.source_field, edge.target, edge.target_field, folds, key, edge.way in ("from", "to"))
        # INVARIANT: nothing goes down from what is only referred to, so that no other people's records are reached.
        for bond, there in CARRIES[edge.way].items():
            found[edge.source, bond].append((there, lead))
    return dict(found)


def _chunks(address: Address, bond: Bond, values: Mapping[str, Iterable[Value]]) -> Iterator[Wanted]:
    """Yield what to ask, at most CHUNK values each."""
    chunk: dict[str, list[Value]] = {}
    count = 0
    for path, several in values.items():
        for value in several:
            chunk.setdefault(path, []).append(value)
            count += 1
            if count == CHUNK:
                yield _wanted(address, bond, chunk)
                chunk, count = {}, 0
    if chunk:
        yield _wanted(address, bond, chunk)


def _wanted(address: Address, bond: Bond, chunk: Mapping[str, Iterable[Value]]) -> Wanted:
    return Wanted(address, bond, {path: tuple(values) for path, values in chunk.items()})


def _holds(record: Record, fields: Mapping[str, _Asked]) -> bool:
    """Return whether any field holds what was asked. Systems may match more: prefixes, other case."""
    for path, asked in fields.items():
        if any(map(asked.holds, found(record.values, path))):
            return True
        if path in record.links and any(map(asked.holds, found(record.links, path))):
            return True
    return False


def _unshown(record: Record, wanted: Wanted) -> Iterator[str]:
    """Yield the fields that were asked for and of which a record says nothing."""
    return (path for path in wanted.matches if not shows(record.values, path) and path not in record.links)


def _key(place: Place, record: Record) -> dict[str, Value]:
    """Return the primary key of a record, {} where it has none or does not show all of it."""
    held = {path: list(found(record.values, path)) for path in place.key}
    if not all(len(values) == 1 and text(values[0]) is not None for values in held.values()):
        return {}
    return {path: values[0] for path, values in held.items()}


def _name(key: Mapping[str, Value], record: Record) -> Any:
    """Return by what a record is known: its key, or a digest of the whole where it has none."""
    return tuple(map(text, key.values())) if key else mark(record.values)


def _elements(place: Place, record: Record, fields: Iterable[tuple[str, _Asked]]) -> tuple[Record, int]:
    """Return the record with those elements of its arrays that match, and a hash that says which; 0 for all."""
    kept: Kept = {}
    for path, asked in fields:
        if not asked.texts and not asked.is_seed:
            continue
        if path in record.values and not many(record.values[path]):
            continue
        free = _free(place, path)
        for spot, hits in keep(record.values, path, asked.holds, strict=asked.is_seed, free=free).items():
            kept.setdefault(spot, set()).update(hits)
        linked = set() if free(path) else _linked(record, path, asked)
        if linked:
            kept.setdefault((path,), set()).update(linked)
    if not kept:
        return record, _ALL
    stays = hash(frozenset((spot, frozenset(hits)) for spot, hits in kept.items()))
    return Record(rebuilt(record.values, kept), _links(record, kept)), stays or 1


def _free(place: Place, path: str) -> Callable[[str], bool]:
    def free(name: str) -> bool:
        ends = (place.field(name), place.field(path))
        return any(end is not None and end.native.all_elements for end in ends)

    return free


def _linked(record: Record, path: str, asked: _Asked) -> set[int]:
    """Return which elements of an array match by what references to them hold."""
    linked = record.links.get(path)
    if linked is None or not many(linked) or not many(record.values.get(path)):
        return set()
    return {number for number, value in enumerate(linked) if asked.holds(value)}


def _links(record: Record, kept: Kept) -> dict[str, Value]:
    return {
        path: [one for number, one in enumerate(linked) if number in kept[path,]]
        if many(linked) and (path,) in kept
        else linked
        for path, linked in record.links.items()
    }


def _too_many(address: Address, what: str) -> TooMany:
    hint = "see whether a reference leads to what is not hers; say `direction` there, or raise the guard"
    return TooMany(f"`{address}` takes more than {what}", hint=hint, at=str(address))
