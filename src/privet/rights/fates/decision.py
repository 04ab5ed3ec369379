"""What an erasure does with a record: it goes, some of it is overwritten, or it stays, and by whose word.

Takes datasets, promises, records and the moment, and returns values: the same ones for the same request, because all
that is drawn is drawn from the request's own key. Who may be erased, and what is hers, is the business of others.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from privet import digest
from privet.connectors.base import Change, Record, Value
from privet.crypto.derive import subkey
from privet.crypto.strategies import stream, usable
from privet.errors import InvalidInput, InvalidValue
from privet.policy.syntax import Policy
from privet.rights.fates.fate import Fate, Fates, Judged, Put, fates, raised
from privet.rights.fates.holds import Truth, holds
from privet.rights.fates.said import sayings
from privet.rights.plans.graph import refers
from privet.rights.plans.match import found, many, text
from privet.rights.words import Address
from privet.secret import Secret
from privet.vocabulary.dataset import Dataset

Hers = Mapping[str, Collection[Value]]
"""Dotted path → the values by which the records were found."""

_NOBODY: Hers = {}
_NO_KEY = "it has no primary key and nothing that it was found by, so that nothing can be said to be this record"


@dataclass(frozen=True, slots=True)
class Delete:
    """The record goes. `rule`: who says so."""

    rule: str


@dataclass(frozen=True, slots=True)
class Keep:
    """The record stays as it is. `sure` False: a value that decides is missing or none that compares."""

    reason: str
    rule: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A field that stays as it is, with all below it."""

    path: str
    reason: str
    rule: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Remaining:
    """Something personal that stays though nobody says that it should. `path` "": the whole record."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Anonymize:
    """Fields of the record are overwritten. `values`: dotted path → what is to stand there; lists come whole, with the
    elements of others in them. Nothing in `values`: there is nothing to do."""

    values: Mapping[str, Value]
    held: tuple[Held, ...] = ()
    remaining: tuple[Remaining, ...] = ()


Decision = Delete | Anonymize | Keep


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of a field, for plans. `path` "": of the records as a whole. `strategy`: as a promise says it, ""
    for what is left. `rule`: where a promise stands, "manifest", or "" for the rule of the house."""

    path: str
    strategy: str
    rule: str = ""
    note: str = ""


def decisions(policies: Mapping[str, Policy], datasets: Iterable[Dataset], key: Secret[bytes]) -> Decider:
    """Return what decides over the records of datasets.

    `policies`: by file or name; of each, `erase` and `keep` alone are read. `datasets`: all that are declared, since a
    promise may name any. `key`: the request's own, at least 16 bytes. Raises InvalidInput, whose `faults` hold all that
    cannot be done, each with its place and the line to write.
    """
    return Decider(judged(policies, datasets), key)


def judged(policies: Mapping[str, Policy], datasets: Iterable[Dataset]) -> Judged:
    """Return what holds for every request, as long as neither policies nor datasets change. See `decisions`."""
    known = {dataset.key: dataset for dataset in datasets}
    said = sayings(policies, known)
    # Invented values are masked, to see what fits, under a key that no request has.
    found = fates(said, known.values(), refers(known.values()), Secret(digest.random_bytes(32)))
    if said.faults:
        raise raised(said.faults)
    return found


