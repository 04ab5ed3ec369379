"""Choices: what counts of what was said, what a signal refuses, what systems are told, and a ledger that tells on who
changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from privet.errors import Conflict, Damaged, LimitExceeded
from privet.rights.consent import ledger as ledgers
from privet.rights.consent.choice import FORGOTTEN, Said, counts, joins, refused_by_signal, stands, told_as
from privet.rights.consent.ledger import CHOICES, Chain, Ledger
from privet.rights.consent.notice import Edition, Mechanism, Notice, Words
from privet.secret import Secret
from privet.store.engines.memory import open_store
from privet.store.port import Clash, Delete, Insert, Select, Unit, Update

ADA, BOB = b"A" * 32, b"B" * 32
DAY = date(2026, 11, 22)
COLUMNS = tuple(column.name for column in CHOICES.columns)


def edition(key: str = "ads", mechanism: Mechanism = "opt_out", *uses: str, signal: bool = True) -> Edition:
    words = {"en": Words("Ads", "We show you ads.")}
    notice = Notice(
        key=key, uses=uses or ("marketing.advertising",), mechanism=mechanism, honours_signal=signal, texts=words
    )
    return Edition(notice=notice, version=1, author="a", created_ms=0)


def said(state: str = "given", at_ms: int = 1, *, notice: str = "ads", **rest: Any) -> Said:
    facts: dict[str, Any] = {"person": ADA, "place": 0, "version": 1, "digest": b"d" * 32, "language": "en"}
    facts |= {"written_ms": at_ms, "source": "center", "how": "code"}
    return Said(**{**facts, "notice": notice, "state": state, "at_ms": at_ms, **rest})


# --- what counts --------------------------------------------------------------------------------------------------


def test_what_was_said_last_counts_and_of_one_moment_what_was_written_last() -> None:
    told = [said("given", 5, place=1), said("refused", 3, place=2), said("withdrawn", 5, place=3)]
    assert counts(told)["ads"].state == "withdrawn"
    assert counts(told[:2])["ads"].state == "given"
    assert counts([said(FORGOTTEN, notice="")]) == {}


@pytest.mark.parametrize(
    ("mechanism", "state", "given"),
    [
        ("opt_in", "", False),
        ("opt_in", "given", True),
        ("opt_in", "refused", False),
        ("opt_in", "withdrawn", False),
        ("opt_out", "", True),
        ("opt_out", "given", True),
        ("opt_out", "refused", False),
        ("opt_out", "withdrawn", False),
        ("notice", "", True),
    ],
)
def test_silence_is_a_no_to_an_opt_in_and_to_nothing_else(mechanism: Mechanism, state: str, given: bool) -> None:
    [found] = stands([edition(mechanism=mechanism)], [said(state)] if state else [])
    assert found.given is given


# --- signals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ([], True),
        ([said("given")], True),
        ([said("given", signal=True)], False),
        ([said("refused")], False),
        ([said("withdrawn")], False),
        ([said("refused", 1, source="signal", signal=True, place=1), said("given", 2, signal=True, place=2)], False),
        ([said("refused", 1, source="signal", signal=True, place=1), said("given", 2, place=2)], True),
    ],
    ids=["silence", "yes", "yes-under-signal", "no", "withdrawn", "yes-after-signal", "yes-without-signal"],
)
def test_a_signal_refuses_what_was_not_said_under_it(told: list[Said], refused: bool) -> None:
    found = refused_by_signal(stands([edition()], told), "US-CA", DAY)
    assert bool(found) is refused


def test_a_signal_and_a_yes_do_not_answer_each_other_for_ever() -> None:
    """The browser sends its signal with every page: each gives at most one row until she speaks again."""
    told: list[Said] = []
    rows = []
    for step in range(40):
        yes = step % 10 == 5
        if yes:
            told.append(said("given", step, place=len(told) + 1, signal=True))
        for each in refused_by_signal(stands([edition()], told), "US-CA", DAY):
            told.append(
                said("refused", step, place=len(told) + 1, source="signal", signal=True, notice=each.notice.key)
            )
            rows.append(step)
    assert rows == [0]


def test_a_signal_binds_only_where_a_law_says_so_and_the_notice_honours_it() -> None:
    assert refused_by_signal(stands([edition()], []), "DE", DAY) == []
    assert refused_by_signal(stands([edition()], []), "US-CA", date(2020, 1, 1)) == []
    assert refused_by_signal(stands([edition(signal=False)], []), "US-CA", DAY) == []


@pytest.mark.parametrize(
    ("device", "hers", "joined"),
    [
        (said("given", 2), None, True),
        (said("given", 2), said("given"), True),
        (said("given", 2), said("refused"), False),
        (said("given", 2), said("withdrawn"), False),
        (said("refused", 2), said("given"), True),
        (said("refused", 2), said("given", signal=True), True),
        (said("refused", 2, source="signal", signal=True), said("given"), True),
        (said("refused", 2, source="signal", signal=True), said("given", signal=True), False),
    ],
    ids=["first", "yes-yes", "no-yes", "withdrawn-yes", "yes-no", "yes-under-signal-no", "yes-signal", "both-signal"],
)
def test_a_device_lifts_no_no_and_its_signal_answers_no_yes_under_it(
    device: Said, hers: Said | None, joined: bool
) -> None:
    assert joins(device, hers) is joined


# --- what systems are told ----------------------------------------------------------------------------------------


def told(*before: Said, now: Said, known: tuple[Edition, ...] = (edition(),)) -> list[tuple[str, str, tuple[str, ...]]]:
    editions = {each.notice.key: each for each in known}
    found = told_as(editions[now.notice], now, counts(before), editions)
    return [(each.kind, each.state, each.uses) for each in found]


ADS = ("marketing.advertising",)


def test_a_no_to_an_opt_out_is_an_objection_and_a_later_yes_lifts_it() -> None:
    assert told(now=said("refused")) == [("consent", "refused", ADS), ("objection", "given", ADS)]
    assert told(said("refused"), now=said("given", 2)) == [("consent", "given", ADS), ("objection", "withdrawn", ADS)]


def test_a_first_yes_lifts_nothing_that_somebody_objected_to_elsewhere() -> None:
    assert told(now=said("given")) == [("consent", "given", ADS)]
    assert told(said("given"), now=said("given", 2)) == [("consent", "given", ADS)]


def test_an_opt_in_is_told_as_consent_alone() -> None:
    news = edition("news", "opt_in", "marketing.communications")
    found = told(now=said("withdrawn", notice="news"), known=(news,))
    assert found == [("consent", "withdrawn", ("marketing.communications",))]


def test_a_use_that_another_notice_still_refuses_stays_refused() -> None:
    wide = edition("wide", "opt_out", "marketing.advertising", "analytics")
    no = said("refused", notice="wide")
    assert told(said("refused"), no, now=said("given", 2), known=(edition(), wide)) == [("consent", "given", ADS)]
    found = told(said("refused"), no, now=said("given", 2, notice="wide"), known=(edition(), wide))
    assert found[1] == ("objection", "withdrawn", ("analytics",))


# --- the ledger ---------------------------------------------------------------------------------------------------


class Book:
    """A ledger in which Ada said three things and Bob one."""

    def __init__(self) -> None:
        self.store = open_store("")
        self.store.define((CHOICES,))
        self.ledger = Ledger(self.store, Secret(b"k" * 32))
        for person, state in ((ADA, "given"), (ADA, "withdrawn"), (ADA, "given"), (BOB, "refused")):
            self.add(person, state)

    def add(self, person: bytes, state: str) -> Chain:
        chain, steps = self.ledger.add(self.ledger.chain(person), [said(state)])
        self.store.write_now(Unit(steps))
        return chain

    def rows(self, person: bytes = ADA) -> list[tuple[Any, ...]]:
        order = (("person", True), ("place", True))
        found = self.store.select(Select(table="choices", columns=COLUMNS, order=order))
        return [row for row in found if row[0] == person]

    def replace(self, rows: list[tuple[Any, ...]]) -> None:
        steps = (Delete("choices", ("person",), ((ADA,),)), Insert("choices", COLUMNS, tuple(rows)))
        self.store.write_now(Unit(steps if rows else steps[:1]))


@pytest.fixture
def book() -> Book:
    return Book()


def test_what_was_written_reads_back_as_it_was_said(book: Book) -> None:
    chain = book.ledger.chain(ADA)
    assert [(each.place, each.state) for each in chain.told] == [(1, "given"), (2, "withdrawn"), (3, "given")]
    assert chain.told[0] == said(person=ADA, place=1)
    assert chain.count == 3
    assert chain.head == book.rows()[-1][-1]
    assert book.ledger.chain(b"C" * 32).count == 0


def test_two_who_write_at_once_clash(book: Book) -> None:
    chain = book.ledger.chain(ADA)
    for expected in (False, True):
        _, steps = book.ledger.add(chain, [said("refused")])
        if expected:
            with pytest.raises(Clash):
                book.store.write_now(Unit(steps))
        else:
            book.store.write_now(Unit(steps))


def _changed(at: int, value: Any) -> Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]]:
    def change(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [rows[0], (*rows[1][:at], value, *rows[1][at + 1 :]), rows[2]]

    return change


_OTHERS = {
    "notice": "news",
    "version": 2,
    "digest": b"e" * 32,
    "language": "de",
    "state": "given",
    "at": 2,
    "written": 2,
    "source": "api",
    "how": "seen",
    "signal": 1,
    "mac": b"m" * 32,
}


@pytest.mark.parametrize("column", _OTHERS)
def test_a_changed_cell_is_found(book: Book, column: str) -> None:
    assert set(_OTHERS) == set(COLUMNS) - {"person", "place"}
    book.replace(_changed(COLUMNS.index(column), _OTHERS[column])(book.rows()))
    with pytest.raises(Damaged):
        book.ledger.chain(ADA)


def _renumbered(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(row[0], place, *row[2:]) for place, row in enumerate(rows, 1)]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[1:],
        lambda rows: [rows[0], rows[2]],
        lambda rows: _renumbered(rows[1:]),
        lambda rows: _renumbered([rows[0], rows[2]]),
        lambda rows: _renumbered([rows[1], rows[0], rows[2]]),
        lambda rows: _renumbered([*rows, rows[0]]),
        _changed(COLUMNS.index("state"), "maybe"),
        _changed(COLUMNS.index("signal"), 7),
        _changed(COLUMNS.index("at"), -1),
    ],
    ids=["first", "middle", "first-renumbered", "middle-renumbered", "order", "again", "state", "signal", "time"],
)
def test_a_dropped_moved_or_repeated_row_is_found(book: Book, change: Any) -> None:
    book.replace(change(book.rows()))
    with pytest.raises(Damaged):
        book.ledger.chain(ADA)


def test_another_persons_rows_are_not_hers(book: Book) -> None:
    book.replace([(ADA, *row[1:]) for row in book.rows(BOB)])
    with pytest.raises(Damaged):
        book.ledger.chain(ADA)


def test_a_cut_end_is_a_chain_of_its_own_which_the_audit_finds_by_its_count_and_head(book: Book) -> None:
    whole = book.ledger.chain(ADA)
    book.replace(book.rows()[:2])
    cut = book.ledger.chain(ADA)
    assert (cut.count, cut.head) != (whole.count, whole.head)


def test_another_key_proves_nothing(book: Book) -> None:
    with pytest.raises(Damaged):
        Ledger(book.store, Secret(b"x" * 32)).chain(ADA)


def test_what_is_forgotten_leaves_a_row_that_counts_it(book: Book) -> None:
    left, steps = book.ledger.forget(book.ledger.chain(ADA), 9)
    book.store.write_now(Unit(steps))
    [row] = book.ledger.chain(ADA).told
    assert (row.place, row.state, row.notice, row.at_ms) == (4, FORGOTTEN, "", 9)
    assert book.ledger.chain(ADA) == left
    assert book.add(ADA, "given").count == 5
    assert [each.place for each in book.ledger.chain(ADA).told] == [4, 5]
    assert book.ledger.chain(BOB).count == 1


def test_nothing_is_forgotten_twice_or_behind_a_new_row(book: Book) -> None:
    with pytest.raises(Conflict):
        book.ledger.forget(Chain(b"C" * 32), 9)
    _, late = book.ledger.forget(book.ledger.chain(ADA), 9)
    book.add(ADA, "refused")
    with pytest.raises(Clash):
        book.store.write_now(Unit(late))
    chain, steps = book.ledger.forget(book.ledger.chain(ADA), 9)
    book.store.write_now(Unit(steps))
    with pytest.raises(Conflict):
        book.ledger.forget(chain, 10)


def test_a_forgotten_row_cannot_be_put_before_what_was_said(book: Book) -> None:
    _, steps = book.ledger.forget(book.ledger.chain(ADA), 9)
    kept = book.rows()
    book.store.write_now(Unit(steps))
    book.replace([*book.rows(), (ADA, 5, *kept[0][2:])])
    with pytest.raises(Damaged):
        book.ledger.chain(ADA)


def test_a_person_says_so_much_and_no_more(book: Book) -> None:
    full = Chain(ADA, (replace(said(), place=ledgers.MOST_TOLD),), bytes(32))
    with pytest.raises(LimitExceeded):
        book.ledger.add(full, [said()])


def test_the_chains_of_everybody_come_person_by_person(book: Book) -> None:
    found = [book.ledger.checked(person, rows) for person, rows in book.ledger.chains()]
    assert [(chain.person, chain.count) for chain in found] == [(ADA, 3), (BOB, 1)]


def test_nothing_of_a_ledger_prints_its_key(book: Book) -> None:
    assert "kkkk" not in repr(book.ledger)


def test_an_update_of_a_single_cell_in_the_file_is_found(book: Book) -> None:
    step = Update("choices", ("state",), ("person", "place"), (("given", ADA, 2),))
    book.store.write_now(Unit((step,)))
    with pytest.raises(Damaged):
        book.ledger.chain(ADA)
