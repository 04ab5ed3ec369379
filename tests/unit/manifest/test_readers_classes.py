"""Readers of Pydantic, dataclasses and dbt, and the command that writes what they read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from a_folder import run_python
from click.testing import CliRunner

from privet.app.cli.main import cli
from privet.codec import read_yaml
from privet.manifest.readers import read
from privet.manifest.source.annotate import in_text, of_value
from privet.manifest.source.code import Code
from privet.vocabulary.dataset import Dataset, Field

PYDANTIC = '''\
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from privet.annotations import Privacy

Email = Annotated[str, Privacy("user.contact.email", identity="email"), Field(max_length=80)]


class Address(BaseModel):
    city: Annotated[str, Privacy("user.contact.address.city")]
    since: date | None = None


class Named(BaseModel):
    name: str = Field(max_length=40, json_schema_extra={"privacy": ["user.name"]})


class Person(Named):
    """A person.

    More of it.
    """

    kind: ClassVar[str] = "person"
    email: Email
    phones: list[Annotated[str, Privacy("user.contact.phone_number", subject="customer")]] = []
    home: Address
    others: "list[Address] | None" = None
    worth: Decimal
    level: Literal["a", "b"] = "a"
    count: int = 0
    boss: "Person | None" = None


class Plain(BaseModel):
    id: int
'''
SCHEMA = """
import json, models
whole = models.Person.model_json_schema()
print(json.dumps({name: one for name, one in whole["$defs"]["Person"]["properties"].items()}))
"""


def paths(fields: tuple[Field, ...], prefix: str = "") -> dict[str, tuple[str, int | None, bool | None, str]]:
    found = {}
    for field in fields:
        native, path = field.native, f"{prefix}{field.name}"
        found[path] = (native.data_type, native.length, native.nullable, " ".join(field.labels))
        found |= paths(field.fields, f"{path}.")
    return found


def one(dataset: Dataset, name: str) -> dict[str, tuple[str, int | None, bool | None, str]]:
    collection = dataset.collection(name)
    assert collection is not None
    return paths(collection.fields)


def test_pydantic_is_what_its_own_schema_says(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(PYDANTIC, encoding="utf-8")
    own = json.loads(run_python(tmp_path, SCHEMA))
    dataset, findings = read([Code("models.py", PYDANTIC)], "crm", ["pydantic"])
    assert findings == ()
    assert [table.name for table in dataset.collections] == ["Named", "Person"]  # `Address` is part of it
    person = dataset.collections[1]
    assert person.description == "A person."
    assert person.about == ("customer",)
    assert [field.name for field in person.fields] == list(own)
    assert own["name"]["privacy"] == list(person.fields[0].labels)
    assert {field.name: field.native.length for field in person.fields if field.native.length} == {
        name: said["maxLength"] for name, said in own.items() if "maxLength" in said
    }
    assert one(dataset, "Person") == {
        "name": ("string", 40, False, "user.name"),
        "email": ("string", 80, False, "user.contact.email"),
        "phones": ("string[]", None, False, "user.contact.phone_number"),
        "home": ("object", None, False, ""),
        "home.city": ("string", None, False, "user.contact.address.city"),
        "home.since": ("string", None, True, ""),
        "others": ("object[]", None, True, ""),
        "others.city": ("string", None, False, "user.contact.address.city"),
        "others.since": ("string", None, True, ""),
        "worth": ("float", None, False, ""),
        "level": ("string", None, False, ""),
        "count": ("integer", None, False, ""),
        "boss": ("", None, True, ""),
    }


def test_dataclasses_say_it_in_their_annotations_or_metadata() -> None:
    text = """\
import dataclasses as dc
from typing import Annotated
from privet.annotations import Privacy

@dc.dataclass(frozen=True)
class Person:
    email: Annotated[str, Privacy(("user.contact.email", "user.name"), use="essential.service")]
    born: "int | None" = dc.field(default=None, metadata={"privacy": "user.demographic.date_of_birth"})
"""
    dataset, findings = read([Code("a.py", text)], "crm", ["dataclass"])
    assert one(dataset, "Person") == {
        "email": ("string", None, False, "user.contact.email user.name"),
        "born": ("integer", None, True, "user.demographic.date_of_birth"),
    }
    assert [(note.severity, note.at.line) for note in findings] == [("note", 7)]


COLUMNS = """\
models:
  - name: customers
    description: One row a customer.
    columns:
      - name: id
        data_type: integer
        constraints: [{type: primary_key}]
        meta: {privacy: user.unique_id}
      - name: email
        data_type: varchar(80)
        config: {meta: {privacy: {category: user.contact.email, subject: customer}}}
sources:
  - name: raw
    tables:
      - name: orders
        columns:
          - name: customer_id
            data_tests:
              - not_null
              - relationships: {to: ref('customers'), field: id}
            meta: {privacy: [user.unique_id]}