class Decider:
    """Decides over records. `notes`: what people should know of what is planned."""

    def __init__(self, judged: Judged, key: Secret[bytes]) -> None:
        """`key`: the request's own, at least 16 bytes."""
        self._judged = judged.fates
        self._fates: dict[Address, Fates] = {}
        self.notes = judged.notes
        self._key = usable(key)
        self._drawing = Secret(subkey(key.reveal(), "privet.erasure.draw", length=32))
        self._naming = Secret(subkey(key.reveal(), "privet.erasure.once", length=32))

    def decide(
        self, address: Address, records: Sequence[Record], now: datetime, hers: Hers = _NOBODY
    ) -> list[Decision]:
        """Return what becomes of each record of a collection, in order.

        `records`: hers, as the system gave them, lists whole. `now`: with its zone. `hers`: by what they were found: of
        a list that holds what she was found by, her elements alone are overwritten.
        """
        fates = self._of(address)
        forms = {path: _forms(values) for path, values in hers.items()}
        return [self._decide(fates, record, now, forms) for record in records]

    def changes(
        self, address: Address, records: Sequence[Record], decisions: Sequence[Decision], hers: Hers = _NOBODY
    ) -> list[Change]:
        """Return the changes that carry decisions out, each once: the same ones however often they are asked for."""
        fates = self._of(address)
        forms = {path: _forms(values) for path, values in hers.items()}
        made: dict[str, Change] = {}
        for record, decision in zip(records, decisions, strict=True):
            if isinstance(decision, Keep) or (isinstance(decision, Anonymize) and not decision.values):
                continue
            key = _key(fates, record, forms)
            if key is None:
                continue  # told as remaining
            once = self._once(address, key)
            values = decision.values if isinstance(decision, Anonymize) else None
            made.setdefault(once, Change(key, values, once))
        return list(made.values())

    def reads(self, address: Address) -> tuple[str, ...]:
        """Return the top-level fields without which nothing can be decided, in the collection's order."""
        fates = self._of(address)
        paths = {fate.path for fate in fates.fields if fate.said is not None or fate.remains} | set(fates.key)
        paths |= {path for hold in fates.holds for path in hold.reads}
        names = [field.name for field in fates.collection.fields]
        used = {
            field.name
            for field in fates.collection.fields
            if field.native.identity
            or field.native.links
            or field.reference
            or any(path == field.name or path.startswith(f"{field.name}.") for path in paths)
        }
        return tuple(name for name in names if name in used)

    def rows(self, address: Address) -> tuple[Row, ...]:
        """Return what becomes of each field of which anything is said, or should be."""
        fates = self._of(address)
        kept = [Row(hold.path, "keep", hold.rule, hold.reason) for hold in fates.holds]
        if fates.deleted:
            return (*kept, Row("", "deletion", fates.deleted))
        return (*kept, *(row for fate in fates.fields if (row := _row(fate)) is not None))

    def deletes(self, address: Address) -> bool:
        """Return whether records go as a whole, unless something keeps them."""
        return bool(self._of(address).deleted)

    # -- one record --------------------------------------------------------------------------------------------

    def _of(self, address: Address) -> Fates:
        found = self._fates.get(address)
        if found is None:
            if address not in self._judged:
                raise InvalidInput(f"there is no collection `{address}` that requests are carried out in")
            found = self._fates[address] = self._judged[address].under(self._key)
        return found

    def _decide(self, fates: Fates, record: Record, now: datetime, hers: Mapping[str, frozenset[str]]) -> Decision:
        kept: list[Held] = []
        for hold in fates.holds:
            answer: Truth = holds(hold, record.values, now)
            if answer is not False:
                kept.append(Held(hold.path, hold.reason, hold.rule, bool(answer)))
        whole = sorted((one for one in kept if not one.path), key=lambda one: not one.sure)
        if whole:
            return Keep(whole[0].reason, whole[0].rule, whole[0].sure)
        key = _key(fates, record, hers)
        held = tuple(one for one in kept if any(True for _ in found(record.values, one.path)))
        if key is None:
            return Anonymize({}, held, (Remaining("", _NO_KEY),))
        if fates.deleted and not held:
            return Delete(fates.deleted)
        return self._masked(fates, record, key, held, hers)

    def _masked(
        self,
        fates: Fates,
        record: Record,
        key: Mapping[str, Value],
        held: tuple[Held, ...],
        hers: Mapping[str, frozenset[str]],
    ) -> Anonymize:
        writer = _Writer(record.values, hers)
        seed = digest.mac(self._drawing.reveal(), _named(fates.address, key))
        for fate in fates.fields:
            if any(fate.path == one.path or fate.path.startswith(f"{one.path}.") for one in held):
                continue
            if fate.said is not None or fate.put is not None:
                writer.write(fate, seed)
            elif fate.remains and any(True for _ in found(record.values, fate.path)):
                writer.remaining[fate.path] = f"it is {fate.why}"
        remaining = tuple(Remaining(path, why) for path, why in writer.remaining.items())
        return Anonymize(writer.made, held, remaining)

    def _once(self, address: Address, key: Mapping[str, Value]) -> str:
        return digest.mac(self._naming.reveal(), _named(address, key))[:16].hex()


def _row(fate: Fate) -> Row | None:
    if fate.put is not None:
        return Row(fate.path, "correction")
    if fate.said is not None:
        return Row(fate.path, fate.said.words, fate.said.rule, fate.why if not fate.said.rule else "")
    if fate.personal or fate.remains:
        return Row(fate.path, "", "", f"{'remains: ' if fate.remains else 'left: '}it is {fate.why}")
    return None


# --- keys -----------------------------------------------------------------------------------------------------


def _key(fates: Fates, record: Record, hers: Mapping[str, frozenset[str]]) -> dict[str, Value] | None:
    """Return what finds a record, None where nothing does.

    The primary key; else what it was found by, with all that its change depends on: another record that was found by
    the same may be kept, or get other values.
    """
    if fates.key:
        key = {path: _single(record.values, path) for path in fates.key}
        if None not in key.values():
            return key
    key = {}
    for path, forms in hers.items():
        held = next((value for value in found(record.values, path) if _form(value) in forms), None)
        if held is not None:
            key[path] = held
    if not key:
        return None
    depends = [path for hold in fates.holds for path in hold.reads]
    depends += [fate.path for fate in fates.fields if fate.varies]
    for path in depends:
        if path not in key and not many(_top(record.values, path)):
            key[path] = _single(record.values, path)
    return key


def _single(values: Mapping[str, Value], path: str) -> Value:
    return next(found(values, path), None)


def _top(values: Mapping[str, Value], path: str) -> Value:
    """Return the first list on the way along a path, else what stands at its end."""
    value: Value = values
    for name in path.split("."):
        if many(value) or not isinstance(value, Mapping):
            return value
        value = value.get(name)
    return value


