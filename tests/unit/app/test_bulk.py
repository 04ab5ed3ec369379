"""Import of CSV files into a real home. Every value is invented; CANARY stands for what no error may show."""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from privet.app.bulk import BATCH_ROWS, Imported, Progress, import_csv
from privet.app.door import Order
from privet.app.embedded import LoopDoor
from privet.app.services import records, subjects, tokens, vaults
from privet.app.settings import Settings
from privet.app.wiring import House, initialize
from privet.errors import Denied, InvalidInput, MalformedBody, NotFound, PrivetError, Unavailable, UnknownName

CANARY = "zebra7canary"
NOW = 1_750_000_000_000
SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: email
            fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact], token: stored}}
          - name: name
            fides_meta: {privet: {type: person.full_name, keep: sealed}}
          - name: visits
            fides_meta: {privet: {type: integer}}
          - name: source
            data_categories: [system.operations]
            fides_meta: {privet: {type: string}}
          - name: nicknames
            fides_meta: {privet: {type: "string[]"}}
      - name: members
        fields:
          - name: number
            fides_meta: {privet: {type: string, unique: true, token: stored}}
"""
HEADER = "email,name,visits,source\n"


class Direct:
    """The verbs of an open house, without HTTP. Fails like a lost server after `calls_left` inserts."""

    def __init__(self, house: House) -> None:
        self._door = LoopDoor(house, None)
        self._rows = {verb.name: verb for noun in (records, subjects, tokens, vaults) for verb in noun.VERBS}
        self.calls_left = 1_000_000

    def call(self, name: str, values: Mapping[str, Any], *, key: str = "") -> Any:
        if name == "records.insert":
            if self.calls_left <= 0:
                raise Unavailable("the server does not answer")
            self.calls_left -= 1
        return self._door.call(Order(self._rows[name], values, key))

    def close(self) -> None:
        self._door.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("bulk") / "home"
    settings = Settings(home=home, key_file=home / "root.key")
    initialize(settings, now_ms=NOW)
    found = House(settings, clock=lambda: NOW)
    yield found
    found.close()


@pytest.fixture
def door(house: House, request: pytest.FixtureRequest) -> Iterator[Direct]:
    found = Direct(house)
    number = len(house.vault_names())
    found.call("vaults.create", {"name": f"v{number}", "schema": SCHEMA})
    found.vault = f"v{number}"  # type: ignore[attr-defined]
    yield found
    found.close()


def load(door: Direct, path: Path, **more: Any) -> Imported:
    return import_csv(door, path=path, vault=door.vault, table=more.pop("table", "people"), **more)  # type: ignore[attr-defined]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def stored(door: Direct, table: str = "people") -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        asked = {"vault": door.vault, "table": table, "limit": 1000, "cursor": cursor}  # type: ignore[attr-defined]
        page = door.call("records.list", asked)
        found += [record.values for record in page.records]
        cursor = page.next
        if not cursor:
            return found


def lines_of(done: Imported) -> list[dict[str, str]]:
    with done.tokens_path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def said(error: PrivetError) -> str:
    return " ".join((str(error), repr(error), error.hint, *map(said, error.faults)))


def person(at: int) -> str:
    return f"p{at}@example.com,Ann Sample,{at},web\n"


# --- what is written ----------------------------------------------------------------------------------------


def test_tokens_stand_for_values_and_personal_columns_without_tokens_are_dropped(door: Direct, tmp_path: Path) -> None:
    done = load(door, written(tmp_path / "people.csv", HEADER + person(1) + person(2)))
    found = lines_of(done)
    assert (done.rows, done.skipped, done.left_out) == (2, 0, ("name",))
    assert list(found[0]) == ["email", "visits", "source", "privet_id"]
    assert [(line["visits"], line["source"]) for line in found] == [("1", "web"), ("2", "web")]
    asked = {"vault": door.vault, "tokens": [line["email"] for line in found]}  # type: ignore[attr-defined]
    shown = [item.value for item in door.call("tokens.detokenize", asked).values]
    assert shown == ["p1@example.com", "p2@example.com"]
    assert "example.com" not in done.tokens_path.read_text(encoding="utf-8")


def test_token_file_is_for_its_owner_alone_and_replaces_an_older_one(door: Direct, tmp_path: Path) -> None:
    target = written(tmp_path / "people.tokens.csv", "old")
    done = load(door, written(tmp_path / "people.csv", HEADER + person(1)))
    assert done.tokens_path == target
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["people.csv", "people.tokens.csv"]


def test_failed_import_leaves_the_older_token_file_and_no_other(door: Direct, tmp_path: Path) -> None:
    target = written(tmp_path / "people.tokens.csv", "old")
    with pytest.raises(InvalidInput):
        load(door, written(tmp_path / "people.csv", HEADER + "no address,Ann,1,web\n"))
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("cell", ["=1+1", "+2+3", "-2+3", "@SUM(A1)", "\t=1", '"=HYPERLINK(""x"")"'])
def test_cells_that_are_formulas_are_made_inert(door: Direct, tmp_path: Path, cell: str) -> None:
    text = f"email,=source\na@example.com,{cell}\n"
    done = load(door, written(tmp_path / "a.csv", text), mapping={"email": "email", "=source": "source"})
    found = lines_of(done)
    assert list(found[0])[1] == "'=source"
    assert found[0]["'=source"].startswith("'")


def test_negative_numbers_stay_numbers(door: Direct, tmp_path: Path) -> None:
    done = load(door, written(tmp_path / "a.csv", HEADER + "a@example.com,Ann,-5,web\n"))
    assert lines_of(done)[0]["visits"] == "-5"


# --- what is read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param("email,name\na@example.com,Ünal Örnek\n".encode(), {}, id="UTF-8"),
        pytest.param(b"\xef\xbb\xbf" + "email,name\na@example.com,Ünal Örnek\n".encode(), {}, id="UTF-8 with mark"),
        pytest.param(
            b"\xef\xbb\xbf" + "email,name\na@example.com,Ünal Örnek\n".encode(), {"encoding": "utf-8"}, id="named UTF-8"
        ),
        pytest.param("email,name\r\na@example.com,Ünal Örnek\r\n".encode(), {}, id="CRLF"),
        pytest.param("email,name\na@example.com,Ünal Örnek".encode(), {}, id="no last line end"),
        pytest.param("email;name\na@example.com;Ünal Örnek\n".encode(), {}, id="semicolons"),
        pytest.param("email\tname\na@example.com\tÜnal Örnek\n".encode(), {}, id="tabs"),
        pytest.param("email|name\na@example.com|Ünal Örnek\n".encode(), {}, id="bars"),
        pytest.param("email;name\na@example.com;Ünal Örnek\n".encode(), {"delimiter": ";"}, id="named delimiter"),
        pytest.param('"email","name"\n"a@example.com","Ünal Örnek"\n'.encode(), {}, id="quoted"),
        pytest.param("\nemail,name\n\na@example.com,Ünal Örnek\n\n".encode(), {}, id="blank lines"),
        pytest.param("email,name\na@example.com,Ünal Örnek\n".encode("latin-1"), {"encoding": "latin-1"}, id="latin-1"),
        pytest.param("email,name\na@example.com,Ünal Örnek\n".encode("utf-16"), {"encoding": "utf-16"}, id="UTF-16"),
    ],
)
def test_forms_of_csv(door: Direct, tmp_path: Path, text: bytes, options: dict[str, str]) -> None:
    assert load(door, written(tmp_path / "a.csv", text), **options).rows == 1
    assert [(each["email"], each["name"]) for each in stored(door)] == [("a@example.com", "Ünal Örnek")]


def test_cells_hold_delimiters_quotes_and_line_breaks(door: Direct, tmp_path: Path) -> None:
    text = 'email,source\r\na@example.com,"one, ""two""\r\nthree"\r\nb@example.com,four\r\n'
    load(door, written(tmp_path / "a.csv", text))
    assert [each["source"] for each in stored(door)] == ['one, "two"\r\nthree', "four"]


def test_empty_cells_are_no_values_and_lists_become_arrays(door: Direct, tmp_path: Path) -> None:
    load(door, written(tmp_path / "a.csv", "email,name,nicknames\na@example.com,  ,Annie; Nan\n,Bo Muster,\n"))
    found = stored(door)
    assert (found[0]["name"], found[0]["nicknames"]) == (None, ["Annie", "Nan"])
    assert (found[1]["email"], found[1]["nicknames"]) == (None, None)


def test_file_without_headers_imports_its_first_row(door: Direct, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a@example.com,17\nb@example.com,18\n")
    done = load(door, path, mapping={"column_1": "email", "column_2": "visits"})
    assert done.rows == 2
    assert {each["visits"] for each in stored(door)} == {17, 18}


def test_columns_are_mapped_or_left_out(door: Direct, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "Mail,remark\na@example.com,x\n")
    done = load(door, path, mapping={"Mail": "email", "remark": ""})
    assert (done.left_out, list(lines_of(done)[0])) == (("remark",), ["Mail", "privet_id"])


# --- faults -------------------------------------------------------------------------------------------------

GOOD = "a@example.com,Ann Sample,1,web\n"
FAULTS = [
    pytest.param(f'b@example.com,"{CANARY}" x,1,web\n', 3, "closing quote", id="text after a closing quote"),
    pytest.param(f'b@example.com,{CANARY} "x",1,web\n', 3, "only around a cell", id="quotes inside a plain cell"),
    pytest.param(f'b@example.com,"{CANARY},1,web\n', 3, "closed", id="quote never closed"),
    pytest.param(f"b@example.com,{CANARY}\n", 3, "expected 4 cells, found 2", id="short row"),
    pytest.param(f"b@example.com,{CANARY},1,web,more\n", 3, "expected 4 cells, found 5", id="long row"),
    pytest.param(f"b@example.com,{CANARY} \udcff,1,web\n", 3, "expected bytes of utf-8", id="wrong byte"),
    pytest.param(f"{CANARY} at example.com,Ann,1,web\n", 3, "RFC 5321", id="value that its type refuses"),
    pytest.param(f"b@example.com,Ann,{CANARY},web\n", 3, "whole number", id="number that is none"),
    pytest.param(f"b@example.com,Ann,1,{CANARY}\x00\n", 3, "control", id="NUL"),
    pytest.param(f"b@example.com,Ann\r{CANARY},1,web\n", 3, "LF or CRLF", id="lone CR"),
]


@pytest.mark.parametrize(("row", "number", "rule"), FAULTS)
def test_bad_row_stops_the_import_by_number_and_rule(
    door: Direct, tmp_path: Path, row: str, number: int, rule: str
) -> None:
    raw = (HEADER + GOOD + row + GOOD.replace("a@", "c@")).encode("utf-8", "surrogateescape")
    with pytest.raises(InvalidInput) as caught:
        load(door, written(tmp_path / "a.csv", raw))
    assert f"a.csv: row {number}" in caught.value.at
    assert rule in caught.value.message
    assert "nothing was imported" in caught.value.hint
    assert CANARY not in said(caught.value)
    assert stored(door) == []


@pytest.mark.parametrize(("row", "number", "rule"), FAULTS)
def test_continue_skips_bad_rows_and_reports_them(
    door: Direct, tmp_path: Path, row: str, number: int, rule: str
) -> None:
    raw = (HEADER + GOOD + row + GOOD.replace("a@", "c@")).encode("utf-8", "surrogateescape")
    done = load(door, written(tmp_path / "a.csv", raw), continue_=True)
    assert (done.rows, done.skipped) == (2, 1)
    assert done.faults[0].row == number
    assert rule in done.faults[0].rule
    assert CANARY not in str(done)
    assert [each["email"] for each in stored(door)] == ["a@example.com", "c@example.com"]
    assert len(lines_of(done)) == 2


def test_rows_are_numbered_as_a_spreadsheet_shows_them(door: Direct, tmp_path: Path) -> None:
    text = HEADER + 'a@example.com,"Ann\nSample",1,web\n\nb@example.com,Bo,2\n'
    done = load(door, written(tmp_path / "a.csv", text), continue_=True)
    # The name with a line break is refused by its type; the short row is the fourth after it.
    assert [fault.row for fault in done.faults if "cells" in fault.rule] == [4]


def test_faults_name_the_column(door: Direct, tmp_path: Path) -> None:
    done = load(door, written(tmp_path / "a.csv", HEADER + "a@example.com,Ann,many,web\n"), continue_=True)
    assert str(done.faults[0]).startswith("row 2: column `visits`: expected `integer`")


def test_only_a_hundred_faults_are_kept_and_all_are_counted(door: Direct, tmp_path: Path) -> None:
    done = load(door, written(tmp_path / "a.csv", HEADER + "x,y\n" * 150 + GOOD), continue_=True)
    assert (done.rows, done.skipped, len(done.faults)) == (1, 150, 100)


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        pytest.param(f"email,{CANARY}\n".encode("utf-16"), {}, MalformedBody, id="UTF-16 not named"),
        pytest.param(f"email,{CANARY}\xff\n".encode("latin-1"), {}, MalformedBody, id="wrong byte in the header"),
        pytest.param(b"", {}, InvalidInput, id="empty file"),
        pytest.param(f"{CANARY}\n".encode(), {"encoding": "no-such"}, UnknownName, id="no such encoding"),
        pytest.param(f"{CANARY}\n".encode(), {"encoding": "base64"}, UnknownName, id="not a text encoding"),
        pytest.param(f"{CANARY}\n".encode(), {"delimiter": ":"}, InvalidInput, id="no such delimiter"),
        pytest.param(f"email,name_{CANARY}\na@example.com,x\n".encode(), {}, UnknownName, id="no such column"),
        pytest.param(b"email,Email\na@example.com,x\n", {"mapping": {"email": "email", "Email": "email"}}, InvalidInput,
                     id="two columns for one"),
        pytest.param(b"email\na@example.com\n", {"table": "nobody"}, NotFound, id="no such table"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_imported(
    door: Direct, tmp_path: Path, text: bytes, options: dict[str, Any], error: type[PrivetError]
) -> None:
    with pytest.raises(error) as caught:
        load(door, written(tmp_path / "a.csv", text), **options)
    assert CANARY not in said(caught.value)


def test_missing_file_is_refused_without_a_traceback(door: Direct, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        load(door, tmp_path / "none.csv")


# --- batches and repeats ------------------------------------------------------------------------------------


def many(count: int, bad: int = 0) -> str:
    """Return a file of `count` people; person `bad`, counted from 1, has no address."""
    return HEADER + "".join(f"nobody,Ann,{at},web\n" if at == bad else person(at) for at in range(1, count + 1))


def test_repeated_import_adds_nothing_and_writes_the_same_tokens(door: Direct, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", many(30))
    first = load(door, path)
    before = lines_of(first)
    again = load(door, path)
    assert again.rows == 30
    assert lines_of(again) == before
    assert len(stored(door)) == 30


def test_import_that_broke_off_goes_on_without_adding_twice(door: Direct, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", many(BATCH_ROWS + 10))
    door.calls_left = 1
    with pytest.raises(Unavailable) as caught:
        load(door, path)
    assert f"{BATCH_ROWS:,} rows before it were imported" in caught.value.hint
    assert len(stored(door)) == BATCH_ROWS
    door.calls_left = 10
    assert load(door, path).rows == BATCH_ROWS + 10
    assert len({each["email"] for each in stored(door)}) == len(stored(door)) == BATCH_ROWS + 10


def test_batches_before_a_bad_row_stand_and_a_mended_file_goes_on_from_there(door: Direct, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", many(BATCH_ROWS + 10, bad=BATCH_ROWS + 5))
    with pytest.raises(InvalidInput) as caught:
        load(door, path)
    assert caught.value.at.endswith(f"row {BATCH_ROWS + 6:,}, column `email`")
    assert len(stored(door)) == BATCH_ROWS
    assert load(door, written(path, many(BATCH_ROWS + 10))).rows == BATCH_ROWS + 10
    assert len(stored(door)) == BATCH_ROWS + 10


def test_continue_after_a_strict_import_adds_only_the_rest(door: Direct, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", many(BATCH_ROWS + 10, bad=BATCH_ROWS + 5))
    with pytest.raises(InvalidInput):
        load(door, path)
    for _ in range(2):
        done = load(door, path, continue_=True)
        assert (done.rows, done.skipped) == (BATCH_ROWS + 9, 1)
        assert len(stored(door)) == BATCH_ROWS + 9


def test_rows_that_repeat_a_unique_value_are_skipped_one_by_one(door: Direct, tmp_path: Path) -> None:
    numbers = [f"m-{at % 20}" for at in range(40)]
    path = written(tmp_path / "a.csv", "number\n" + "\n".join(numbers) + "\n")
    for _ in range(2):
        done = load(door, path, table="members", continue_=True)
        assert (done.rows, done.skipped) == (20, 20)
        assert [fault.row for fault in done.faults] == list(range(22, 42))
    assert len(stored(door, "members")) == 20


def test_progress_tells_rows_and_bytes(door: Direct, tmp_path: Path) -> None:
    seen: list[Progress] = []
    path = written(tmp_path / "a.csv", many(BATCH_ROWS + 1))
    load(door, path, progress=seen.append)
    assert [each.rows for each in seen] == [BATCH_ROWS, BATCH_ROWS + 1]
    assert seen[0].done_bytes < seen[1].done_bytes == seen[1].total_bytes == path.stat().st_size


def test_other_failures_keep_their_class(door: Direct, tmp_path: Path) -> None:
    class Closed(Direct):
        def call(self, name: str, values: Mapping[str, Any], *, key: str = "") -> Any:
            if name == "records.insert":
                raise Denied("no role of the caller allows `insert`")
            return door.call(name, values, key=key)

    closed = Closed.__new__(Closed)
    closed.vault = door.vault  # type: ignore[attr-defined]
    with pytest.raises(Denied):
        load(closed, written(tmp_path / "a.csv", HEADER + GOOD))
