"""What is to be changed, decided record by record and written into the spool before anything is changed.

Parts of the spool: `own:` what was gathered (dropped afterwards), `change:` what is to be changed, `rest:` marks of the
records that stay as they are, `asks:` what was asked, for reading back; each by collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from privet.connectors.base import Change, Record
from privet.rights.fates.decision import Anonymize, Decider, Decision, Keep, Remaining
from privet.rights.outcome import Kept, Remains
from privet.rights.plans import match
from privet.rights.plans.match import found, text
from privet.rights.plans.reach import Reach
from privet.rights.words import Address
from privet.rights.work.job import Job
from privet.vocabulary.dataset import every_field

PAGE = 1_000
Document = dict[str, Any]


def decide(job: Job, reach: Reach) -> Document:
    """Decide over every record that was gathered, and return what the journal keeps of it: no values.

    `asked`: datasets. `others`, `deletes`, `masks`, `corrects`, `kept`, `remains`: counts by dataset. `visits`: as the
    plan orders them.
    """
    assert job.ground.decider is not None
    tally = _Tally(job)
    for address in sorted({a for turn in job.ground.plan.turns if turn.bond == "own" for a in turn.members}):
        tally.take(address, job.ground.decider, reach)
    visits = [
        {
            "dataset": visit.dataset,
            "after": list(visit.after),
            "order": [address.collection for address in visit.order],
            "cuts": [[cut.address.collection, cut.field] for cut in visit.cuts if cut.nullable],
        }
        for visit in job.ground.plan.visits
    ]
    return tally.document() | {"visits": visits}


def changes(job: Job, address: Address) -> Iterator[list[Change]]:
    """Yield what is to be changed in a collection, by the page."""
    documents = job.spool.read(f"change:{address}")
    for page in _pages(documents):
        yield [Change(each["key"], each["values"], each["once"]) for each in page]


def asked(job: Job, address: Address) -> dict[str, list[Any]]:
    """Return all that was asked of a collection: dotted path → values."""
    found: dict[str, list[Any]] = {}
    for matches in job.spool.read(f"asks:{address}"):
        for path, values in matches.items():
            found.setdefault(path, []).extend(values)
    return found


def rest(job: Job, address: Address) -> set[str]:
    """Return the marks of the records of a collection that stay as they are."""
    return set(job.spool.read(f"rest:{address}"))


def mark(job: Job, address: Address, record: Record) -> str:
    """Return by what a record is known again: a MAC of its primary key, or of all that it holds."""
    key = primary_key(job, address)
    values = [list(map(text, found(record.values, path))) for path in key]
    is_known = key and all(values) and None not in [form for forms in values for form in forms]
    # As the spool gives it back, so that a type that it keeps as text is no difference.
    held = job.key.encode(values) if is_known else match.mark(job.key.decode(job.key.encode(record.values)))
    return job.key.mac(b"mark", str(address).encode(), held)[:16].hex()


def primary_key(job: Job, address: Address) -> tuple[str, ...]:
    """Return the paths of a collection's primary key, () where it has none."""
    collection = job.ground.datasets[address.dataset].collection(address.collection)
    assert collection is not None  # the plan was made of these datasets
    return tuple(path for path, each in every_field(collection.fields) if each.native.primary_key)


class _Tally:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._now = datetime.fromtimestamp(job.pace.clock() / 1000, UTC)
        self._corrects = job.request.kind == "rectification"
        self._asked: set[str] = set()
        self._read: Counter[str] = Counter()
        self._deletes: Counter[str] = Counter()
        self._masks: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        self._kept: Counter[tuple[str, str, str]] = Counter()
        self._remains: Counter[tuple[str, str, str]] = Counter()

    def take(self, address: Address, decider: Decider, reach: Reach) -> None:
        job = self._job
        hers = _hers(reach, address)
        if hers:
            self._asked.add(address.dataset)
        count = reach.counts.get(address)
        if count is not None and count.others:
            self._others[address.dataset] += count.others
        for path, values in hers.items():
            for at in range(0, len(values), PAGE):
                job.spool.add(f"asks:{address}", {path: values[at : at + PAGE]})
        for page in _pages(job.spool.read(f"own:{address}")):
            records = [Record(values, links) for values, links in page]
            decisions = decider.decide(address, records, self._now, hers)
            made = decider.changes(address, records, decisions, hers)
            for change in made:
                line = {"key": change.key, "values": change.values, "once": change.once}
                job.spool.add(f"change:{address}", line)
            self._count(address, records, decisions, made)

    def _count(
        self, address: Address, records: Sequence[Record], decisions: Sequence[Decision], made: Sequence[Change]
    ) -> None:
        self._read[address.dataset] += len(records)
        self._deletes[address.dataset] += sum(change.values is None for change in made)
        self._masks[address.dataset] += sum(change.values is not None for change in made)
        place = (address.dataset, address.collection)
        for record, decision in zip(records, decisions, strict=True):
            if isinstance(decision, Keep):
                self._kept[*place, decision.reason] += 1
            elif isinstance(decision, Anonymize):
                self._kept.update({(*place, held.reason) for held in decision.held})
                self._remains.update({(*place, why) for why in _whys(decision.remaining)})
            if isinstance(decision, Keep) or (isinstance(decision, Anonymize) and not decision.values):
                self._job.spool.add(f"rest:{address}", mark(self._job, address, record))

    def document(self) -> Document:
        return {
            "asked": sorted(self._asked),
            "others": dict(self._others),
            "read": dict(self._read),
            "deletes": dict(self._deletes),
            "masks": {} if self._corrects else dict(self._masks),
            "corrects": dict(self._masks) if self._corrects else {},
            "kept": [[*place, count] for place, count in sorted(self._kept.items())],
            "remains": [[*place, count] for place, count in sorted(self._remains.items())],
        }


def _whys(remaining: Sequence[Remaining]) -> Iterator[str]:
    """Yield why a record remains, once for all fields that the same is true of."""
    for why in sorted({each.why for each in remaining}):
        paths = [f"`{each.path}`" for each in remaining if each.why == why]
        yield why if paths == ["``"] else f"{', '.join(paths)}: {why}"


def kept(decided: Mapping[str, Any], dataset: str) -> tuple[Kept, ...]:
    """Return what promises keep in a system."""
    return tuple(Kept(where, count, why) for of, where, why, count in decided["kept"] if of == dataset)


def remains(decided: Mapping[str, Any], dataset: str) -> tuple[Remains, ...]:
    """Return what cannot be changed in a system, as was known when it was decided."""
    return tuple(Remains(where, count, why) for of, where, why, count in decided["remains"] if of == dataset)


def _hers(reach: Reach, address: Address) -> dict[str, list[Any]]:
    hers: dict[str, list[Any]] = {}
    for wanted in reach.asked(address):
        if wanted.bond == "own":
            for path, values in wanted.matches.items():
                hers.setdefault(path, []).extend(values)
    return hers


def _pages(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while page := list(islice(iterator, PAGE)):
        yield page
