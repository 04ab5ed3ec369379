"""Reading back: whether what was to be changed is as it was to be, and nothing of hers is left beside it.

Each system is asked anew, on a new connection, by the keys of what was changed and by all that was asked before.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from privet.connectors.base import Change, Record, Value
from privet.rights.outcome import Remains
from privet.rights.plans.match import found, text
from privet.rights.words import Address
from privet.rights.work import deciding
from privet.rights.work.calls import Session
from privet.rights.work.job import Job

STILL_THERE = "it is still there after it was deleted"
CAME_LATER = "it was not there when the request began, or is found again"
Key = tuple[str | None, ...]


class Seen:
    """What reading back saw of a system: how many changes are as they must be, and what is not, by reason. `gone`:
    collections in which nothing of hers is found any more."""

    def __init__(self) -> None:
        self.verified = 0
        self.gone: set[str] = set()
        self._faults: Counter[tuple[str, str]] = Counter()

    def fault(self, collection: str, reason: str) -> None:
        """Count a record that is not as it must be."""
        self._faults[collection, reason] += 1

    @property
    def remaining(self) -> tuple[Remains, ...]:
        """Return what is not as it must be."""
        return tuple(Remains(where, count, why) for (where, why), count in sorted(self._faults.items()))


def read_back(job: Job, session: Session, dataset: str) -> Seen:
    """Look at one system. Raises what reading raises."""
    seen = Seen()
    for address in _addresses(job, dataset):
        changed, masked = _Changed(), False
        for page in deciding.changes(job, address):
            wrong = dict(faults(job, session, address, page))
            seen.verified += len(page) - len(wrong)
            for reason in wrong.values():
                seen.fault(address.collection, reason)
            changed.add(page)
            masked = masked or any(change.values is not None for change in page)
        if job.request.kind == "rectification":
            continue  # nothing has to go: what is found beside it is hers as before
        # What was masked may be found no more by what it was found by, and still be there.
        if not _look_beside(job, session, address, changed, seen) and not masked:
            seen.gone.add(address.collection)
    return seen


def undone(job: Job, session: Session, address: Address, page: Sequence[Change]) -> list[Change]:
    """Return the changes of a page that did not take effect yet: for systems where asking twice would do it twice."""
    wrong = dict(faults(job, session, address, page))
    return [change for at, change in enumerate(page) if at in wrong]


def faults(job: Job, session: Session, address: Address, page: Sequence[Change]) -> Iterator[tuple[int, str]]:
    """Yield the place in the page, and why, of each change that the system does not show."""
    index = _Index(page)
    seen: set[int] = set()
    by_key = session.profile().by_any  # else by all that was asked before
    for matches in index.matches() if by_key else job.spool.read(f"asks:{address}"):
        for record in _records(job, session, address, matches):
            for at in index.of(record):
                reason = _fault(page[at], record)
                if reason and at not in seen:
                    seen.add(at)
                    yield at, reason


def _fault(change: Change, record: Record) -> str:
    if change.values is None:
        return STILL_THERE
    for path, wanted in change.values.items():
        held = list(found(record.values, path)) or [None]
        if not (alike(wanted, held[0]) if len(held) == 1 else all(alike(wanted, each) for each in held)):
            whole = _at(record.values, path)
            if not (isinstance(whole, list) and alike(wanted, whole)):
                return f"`{path}` does not hold what was to be written"
    return ""


def _look_beside(job: Job, session: Session, address: Address, changed: _Changed, seen: Seen) -> bool:
    """Ask again for all that was asked before; return whether anything is found."""
    rest = deciding.rest(job, address)
    told: set[str] = set()
    some = False
    for asked in job.spool.read(f"asks:{address}"):
        wanted = {path: {text(value) for value in values} for path, values in asked.items()}
        for record in _records(job, session, address, asked):
            if not _holds(record, wanted):
                continue
            some = True
            if changed.has(record):
                continue
            mark = deciding.mark(job, address, record)
            if mark not in rest and mark not in told:
                told.add(mark)
                seen.fault(address.collection, CAME_LATER)
    return some


def _records(job: Job, session: Session, address: Address, matches: Mapping[str, Sequence[Value]]) -> Iterator[Record]:
    for page in session.read(job.ask(address, matches)):
        yield from page


def _addresses(job: Job, dataset: str) -> list[Address]:
    return sorted({a for turn in job.ground.plan.turns for a in turn.members if a.dataset == dataset})


def _holds(record: Record, wanted: Mapping[str, set[str | None]]) -> bool:
    """Return whether a record holds what was asked; systems may match more, in case above all."""
    for path, forms in wanted.items():
        held = {text(value) for value in _values(record, path)}
        folded = {form.lower() for form in forms if form is not None}
        if not held or any(form is not None and form.lower() in folded for form in held):
            return True
    return False


def _values(record: Record, path: str) -> list[Value]:
    link = record.links.get(path)
    if link is None:
        return list(found(record.values, path))
    return link if isinstance(link, list) else [link]


class _Changed:
    """The keys of all that was changed in a collection, as text."""

    def __init__(self) -> None:
        self._keys: defaultdict[tuple[str, ...], set[Key]] = defaultdict(set)

    def add(self, page: Iterable[Change]) -> None:
        for change in page:
            paths = tuple(change.key)
            self._keys[paths].add(tuple(text(change.key[path]) for path in paths))

    def has(self, record: Record) -> bool:
        return any(_key(record, paths) in keys for paths, keys in self._keys.items())


class _Index:
    """The changes of a page by their keys, and what to ask for so that every record of theirs comes."""

    def __init__(self, page: Sequence[Change]) -> None:
        self._by_paths: defaultdict[tuple[str, ...], defaultdict[Key, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._asked: defaultdict[str, dict[str, Value]] = defaultdict(dict)
        spread = Counter(
            path for change in page for path in {p: text(v) for p, v in change.key.items() if v is not None}
        )
        for at, change in enumerate(page):
            paths = tuple(change.key)
            self._by_paths[paths][tuple(text(change.key[path]) for path in paths)].append(at)
            for path in _telling(change, spread):
                self._asked[path][str(text(change.key[path]))] = change.key[path]

    def matches(self) -> Iterator[dict[str, list[Value]]]:
        for path, values in self._asked.items():
            yield {path: list(values.values())}

    def of(self, record: Record) -> Iterator[int]:
        for paths, keys in self._by_paths.items():
            yield from keys.get(_key(record, paths), ())


def _telling(change: Change, spread: Mapping[str, int]) -> list[str]:
    """Return the one field of a key by which its record is asked for: a system answers to any of several."""
    held = [path for path, value in change.key.items() if text(value) is not None]
    return [max(held, key=lambda path: (spread[path], path))] if held else []


def _key(record: Record, paths: Sequence[str]) -> Key:
    held = [_values(record, path) for path in paths]
    return tuple(text(values[0]) if values else None for values in held)


def _at(values: Mapping[str, Any], path: str) -> object:
    held: object = values
    for name in path.split("."):
        held = held.get(name) if isinstance(held, Mapping) else None
    return held


def alike(wanted: Value, held: Value) -> bool:
    """Return whether a system shows what was written, in whatever type it shows it.

    >>> alike("2000-01-01", date(2000, 1, 1)), alike(None, ""), alike("abcdef", "abc")
    (True, True, False)
    """
    if wanted == held or (wanted in (None, "") and held in (None, "", [])):
        return True
    if isinstance(wanted, list) and isinstance(held, list):
        return len(wanted) == len(held) and all(map(alike, wanted, held))
    if isinstance(wanted, Mapping) and isinstance(held, Mapping):
        return wanted.keys() == held.keys() and all(alike(wanted[name], held[name]) for name in wanted)
    if isinstance(wanted, str) and isinstance(held, str):
        return text(wanted.rstrip(" ")) == text(held.rstrip(" "))  # CHAR(n) comes back filled up
    if _number(wanted) is not None and _number(wanted) == _number(held):
        return True
    return _moment(wanted) == _moment(held) if _moment(wanted) else text(wanted) == text(held) is not None


def _number(value: Value) -> Decimal | None:
    if isinstance(value, str):
        value = {"true": 1, "false": 0}.get(value.lower(), value)
    if not isinstance(value, int | float | Decimal | str):
        return None
    try:
        return Decimal(str(int(value)) if isinstance(value, bool) else str(value))
    except ArithmeticError:
        return None


def _moment(value: Value) -> datetime | None:
    """Return a date or time as one moment; a date is its midnight, a zone is taken off in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo is None else (value - value.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None  # noqa: DTZ001
