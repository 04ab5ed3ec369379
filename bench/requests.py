"""People's requests: planning them over many tables, telling which records are hers, and the whole of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from bench import Row, _house, most, seconds
from privet.connectors.base import Record
from privet.rights.plans.reach import Reach
from privet.rights.plans.whole import plan
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

FIELDS = 10
TABLES = 100  # of one dataset


def field(name: str, at: int = 1, **said: object) -> Field:
    """Return a field. One in three holds data of people."""
    labels = ("user.name",) if at % 3 == 0 else ()
    return Field(name=name, type="string", labels=labels, native=Native(data_type="string", **said))  # type: ignore[arg-type]


def datasets(tables: int) -> list[Dataset]:
    """Return datasets of a hundred tables of ten fields: chains, trees, circles, self-references, each with its kind
    of direction, and one table in twenty that nothing leads to."""
    made = []
    for first in range(0, tables, TABLES):
        key = f"db_{first // TABLES}"
        collections = []
        for at in range(min(TABLES, tables - first)):
            fields = [
                field("id", primary_key=True, nullable=False),
                *(field(f"f{one}", one) for one in range(FIELDS - 4)),
            ]
            if at == 0:
                fields.append(field("email", identity="email"))
            if at and at % 20:
                fields.append(field("parent_id", links=(Link(key, f"t{(at - 1) // 2}.id"),)))
            if at % 7 == 3:
                fields.append(field("from_id", links=(Link(key, f"t{at - 1}.id", "from"),)))
            if at % 10 == 9:
                fields.append(field("next_id", links=(Link(key, f"t{at - 3}.id", "to"),)))
                fields.append(field("above_id", links=(Link(key, f"t{at}.id"),)))
            if at == 1 and first:
                fields.append(field("other_id", links=(Link(f"db_{first // TABLES - 1}", "t1.id"),)))
            collections.append(Collection(name=f"t{at}", fields=tuple(fields)))
        made.append(Dataset(key=key, collections=tuple(collections)))
    return made


def plans(quick: bool) -> Iterator[Row]:
    """Yield the rows of planning an erasure."""
    for tables, goal in ((100, 0.01), (1_000, 0.1), (3_000, 0.5)):
        held = datasets(tables)
        made = plan("erasure", held, ["email"])
        taken = seconds(lambda: plan("erasure", held, ["email"]), 1 if quick else 5)  # noqa: B023  (called at once)
        turns, references = len(made.turns), len(made.edges)
        work = (
            f"seconds: plan an erasure over {tables:,} tables of {FIELDS} fields ({references:,} ways, {turns:,} turns)"
        )
        yield most(work, taken, goal)


def large(quick: bool) -> Iterator[Row]:
    """Yield the rows of a plan over more tables than anybody has, in a process of its own: seconds and memory."""
    tables = 10_000 if quick else 100_000
    done = subprocess.run(
        [sys.executable, "-c", f"from bench.requests import measured; measured({tables})"],
        capture_output=True,
        text=True,
        check=True,
    )
    before, after, taken = map(float, done.stdout.split())
    yield most(f"seconds: plan an erasure over {tables:,} tables", taken, None)
    yield most(f"megabytes: what that process holds at most, {before:,.0f} of them the datasets", after, None)


def measured(tables: int) -> None:
    """Print megabytes before and after, and seconds, of one plan."""
    held = datasets(tables)
    before = _house.peak()
    taken = seconds(lambda: plan("erasure", held, ["email"]), 1)
    print(before, _house.peak(), taken)


def gathering(quick: bool) -> Iterator[Row]:
    """Yield the row of what gathering itself costs a record, systems left out: the check, the key, where it leads."""
    count = 10_000 if quick else 100_000
    people = Collection(name="people", fields=(field("id", primary_key=True), field("email", identity="email")))
    notes = Collection(
        name="notes", fields=(field("id", primary_key=True), field("p", links=(Link("d", "people.id"),)))
    )
    held = [Dataset(key="d", collections=(people, notes))]
    made = plan("access", held, ["email"])
    data = {
        "people": [Record({"id": 1, "email": "ada@example.com"})],
        "notes": [Record({"id": at, "p": 1, "text": "a note"}) for at in range(count)],
    }

    def gather() -> None:
        reach = Reach(made, held, {"email": "ada@example.com"})
        for turn in made.turns:
            while reach.more(turn):
                for wanted in reach.asks(turn):
                    reach.take(wanted, data[wanted.address.collection])

    taken = seconds(gather, 1 if quick else 3) / count * 1e6
    yield most(f"microseconds a record: gather {count:,} of them, reading left out", taken, None)


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield every row."""
    yield from plans(quick)
    yield from large(quick)
    yield from gathering(quick)
    yield from _house.rows(quick)
