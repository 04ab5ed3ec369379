"""One-time codes and passes: what opens, what does not, and what rows show of it. Every address is invented."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.keys import KeyRing
from privet.crypto.keystores.local import LocalStore
from privet.errors import InvalidValue, PrivetError, Unauthenticated
from privet.rights.identity import codes as limits
from privet.rights.identity.codes import CODE_MS, CODES, HOUR_MS, MOST_TRIES, Claimed, Codes, Made, WrongCode
from privet.rights.identity.passes import PASS_MS, PASSES, Pass, Passes
from privet.rights.identity.person import canonical, derived, handle, mailbox
from privet.secret import Secret
from privet.store.port import ENGINES, Delete, Insert, Select, Step, Store, Unit, Update

T = TypeVar("T")
NOW = 1_800_000_000_000
HOUSE = bytes(range(16))
KEY = derived(Secret(b"k" * 32))
ADA = "ada@example.com"


def code_of(made: Made) -> str:
    assert made.code is not None
    return made.code.reveal()


def other(code: str) -> str:
    """Return a code that is not this one."""
    return f"{(int(code) + 1) % 10**8:08}"


class Door:
    """Codes and passes over one store, and a clock that tests move."""

    def __init__(self, store: Store, ring: KeyRing) -> None:
        self.store, self.ring, self.now = store, ring, NOW
        store.define((CODES, PASSES))
        self.runner = asyncio.Runner()
        self.open()

    def open(self) -> None:
        """Begin anew over the same rows, as another process would."""
        self.codes = Codes(self.store, self.ring, HOUSE, KEY)
        self.passes = Passes(self.store, self.ring, HOUSE, KEY)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def make(self, address: str = ADA) -> Made:
        return self.run(self.codes.make(Claimed("email", address, "en"), self.now))

    def take(self, id_: str, code: str) -> str:
        """Return the address that a code proves. Raises WrongCode."""
        return self.run(self.codes.take(id_, code, self.now, lambda claimed: ())).value

    def wrong(self, id_: str, code: str) -> bool:
        try:
            self.take(id_, code)
        except WrongCode:
            return True
        return False

    def close(self) -> None:
        self.runner.close()
        self.store.close()


def a_ring() -> KeyRing:
    ring = KeyRing.create(LocalStore(Secret(b"r" * 32)), HOUSE, now=1)
    ring.add("cell", HOUSE, now=1)
    return ring


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door(ENGINES.get("memory").open(""), a_ring())
    yield made
    made.close()


# --- handles ------------------------------------------------------------------------------------------------------


def test_handle_is_of_the_canonical_identity_and_of_its_kind() -> None:
    assert handle(KEY, "email", " ada@EXAMPLE.com") == handle(KEY, "email", ADA)
    assert handle(KEY, "email", "Ada@example.com") != handle(KEY, "email", ADA)  # RFC 5321, section 2.4
    assert handle(KEY, "customer_id", ADA) != handle(KEY, "email", ADA)
    assert handle(derived(Secret(b"j" * 32)), "email", ADA) != handle(KEY, "email", ADA)
    assert len(handle(KEY, "email", ADA)) == 32


def test_handle_of_no_address_is_refused_without_the_text() -> None:
    with pytest.raises(InvalidValue) as told:
        canonical("email", "canary-no-address")
    assert "canary" not in f"{told.value} {told.value.hint}"


@pytest.mark.parametrize("text", ["ADA@example.com", "ada+news@example.com", "a.d.a@example.com", "A.da+x@example.com"])
def test_ways_to_write_one_mailbox_share_its_limit(text: str) -> None:
    assert mailbox(KEY, text) == mailbox(KEY, ADA)
    assert handle(KEY, "email", text) != handle(KEY, "email", ADA)  # but never an identity


# --- codes --------------------------------------------------------------------------------------------------------


def test_code_opens_once(door: Door) -> None:
    made = door.make()
    assert len(code_of(made)) == 8 and code_of(made).isdecimal()
    assert door.take(made.id, code_of(made)) == ADA
    assert door.wrong(made.id, code_of(made))


def test_code_is_read_with_the_spaces_that_people_type(door: Door) -> None:
    made = door.make()
    code = code_of(made)
    assert door.take(made.id, f" {code[:4]} {code[4:]} ") == ADA


def test_code_opens_until_its_last_millisecond(door: Door) -> None:
    early, late = door.make(), door.make("eve@example.com")
    door.now += CODE_MS - 1
    assert door.take(early.id, code_of(early)) == ADA
    door.now += 1
    assert door.wrong(late.id, code_of(late))


def test_code_of_another_id_opens_nothing(door: Door) -> None:
    one, two = door.make(), door.make("eve@example.com")
    assert door.wrong(one.id, code_of(two)) or code_of(one) == code_of(two)
    assert door.take(two.id, code_of(two)) == "eve@example.com"


@pytest.mark.parametrize("id_", ["", "void", "0" * 32, "é", "\ud800", "x" * 64])
def test_id_that_nobody_was_given_opens_nothing(door: Door, id_: str) -> None:
    door.make()
    assert door.wrong(id_, "00000000")


def test_after_five_tries_the_right_code_opens_nothing(door: Door) -> None:
    made = door.make()
    assert all(door.wrong(made.id, other(code_of(made))) for _ in range(MOST_TRIES))
    assert door.wrong(made.id, code_of(made))


def test_the_fifth_try_still_counts(door: Door) -> None:
    made = door.make()
    assert all(door.wrong(made.id, other(code_of(made))) for _ in range(MOST_TRIES - 1))
    assert door.take(made.id, code_of(made)) == ADA


def test_address_has_ten_tries_in_an_hour_over_all_its_codes(door: Door) -> None:
    first, second, third = door.make(), door.make("ada+1@example.com"), door.make("A.da@example.com")
    for made in (first, second):
        assert all(door.wrong(made.id, other(code_of(made))) for _ in range(MOST_TRIES))
    assert door.wrong(third.id, code_of(third))
    door.now += HOUR_MS + CODE_MS
    again = door.make()
    assert door.take(again.id, code_of(again)) == ADA


def test_house_has_a_number_of_tries_in_an_hour(door: Door) -> None:
    made = door.make()
    used = door.make("eve@example.com")
    change = ((limits.MOST_TRIES_OF_HOUSE, used.id),)
    door.store.write_now(Unit((Update("center_codes", ("tries",), ("id",), change),)))
    assert door.wrong(made.id, code_of(made))


def test_mailbox_has_three_codes_in_an_hour_and_is_told_the_same_of_a_fourth(door: Door) -> None:
    made = [door.make() for _ in range(5)]
    assert [each.code is not None for each in made] == [True, True, True, False, False]
    assert len({each.id for each in made}) == 5 and {each.expires_ms for each in made} == {NOW + CODE_MS}
    assert door.wrong(made[4].id, "00000000")
    assert door.make("eve@example.com").code is not None
    door.now += HOUR_MS
    assert door.make().code is not None


def test_house_has_a_number_of_codes_in_an_hour(door: Door) -> None:
    columns = tuple(column.name for column in CODES.columns)
    rows = [(f"{at:032}", bytes(32), b"", b"", NOW, 0, 0) for at in range(limits.MOST_OF_HOUSE - 1)]
    door.store.write_now(Unit((Insert("center_codes", columns, rows),)))
    assert [door.make(f"p{number}@example.com").code is not None for number in range(3)] == [True, False, False]
    door.now += HOUR_MS
    assert door.make("p9@example.com").code is not None


def test_limits_hold_after_a_restart(door: Door) -> None:
    made = [door.make() for _ in range(3)]
    assert all(door.wrong(made[0].id, other(code_of(made[0]))) for _ in range(MOST_TRIES))
    door.open()
    assert door.make().code is None
    assert door.wrong(made[0].id, code_of(made[0]))
    assert door.take(made[1].id, code_of(made[1])) == ADA


def test_code_that_came_twice_at_once_opens_once(door: Door) -> None:
    made = door.make()

    async def both() -> list[object]:
        tries = [door.codes.take(made.id, code_of(made), door.now, lambda claimed: ()) for _ in range(20)]
        return list(await asyncio.gather(*tries, return_exceptions=True))

    found = door.run(both())
    assert sum(isinstance(each, Claimed) for each in found) == 1
    assert sum(isinstance(each, WrongCode) for each in found) == 19


def test_guesses_at_once_are_no_more_than_guesses_one_by_one(door: Door) -> None:
    made = door.make()
    right = code_of(made)
    guesses = [f"{(int(right) + step) % 10**8:08}" for step in range(1, 101)]

    async def all_at_once() -> int:
        tries = [door.codes.take(made.id, each, door.now, lambda claimed: ()) for each in guesses]
        return sum(isinstance(each, WrongCode) for each in await asyncio.gather(*tries, return_exceptions=True))

    for _ in range(MOST_TRIES):
        assert door.run(all_at_once()) == 100
    assert door.wrong(made.id, right)
    [[tries]] = [row for row in door.store.select(Select(table="center_codes", columns=("tries",))) if row[0]]
    assert tries == MOST_TRIES


def test_codes_asked_for_at_once_are_no_more_than_three(door: Door) -> None:
    async def many() -> list[Made]:
        asks = [door.codes.make(Claimed("email", ADA, "en"), door.now) for _ in range(30)]
        return await asyncio.gather(*asks)

    assert sum(each.code is not None for each in door.run(many())) <= 3
    assert door.make().code is None


def test_clock_that_is_set_back_ends_a_code_and_lengthens_none(door: Door) -> None:
    made, kept = door.make(), door.make()
    door.now -= 5 * 60_000
    assert door.wrong(made.id, code_of(made))
    door.now += 5 * 60_000
    assert door.wrong(made.id, code_of(made))  # seen before it was made, so it is spent for good
    assert door.take(kept.id, code_of(kept)) == ADA


def test_clock_that_is_set_back_frees_no_limit(door: Door) -> None:
    assert all(door.make().code is not None for _ in range(3))
    door.now -= 30 * 60_000
    assert door.make().code is None


def forge(door: Door, **cells: int) -> None:
    """Write cells of every code, as somebody could who holds the database and no key."""
    for row in door.store.select(Select(table="center_codes", columns=("id",))):
        change = ((*cells.values(), row[0]),)
        door.store.write_now(Unit((Update("center_codes", tuple(cells), ("id",), change),)))


def test_code_is_not_made_to_live_longer_by_who_writes_rows(door: Door) -> None:
    made = door.make()
    door.now += CODE_MS
    forge(door, created=door.now, tries=0, spent=0)
    assert door.wrong(made.id, code_of(made))


def test_who_writes_rows_guesses_no_more_often_in_an_hour(door: Door) -> None:
    made = door.make()
    for _ in range(limits.MOST_TRIES_OF_HOUSE):
        assert door.wrong(made.id, other(code_of(made)))
        forge(door, tries=0, spent=0)
    assert door.wrong(made.id, code_of(made))


def test_who_writes_rows_has_no_more_codes_made_in_an_hour(door: Door) -> None:
    for _ in range(limits.MOST_OF_HOUSE):
        assert door.make().code is not None
        rows = door.store.select(Select(table="center_codes", columns=("id",)))
        door.store.write_now(Unit((Delete("center_codes", ("id",), tuple(rows)),)))
    assert door.make().code is None
    door.now += HOUR_MS
    assert door.make().code is not None


def test_steps_beside_happen_with_the_spending_or_not_at_all(door: Door) -> None:
    made = door.make()
    missing = Update("center_passes", ("expires",), ("proof",), ((1, b"no such row"),))
    with pytest.raises(WrongCode):
        door.run(door.codes.take(made.id, code_of(made), door.now, lambda claimed: (missing,)))
    assert door.take(made.id, code_of(made)) == ADA


def test_process_that_dies_before_it_answers_leaves_the_code_spent(door: Door) -> None:
    class Dying:
        def select(self, question: Select) -> Any:
            return door.store.select(question)

        def write_now(self, unit: Unit) -> None:
            door.store.write_now(unit)

        async def write(self, unit: Unit) -> None:
            await door.store.write(unit)
            raise KeyboardInterrupt

    made = door.make()
    store: Any = Dying()
    door.codes = Codes(store, door.ring, HOUSE, KEY)
    with pytest.raises(KeyboardInterrupt):
        door.take(made.id, code_of(made))
    door.open()
    assert door.wrong(made.id, code_of(made))


def test_every_way_to_be_wrong_is_one_error(door: Door) -> None:
    spent, tried, late = door.make(), door.make("b@example.com"), door.make("c@example.com")
    door.take(spent.id, code_of(spent))
    for _ in range(MOST_TRIES):
        door.wrong(tried.id, other(code_of(tried)))
    cases = [("no-such-id", "1"), (spent.id, code_of(spent)), (tried.id, code_of(tried)), (late.id, "")]
    told = set()
    for id_, code in cases:
        with pytest.raises(WrongCode) as error:
            door.take(id_, code)
        told.add((type(error.value), str(error.value), error.value.hint, error.value.code))
    door.now += CODE_MS
    with pytest.raises(WrongCode) as error:
        door.take(late.id, code_of(late))
    told.add((type(error.value), str(error.value), error.value.hint, error.value.code))
    assert len(told) == 1


@given(st.text(max_size=40))
def test_no_text_but_the_code_opens(text: str) -> None:
    door = Door(ENGINES.get("memory").open(""), a_ring())
    made = door.make()
    if "".join(text.split()) != code_of(made):
        assert door.wrong(made.id, text)
    door.close()


def test_what_no_limit_counts_any_more_is_swept(door: Door) -> None:
    door.make()
    door.now += HOUR_MS + CODE_MS - 1
    assert door.codes.swept(door.now) == ()
    door.now += 1
    door.store.write_now(Unit(door.codes.swept(door.now)))
    assert [row[0] for row in door.store.select(Select(table="center_codes", columns=("id",)))] == ["void"]


def test_every_ask_and_every_try_is_one_write_of_one_row(door: Door) -> None:
    """What is limited costs what is not: else the time tells."""
    seen: list[list[str]] = []

    class Watched:
        def select(self, question: Select) -> Any:
            return door.store.select(question)

        def write_now(self, unit: Unit) -> None:
            door.store.write_now(unit)

        async def write(self, unit: Unit) -> None:
            seen.append([f"{type(step).__name__} {len(step.rows)}" for step in unit.steps])  # type: ignore[union-attr]
            await door.store.write(unit)

    store: Any = Watched()
    door.codes = Codes(store, door.ring, HOUSE, KEY)
    made = [door.make() for _ in range(4)]
    assert seen == [["Put 1"]] * 4
    seen.clear()
    for id_, code in (("none", "1"), (made[0].id, other(code_of(made[0]))), (made[3].id, "1")):
        assert door.wrong(id_, code)
    assert seen == [["Update 1"]] * 3


# --- passes -------------------------------------------------------------------------------------------------------


def a_pass(door: Door, address: str = ADA) -> tuple[str, Pass]:
    secret, held, step = door.passes.new(Claimed("email", address, "de"), door.now, how="code")
    door.store.write_now(Unit((step,)))
    return secret.reveal(), held


def test_pass_is_of_one_identity_for_half_an_hour(door: Door) -> None:
    text, held = a_pass(door)
    assert door.passes.read(text, NOW + PASS_MS - 1) == held or door.passes.read(text, NOW).handle == held.handle
    assert held.identities == {"email": ADA} and held.who == f"person:{held.handle.hex()[:32]}"
    assert held.language == "de" and held.how == "code"
    for moment in (NOW + PASS_MS, NOW - 1):
        with pytest.raises(Unauthenticated):
            door.passes.read(text, moment)


def test_pass_that_was_ended_opens_nothing(door: Door) -> None:
    text, held = a_pass(door)
    door.store.write_now(Unit((door.passes.ended(held),)))
    with pytest.raises(Unauthenticated):
        door.passes.read(text, NOW)


def test_pass_is_not_lengthened_nor_made_another_by_who_writes_rows(door: Door) -> None:
    ours, held = a_pass(door)
    theirs, _ = a_pass(door, "eve@example.com")
    rows = {row[0]: row[1] for row in door.store.select(Select(table="center_passes", columns=("proof", "sealed")))}
    sealed = [cell for proof, cell in rows.items() if proof != held.proof]
    swap: tuple[Step, ...] = (Update("center_passes", ("sealed",), ("proof",), ((sealed[0], held.proof),)),)
    door.store.write_now(Unit(swap))
    with pytest.raises(Unauthenticated):
        door.passes.read(ours, NOW)
    longer = Update("center_passes", ("expires",), ("proof",), ((NOW * 2, next(p for p in rows if p != held.proof)),))
    door.store.write_now(Unit((longer,)))
    with pytest.raises(Unauthenticated):
        door.passes.read(theirs, NOW + PASS_MS)


@pytest.mark.parametrize("text", ["", "pvp_", "pvt_owner_0", "pvp_" + "A" * 43])
def test_text_that_is_no_pass_opens_nothing(door: Door, text: str) -> None:
    a_pass(door)
    with pytest.raises(Unauthenticated):
        door.passes.read(text, NOW)


def test_passes_that_are_over_are_swept(door: Door) -> None:
    a_pass(door)
    assert door.passes.swept(NOW + PASS_MS - 1) == ()
    door.store.write_now(Unit(door.passes.swept(NOW + PASS_MS)))
    assert door.store.select(Select(table="center_passes", columns=("proof",))) == []


# --- what is kept -------------------------------------------------------------------------------------------------


def test_no_address_code_or_pass_lies_in_the_database(tmp_path: Path) -> None:
    door = Door(ENGINES.get("sqlite").open(str(tmp_path / "control.db")), a_ring())
    address = "canary.person@example.com"
    made = door.make(address)
    door.take(made.id, code_of(made))
    text, held = a_pass(door, address)
    over = [door.make(address) for _ in range(3)]
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in ("canary", "person@example", code_of(made), text, text[4:]):
        assert word.encode() not in found, word
    assert made.id.encode() in found and over[2].code is None  # the search finds what is there
    assert held.proof in found
    door.close()


def test_nothing_shows_a_code_or_an_identity_by_accident(door: Door) -> None:
    made = door.make("canary@example.com")
    _, held = a_pass(door, "canary@example.com")
    shown = f"{made!r} {held!r} {Claimed('email', 'canary@example.com', 'en')!r}"
    assert "canary" not in shown and code_of(made) not in shown
    with pytest.raises(PrivetError) as told:
        door.take(made.id, other(code_of(made)))
    assert made.id not in str(told.value)
