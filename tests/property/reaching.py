"""Made-up schemas and data, and a slow reading of which records are a person's, record by record."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from privet.connectors.base import Record
from privet.rights.plans.reach import Reach
from privet.rights.words import Address, Bond, Plan
from privet.vocabulary.dataset import Collection, Dataset, Direction, Field, Link, Native

Row = dict[str, Any]
Rows = dict[Address, list[Row]]
Gathered = dict[tuple[Address, str], tuple[str, str]]
"""(collection, record as text) → (bond, what is shown of it as text)."""

HER = {"email": "ada@example.com", "phone": 100}
EMAILS = ("ada@example.com", "bob@example.com", "eve@example.com", "")
PHONES = (100, "101", 102)
MOST = 5
SHAPES = ("ref", "info.ref", "refs", "items.ref", "info.many.ref")


@dataclass(frozen=True)
class Case:
    """A schema, its data, and the kinds of identity that are asked with."""

    datasets: tuple[Dataset, ...]
    rows: Rows
    kinds: tuple[str, ...]

    @property
    def identities(self) -> dict[str, Any]:
        return {kind: HER[kind] for kind in self.kinds}


def field(name: str, *, fields: tuple[Field, ...] = (), **said: Any) -> Field:
    return Field(name=name, type="string", fields=fields, native=Native(**said))


@dataclass
class Draw:
    """What may be drawn. `orders_matter`: arrays of which only some elements match, whose rest depends on when they
    are read. `directed`: every reference has a direction that leads from earlier collections to later ones."""

    random: Random
    orders_matter: bool = False
    directed: bool = False

    def case(self) -> Case:
        addresses = [
            Address(f"d{at % 2 if self.random.random() < 0.4 else 0}", f"c{at}")
            for at in range(self.random.randint(1, 6))
        ]
        keys = {address: self._key() for address in addresses}
        made = {address: self._collection(at, addresses, keys) for at, address in enumerate(addresses)}
        datasets = [
            Dataset(key=key, collections=tuple(made[one] for one in addresses if one.dataset == key))
            for key in sorted({one.dataset for one in addresses})
        ]
        rows = {address: self._rows(collection) for address, collection in made.items()}
        kinds = ("email", "phone") if self.random.random() < 0.3 else ("email",)
        return Case(tuple(datasets), rows, kinds)

    def _key(self) -> tuple[str, ...]:
        return self.random.choice((("id",), ("id",), ("id",), ("id", "part"), ()))

    def _collection(self, at: int, addresses: Sequence[Address], keys: Mapping[Address, tuple[str, ...]]) -> Collection:
        mine = addresses[at]
        links = self._links(at, addresses, keys)
        fields = [
            field("id", data_type="integer", primary_key="id" in keys[mine], links=links.get("id", ())),
            field("part", primary_key="part" in keys[mine]),
            field("ref", links=links.get("ref", ())),
            field(
                "info",
                fields=(
                    field("ref", links=links.get("info.ref", ())),
                    field(
                        "many", fields=(field("ref", links=links.get("info.many.ref", ())),), all_elements=self._all()
                    ),
                ),
            ),
            field("refs", links=links.get("refs", ()), all_elements=self._all()),
            field("items", fields=(field("ref", links=links.get("items.ref", ())),), all_elements=self._all()),
        ]
        if at == 0 or self.random.random() < 0.25:
            fields.append(field("email", identity="email"))
        if self.random.random() < 0.15:
            fields.append(field("phone", identity="phone"))
        if not self.directed and self.random.random() < 0.15:
            fields.append(self._members(addresses))
        return Collection(name=mine.collection, fields=tuple(fields))

    def _all(self) -> bool:
        return not self.orders_matter or self.random.random() < 0.3

    def _members(self, addresses: Sequence[Address]) -> Field:
        """Return an array of people, of whom one may be her: the others, and what they refer to, are not hers."""
        to = self.random.choice(addresses)
        link = Link(to.dataset, f"{to.collection}.ref", "to")
        return field("members", fields=(field("email", identity="email"), field("ref", links=(link,))))

    def _links(
        self, at: int, addresses: Sequence[Address], keys: Mapping[Address, tuple[str, ...]]
    ) -> dict[str, tuple[Link, ...]]:
        found: dict[str, tuple[Link, ...]] = {}
        for _ in range(self.random.choice((0, 1, 1, 2, 2, 3))):
            path = self.random.choice((*SHAPES, "ref", "id"))
            other = self.random.choice(addresses[:at] or addresses) if self.directed else self.random.choice(addresses)
            target = self.random.choice(("id", "id", "id", *SHAPES))
            direction: Direction = self.random.choice(("", "", "from", "to"))
            if self.directed:
                if at == 0:
                    continue
                direction = "from"
            found[path] = (*found.get(path, ()), Link(other.dataset, f"{other.collection}.{target}", direction))
        return found

    def _rows(self, collection: Collection) -> list[Row]:
        rows = [self._row(collection) for _ in range(self.random.randint(0, 7))]
        seen: dict[str, Row] = {}
        keys = [one.name for one in collection.fields if one.native.primary_key]
        for row in rows:
            seen.setdefault(repr([str(row[name]) for name in keys] if keys else row), row)
        return list(seen.values())

    def _value(self) -> Any:
        number = self.random.randint(0, MOST)
        return self.random.choice((number, number, number, str(number), None))

    def _row(self, collection: Collection) -> Row:
        row: Row = {
            "id": self.random.randint(0, MOST),
            "part": self.random.randint(0, 1),
            "ref": self._value(),
            "info": {"ref": self._value(), "many": self._objects()},
            "refs": [self._value() for _ in range(self.random.randint(0, 3))],
            "items": self._objects(),
        }
        if collection.field("email"):
            row["email"] = self.random.choice((*EMAILS, None))
        if collection.field("phone"):
            row["phone"] = self.random.choice((*PHONES, None))
        if collection.field("members"):
            row["members"] = [
                {"email": self.random.choice(EMAILS), "ref": self._value()} for _ in range(self.random.randint(0, 3))
            ]
        return row

    def _objects(self) -> list[Row]:
        return [{"ref": self._value()} for _ in range(self.random.randint(0, 2))]


# --- the rules, read slowly ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """Values of `source` are looked for in `target`. `bonds`: bond of the record they are in → of those found.
    `stated`: a record is hers by it whoever it says that it is."""

    source: tuple[Address, str]
    target: tuple[Address, str]
    bonds: Mapping[str, str]
    stated: bool = False


FROM = {"own": "own"}
TO = {"own": "own", "referred": "referred"}
DOWN = {"own": "own"}
SAME = {"own": "own"}
UP = {"own": "referred", "referred": "referred"}
RULES = ("loop", "up", "others", "from")
"""What may be left out, for teeth: a collection's undirected references to itself are not followed; none leads up to
where people are looked up; who else a record is counts; what is only referred to leads to nothing that refers to it."""


def walk(fields: Sequence[Field], before: str = "") -> Iterator[tuple[str, Field]]:
    for one in fields:
        yield before + one.name, one
        yield from walk(one.fields, f"{before}{one.name}.")


def all_fields(case: Case) -> Iterator[tuple[Address, str, Field, Collection]]:
    for dataset in case.datasets:
        for collection in dataset.collections:
            for path, one in walk(collection.fields):
                yield Address(dataset.key, collection.name), path, one, collection


def ways(case: Case, rules: Container[str] = RULES) -> list[Way]:
    """Return the ways that the rules give: one by one as they are written."""
    keys: dict[Address, list[str]] = {}
    people = set()
    for address, path, one, _ in all_fields(case):
        keys.setdefault(address, [])
        if one.native.primary_key:
            keys[address].append(path)
        if one.native.identity:
            people.add((address, path))
    looked_up = {address for address, _ in people} if "up" in rules else set()
    found = []
    for address, path, one, _ in all_fields(case):
        for link in one.native.links:
            name, _, rest = link.field.partition(".")
            mine, theirs = (address, path), (Address(link.dataset, name), rest)
            if link.direction == "from":
                found.append(Way(theirs, mine, FROM if "from" in rules else TO, stated=True))
            elif link.direction == "to":
                found.append(Way(mine, theirs, TO, stated=True))
            elif address == theirs[0] and "loop" in rules:
                continue
            elif keys[address] == [path] and (keys[theirs[0]] == [rest] or theirs in people):
                found += [Way(theirs, mine, SAME), Way(mine, theirs, SAME)]
            else:
                # A key that points at what may repeat is what is pointed at.
                low, high = (theirs, mine) if keys[address] == [path] else (mine, theirs)
                found.append(Way(high, low, DOWN))
                if high[0] not in looked_up:
                    found.append(Way(low, high, UP))
    return found


def is_others(case: Case, address: Address, row: Row) -> bool:
    """Return whether a record says who it is, by what the request gives, and it is not her."""
    held = [
        (str(value), str(one)) for place, path, one in seeds(case) if place == address for value in values(row, path)
    ]
    return any(value for value, _ in held) and all(value != one for value, one in held)


def values(thing: Any, path: str) -> list[Any]:
    if isinstance(thing, list):
        return [value for one in thing for value in values(one, path)]
    if not path:
        return [] if thing is None else [thing]
    head, _, rest = path.partition(".")
    return values(thing.get(head), rest) if isinstance(thing, dict) else []


def seeds(case: Case) -> list[tuple[Address, str, Any]]:
    return [
        (address, path, HER[one.native.identity])
        for address, path, one, _ in all_fields(case)
        if one.native.identity in case.kinds
    ]


def hers_only(row: Row, wanted: Sequence[tuple[str, Any]]) -> Row:
    """Return a record without other people in its array of people."""
    if not any(path == "members.email" for path, _ in wanted):
        return row
    return {**row, "members": [one for one in row["members"] if ("members.email", one["email"]) in wanted]}


def reached(case: Case, rules: Container[str] = RULES) -> Gathered:
    """Return what may be gathered, by going from record to record until nothing new comes. Knows no turns.

    Only for cases in which no array but that of people is cut. `rules`: those that hold.
    """
    every = ways(case, rules)
    held = {(address, at): row for address, rows in case.rows.items() for at, row in enumerate(rows)}
    shown = {}
    for (address, at), row in held.items():
        wanted = [(path, value) for place, path, value in seeds(case) if place == address]
        shown[address, at] = hers_only(row, wanted)
    bonds: dict[tuple[Address, int], str] = {}
    for address, path, value in seeds(case):
        for (place, at), row in held.items():
            if place == address and str(value) in map(str, values(row, path)):
                bonds[place, at] = "own"
    changed = True
    while changed:
        changed = False
        for spot, bond in list(bonds.items()):
            for way in every:
                if way.source[0] != spot[0] or bond not in way.bonds:
                    continue
                sent = {str(value) for value in values(shown[spot], way.source[1])}
                for other, row in held.items():
                    if other[0] != way.target[0] or not sent & set(map(str, values(row, way.target[1]))):
                        continue
                    new = way.bonds[bond]
                    if new == "own" and not way.stated and "others" in rules and is_others(case, other[0], row):
                        continue
                    if bonds.get(other) != "own" and bonds.get(other) != new:
                        bonds[other] = new
                        changed = True
    return {(spot[0], said(held[spot])): (bond, said(shown[spot])) for spot, bond in bonds.items()}


def turn_by_turn(case: Case, plan: Plan) -> Gathered:
    """Return what may be gathered where the elements of arrays that are shown depend on what was asked until then:
    in the turns of a plan, all records are looked at in each round with all that was asked so far."""
    every = ways(case)
    exempt = {(address, path) for address, path, one, _ in all_fields(case) if one.native.all_elements}
    # (collection, bond) → field, value, and whether a record is hers by it whoever it says that it is.
    asked: dict[tuple[Address, str], set[tuple[str, str, bool]]] = {}
    identities: dict[Address, set[tuple[str, str]]] = {}
    for address, path, value in seeds(case):
        asked.setdefault((address, "own"), set()).add((path, str(value), True))
        identities.setdefault(address, set()).add((path, str(value)))
    found: dict[tuple[Address, int], tuple[str, Row]] = {}
    for turn in plan.turns:
        while True:
            now = {member: set(asked.get((member, turn.bond), ())) for member in turn.members}
            for member, asks in now.items():
                questions = {(path, value) for path, value, _ in asks}
                for at, row in enumerate(case.rows[member]):
                    hits = {stated for path, value, stated in asks if value in map(str, values(row, path))}
                    if not hits or found.get((member, at), (turn.bond,))[0] != turn.bond:
                        continue
                    if turn.bond == "own" and True not in hits and is_others(case, member, row):
                        continue
                    mine = identities.get(member, set())
                    cut = elements(row, questions | mine, {path for path, _ in mine}, exempt, member)
                    found[member, at] = (turn.bond, cut)
                    for way in every:
                        if way.source[0] == member and turn.bond in way.bonds:
                            spot = (way.target[0], way.bonds[turn.bond])
                            sent = {(way.target[1], str(value), way.stated) for value in values(cut, way.source[1])}
                            asked.setdefault(spot, set()).update(sent)
            if all(asked.get((member, turn.bond), set()) == now[member] for member in turn.members):
                break
    return {(spot[0], said(case.rows[spot[0]][spot[1]])): (bond, said(cut)) for spot, (bond, cut) in found.items()}


ARRAYS = (("refs", "refs"), ("items", "items.ref"), ("info.many", "info.many.ref"), ("members", "members.email"))


def elements(
    row: Row,
    questions: set[tuple[str, str]],
    strict: set[str],
    exempt: set[tuple[Address, str]],
    address: Address,
) -> Row:
    """Return a record with the elements that match: for each array, over all questions that go through it."""
    cut = {**row, "info": dict(row["info"])}
    for array, leaf in ARRAYS:
        wanted = {value for path, value in questions if path == leaf}
        also = {value for path, value in questions if path == "members.ref"} if array == "members" else set()
        if not (wanted or also) or (address, array) in exempt:
            continue
        holder = cut["info"] if array.startswith("info") else cut
        name = array.rpartition(".")[2]
        if name not in holder:
            continue
        stays = [
            one
            for one in holder[name]
            if str(one if leaf == "refs" else one[leaf.rpartition(".")[2]]) in wanted
            or (also and str(one["ref"]) in also)
        ]
        if stays or leaf in strict:
            holder[name] = stays
    return cut


def said(row: Row) -> str:
    return repr(row)


# --- the engine, run over data in memory ---------------------------------------------------------------------------


def gathered(
    case: Case,
    plan: Plan,
    datasets: Sequence[Dataset],
    random: Random,
    *,
    sloppy: bool = False,
    order: Sequence[int] = (),
) -> Gathered:
    """Return what the engine gathers. `sloppy`: systems give every record whatever is asked. `order`: of turns."""
    reach = Reach(plan, datasets, case.identities)
    found: dict[tuple[Address, int], tuple[str, str, str]] = {}
    for number in order or range(len(plan.turns)):
        turn = plan.turns[number]
        while reach.more(turn):
            for wanted in reach.asks(turn):
                rows = [row for row in case.rows[wanted.address] if sloppy or matches(row, wanted.matches)]
                rows = random.sample(rows, len(rows))
                for at in range(0, len(rows), 3):
                    for taken in reach.take(wanted, map(Record, rows[at : at + 3])):
                        bond: Bond = taken.bond
                        found[wanted.address, taken.number] = (
                            bond,
                            said(dict(taken.whole.values)),
                            said(dict(taken.record.values)),
                        )
    return {(spot[0], whole): (bond, cut) for spot, (bond, whole, cut) in found.items()}


def matches(row: Row, asked: Mapping[str, Sequence[Any]]) -> bool:
    return any(str(value) in map(str, values(row, path)) for path, several in asked.items() for value in several)
