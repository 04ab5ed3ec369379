"""A record is seen from a queue while it stands there, by whom it was put there for, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from a_vault import START_MS, Bench
from asked import filled

from privet import digest
from privet.errors import Damaged, Denied, InvalidInput, LimitExceeded, NotFound
from privet.policy.decide import decide
from privet.policy.permit import Permit
from privet.policy.syntax import Policy, Role, Rule
from privet.store.port import Delete, Insert, Row, Select, Update
from privet.vault import records
from privet.vault.access import queues
from privet.vault.access.queues import DEFAULT_TTL_MS, MOST_RECORDS, MOST_TTL_MS, Place, held, places
from privet.vault.listing import export, page
from privet.vault.people import erasure
from privet.vault.sight import View
from privet.vault.upkeep import expiry
from privet.vocabulary.access import Access, Action, Principal
from privet.vocabulary.predicate import QUEUE, Compare, Not

WHERE = Compare(QUEUE, "=", "support")
RULE = Rule(effect="allow", actions=("read", "search", "update", "delete", "detokenize", "export"), where=WHERE)
POLICY = Policy("v", (Role("agent", "", (RULE,)),))


class Desk:
    """People, and an agent who sees those in her queue."""

    def __init__(self, bench: Bench, policy: Policy = POLICY) -> None:
        self.bench = filled(bench)
        self.vault = bench.vault
        self.policy = policy
        self.ids = [digest.id_bytes(text) for text in bench.extra["ids"]]
        self.names = self.vault.table("people").names()

    def put(self, at: int, ttl_ms: int = DEFAULT_TTL_MS, *, principal: str = "agent", queue: str = "support") -> None:
        table = self.vault.table("people")
        until = self.bench.now[0] + ttl_ms
        place = Place(queue=queue, principal=principal, record=self.ids[at], table=table.id, until_ms=until)
        self.bench.run(queues.put(self.vault, table, place, self.bench.deed("queues.put")))

    def remove(self, at: int) -> None:
        self.bench.run(queues.remove(self.vault, "support", "agent", self.ids[at], self.bench.deed("queues.remove")))

    def permit(self, action: Action = "read", principal: str = "agent") -> Permit:
        who = Principal(id=principal, name=principal, roles=("agent",))
        table = self.vault.table("people").collection
        return decide(self.policy, who, Access(action, "people", self.names), table, queues=held(self.vault, principal))

    def seen(self, principal: str = "agent") -> list[int]:
        """Return the places of the records that are got; a list must hold the same."""
        permit, view = self.permit(principal=principal), View(self.names)
        got = self.bench.run(records.get(self.vault, permit, self.ids, view, self.bench.deed("get")))
        listed, _ = self.bench.run(page(self.vault, permit, view, self.bench.deed("list"), limit=10))
        assert [item.id for item in got] == [item.id for item in listed]
        return [self.ids.index(item.id) for item in got]


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


def test_a_record_is_seen_while_it_stands_in_the_queue(desk: Desk) -> None:
    assert desk.seen() == []
    desk.put(1)
    desk.put(3, 60_000)
    assert desk.seen() == [1, 3]
    desk.remove(1)
    assert desk.seen() == [3]
    desk.bench.now[0] += 59_999
    assert desk.seen() == [3]
    desk.bench.now[0] += 1
    assert desk.seen() == []


def test_a_queue_is_of_one_principal_and_has_a_name(desk: Desk) -> None:
    desk.put(0, principal="other")
    desk.put(1, queue="sales")
    assert desk.seen() == []
    assert desk.seen("other") == [0]


def test_what_is_put_again_stands_until_the_new_time(desk: Desk) -> None:
    desk.put(0, 60_000)
    desk.put(0, 120_000)
    desk.bench.now[0] += 60_000
    assert desk.seen() == [0]
    desk.put(0, 1_000)
    desk.bench.now[0] += 1_000
    assert desk.seen() == []


def test_a_queue_that_nothing_stands_in_is_empty_and_not_unknown(bench: Bench) -> None:
    hidden = Rule(effect="deny", actions=("read",), where=WHERE)
    desk = Desk(bench, Policy("v", (Role("agent", "", (Rule(effect="allow", actions=("read",)), hidden)),)))
    assert desk.seen() == [0, 1, 2, 3, 4]
    desk.put(2)
    assert desk.seen() == [0, 1, 3, 4]
    opposite = Rule(effect="allow", actions=("read",), where=Not(WHERE))
    desk.policy = Policy("w", (Role("agent", "", (opposite,)),))
    assert desk.seen() == [0, 1, 3, 4]


def test_what_was_read_decides_for_a_second_at_most(desk: Desk) -> None:
    desk.put(1)
    assert desk.seen() == [1]
    desk.vault.write_now((Delete("queues", ("record",), ((desk.ids[1],),)),))  # as another process would
    desk.bench.now[0] += queues.FRESH_MS - 1
    assert desk.seen() == [1]
    desk.bench.now[0] += 1
    assert desk.seen() == []


def test_the_stamp_changes_with_what_stands_there_and_not_else(desk: Desk) -> None:
    assert held(desk.vault, "agent").stamp == held(desk.vault, "other").stamp == 0
    stamps = []
    for step in (lambda: desk.put(0, 60_000), lambda: desk.put(1), lambda: desk.remove(1), lambda: desk.put(1)):
        step()
        stamps.append(held(desk.vault, "agent").stamp)
        desk.bench.now[0] += queues.FRESH_MS
        assert held(desk.vault, "agent").stamp == stamps[-1]
    desk.bench.now[0] = START_MS + 60_000
    stamps.append(held(desk.vault, "agent").stamp)
    assert len({*stamps, 0}) == 6


# --- what takes it away -----------------------------------------------------------------------------------------


def stored(desk: Desk) -> list[Row]:
    return desk.vault.store.select(Select(table="queues", columns=("record",)))


def test_a_deleted_record_leaves_every_queue(desk: Desk) -> None:
    desk.put(0)
    desk.put(0, principal="other")
    desk.put(1)
    desk.bench.run(records.delete(desk.vault, desk.bench.permit("delete", "people"), [desk.ids[1]], desk.bench.deed()))
    assert stored(desk) == [(desk.ids[0],), (desk.ids[0],)]
    assert desk.seen() == [0]


def test_an_erased_person_leaves_every_queue(desk: Desk) -> None:
    desk.put(3)
    subject = erasure.subject_of(desk.vault, desk.vault.table("people"), desk.ids[3])
    desk.bench.run(erasure.erase(desk.vault, subject, desk.bench.deed("erase")))
    assert stored(desk) == []
    assert desk.seen() == []


def test_a_place_whose_time_is_over_is_swept(desk: Desk) -> None:
    desk.put(0, 1_000)
    desk.put(1, 2_000)
    desk.bench.now[0] += 1_000
    desk.bench.run(expiry.sweep(desk.vault, desk.bench.deed("sweep")))
    assert stored(desk) == [(desk.ids[1],)]


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "ttl_ms"),
    [("", 1_000), ("a b", 1_000), ("x" * 65, 1_000), ("support", 0), ("support", -1), ("support", MOST_TTL_MS + 1)],
)
def test_a_bad_name_or_time_is_refused(desk: Desk, queue: str, ttl_ms: int) -> None:
    with pytest.raises(InvalidInput):
        desk.put(0, ttl_ms, queue=queue)
    assert stored(desk) == []
    desk.put(0, MOST_TTL_MS)


def test_only_a_record_that_is_there_is_put_and_only_what_stands_there_taken_out(desk: Desk) -> None:
    desk.ids.append(digest.random_ids(1)[0])
    with pytest.raises(NotFound):
        desk.put(len(desk.ids) - 1)
    with pytest.raises(NotFound):
        desk.remove(0)
    desk.put(0)
    desk.remove(0)
    with pytest.raises(NotFound):
        desk.remove(0)


def test_no_more_than_so_many_stand_in_one_queue_even_when_put_at_once(bench: Bench) -> None:
    desk = Desk(bench)
    more = bench.insert("people", *({"name": f"P{at}"} for at in range(MOST_RECORDS + 1)))
    desk.ids = [item.id for item in more]
    table = desk.vault.table("people")
    place = Place(queue="support", principal="agent", record=b"", table=table.id, until_ms=START_MS + DEFAULT_TTL_MS)

    async def put_all() -> list[object]:
        calls = [queues.put(desk.vault, table, replace(place, record=record), bench.deed()) for record in desk.ids[1:]]
        return list(
            await asyncio.gather(
                *calls,
                queues.put(desk.vault, table, replace(place, record=desk.ids[0]), bench.deed()),
                return_exceptions=True,
            )
        )

    found = bench.run(put_all())
    assert [type(item) for item in found if item is not None] == [LimitExceeded]
    assert len(stored(desk)) == MOST_RECORDS
    desk.put(1)  # what stands there already takes no further place
    desk.remove(1)
    desk.put(0)
    desk.bench.now[0] += DEFAULT_TTL_MS
    desk.put(1)


# --- who writes the file ----------------------------------------------------------------------------------------


def forged(desk: Desk) -> Insert:
    columns = ("queue", "principal", "record", "owner", "until", "mac")
    table = desk.vault.table("people").id
    return Insert("queues", columns, (("support", "agent", desk.ids[2], table, START_MS + 10_000, bytes(32)),))


@pytest.mark.parametrize(
    "tamper",
    [
        forged,
        lambda desk: Update("queues", ("principal",), ("principal",), (("agent", "other"),)),
        lambda desk: Update("queues", ("queue",), ("queue",), (("sales", "support"),)),
        lambda desk: Update("queues", ("record",), ("record",), ((desk.ids[4], desk.ids[0]),)),
        lambda desk: Update("queues", ("until",), ("principal",), ((START_MS + MOST_TTL_MS, "agent"),)),
        lambda desk: Update("queues", ("owner",), ("principal",), ((bytes(16), "agent"),)),
        lambda desk: Update("queues", ("mac",), ("principal",), ((b"", "agent"),)),
    ],
    ids=["made", "of another principal", "of another queue", "of another record", "longer", "of another table", "cut"],
)
def test_who_writes_the_file_puts_nothing_into_a_queue(desk: Desk, tamper: Callable[[Desk], Insert | Update]) -> None:
    desk.put(0, 5_000)
    desk.put(1, principal="other")
    desk.put(1, queue="sales", principal="third")
    desk.bench.now[0] += queues.FRESH_MS
    desk.vault.write_now((tamper(desk),))
    with pytest.raises(Damaged):
        held(desk.vault, "agent")
    with pytest.raises(Damaged):
        places(desk.vault)


# --- what is told of it -----------------------------------------------------------------------------------------


def test_a_list_says_who_has_which_record_until_when(desk: Desk) -> None:
    desk.put(1, 60_000)
    desk.put(0, 60_000)
    desk.put(2, principal="other", queue="sales")
    desk.put(3, 1)
    desk.bench.now[0] += 1
    found = [(place.queue, place.principal, desk.ids.index(place.record)) for place in places(desk.vault)]
    assert found == [("sales", "other", 2), ("support", "agent", 0), ("support", "agent", 1)]
    assert [place.until_ms for place in places(desk.vault, "support")] == [START_MS + 60_000] * 2
    assert len(places(desk.vault, principal="other")) == 1
    assert places(desk.vault, "support", "other") == []


def test_putting_and_taking_out_is_audited_without_a_value(desk: Desk) -> None:
    desk.put(0, 60_000)
    desk.remove(0)
    rows = desk.vault.store.select(Select(table="audit", columns=("body", "records"), order=(("seq", True),)))
    for (body, proof), verb in zip(rows[-2:], (b"queues.put", b"queues.remove"), strict=True):
        assert isinstance(body, bytes)
        assert verb in body and b"queue support principal agent" in body and b"people" in body
        assert isinstance(proof, bytes)
        assert proof.endswith(desk.ids[0])
    assert f"until {START_MS + 60_000}".encode() in rows[-2][0]  # type: ignore[operator]  # bytes


# --- other paths ------------------------------------------------------------------------------------------------


def test_a_running_export_loses_what_leaves_the_queue(desk: Desk) -> None:
    for at in (0, 1, 2):
        desk.put(at)

    async def exported() -> list[bytes]:
        found: list[bytes] = []
        chunks = export(desk.vault, lambda: desk.permit("export"), View(desk.names), desk.bench.deed(), rows=1)
        async for chunk in chunks:
            found += [item.id for item in chunk]
            if len(found) == 1:
                await queues.remove(desk.vault, "support", "agent", desk.ids[1], desk.bench.deed())
        return found

    assert desk.bench.run(exported()) == [desk.ids[0], desk.ids[2]]


def test_a_record_outside_the_queue_is_neither_changed_nor_deleted(desk: Desk) -> None:
    desk.put(2)
    there, hidden, nowhere = desk.ids[2], desk.ids[1], digest.random_ids(1)[0]
    said = []
    for record in (hidden, nowhere):
        with pytest.raises(NotFound) as caught:
            change = records.update(desk.vault, desk.permit("update"), record, {"name": "X"}, desk.bench.deed())
            desk.bench.run(change)
        said.append(str(caught.value))
    assert said[0] == said[1]
    delete = records.delete(desk.vault, desk.permit("delete"), [hidden, nowhere], desk.bench.deed())
    assert desk.bench.run(delete) == 0
    desk.bench.run(records.update(desk.vault, desk.permit("update"), there, {"name": "X"}, desk.bench.deed()))
    assert desk.bench.run(records.delete(desk.vault, desk.permit("delete"), [there], desk.bench.deed())) == 1


def test_no_queue_opens_what_no_rule_allows(desk: Desk) -> None:
    desk.put(0)
    with pytest.raises(Denied):
        desk.permit("insert")
