"""Looking at CSV files and drafting schemas. Every value is invented."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from privet.app.draft import draft, mapping_of, schema_from_guess
from privet.app.sheet import Fault, Reader, column_names, open_sheet
from privet.errors import TooLarge, UnknownName
from privet.vault.reader import read_schema
from privet.vocabulary.datatype import TYPES

CANARY = "zebra7canary"


def sheet_of(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def people(count: int = 40) -> str:
    head = "customer_no,Full Name,E-Mail,Telefon,cvv,plan,spend,notes\n"
    return head + "".join(
        f"C{at:05},Ann Sample{'abcdefghij'[at % 10]},a{at}@example.com,+1212555{100 + at:04},{100 + at},"
        f"{('basic', 'plus')[at % 2]},{at}.50,said {CANARY} {at}\n"
        for at in range(count)
    )


def test_draft_says_what_each_column_is_and_how_it_is_held(tmp_path: Path) -> None:
    planned = draft(open_sheet(sheet_of(tmp_path / "a.csv", people())), shreddable=True)
    assert [(each.name, each.guess.type, each.held) for each in planned] == [
        ("customer_no", "string", "shreddable, token, index exact"),
        ("full_name", "person.full_name", "shreddable, index exact family"),
        ("e_mail", "contact.email", "shreddable, token, index exact domain"),
        ("telefon", "contact.phone", "shreddable, token, index exact last_four"),
        ("", "card.cvv", "left out"),
        ("plan", "string", "sealed"),
        ("spend", "decimal", "sealed"),
        ("notes", "text", "sealed"),
    ]
    assert mapping_of(planned)["cvv"] == ""


def test_drafted_schema_reads_without_faults_and_explains_itself(tmp_path: Path) -> None:
    text = schema_from_guess("shop", "customers", draft(open_sheet(sheet_of(tmp_path / "a.csv", people()))))
    table = read_schema(text).collections[0]
    assert (table.name, table.subject, len(table.fields)) == ("customers", "self", 7)
    email = table.field("e_mail")
    assert email is not None and email.token is not None and email.token.kind == "stored"
    assert "# 99% sure: all 40 values fit; the header says so too" in text
    assert "a `card.cvv` column is left out" in text
    assert CANARY not in text
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("name", TYPES.names())
def test_every_type_drafts_to_a_schema_that_can_be_applied(tmp_path: Path, name: str) -> None:
    sheet = open_sheet(sheet_of(tmp_path / "a.csv", "email,other\na@example.com,x\n"))
    for kind in (name, f"{name}[]"):
        assert read_schema(schema_from_guess("shop", "t", draft(sheet, {"other": kind}))).collections


def test_table_without_personal_columns_has_no_subject(tmp_path: Path) -> None:
    text = schema_from_guess("shop", "parts", draft(open_sheet(sheet_of(tmp_path / "a.csv", "sku,price\nx1,2.50\n"))))
    assert read_schema(text).collections[0].subject == "none"


def test_values_that_only_the_header_knows_as_personal_die_with_the_person(tmp_path: Path) -> None:
    rows = "".join(f"(212) 555-{100 + at:04}\n" for at in range(30))
    planned = draft(open_sheet(sheet_of(tmp_path / "a.csv", "phone\n" + rows)), shreddable=True)
    field = planned[0].field
    assert field is not None
    assert (field.type, field.keep, field.labels) == ("string", "shreddable", ("user.contact.phone_number",))


def test_named_types_are_taken_and_unknown_ones_refused(tmp_path: Path) -> None:
    sheet = open_sheet(sheet_of(tmp_path / "a.csv", people()))
    assert draft(sheet, {"plan": "person.username[]"})[5].guess.array
    assert draft(sheet, {"Telefon": "string"})[3].guess.type == "string"
    with pytest.raises(UnknownName):
        draft(sheet, {"plan": "no.such"})


def test_headers_that_may_be_values_stay_out_of_the_schema(tmp_path: Path) -> None:
    text = "".join(f"{CANARY}{at}@example.com,{at}\n" for at in range(5))
    sheet = open_sheet(sheet_of(tmp_path / "a.csv", text))
    assert (sheet.has_headers, sheet.headers) == (False, ("column_1", "column_2"))
    assert CANARY not in schema_from_guess("shop", "t", draft(sheet))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Name", "name", "NAME"], ("name", "name_2", "name_3")),
        (["id", "Version"], ("id_", "version_")),
        (["Straße", "Größe", "Prénom"], ("strasse", "groesse", "prenom")),
        (["2nd name", "__", "身份证号"], ("nd_name", "column_2", "column_3")),
        (["x" * 200], ("x" * 48,)),
        (["a_2", "a", "a"], ("a_2", "a", "a_3")),
    ],
)
def test_column_names_fit_the_vault(headers: list[str], expected: tuple[str, ...]) -> None:
    assert column_names(headers) == expected


def test_reader_needs_little_memory_however_long_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        for at in range(60_000):
            file.write(f"{at},some words that fill the line,{at}\n")
    sheet = open_sheet(path)
    tracemalloc.start()
    with Reader(sheet) as reader:
        count = sum(1 for _ in reader)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 1 << 20


def test_unclosed_quote_costs_one_row_and_hides_no_other(tmp_path: Path) -> None:
    path = sheet_of(tmp_path / "a.csv", 'name,plan\n"Ann,basic\nBo,plus\n"Cem\nS.",basic\n')
    with Reader(open_sheet(path)) as reader:
        found = [(row.row, "bad") if isinstance(row, Fault) else (row.number, row.cells[1]) for row in reader]
    assert found[:3] == [(1, "plan"), (2, "bad"), (3, "plus")]


def test_endless_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x," * (5 << 20))
    with pytest.raises(TooLarge):
        open_sheet(path)
