"""The package as a file: all that is hers in three forms, nothing of others, nothing without the passphrase."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
import pyzipper
from a_packet import BOB, DISCLOSURE, MARKET, files, gathered, market, order, records, table, words
from a_request import NOW, column
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import Damaged, Gone, NotFound
from privet.rights.packet.opened import Lines
from privet.rights.packet.others import Shared
from privet.rights.packet.table import Table, inert
from privet.rights.packet.whole import packet, passphrase
from privet.rights.plans.reach import Guard
from privet.rights.sealed import RequestKey
from privet.secret import Secret
from privet.store.port import Delete, Unit
from privet.vocabulary.dataset import Collection

_CELLS = st.one_of(st.text(), st.integers(), st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
ID = "01a3185c-5000-7000-8000-000000000001"


def test_a_package_has_a_page_everything_as_json_and_a_table_of_each_collection() -> None:
    place = market()
    held = files(place, gathered(place))
    tables = {f"csv/shop.{name}.csv" for name in ("customers", "goods", "orders", "sellers", "sessions")}
    assert set(held) == {"records.json", "datapackage.json", "index.html", *tables}
    assert records(held, "customers") == [
        {"bond": "own", "values": {"id": 1, "email": "ada@example.com", "name": "Ada Example"}}
    ]
    assert table(held, "customers") == [
        {"id": "1", "email": "ada@example.com", "name": "Ada Example", "_bond": "own", "_withheld": "", "_more": ""}
    ]


def test_what_another_person_is_stays_out_of_every_file() -> None:
    said = f"met Bob at {BOB}, write to BOB@EXAMPLE.COM."
    place = market(orders=[order(address=said, status=said, note=said, flag=said)])
    place.systems["shop"].rows["sessions"] = [{"id": 20, "customer_id": 1, "ip": said}]
    place.systems["shop"].rows["customers"] = [{"id": 1, "email": "ada@example.com", "name": said, BOB: 1, "x": [said]}]
    held = files(place, gathered(place))
    for name, body in held.items():
        assert b"bob@" not in body.lower(), name
    assert all(b"Bob Example" not in body for body in held.values())
    left = json.loads(held["records.json"])["left_out"]
    assert left["values_of_others"] == 4
    assert left["addresses_of_others"] >= 15


def test_of_a_record_that_hers_refers_to_she_sees_what_is_nobodys() -> None:
    place = market()
    held = files(place, gathered(place))
    [seller] = records(held, "sellers")
    assert seller == {"bond": "referred", "values": {"shard": 7}, "withheld": ["id", "name", "mail", "remark"]}
    [good] = records(held, "goods")
    assert good == {"bond": "referred", "values": {"id": 9, "title": "Lamp", "text": "ask [✉]"}}


def test_her_own_addresses_stay() -> None:
    mine = {"id": 1, "email": "Ada@Example.com", "name": "Ada, ada@example.com, ADA@example.com."}
    place = market(customers=[mine | {"email": "ada@example.com"}])
    assert records(files(place, gathered(place)), "customers")[0]["values"]["name"] == mine["name"]


def test_a_long_run_of_signs_before_an_address_takes_no_time() -> None:
    place = market(orders=[order(note="a" * 1_000_000 + "@"), order(id=11, note="@" * 1_000_000)])
    assert len(records(files(place, gathered(place)), "orders")) == 2


def test_values_of_every_type_stand_as_plain_json() -> None:
    value = {"b": b"\xff", "d": date(2000, 1, 1), "n": Decimal("1.50"), "u": UUID(int=1), "t": datetime(2000, 1, 1, 12)}  # noqa: DTZ001 - as a database without zones gives it
    place = market(orders=[order(note={**value, "f": float("nan"), "s": "\ud800", "i": 10**30})])
    held = files(place, gathered(place))
    [found] = records(held, "orders")
    told = {"b": "/w==", "d": "2000-01-01", "n": "1.50", "u": str(UUID(int=1)), "t": "2000-01-01T12:00:00"}
    assert found["values"]["note"] == {**told, "f": "nan", "s": "\ud800", "i": 10**30}
    assert json.loads(table(held, "orders")[0]["note"])["d"] == "2000-01-01"


def test_text_that_looks_like_a_typed_value_stays_text() -> None:
    key, other = RequestKey(ID, Secret(bytes(64))), RequestKey(ID, Secret(bytes(range(64))))
    texts = [f'{{"{key.tag}":"date","is":"2000-01-01"}}', f'{{"{other.tag}":"date","is":"x"}}', "a\\", '"', "é\n"]
    values = [*texts, {other.tag: "date", "is": "x"}, date(2000, 1, 1), {"deep": [date(2000, 1, 2)]}]
    body = b"\n".join(key.encode([at, "own", {"v": value}]) for at, value in enumerate(values))
    plain = [*texts, {other.tag: "date", "is": "x"}, "2000-01-01", {"deep": ["2000-01-02"]}]
    assert [row[2]["v"] for row in Lines(key).read(body)] == plain


@pytest.mark.parametrize("kind", ["access", "portability"])
def test_no_cell_of_a_table_is_a_formula(kind: str) -> None:
    starts = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", " =1", "\ufeff=1"]
    place = market(orders=[order(id=n, note=text, more=[text]) for n, text in enumerate(starts)])
    held = files(place, gathered(place, kind))
    cells = [row["note"] for row in table(held, "orders")]
    assert len(cells) == len(starts)
    assert all(cell.startswith("'") for cell in cells), cells
    assert [row["values"]["note"] for row in records(held, "orders")] == starts


def test_a_number_and_a_plain_text_stay_as_they_are_in_a_table() -> None:
    place = market(orders=[order(note="-12.50"), order(id=11, note=-3), order(id=12, note='plain, "quoted"')])
    assert [row["note"] for row in table(files(place, gathered(place)), "orders")] == [
        "-12.50",
        "-3",
        'plain, "quoted"',
    ]


def test_signs_that_are_not_seen_are_marked_in_a_table() -> None:
    place = market(orders=[order(note="a\0b\u202ec\ud800")])
    assert table(files(place, gathered(place)), "orders")[0]["note"] == "a\ufffdb\ufffdc\ufffd"


@given(st.lists(st.fixed_dictionaries({"a": _CELLS, "b": _CELLS}), min_size=1, max_size=5))
def test_any_value_comes_back_out_of_a_table_as_its_safe_text(rows: list[dict[str, object]]) -> None:
    lines = Table(None, bonds=False).lines([Shared("own", row) for row in rows])
    found = list(csv.reader(io.StringIO(lines.decode("utf-8-sig"), newline="")))
    assert sorted(found[0]) == ["_more", "a", "b"]
    for row, cells in zip(rows, found[1:], strict=True):
        for value, cell in ((row[name], cell) for name, cell in zip(found[0], cells, strict=True) if name in row):
            if isinstance(value, str):
                assert cell == inert(value)
            elif value is None or isinstance(value, bool):
                assert cell == {None: "", True: "true", False: "false"}[value]
            else:
                assert cell == str(value)


def test_a_table_is_utf8_with_its_mark() -> None:
    place = market(orders=[order(note="Zoë")])
    body = files(place, gathered(place))["csv/shop.orders.csv"]
    assert body.startswith(b"\xef\xbb\xbf")
    assert "Zoë" in body.decode("utf-8-sig")


def test_what_comes_beyond_the_first_lines_columns_stands_as_json_in_the_last() -> None:
    place = market(orders=[order(id=n, note="x" * 100) for n in range(4_000)] + [order(id=9_999, late=1)])
    place.runner._guard = Guard(100_000)
    found = table(files(place, gathered(place)), "orders")
    assert len(found) == 4_001
    assert {row["_more"] for row in found} == {"", '{"late":1}'}


def test_the_descriptor_says_what_columns_are() -> None:
    place = market()
    held = files(place, gathered(place))
    told = {each["path"]: each for each in json.loads(held["datapackage.json"])["resources"]}
    assert set(told) == {name for name in held if name.startswith("csv/")}
    fields = {each["name"]: each for each in told["csv/shop.customers.csv"]["schema"]["fields"]}
    assert fields["email"] == {"name": "email", "type": "string", "privet:categories": ["user.contact.email"]}
    assert fields["id"]["type"] == "integer"
    for path, each in told.items():
        head = held[path].decode("utf-8-sig").splitlines()[0].split(",")
        assert head == [field["name"] for field in each["schema"]["fields"]]


def test_a_copy_to_take_along_has_what_she_gave_and_no_page() -> None:
    place = market()
    held = files(place, gathered(place, "portability"))
    assert "index.html" not in held
    assert records(held, "sellers") == []
    [found] = records(held, "orders")
    assert "flag" not in found["values"]
    assert "note" in found["values"]
    assert json.loads(held["records.json"])["left_out"]["values_not_given"] == 1
    assert "_bond" not in table(held, "orders")[0]


def test_a_record_that_was_gathered_again_stands_once() -> None:
    place = market(orders=[order(), order(id=12)])
    held = files(place, gathered(place))
    assert [row["values"]["id"] for row in records(held, "orders")] == [10, 12]


def test_what_could_not_be_searched_stands_on_the_page() -> None:
    place = market()
    loose = Collection(name="loose_ends", fields=(column("id", primary_key=True), column("who", "user.name")))
    place.datasets = {"shop": replace(MARKET, collections=(*MARKET.collections, loose))}
    page = files(place, gathered(place))["index.html"].decode()
    assert "What is missing" in page
    assert "loose_ends" in page
    assert "What is missing" not in files(market_ := market(), gathered(market_))["index.html"].decode()


# --- sealing ----------------------------------------------------------------------------------------------------------


def test_the_passphrase_is_the_requests_own_and_hard_to_guess() -> None:
    place = market()
    first, second = gathered(place), gathered(place)
    words_ = {passphrase(place.journal, one.id).reveal() for one in (first, second, first)}
    assert len(words_) == 2
    assert all(re.fullmatch(r"([a-z2-7]{4}-){5}[a-z2-7]{4}", word) for word in words_)


def test_a_package_opens_with_its_own_passphrase_alone() -> None:
    place = market()
    first, second = gathered(place), gathered(place)
    content = b"".join(packet(place.journal, first.id, DISCLOSURE, words(), now_ms=NOW))
    assert b"Ada" not in content
    with pyzipper.AESZipFile(io.BytesIO(content)) as found, pytest.raises(RuntimeError):
        found.read("records.json", pwd=passphrase(place.journal, second.id).reveal().encode())
    with zipfile.ZipFile(io.BytesIO(content)) as plain, pytest.raises((RuntimeError, NotImplementedError)):
        plain.read("records.json")


def test_once_it_is_forgotten_nothing_makes_the_package_or_its_passphrase_again() -> None:
    place = market()
    request = gathered(place)
    place.journal.forget(request.id, NOW)
    for attempt in (passphrase, lambda j, i: packet(j, i, DISCLOSURE, words(), now_ms=NOW)):
        with pytest.raises(Gone):
            attempt(place.journal, request.id)


def test_a_request_without_a_package_says_so() -> None:
    place = market()
    for request in (place.open(verified="seen"), place.open("erasure", verified="seen")):
        with pytest.raises(NotFound):
            packet(place.journal, request.id, DISCLOSURE, words(), now_ms=NOW)


def test_a_missing_chunk_breaks_the_package_off() -> None:
    place = market()
    request = gathered(place)
    where = (request.id, "records:shop.orders", 0)
    place.store.write_now(Unit((Delete("flow_parts", ("flow", "part", "number"), (where,)),)))
    with pytest.raises(Damaged):
        files(place, request)


def test_names_of_collections_cannot_lead_out_of_the_folder() -> None:
    place = market()
    request = gathered(place)
    assert all(".." not in name.split("/") for name in files(place, request))
