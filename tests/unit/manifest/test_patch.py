"""What was observed is added to what people wrote; everything else stays as it was, and a patch says what changes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from privet.codec import read_yaml
from privet.errors import InvalidInput, MalformedBody
from privet.manifest.drift.entry import dataset_data, scalar
from privet.manifest.drift.patch import dataset_text, mend, merge, unified
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

WRITTEN = """\
# What the shop keeps.
dataset:
  - fides_key: 'shop'   # quoted
    name: "The shop"
    collections:
      - name: users
        description: >-
          People who
          buy.
        fields:
          - name: id
            fides_meta: {primary_key: true, data_type: integer}   # a key
          # where we write to
          - name: email
            data_categories: [ user.contact.email ]
            fides_meta:
              data_type: string
              length: 40
            # this belongs to email

      # The orders.
      - name: orders
        fields:
          - name: id
          - name: user_id
  # Another one.
  - fides_key: other
    collections: []
system: []
"""

BEGIN = "dataset:\n- fides_key: shop\n  collections:\n"


def field(name: str, kind: str = "", **more: object) -> Field:
    labels = more.pop("labels", ())
    fields = more.pop("fields", ())
    return Field(name=name, type="string", labels=labels, fields=fields, native=Native(data_type=kind, **more))  # type: ignore[arg-type]


def shop(*collections: Collection, key: str = "shop") -> Dataset:
    return Dataset(key=key, collections=collections)


USERS = Collection(
    name="users",
    fields=(
        field("id", "integer", primary_key=True),
        field("email", "string", length=40),
        field("phone", "string", length=20, labels=("user.contact.phone_number",)),
    ),
)
ORDERS = Collection(
    name="orders",
    fields=(field("id", "integer"), field("user_id", "integer", links=(Link("shop", "users.id", "from"),))),
)
NEW = Collection(name="parcels", fields=(field("no", "integer"), field("street", "string")), description="Sent: out")


def added(old: str, new: str) -> list[str]:
    """Return the lines that are new, having checked that every old line is still there, in order."""
    lines = iter(new.splitlines())
    fresh = []
    for line in old.splitlines():
        for found in lines:
            if found == line:
                break
            fresh.append(found)
        else:
            pytest.fail(f"lost: {line}")
    return [*fresh, *lines]


def test_a_new_column_is_added_where_its_table_ends_and_nothing_else_changes() -> None:
    new = merge(WRITTEN, shop(USERS), why={"users": {"phone": "85% sure: the name says so"}})
    assert added(WRITTEN, new) == [
        "          - name: phone",
        "            data_categories: [user.contact.phone_number]  # 85% sure: the name says so",
        "            fides_meta: {data_type: string, length: 20}",
    ]
    lines = new.splitlines()
    assert lines[lines.index("          - name: phone") - 1] == "            # this belongs to email"


def test_a_new_table_is_added_where_its_dataset_ends() -> None:
    new = merge(WRITTEN, shop(NEW))
    assert added(WRITTEN, new) == [
        "      - name: parcels",
        '        description: "Sent: out"',
        "        fields:",
        "          - name: no".replace("no", '"no"'),
        "            fides_meta: {data_type: integer}",
        "          - name: street",
        "            fides_meta: {data_type: string}",
    ]
    assert new.index("parcels") < new.index("# Another one.")


def test_merging_twice_changes_nothing_more() -> None:
    once = merge(WRITTEN, shop(USERS, ORDERS, NEW))
    assert merge(once, shop(USERS, ORDERS, NEW)) == once


def test_merging_never_changes_or_removes_what_is_declared() -> None:
    bare = Collection(name="users", fields=(field("email", "integer", length=99),))
    assert merge(WRITTEN, shop(bare)) == WRITTEN


def test_comments_order_and_quotes_survive_by_another_reader() -> None:
    new = merge(WRITTEN, shop(USERS, ORDERS, NEW))
    yaml = YAML()
    yaml.preserve_quotes = True
    tree = yaml.load(new)
    assert list(tree) == ["dataset", "system"]
    assert [one["name"] for one in tree["dataset"][0]["collections"]] == ["users", "orders", "parcels"]
    assert type(tree["dataset"][0]["fides_key"]).__name__ == "SingleQuotedScalarString"
    assert new.count("#") == WRITTEN.count("#")


@pytest.mark.parametrize("key", ["dataset", "collections", "fields"])
def test_a_missing_or_empty_list_is_begun(key: str) -> None:
    texts = {
        "dataset": ["", "# only a comment\n", "system: []\n", "dataset:\n", "dataset: []\n"],
        "collections": [
            "dataset:\n- fides_key: shop\n",
            "dataset:\n- fides_key: shop\n  collections:\n",
            "dataset:\n- fides_key: shop\n  collections: []\n",
            "dataset: [{fides_key: shop}]\n",
        ],
        "fields": [
            "dataset:\n- fides_key: shop\n  collections:\n  - name: users\n",
            "dataset:\n- fides_key: shop\n  collections:\n  - name: users\n    fields: []\n",
            "dataset:\n- fides_key: shop\n  collections: [{name: users}]\n",
            "dataset:\n- fides_key: shop\n  collections: [{name: users, fields: [{name: id}]}]  # short\n",
        ],
    }
    for text in texts[key]:
        new = read_yaml(merge(text, shop(USERS))).plain()
        dataset = next(one for one in new["dataset"] if one["fides_key"] == "shop")
        assert [one["name"] for one in dataset["collections"][0]["fields"]] == ["id", "email", "phone"]


@pytest.mark.parametrize(
    "text",
    [
        "dataset:\n- fides_key: shop\n  collections:\n  - name: users\n    fields:\n    - name: id",  # no line break
        WRITTEN.replace("\n", "\r\n"),
        "---\ndataset:\n-   fides_key: shop\n    collections:\n    -   name: users\n"
        "        fields:\n        -   name: id\n...\n",
        BEGIN + "  - fields:\n    - description: |\n        two\n        lines\n\n      name: id\n    name: users\n",
        BEGIN + "  - name: users\n    fields:\n    - name: id\n      description: |+\n        kept\n\n\nsystem: []\n",
        "dataset:\n-\n  fides_key: shop\n  collections:\n  -\n    name: users\n    fields:\n    -\n      name: id\n",
        'dataset:\n- fides_key: shop\n  name: "Läden\u2028 \U0001f600"\n  collections:\n'
        "  - name: users\n    fields: [{name: id}]\n",
    ],
    ids=["no-last-break", "crlf", "wide", "key-last", "kept-breaks", "dash-alone", "unicode"],
)
def test_any_layout_keeps_its_lines(text: str) -> None:
    new = merge(text, shop(USERS, NEW))
    collections = read_yaml(new).plain()["dataset"][0]["collections"]
    users = next(one for one in collections if one["name"] == "users")
    assert [one["name"] for one in users["fields"]][-1] == "phone"
    assert collections[-1]["name"] == "parcels"
    if "{" not in text:
        added(text, new)
    if "\r\n" in text:
        assert new.count("\n") == new.count("\r\n")


def test_nested_fields_are_added_to_their_object() -> None:
    text = (
        BEGIN
        + "  - name: users\n    fields:\n    - name: home\n"
        + "      fides_meta: {data_type: object}\n      fields:\n      - name: city\n    - name: id\n"
    )
    home = field("home", "object", fields=(field("city", "string"), field("street", "string")))
    new = merge(text, shop(Collection(name="users", fields=(home, field("id")))))
    found = read_yaml(new).plain()["dataset"][0]["collections"][0]["fields"]
    assert [one["name"] for one in found[0]["fields"]] == ["city", "street"]


def test_what_cannot_be_added_to_safely_is_refused() -> None:
    aliased = BEGIN + "  - name: users\n    fields: &f\n    - name: id\n  - name: orders\n    fields: *f\n"
    with pytest.raises(InvalidInput, match="cannot be added to safely"):
        merge(aliased, shop(USERS))
    with pytest.raises(MalformedBody, match="expected YAML"):
        merge("dataset: [", shop(USERS))
    with pytest.raises(MalformedBody, match="expected a manifest"):
        merge("- a\n", shop(USERS))


def test_a_new_file_says_all_that_was_observed() -> None:
    text = dataset_text([shop(USERS, ORDERS, NEW)], {"shop": {"orders": {"id": "perhaps: a number"}}})
    assert read_yaml(text).plain() == {"dataset": [dataset_data(shop(USERS, ORDERS, NEW))]}
    assert "- name: id  # perhaps: a number" in text


@pytest.mark.parametrize(
    "text", ["no", "1", "1e3", "a: b", "#", "-", "", "tab\t", '"', "\\", "null", "2024-01-01", "é", "\x85"]
)
def test_any_text_is_read_again_as_text(text: str) -> None:
    assert read_yaml(f"a: {scalar(text)}").plain() == {"a": text}


# --- mending ----------------------------------------------------------------------------------------------------


def test_mending_changes_types_adds_references_and_removes_what_is_gone() -> None:
    users = Collection(
        name="users", fields=(field("id", "string", primary_key=True), field("email", "string", length=80))
    )
    orders = Collection(name="orders", fields=(field("user_id", "integer", links=(Link("shop", "users.id", "from"),)),))
    new = mend(WRITTEN, shop(users, orders))
    found = {one["name"]: one for one in read_yaml(new).plain()["dataset"][0]["collections"]}
    assert found["users"]["fields"][0]["fides_meta"] == {"primary_key": True, "data_type": "string"}
    assert found["users"]["fields"][1]["fides_meta"] == {"data_type": "string", "length": 80}
    assert found["orders"]["fields"] == [
        {
            "name": "user_id",
            "fides_meta": {"references": [{"dataset": "shop", "field": "users.id", "direction": "from"}]},
        }
    ]
    assert "  # a key" in new and "# where we write to" in new


def test_mending_leaves_tables_of_tools_out() -> None:
    new = mend(WRITTEN, shop(USERS, ORDERS, Collection(name="alembic_version", fields=(field("version_num"),))))
    assert "alembic" not in new


def test_mending_removes_a_table_that_is_gone() -> None:
    new = mend(WRITTEN, shop(USERS))
    assert [one["name"] for one in read_yaml(new).plain()["dataset"][0]["collections"]] == ["users"]
    assert "# Another one." in new


# --- patches ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "old",
    [WRITTEN, WRITTEN.rstrip("\n"), WRITTEN.replace("\n", "\r\n"), ""],
    ids=["plain", "no-last-break", "crlf", "new"],
)
def test_git_applies_the_patch(old: str, tmp_path: Path) -> None:
    new = merge(old, shop(USERS, NEW))
    git = ["git", "-c", "core.autocrlf=false", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q", str(tmp_path)], check=True)
    file = tmp_path / "priv" / "shop.yml"
    file.parent.mkdir()
    if old:
        file.write_bytes(old.encode())
    subprocess.run(
        [*git, "apply", "--whitespace=nowarn", "-"],
        input=unified(old, new, "priv/shop.yml").encode(),
        check=True,
        cwd=tmp_path,
    )
    assert file.read_bytes().decode() == new


def test_no_change_is_no_patch() -> None:
    assert unified(WRITTEN, WRITTEN, "shop.yml") == ""
