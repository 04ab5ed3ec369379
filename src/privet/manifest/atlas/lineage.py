"""Lineage: which columns are made of which others, as OpenLineage events of jobs say.

Read are RunEvents, JobEvents and DatasetEvents of the core specification 1.x and 2.x, and in them the `columnLineage`
facet of versions 1-0-x to 1-2-x. Events of a run add up; a run that failed or was aborted made nothing. What cannot be
read becomes a finding, which quotes nothing of the event.
Source: OpenLineage specification, OpenLineage.json and facets/ColumnLineageDatasetFacet.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from privet.codec import Place, read_json
from privet.errors import InvalidInput
from privet.manifest.finding import Finding
from privet.vocabulary.dataset import Dataset, every_field

MAX_EVENT_BYTES = 16 << 20
_MAX_KEYS = 1_000_000
_PARTS = re.compile(r"[./]")
_VOID = frozenset({"FAIL", "ABORT"})


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """An end of an edge. `dataset` and `table`: a declared dataset's key and its collection; "" and the namespace and
    name that an event gives, with a blank between, of what is not declared. `field`: "" for the table as a whole."""

    dataset: str
    table: str
    field: str = ""

    @property
    def home(self) -> str:
        """Return the dataset's key, of what is not declared the table."""
        return self.dataset or self.table

    def __str__(self) -> str:
        return ".".join(filter(None, (self.dataset, self.table, self.field)))


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Data of `source` reaches `target` by a job. `direct`: values are made of it; else it only decides which values
    or rows there are. `masked`: what arrives does not tell the value that it was made of."""

    source: Spot
    target: Spot
    job: str = ""
    direct: bool = True
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """The edges of all events, sorted. `known`: declared dataset and collection → namespace and name in the events."""

    edges: tuple[Edge, ...] = ()
    known: Mapping[Spot, tuple[str, str]] = field(default_factory=dict)


NO_LINEAGE = Lineage()


def read_events(
    lines: Iterable[bytes], datasets: Sequence[Dataset], file: str = ""
) -> tuple[Lineage, tuple[Finding, ...]]:
    """Return what events say, one event of JSON a line, and what is wrong with them.

    A name in an event is a declared collection where its last parts are the collection's name and, if several
    datasets have one of that name, the dataset's key.
    """
    reader = _Reader(datasets, file)
    for number, line in enumerate(lines, 1):
        if line.strip():
            reader.take(number, line)
    return reader.result(), tuple(reader.findings)


def joined(one: Lineage, other: Lineage) -> Lineage:
    """Return what two readings say together."""
    return Lineage(tuple(sorted({*one.edges, *other.edges})), {**one.known, **other.known})


@dataclass(slots=True)
class _Run:
    """What the events of one run, or of one job, add up to."""

    job: str
    void: bool = False
    inputs: dict[Spot, None] = field(default_factory=dict)
    outputs: dict[Spot, None] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)


class _Reader:
    def __init__(self, datasets: Sequence[Dataset], file: str) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._runs: dict[str, _Run] = {}
        self._tables: dict[tuple[str, str], Spot] = {}
        self._said: set[Spot] = set()
        self._fields: dict[Spot, frozenset[str]] = {}
        self._by_name: dict[str, list[Spot]] = {}
        for dataset in datasets:
            for collection in dataset.collections:
                table = Spot(dataset.key, collection.name)
                self._fields[table] = frozenset(path.lower() for path, _ in every_field(collection.fields))
                self._by_name.setdefault(_parts(collection.name)[-1], []).append(table)

    def take(self, number: int, line: bytes) -> None:
        """Read one event. What is wrong with it becomes a finding."""
        try:
            if len(line) > MAX_EVENT_BYTES:
                raise InvalidInput(f"expected an event of at most {MAX_EVENT_BYTES >> 20} MiB")
            self._event(number, _mapping(read_json(line, max_keys=_MAX_KEYS), "an event"))
        except InvalidInput as error:
            self._find("lineage-event", "warning", f"event {number}", error.message, number)

    def result(self) -> Lineage:
        """Return the edges of every run that did not fail."""
        edges: set[Edge] = set()
        for run in self._runs.values():
            if not run.void:
                edges.update(run.edges)
                edges.update(
                    Edge(source, target, run.job) for source in run.inputs for target in run.outputs if source != target
                )
        known = {table: place for place, table in self._tables.items() if table in self._fields}
        return Lineage(tuple(sorted(edges)), known)

    def _event(self, number: int, event: Mapping[str, Any]) -> None:
        if "dataset" in event and "job" not in event:
            run = self._runs.setdefault("", _Run(""))
            self._dataset(number, run, event["dataset"], made=True)
            return
        job = _mapping(event.get("job"), "`job`")
        name = f"{_word(job, 'namespace')} {_word(job, 'name')}"
        key = f"job {name}"
        if "run" in event:
            key = f"run {_word(_mapping(event['run'], '`run`'), 'runId')}"
        run = self._runs.setdefault(key, _Run(name))
        run.void = run.void or str(event.get("eventType", "")).upper() in _VOID
        for item in _sequence(event.get("inputs"), "`inputs`"):
            run.inputs[self._dataset(number, run, item, made=False)] = None
        for item in _sequence(event.get("outputs"), "`outputs`"):
            run.outputs[self._dataset(number, run, item, made=True)] = None

    def _dataset(self, number: int, run: _Run, item: Any, *, made: bool) -> Spot:
        dataset = _mapping(item, "a dataset")
        table = self._table(number, _word(dataset, "namespace"), _word(dataset, "name"))
        facets = _optional(dataset.get("facets"), "`facets`")
        facet = _optional(facets.get("columnLineage"), "`columnLineage`")
        if made and facet and facet.get("_deleted") is not True:
            self._columns(number, run, table, facet)
        return table

    def _columns(self, number: int, run: _Run, table: Spot, facet: Mapping[str, Any]) -> None:
        for name, said in _mapping(facet.get("fields"), "`fields` of `columnLineage`").items():
            whole = _mapping(said, "a field of `columnLineage`")
            target = self._spot(number, table, name)
            masked = whole.get("transformationType") == "MASKED"
            for source in _sequence(whole.get("inputFields"), "`inputFields`"):
                self._edge(number, run, source, target, masked=masked)
        for source in _sequence(facet.get("dataset"), "`dataset` of `columnLineage`"):
            self._edge(number, run, source, table, masked=False)

    def _edge(self, number: int, run: _Run, item: Any, target: Spot, *, masked: bool) -> None:
        source = _mapping(item, "an input field")
        table = self._table(number, _word(source, "namespace"), _word(source, "name"))
        steps = [_mapping(step, "a transformation") for step in _sequence(source.get("transformations"), "steps")]
        direct = any(step.get("type") != "INDIRECT" for step in steps) if steps else bool(target.field)
        masked = masked or (bool(steps) and all(step.get("masking") is True for step in steps))
        spot = self._spot(number, table, _word(source, "field"))
        run.edges[Edge(spot, target, run.job, direct, masked)] = None

    def _spot(self, number: int, table: Spot, name: str) -> Spot:
        spot = replace(table, field=name)
        known = self._fields.get(table)
        if known is not None and name.lower() not in known and spot not in self._said:
            self._said.add(spot)
            message = f"a job names a field of `{table}` that the manifest does not declare"
            self._find("lineage-field", "note", f"collection {table}, event {number}", message, number)
        return spot

    def _table(self, number: int, namespace: str, name: str) -> Spot:
        found = self._tables.get((namespace, name))
        if found is None:
            found = self._match(number, name) or Spot("", f"{namespace} {name}")
            self._tables[namespace, name] = found
        return found

    def _match(self, number: int, name: str) -> Spot | None:
        parts = _parts(name)
        found = [spot for spot in self._by_name.get(parts[-1], ()) if _ends(parts, _parts(spot.table))]
        if len(found) > 1:
            before = f".{'.'.join(parts[:-1])}."
            exact = [spot for spot in found if f".{spot.dataset.lower()}." in before]
            if len(exact) != 1:
                message = f"expected the name of one declared collection, found one that {len(found)} datasets have"
                hint = "in the job, put the dataset's key before the table"
                self._find("lineage-table", "warning", f"collection {parts[-1]}", message, number, hint)
                return None
            found = exact
        return found[0] if found else None

    def _find(self, rule: str, severity: Any, subject: str, message: str, line: int, hint: str = "") -> None:
        at = Place(self._file, line, 1)
        self.findings.append(Finding(rule=rule, severity=severity, subject=subject, message=message, at=at, hint=hint))


def _parts(name: str) -> list[str]:
    return _PARTS.split(name.lower())


def _ends(parts: Sequence[str], end: Sequence[str]) -> bool:
    return list(parts[-len(end) :]) == list(end)


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"expected {what} to be an object")
    return value


def _optional(value: Any, what: str) -> Mapping[str, Any]:
    return {} if value is None else _mapping(value, what)


def _sequence(value: Any, what: str) -> Iterator[Any]:
    if value is not None and not isinstance(value, list):
        raise InvalidInput(f"expected {what} to be an array")
    return iter(value or ())


def _word(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found:
        raise InvalidInput(f"expected `{key}` to be a text")
    return found
