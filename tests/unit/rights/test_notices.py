"""Notices: what a file of them may say, which of them a person is shown, and versions that never change."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from privet import codec
from privet.errors import Damaged, InvalidBatch, InvalidInput, MalformedBody
from privet.rights.consent.notice import NOTICES, Board, Edition, Notice, Words, read, shown_in
from privet.rights.consent.region import NOWHERE, binds, covers, read_region
from privet.secret import Secret
from privet.store.engines.memory import open_store
from privet.store.port import Clash, Delete, Select, Store, Unit, Update

USES = {"marketing.communications.email", "marketing.advertising", "essential.service"}
GOOD: dict[str, Any] = {
    "key": "news",
    "uses": ["marketing.communications.email"],
    "mechanism": "opt_in",
    "texts": {"en": {"title": "News", "text": "We write to you."}, "de": {"title": "Neues", "text": "Wir schreiben."}},
}


def text(*said: dict[str, Any]) -> str:
    return codec.encode({"notices": list(said)}).decode()


def one(**changes: Any) -> Notice:
    [found] = read(text({**GOOD, **changes}), "n", USES)
    return found


def test_a_file_says_notices_in_yaml_or_json() -> None:
    yaml = """
notices:
  - key: news
    uses: [marketing.communications.email]
    regions: [de, us-ca]
    mechanism: opt_out
    honours_signal: true
    texts:
      en: {title: News, text: "We write to you."}