def _named(address: Address, key: Mapping[str, Value]) -> bytes:
    """Return one encoding of a record's key."""
    parts = [address.dataset.encode(), address.collection.encode()]
    for path in sorted(key):
        form = text(key[path])
        parts += [path.encode(), b"" if form is None else b"=" + form.encode("utf-8", "surrogatepass")]
    return digest.canonical(parts)


def _form(value: Value) -> str | None:
    """Return the form by which a value is known as one that was asked for: addresses whatever their case."""
    form = text(value)
    return form.casefold() if form is not None and "@" in form else form


def _forms(values: Iterable[Value]) -> frozenset[str]:
    return frozenset(form for value in values if (form := _form(value)) is not None)


# --- new values -----------------------------------------------------------------------------------------------


class _Writer:
    """What one record gets. `made`: path → new value. `remaining`: path → why it could not be overwritten."""

    def __init__(self, values: Mapping[str, Value], hers: Mapping[str, frozenset[str]]) -> None:
        self.values = values
        self.hers = hers
        self.made: dict[str, Value] = {}
        self.remaining: dict[str, str] = {}
        self.source: Callable[[int], bytes] = digest.random_bytes

    def write(self, fate: Fate, seed: bytes) -> None:
        """Overwrite a field. `seed`: of what is drawn for this record."""
        if fate.said is not None and not fate.said.strategy.deterministic:
            self.source = stream(hmac.digest(seed, fate.path.encode(), "sha256"))
        self._descend(fate, self.values, fate.path, "")

    def _descend(self, fate: Fate, node: Mapping[str, Value], rest: str, above: str) -> None:
        for name, below in _steps(node, rest):
            path, value = f"{above}{name}", node[name]
            if many(value):
                new = self._list(fate, value, below, path)
                if new != value:
                    self.made[path] = new
            elif not below:
                new = self._one(fate, value)
                if new is not value and new != value:
                    self.made[path] = new
            elif isinstance(value, Mapping):
                self._descend(fate, value, below, f"{path}.")
            elif value is not None:
                self.remaining[fate.path] = "it is no object, as the dataset says"

    def _list(self, fate: Fate, value: Sequence[Value], below: str, path: str) -> Value:
        """Return a list with her elements overwritten, `value` as the system gave it."""
        chosen = self._hers(fate, list(value), path)
        if fate.put is not None and not fate.put.narrow and len(chosen) > 1:
            self.remaining[fate.path] = "it holds several: say which by what stands there now"
            return value
        now = list(self.made.get(path, value))  # with what was done to other fields of its elements
        if below or not _nulls(fate):
            return _like(value, [self._inside(fate, one, below) if at in chosen else one for at, one in enumerate(now)])
        left = [one for at, one in enumerate(now) if at not in chosen]
        return _like(value, left) if left or not fate.nullable else None

    def _inside(self, fate: Fate, value: Value, rest: str) -> Value:
        """Return an element of a list with a field of it overwritten, the rest as it is."""
        if many(value):
            return _like(value, [self._inside(fate, one, rest) for one in value])
        if not rest:
            return self._one(fate, value)
        if isinstance(value, Mapping):
            return {**value, **{name: self._inside(fate, value[name], below) for name, below in _steps(value, rest)}}
        return value

    def _hers(self, fate: Fate, values: Sequence[Value], path: str) -> set[int]:
        """Return which elements are hers: those that she was found by; all where she was found by something else."""
        every = set(range(len(values)))
        if fate.wholly:
            return every
        chosen: set[int] = set()
        for asked, forms in self.hers.items():
            if asked == path or asked.startswith(f"{path}."):
                rest = asked[len(path) + 1 :]
                chosen |= {at for at, value in enumerate(values) if _holds(value, rest, forms)}
        return chosen or every

    def _one(self, fate: Fate, value: Value) -> Value:
        if fate.put is not None:
            return self._right(fate, fate.put, value)
        assert fate.said is not None
        found = fate.said.strategy
        context = fate.context if found.deterministic else replace(fate.context, source=self.source)
        try:
            return found.mask([value], context)[0]
        except InvalidValue as error:
            self.remaining[fate.path] = error.rule
            return value

    def _right(self, fate: Fate, put: Put, value: Value) -> Value:
        try:
            return put.of(value)
        except InvalidValue as error:
            self.remaining[fate.path] = error.rule
            return value


def _like(value: Value, items: list[Value]) -> Value:
    """Return items as a set where the system has one there, else as a list."""
    return type(value)(items) if isinstance(value, set | frozenset) else items


def _nulls(fate: Fate) -> bool:
    return fate.said is not None and fate.said.strategy.makes == "null"


def _holds(value: Value, rest: str, forms: frozenset[str]) -> bool:
    return any(_form(one) in forms for one in found({"": value}, f".{rest}" if rest else ""))


def _steps(node: Mapping[str, Value], path: str) -> Iterator[tuple[str, str]]:
    """Yield the name in an object that a path leads to next, and the rest of it. Names may hold dots themselves."""
    if path in node:
        yield path, ""
        return
    at = path.find(".")
    while at >= 0:
        if path[:at] in node:
            yield path[:at], path[at + 1 :]
            return
        at = path.find(".", at + 1)
