"""Changes of records, as the requests that make them. Looks a record up again before a request that wants more of it
than its key says, or that would do something twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from privet import digest
from privet.connectors.base import Batch, Change, Halted, Read, Value
from privet.connectors.rest.call import Caller, Mode
from privet.connectors.rest.draft import NOTHING, Draft, draft
from privet.connectors.rest.inputs import declared, text_of, usable
from privet.connectors.rest.merge import askers, inputs, own_path
from privet.connectors.rest.template import Body, Filling, Hole, Members, filled
from privet.connectors.rest.words import Config, Endpoint, Param, Request, at_path
from privet.errors import InvalidInput, PrivetError, Refused
from privet.vocabulary.dataset import Dataset, Field

_REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})
"""Methods by which a change that is made again changes nothing more: it sets values, or removes what is named."""

_WHOLE = Body({Members(Hole("all_object_fields")): None}, (Hole("all_object_fields"),))
"""What an update without a body sends. Source: the Fides documentation, "Data update with a dynamic path"."""


class Found(Protocol):
    @property
    def row(self) -> dict[str, Any]: ...

    @property
    def whole(self) -> dict[str, Any]: ...


class System(Protocol):
    """What changes need of an open connector."""

    config: Config

    def endpoint(self, name: str) -> Endpoint: ...

    def found(self, endpoint: Endpoint, ask: Read) -> Iterable[Found]: ...

    def identities(self, ask: Read) -> dict[str, list[Value]]: ...

    def filling(self, request: Request, values: Mapping[str, Any], *, once: str = "") -> Filling: ...

    def caller(self, request: Request) -> Caller: ...


def demand_declared(paths: Iterable[str], fields: Mapping[str, Field], collection: str) -> None:
    """Raise InvalidInput for a field that the dataset does not declare."""
    for path in paths:
        if path not in fields:
            raise InvalidInput(f"`{collection}` declares no field of one of the names asked for")


@dataclass(slots=True)
class _Batch:
    """One batch under way. `seen`: mark of a change's key → its record, once they were looked up."""

    batch: Batch
    endpoint: Endpoint
    fields: Mapping[str, Field]
    seen: dict[tuple[tuple[str, str], ...], Found] | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """One change. `record`: as it is now, None where it was not looked up."""

    change: Change
    record: Found | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