"""
ARTIFACT = {
    "metadata": {"dbt_schema_version": "https://schemas.example.com/dbt/manifest/v12.json"},
    "nodes": {
        "model.a.customers": {
            "resource_type": "model",
            "name": "customers",
            "description": "One row a customer.",
            "columns": {
                "id": {
                    "name": "id",
                    "data_type": "integer",
                    "constraints": [{"type": "primary_key"}],
                    "meta": {"privacy": "user.unique_id"},
                },
                "email": {
                    "name": "email",
                    "data_type": "varchar(80)",
                    "meta": {"privacy": {"category": "user.contact.email", "subject": "customer"}},
                },
            },
        },
        "test.a.relationships": {
            "resource_type": "test",
            "name": "relationships",
            "attached_node": None,
            "test_metadata": {
                "name": "relationships",
                "kwargs": {
                    "to": "ref('customers')",
                    "field": "id",
                    "column_name": "customer_id",
                    "model": "{{ get_where_subquery(source('raw', 'orders')) }}",
                },
            },
        },
    },
    "sources": {
        "source.a.raw.orders": {
            "resource_type": "source",
            "name": "orders",
            "columns": {"customer_id": {"name": "customer_id", "meta": {"privacy": ["user.unique_id"]}}},
        }
    },
}


@pytest.mark.parametrize(
    "code",
    [Code("models/schema.yml", COLUMNS), Code("target/manifest.json", json.dumps(ARTIFACT))],
    ids=["yml", "json"],
)
def test_dbt_says_it_in_meta(code: Code) -> None:
    dataset, findings = read([code], "warehouse", ["dbt"])
    assert findings == ()
    assert one(dataset, "customers") == {
        "id": ("integer", None, False, "user.unique_id"),
        "email": ("string", 80, None, "user.contact.email"),
    }
    customers, orders = dataset.collections
    assert customers.about == ("customer",)
    assert customers.description == "One row a customer."
    assert [(link.dataset, link.field) for link in orders.fields[0].native.links] == [("warehouse", "customers.id")]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("privacy: user.name", ("user.name",)),
        ("who they are. Privacy:user.name , user.contact.email;", ("user.name", "user.contact.email")),
        ("privacy: user.name; subject: customer; identity: email; use: essential", ("user.name",)),
    ],
)
def test_the_grammar_as_text(text: str, labels: tuple[str, ...]) -> None:
    mark = in_text(text)
    assert mark is not None
    assert (mark.labels, mark.faults) == (labels, ())


@pytest.mark.parametrize("value", ["", "; subject: customer", [], [1], {"label": "user.name"}, 3, None, "user name"])
def test_what_is_no_annotation_is_a_fault(value: object) -> None:
    assert of_value(value).faults  # type: ignore[arg-type]


def test_text_without_the_word_is_no_annotation() -> None:
    assert in_text("see our privacy page") is None


# --- the command ----------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(tmp_path)
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "models.py").write_text(PYDANTIC, encoding="utf-8")
    (tmp_path / "crm" / "schema.sql").write_text("CREATE TABLE t (\n  a TEXT -- privacy: user.name\n);\n")
    yield tmp_path
    os.chdir(before)


def run(*args: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["manifest", "from-code", *args], prog_name="privet")
    return done.exit_code, done.stdout, done.stderr


def test_a_manifest_is_written_of_code(place: Path) -> None:
    code, said, _ = run("crm")
    assert code == 0
    (dataset,) = read_yaml(said, "m.yml").plain()["dataset"]
    assert dataset["fides_key"] == "crm"
    assert [one["name"] for one in dataset["collections"]] == ["Named", "Person", "t"]


def test_one_reader_and_a_key_can_be_named(place: Path) -> None:
    assert run("crm", "--reader", "sql", "--key", "mine", "--output", "m.yml")[0] == 0
    (dataset,) = read_yaml((place / "m.yml").read_text(), "m.yml").plain()["dataset"]
    assert (dataset["fides_key"], [one["name"] for one in dataset["collections"]]) == ("mine", ["t"])


def test_what_is_new_is_added_to_a_manifest(place: Path) -> None:
    said = "# ours\ndataset:\n  - fides_key: crm\n    collections:\n      - name: kept\n        fields: [{name: a}]\n"
    (place / "m.yml").write_text(said, encoding="utf-8")
    assert run("crm", "--merge", "m.yml")[0] == 0
    text = (place / "m.yml").read_text()
    assert text.startswith("# ours\n")
    (dataset,) = read_yaml(text, "m.yml").plain()["dataset"]
    assert [one["name"] for one in dataset["collections"]] == ["kept", "Named", "Person", "t"]


def test_a_wrong_annotation_fails_with_its_place(place: Path) -> None:
    (place / "crm" / "bad.sql").write_text("CREATE TABLE u (\n  a TEXT -- privacy: what now\n);\n")
    code, _, said = run("crm")
    assert code == 1
    assert said.startswith("crm/bad.sql:2:1: error: annotation: expected a key as category")


def test_an_unknown_reader_is_refused(place: Path) -> None:
    code, _, said = run("crm", "--reader", "cobol")
    assert code != 0
    assert said.startswith("error: there is no reader of that name")