"""
    [found] = read(yaml, "n.yml", USES)
    assert (found.key, found.regions, found.mechanism, found.honours_signal) == (
        "news",
        ("DE", "US-CA"),
        "opt_out",
        True,
    )
    assert found.texts == {"en": Words("News", "We write to you.")}
    assert one().regions == ("",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": "News!"}, "expected `key`"),
        ({"key": "restriction"}, "kept for flags"),
        ({"uses": ["marketing.comunications.email"]}, "expected a use"),
        ({"uses": []}, "expected `uses`"),
        ({"uses": [7]}, "expected a use"),
        ({"regions": ["XX"]}, "expected a region"),
        ({"regions": "DE"}, "expected `regions`"),
        ({"mechanism": "maybe"}, "expected `mechanism`"),
        ({"honours_signal": "yes"}, "expected `honours_signal`"),
        ({"mechanism": "notice", "honours_signal": True}, "honours no signal"),
        ({"texts": {}}, "expected `texts`"),
        ({"texts": {"english": {"title": "a", "text": "b"}}}, "expected a language tag"),
        ({"texts": {"EN": {"title": "a", "text": "b"}}}, "expected a language tag"),
        ({"texts": {"en": {"title": "a"}}}, "expected `title` and `text`"),
        ({"texts": {"en": {"title": " ", "text": "b"}}}, "expected `title`"),
        ({"texts": {"en": {"title": "a", "text": "b" * 20_001}}}, "expected `text`"),
        ({"txts": {}}, "unknown key"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidBatch) as caught:
        one(**changes)
    assert said in caught.value.message
    assert caught.value.at.startswith("n:1:")


def test_every_fault_of_a_file_is_told_at_once_and_quotes_nothing_of_it() -> None:
    with pytest.raises(InvalidBatch) as caught:
        read(
            text({**GOOD, "key": "ada@example.com", "uses": ["ada@example.com"]}, {**GOOD, "mechanism": "?"}), "n", USES
        )
    assert len(caught.value.faults) == 3
    assert "ada" not in " ".join(f"{fault} {fault.hint}" for fault in caught.value.faults)


@pytest.mark.parametrize("bad", ["notices: []", "notices: {}", "a: 1", "[]", "notices:\n- {}\nmore: 1"])
def test_a_file_of_another_form_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput):
        read(bad, "n", USES)


def test_a_key_stands_once_and_a_repeated_yaml_key_is_refused() -> None:
    with pytest.raises(InvalidBatch, match="once"):
        read(text(GOOD, GOOD), "n", USES)
    with pytest.raises(MalformedBody):
        read("notices: []\nnotices: []", "n", USES)


def test_the_digest_names_the_text_and_does_not_ask_in_which_order_it_was_written() -> None:
    turned = dict(reversed(list(GOOD["texts"].items())))
    assert one().digest == one(texts=turned).digest
    other = [one(uses=["essential.service"]), one(mechanism="opt_out"), one(regions=["DE"]), one(key="b")]
    other.append(one(texts={"en": {"title": "News", "text": "We write to you!"}}))
    assert len({one().digest, *(each.digest for each in other)}) == 6


@pytest.mark.parametrize(
    ("asked", "language"), [("de", "de"), ("de-AT", "de"), ("fr", "en"), ("en-GB", "en"), ("", "en")]
)
def test_words_come_in_the_language_that_fits_best(asked: str, language: str) -> None:
    assert one().words(asked)[0] == language


def test_words_come_in_the_first_language_where_there_is_no_english() -> None:
    assert one(texts={"pt-BR": {"title": "a", "text": "b"}}).words("pt")[0] == "pt-BR"
    assert one(texts={"fr": {"title": "a", "text": "b"}}).words("de")[0] == "fr"


@pytest.mark.parametrize(
    ("asked", "language"),
    [("PT-br", "pt-BR"), ("pt_BR", "pt-BR"), ("DE", "de"), ("de-CH", "de"), ("pt-AO", "pt-PT"), ("FR-ca", "fr-FR")],
)
def test_words_do_not_ask_how_a_language_is_written(asked: str, language: str) -> None:
    said = {"title": "a", "text": "b"}
    assert one(texts=dict.fromkeys(("en", "de", "pt-PT", "pt-BR", "fr-FR"), said)).words(asked)[0] == language


# --- regions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regions", "region", "closeness"),
    [
        (("",), "", 0),
        (("",), "FR", 0),
        (("EU",), "FR", 1),
        (("EU",), "EU", 1),
        (("EEA",), "EU", 1),
        (("EU",), "EEA", NOWHERE),
        (("EU",), "NO", NOWHERE),
        (("EEA",), "NO", 1),
        (("EU", "FR"), "FR", 2),
        (("US",), "US-CA", 2),
        (("US-CA", "US"), "US-CA", 3),
        (("US-CA",), "US-NY", NOWHERE),
        (("US-CA",), "US", NOWHERE),
        (("DE",), "", NOWHERE),
        (("EU",), "", NOWHERE),
        ((), "DE", NOWHERE),
    ],
)
def test_the_closest_name_of_a_region_counts(regions: tuple[str, ...], region: str, closeness: int) -> None:
    assert covers(regions, region) == closeness


@pytest.mark.parametrize("bad", ["XX", "USA", "U", "US-", "US-CALI", "ada@example.com", "US CA"])
def test_a_region_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_region(bad)
    assert bad not in str(caught.value)


@pytest.mark.parametrize(
    ("region", "day", "bound"),
    [
        ("US-CA", date(2023, 1, 1), True),  # Cal. Code Regs. tit. 11, § 7025
        ("US-CA", date(2022, 12, 31), False),
        ("US-CO", date(2024, 7, 1), True),  # Colo. Rev. Stat. § 6-1-1306(1)(a)(IV)(B)
        ("US-CO", date(2024, 6, 30), False),
        ("US", date(2023, 1, 1), True),  # she may be in California
        ("US", date(2022, 12, 31), False),
        ("", date(2023, 1, 1), True),
        ("", date(2022, 12, 31), False),
        ("DE", date(2026, 11, 22), False),
        ("EU", date(2026, 11, 22), False),
    ],
)
def test_a_signal_binds_where_and_since_when_a_law_says_so(region: str, day: date, bound: bool) -> None:
    assert binds(region, day) is bound


def editions(*notices: Notice) -> list[Edition]:
    return [Edition(notice=each, version=1, author="a", created_ms=0) for each in notices]


def test_of_notices_on_the_same_uses_the_one_that_names_the_region_most_closely_is_shown() -> None:
    known = editions(
        one(key="all"),
        one(key="us", regions=["US"]),
        one(key="ca", regions=["US-CA"]),
        one(key="other", uses=["essential.service"]),
    )
    assert [each.notice.key for each in shown_in(known, "DE")] == ["all", "other"]
    assert [each.notice.key for each in shown_in(known, "US-NY")] == ["us", "other"]
    assert [each.notice.key for each in shown_in(known, "US-CA")] == ["ca", "other"]
    assert [each.notice.key for each in shown_in(known, "")] == ["all", "other"]


def test_a_retired_notice_is_not_shown_and_hides_no_other() -> None:
    [wide, narrow] = editions(one(key="all"), one(key="us", regions=["US"]))
    retired = Edition(notice=narrow.notice, version=2, author="a", created_ms=0, retired=True)
    assert [each.notice.key for each in shown_in([wide, retired], "US")] == ["all"]


# --- where they stand ---------------------------------------------------------------------------------------------


@pytest.fixture
def store() -> Store:
    made = open_store("")
    made.define((NOTICES,))
    return made


def put(board: Board, version: int, **changes: Any) -> None:
    edition = Edition(notice=one(**changes), version=version, author="a", created_ms=version)
    board.store.write_now(Unit((board.step(edition),)))


def test_versions_are_kept_and_the_newest_is_known(store: Store) -> None:
    board = Board(store, Secret(bytes(32)))
    put(board, 1)
    put(board, 2, mechanism="opt_out")
    put(board, 1, key="b")
    assert [each.notice.mechanism for each in board.versions("news")] == ["opt_in", "opt_out"]
    assert [(each.notice.key, each.version) for each in board.newest()] == [("b", 1), ("news", 2)]
    with pytest.raises(Clash):
        put(board, 2, mechanism="notice")


@pytest.mark.parametrize("way", ["changed", "dropped", "moved"])
def test_a_version_that_was_changed_dropped_or_moved_is_damaged(store: Store, way: str) -> None:
    board = Board(store, Secret(bytes(32)))
    for version in (1, 2, 3):
        put(board, version, texts={"en": {"title": f"t{version}", "text": "x"}})
    if way == "dropped":
        store.write_now(Unit((Delete("notices", ("notice", "version"), (("news", 2),)),)))
    if way == "moved":
        store.write_now(Unit((Update("notices", ("version",), ("notice", "version"), ((9, "news", 3),)),)))
    if way == "changed":
        body = store.select(board_rows())[0][0]
        assert isinstance(body, bytes)
        store.write_now(Unit((Update("notices", ("body",), ("version",), ((body.replace(b"t1", b"t9"), 1),)),)))
    with pytest.raises(Damaged):
        board.versions("news")


def test_a_newest_version_that_was_changed_is_damaged(store: Store) -> None:
    board = Board(store, Secret(bytes(32)))
    put(board, 1)
    store.write_now(Unit((Update("notices", ("body",), ("version",), ((b"{}", 1),)),)))
    with pytest.raises(Damaged):
        board.newest()


def board_rows() -> Select:
    return Select(table="notices", columns=("body",), order=(("version", True),))