class Changer:
    """Carries out the batches of one erasure."""

    def __init__(self, system: System, dataset: Dataset) -> None:
        self.system = system
        self.config = system.config
        self.dataset = dataset
        # What erases all of a person is asked for once a person, whatever number of her records asks for it.
        self.protected: set[bytes] = set()
        # Whether anything took effect yet, be it a part of a change.
        self.touched = False

    def erase(self, batches: Iterable[Batch]) -> list[int]:
        done: list[int] = []
        for batch in batches:
            done.append(0)
            try:
                under = self.begin(batch)
                for change in batch.changes:
                    done[-1] += self.change(under, change)
            except PrivetError as error:
                if self.touched:
                    raise Halted(done, error) from None
                raise
        return done

    def begin(self, batch: Batch) -> _Batch:
        fields = declared(batch.collection)
        for change in batch.changes:
            if not change.key:
                raise InvalidInput(f"expected a key to find records of `{batch.collection.name}` by")
            demand_declared([*change.key, *(change.values or ())], fields, batch.collection.name)
            self.demand_changeable(batch, change, fields)
        return _Batch(batch, self.system.endpoint(batch.collection.name), fields)

    def demand_changeable(self, batch: Batch, change: Change, fields: Mapping[str, Field]) -> None:
        for path in change.values or ():
            if fields[path].native.read_only:
                raise Refused(f"`{batch.collection.name}.{path}` can only be read")

    def change(self, under: _Batch, change: Change) -> int:
        """Make one change and return how many records it changed. Raises as calls do."""
        if any(value is not None and not usable(value, under.fields[path]) for path, value in change.key.items()):
            return 0
        name = under.endpoint.name
        deletes = change.values is None
        requests = under.endpoint.deletes if deletes else under.endpoint.updates
        whole = deletes and not requests and self.config.protection is not None
        if whole and self.config.protection is not None:
            requests = (self.config.protection,)
        if not requests:
            verb = "delete" if deletes else "update"
            hint = "erase the collection by deletion" if not deletes and under.endpoint.deletes else ""
            raise Refused(f"the connector's file has no `{verb}` for `{name}`", hint=hint)
        if any(self.is_nothing(under, request, change) for request in requests):
            return 0
        plan = _Plan(change)
        if self.wants_record(under, change, requests):
            record = self.look(under, change)
            if record is None:
                return 0
            if not deletes and not self.differs(record, change):
                return 0
            plan = _Plan(change, record)
        counts = [self.make(under, request, plan, number, whole=whole) for number, request in enumerate(requests)]
        return max(counts)

    def make(self, under: _Batch, request: Request, plan: _Plan, number: int, *, whole: bool) -> int:
        values = self.values(under, request, plan)
        made = self.drafted(request, self.system.filling(request, values, once=plan.change.once), plan)
        if whole:
            mark = digest.sha256(repr((made.path, made.query, made.body)).encode())
            if mark in self.protected:
                return 1
            self.protected.add(mark)
        verb = "delete" if plan.change.values is None else "update"
        mode: Mode = "once"
        if self.config.idempotency_header:
            made = made.with_header(self.config.idempotency_header, once_of(plan.change.once, number))
            mode = "again"
        told = self.system.caller(request).call(
            request, made, name=f"{under.endpoint.name} {verb}", mode=mode, gone=self.by_path(request)
        )
        self.touched = self.touched or not told.absent
        return 0 if told.absent else 1

    def drafted(self, request: Request, filling: Filling, plan: _Plan) -> Draft:
        made = draft(request, filling)
        bare = request.body is None and request.raw is None and made.body is NOTHING
        if bare and plan.change.values is not None and request.method in ("PUT", "POST", "PATCH"):
            return replace(made, body=filled(_WHOLE, filling))
        return made

    def by_path(self, request: Request) -> bool:
        mine = {param.name for param in request.params if not param.connector_param}
        return any(hole.name in mine for hole in (request.path.holes if request.path else ()))

    # --- what a request is filled with ----------------------------------------------------------------------------

    def values(self, under: _Batch, request: Request, plan: _Plan) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for param in inputs(request):
            value = self.value(under, param, plan)
            if value is not None:
                out[param.name] = value
        if plan.change.values is not None:
            row = dict(plan.record.row) if plan.record is not None else {}
            out["masked_object_fields"] = masked(plan.change.values, row)
            if plan.record is not None:
                out["all_object_fields"] = overlaid(self.writable(under, row), plan.change.values)
        elif plan.record is not None:
            out["all_object_fields"] = self.writable(under, plan.record.row)
        return out

    def writable(self, under: _Batch, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record without what the dataset does not declare, and what can only be read."""
        fields = under.batch.collection.fields
        return _writable(row, {one.name: one for one in fields})

    def value(self, under: _Batch, param: Param, plan: _Plan) -> Value:
        change = plan.change
        for link in param.references[:1]:
            path = own_path(self.config, self.dataset.key, under.endpoint, link) or param.name
            if change.key.get(path) is not None:
                return change.key[path]
            if plan.record is not None:
                return at_path(plan.record.whole, tuple(path.split(".")))
            return change.key.get(param.name)
        if not param.identity:
            return None
        for path, value in change.key.items():
            if under.fields[path].native.identity == param.identity and value is not None:
                return value
        ask = under.batch.found
        known = self.system.identities(ask).get(param.identity, []) if ask is not None else []
        return known[0] if known else None

    def is_nothing(self, under: _Batch, request: Request, change: Change) -> bool:
        """Return whether a key names records by that they hold nothing where a request must name something."""
        names = {hole.name for hole in request.path.holes} if request.path else set()
        paths = {
            own_path(self.config, self.dataset.key, under.endpoint, link)
            for param in request.params
            if param.name in names
            for link in param.references[:1]
        }
        return any(path in paths and value is None for path, value in change.key.items())

    # --- looking ----------------------------------------------------------------------------------------------------

    def wants_record(self, under: _Batch, change: Change, requests: Sequence[Request]) -> bool:
        """Return whether requests want more than the key says, or must not be made twice."""
        plan = _Plan(change)
        for request in requests:
            names = {hole.name for hole in _holes(request)}
            bare = request.body is None and request.raw is None and request.method in ("PUT", "POST", "PATCH")
            if "all_object_fields" in names or (bare and change.values is not None):
                return True
            if any(param.name in names and self.value(under, param, plan) is None for param in inputs(request)):
                return True
            again = request.method in _REPEATABLE or self.config.idempotency_header
            if not again and under.batch.found is not None:
                return True
        return any(_in_list(path, under.fields) for path in change.values or ())

    def look(self, under: _Batch, change: Change) -> Found | None:
        """Return the record that a key finds, None where it is not there (any more)."""
        if under.seen is None:
            under.seen = self.looked(under)
        return under.seen.get(mark(change.key))

    def looked(self, under: _Batch) -> dict[tuple[tuple[str, str], ...], Found]:
        wanted: dict[tuple[str, ...], set[tuple[tuple[str, str], ...]]] = {}
        for change in under.batch.changes:
            wanted.setdefault(tuple(sorted(change.key)), set()).add(mark(change.key))
        out: dict[tuple[tuple[str, str], ...], Found] = {}
        for found in self.system.found(under.endpoint, self.question(under)):
            whole = found.whole
            for paths, marks in wanted.items():
                held = mark({path: at_path(whole, tuple(path.split("."))) for path in paths})
                if held in marks:
                    out.setdefault(held, found)
        return out

    def question(self, under: _Batch) -> Read:
        """Return how the records of a batch are read again."""
        if under.batch.found is not None:
            return under.batch.found
        names = {param.name for request in askers(under.endpoint) for param in inputs(request)}
        matches: dict[str, list[Value]] = {}
        for change in under.batch.changes:
            for path, value in change.key.items():
                if path in names and value is not None:
                    matches.setdefault(path, []).append(value)
        if not matches:
            raise InvalidInput(
                f"a change of `{under.endpoint.name}` wants more of the record than its key, and nobody says how to"
                " read it again",
                hint="mark the fields that its requests are filled by as `primary_key`",
            )
        return Read(dataset=self.dataset, collection=under.batch.collection, matches=matches)

    def differs(self, record: Found, change: Change) -> bool:
        """Return whether a record does not hold yet what is to be written."""
        wanted = (change.values or {}).items()
        return any(not _holds(record.whole, path.split("."), value) for path, value in wanted)


def mark(key: Mapping[str, Value]) -> tuple[tuple[str, str], ...]:
    """Return what keys are compared by: what holds nothing is the empty text."""
    return tuple(sorted((path, "" if value is None else text_of(value)) for path, value in key.items()))


def once_of(once: str, number: int) -> str:
    """Return an idempotency key for one of a change's requests, in signs that every header takes."""
    return digest.sha256(f"{once}\n{number}".encode()).hex()[:48]


def masked(values: Mapping[str, Value], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is overwritten, nested as the record is. Lists come whole, with every element overwritten.

    >>> masked({"name": None, "address.city": "x"}, {})
    {'name': None, 'address': {'city': 'x'}}
    """
    out: dict[str, Any] = {}
    for path, value in values.items():
        head = path.split(".")
        held = row.get(head[0])
        if len(head) > 1 and head[0] not in out and _has_list(held, head[1:]):
            out[head[0]] = held
        _put(out, head, value)
    return out


def overlaid(row: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """Return a record with what is overwritten in its place."""
    out = dict(row)
    for path, value in values.items():
        _put(out, path.split("."), value)
    return out


def _put(target: dict[str, Any], path: Sequence[str], value: Value) -> None:
    """Set a value in a nested object that is copied on the way down."""
    if len(path) == 1:
        target[path[0]] = value
        return
    target[path[0]] = _with(target.get(path[0]), path[1:], value)


def _with(held: Any, path: Sequence[str], value: Value) -> Any:
    if isinstance(held, list):
        return [_with(item, path, value) for item in held]
    inner = dict(held) if isinstance(held, Mapping) else {}
    _put(inner, path, value)
    return inner


def _has_list(held: Any, path: Sequence[str]) -> bool:
    if isinstance(held, list):
        return True
    return bool(path) and isinstance(held, Mapping) and _has_list(held.get(path[0]), path[1:])


def _in_list(path: str, fields: Mapping[str, Field]) -> bool:
    """Return whether a field stands within a list."""
    parts = path.split(".")
    above = (fields.get(".".join(parts[:count])) for count in range(1, len(parts)))
    return any(one is not None and one.array for one in above)


def _writable(row: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    out = {}
    for name, value in row.items():
        one = fields.get(name)
        if one is None or one.native.read_only:
            continue
        inner = {field.name: field for field in one.fields}
        out[name] = _inner(value, inner) if inner else value
    return out


def _inner(value: Any, fields: Mapping[str, Field]) -> Any:
    """Return a nested value without what can only be read. What nobody declares in it stays: it would be lost."""
    if isinstance(value, list):
        return [_inner(item, fields) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept = {name: inner for name, inner in value.items() if name not in fields or not fields[name].native.read_only}
    return {
        name: _inner(inner, {one.name: one for one in fields[name].fields}) if name in fields else inner
        for name, inner in kept.items()
    }


def _holes(request: Request) -> list[Hole]:
    found = [*(request.path.holes if request.path else ()), *(request.raw.holes if request.raw else ())]
    found += request.body.holes if request.body else ()
    found += [hole for pair in (*request.headers, *request.query) for hole in pair.value.holes]
    return found


def _holds(held: Any, path: Sequence[str], value: Value) -> bool:
    """Return whether a value stands at a path, in every element of lists on the way."""
    if not path:
        return _same(held, value)
    if isinstance(held, list):
        return all(_holds(item, path, value) for item in held)
    return _holds(held.get(path[0]) if isinstance(held, Mapping) else None, path[1:], value)


def _same(held: Any, wanted: Any) -> bool:
    if held is None or wanted is None:
        return held is wanted
    return held == wanted or text_of(held) == text_of(wanted)
