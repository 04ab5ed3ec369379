"""Drift: what a database has and no manifest says, what manifests say and no database has, each at its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from privet.manifest.drift.compare import RULES, compare, is_technical, written
from privet.manifest.drift.patch import mend
from privet.manifest.finding import Finding
from privet.manifest.load import load
from privet.manifest.resources import Manifest
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

TEXT = """\
dataset:
  - fides_key: shop
    collections:
      - name: users
        fields:
          - name: id
            fides_meta: {data_type: integer, primary_key: true}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {data_type: string, length: 40, privet: {column_type: VARCHAR(40), nullable: false}}
      - name: orders
        fields:
          - name: id
          - name: user_id
            fides_meta:
              references: [{dataset: shop, field: users.id, direction: from}]
          - name: home
            fides_meta: {data_type: object}
            fields:
              - name: city
"""


def field(name: str, kind: str = "", *labels: str, fields: tuple[Field, ...] = (), **more: object) -> Field:
    return Field(name=name, type="string", labels=labels, fields=fields, native=Native(data_type=kind, **more))  # type: ignore[arg-type]


EMAIL = field("email", "string", length=40, column_type="VARCHAR(40)", nullable=False)
USERS = Collection(name="users", fields=(field("id", "integer", primary_key=True), EMAIL))
HOME = field("home", "object", fields=(field("city"),))
USER_ID = field("user_id", links=(Link("shop", "users.id", "from"),))
ORDERS = Collection(name="orders", fields=(field("id"), USER_ID, HOME))
SHOP = Dataset(key="shop", collections=(USERS, ORDERS))
SAID = replace(USERS, fields=(USERS.fields[0], replace(EMAIL, labels=("user.contact.email",))))
DECLARED = Dataset(key="shop", collections=(SAID, ORDERS))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "shop.yml").write_text(TEXT, encoding="utf-8")
    found, faults = load([tmp_path], root=tmp_path)
    assert [fault for fault in faults if fault.severity == "error"] == []
    return found


def seen(*changed: Collection) -> Dataset:
    by_name = {one.name: one for one in (*SHOP.collections, *changed)}
    return replace(SHOP, collections=tuple(by_name.values()))


def found(manifest: Manifest, observed: Dataset, *, whole: bool = True) -> list[Finding]:
    findings = compare([DECLARED], [observed], place=written(manifest), whole=whole)
    assert all(finding.rule in RULES for finding in findings)
    return list(findings)


def test_what_is_as_declared_is_no_drift(manifest: Manifest) -> None:
    assert found(manifest, SHOP) == []


def test_a_new_column_is_an_error_at_its_table(manifest: Manifest) -> None:
    phone = field("phone", "string", "user.contact.phone_number")
    (finding,) = found(manifest, seen(replace(USERS, fields=(*USERS.fields, phone))))
    assert (finding.rule, finding.severity) == ("undeclared-field", "error")
    assert (finding.at.line, finding.at.column, finding.length) == (4, 15, 5)
    assert finding.subject == "dataset shop, field users.phone"
    assert "`user.contact.phone_number`" in finding.message


def test_a_new_field_of_an_object_stands_at_the_object(manifest: Manifest) -> None:
    home = replace(HOME, fields=(*HOME.fields, field("street", "string", "user.contact.address.street")))
    (finding,) = found(manifest, seen(replace(ORDERS, fields=(field("id"), USER_ID, home))))
    assert (finding.rule, finding.at.line, finding.length) == ("undeclared-field", 17, 4)
    assert "`home.street`" in finding.message


def test_a_new_table_is_an_error_at_its_dataset(manifest: Manifest) -> None:
    (finding,) = found(manifest, seen(Collection(name="parcels", fields=(field("id"),))))
    assert (finding.rule, finding.severity, finding.at.line, finding.at.column) == (
        "undeclared-collection",
        "error",
        2,
        16,
    )


def test_a_lost_column_and_a_lost_table_stand_where_they_are_declared(manifest: Manifest) -> None:
    lost = replace(SHOP, collections=(replace(USERS, fields=USERS.fields[:1]),))
    assert [(one.rule, one.severity, one.at.line) for one in found(manifest, lost)] == [
        ("missing-field", "error", 8),
        ("missing-collection", "error", 11),
    ]


def test_what_a_sample_lacks_is_a_note(manifest: Manifest) -> None:
    lost = replace(SHOP, collections=(replace(USERS, fields=USERS.fields[:1]),))
    assert {one.severity for one in found(manifest, lost, whole=False)} == {"note"}


@pytest.mark.parametrize(
    ("changed", "rule", "severity", "says"),
    [
        (field("email", "integer"), "retyped-field", "error", "expected `string`, found `integer`"),
        (
            replace(EMAIL, native=replace(EMAIL.native, column_type="varchar (80)", length=80)),
            "changed-type",
            "warning",
            "expected `VARCHAR(40)`, found `varchar (80)`",
        ),
        (
            replace(EMAIL, native=replace(EMAIL.native, column_type="", length=80)),
            "changed-type",
            "warning",
            "expected a length of 40, found 80",
        ),
        (replace(EMAIL, native=replace(EMAIL.native, nullable=True)), "changed-type", "warning", "may be empty"),
        (replace(EMAIL, native=replace(EMAIL.native, primary_key=True)), "changed-key", "warning", "found in it"),
        (replace(EMAIL, labels=("user.name",)), "changed-category", "note", "seems `user.name`"),
    ],
    ids=["kind", "type", "length", "null", "key", "category"],
)
def test_a_changed_column_stands_at_its_name(
    manifest: Manifest, changed: Field, rule: str, severity: str, says: str
) -> None:
    (finding,) = found(manifest, seen(replace(USERS, fields=(USERS.fields[0], changed))))
    assert (finding.rule, finding.severity, finding.at.line, finding.length) == (rule, severity, 8, 5)
    assert says in finding.message


@pytest.mark.parametrize("label", ["user.contact.email", "user.contact", "user"])
def test_a_proposal_near_the_declared_category_is_no_drift(manifest: Manifest, label: str) -> None:
    assert found(manifest, seen(replace(USERS, fields=(USERS.fields[0], replace(EMAIL, labels=(label,)))))) == []


def test_a_proposal_for_a_column_without_a_category_is_a_note(manifest: Manifest) -> None:
    named = replace(USER_ID, labels=("user.unique_id",))
    (finding,) = found(manifest, seen(replace(ORDERS, fields=(field("id"), named, HOME))))
    assert (finding.rule, finding.severity) == ("changed-category", "note")
    assert "declared category none" in finding.message


def test_a_category_of_the_whole_table_counts_for_its_columns() -> None:
    declared = Dataset(key="shop", collections=(replace(USERS, labels=("user.contact",)),))
    assert compare([declared], [Dataset(key="shop", collections=(SAID,))]) == ()
    (finding,) = compare([Dataset(key="shop", collections=(USERS,))], [Dataset(key="shop", collections=(SAID,))])
    assert finding.rule == "changed-category"


def test_a_new_foreign_key_is_a_warning(manifest: Manifest) -> None:
    first = field("id", links=(Link("shop", "users.id", "from"),))
    (finding,) = found(manifest, seen(replace(ORDERS, fields=(first, USER_ID, HOME))))
    assert (finding.rule, finding.severity, finding.at.line) == ("undeclared-reference", "warning", 13)


def test_a_reference_without_a_foreign_key_is_a_note_where_the_database_has_others(manifest: Manifest) -> None:
    more = Collection(name="alembic_version", fields=(field("x", links=(Link("shop", "users.id"),)),))
    (finding,) = found(manifest, seen(replace(ORDERS, fields=(field("id"), field("user_id"), HOME)), more))
    assert (finding.rule, finding.severity, finding.at.line) == ("lost-reference", "note", 14)
    assert found(manifest, seen(replace(ORDERS, fields=(field("id"), field("user_id"), HOME)))) == []


def test_a_reference_to_what_is_gone_is_an_error(manifest: Manifest) -> None:
    users = replace(USERS, fields=(field("uid", "integer", primary_key=True), EMAIL))
    findings = found(manifest, seen(users, replace(ORDERS, fields=(field("id"), field("user_id"), HOME))))
    assert ("lost-reference", "error", 14) in [(one.rule, one.severity, one.at.line) for one in findings]


def test_a_database_that_nobody_declares_is_one_finding() -> None:
    (finding,) = compare([], [SHOP])
    assert (finding.rule, finding.severity) == ("undeclared-dataset", "error")
    assert "2 tables" in finding.message


def test_declared_databases_that_nobody_looked_at_are_not_spoken_of(manifest: Manifest) -> None:
    assert compare(manifest.datasets, []) == ()


@pytest.mark.parametrize("name", ["alembic_version", "django_migrations", "SequelizeMeta", "__EFMigrationsHistory"])
def test_tables_of_tools_need_no_declaration(manifest: Manifest, name: str) -> None:
    assert found(manifest, seen(Collection(name=name, fields=(field("id"),)))) == []


def test_a_team_says_what_else_needs_none() -> None:
    assert is_technical("shop", "tmp_1", ["tmp_*"])
    assert not is_technical("other", "tmp_1", ["shop.tmp_*"])


def test_a_declared_table_of_a_tool_is_compared() -> None:
    declared = Dataset(key="shop", collections=(Collection(name="migrations", fields=(field("id"),)),))
    (finding,) = compare([declared], [Dataset(key="shop", collections=())])
    assert finding.rule == "missing-collection"


CHANGES = [
    seen(replace(USERS, fields=(*USERS.fields, field("phone", "string", "user.contact.phone_number")))),
    seen(Collection(name="parcels", fields=(field("id", "integer"), field("street", "string")))),
    replace(SHOP, collections=(replace(USERS, fields=USERS.fields[:1]),)),
    seen(replace(USERS, fields=(USERS.fields[0], field("email", "integer")))),
    seen(replace(USERS, fields=(USERS.fields[0], replace(EMAIL, native=replace(EMAIL.native, nullable=True))))),
    seen(replace(ORDERS, fields=(field("id", links=(Link("shop", "users.id", "from"),)), USER_ID, HOME))),
    seen(replace(ORDERS, fields=(field("id"), USER_ID, replace(HOME, fields=(field("city"), field("street")))))),
]


@pytest.mark.parametrize("observed", CHANGES, ids=["field", "table", "gone", "kind", "null", "reference", "nested"])
def test_the_patch_mends_the_drift(tmp_path: Path, observed: Dataset) -> None:
    (tmp_path / "shop.yml").write_text(mend(TEXT, observed), encoding="utf-8")
    manifest, _ = load([tmp_path], root=tmp_path)
    assert compare(manifest.datasets, [observed], place=written(manifest)) == ()


def test_what_a_scan_wrote_is_read_again_whole() -> None:
    from privet.manifest.drift.patch import dataset_text
    from privet.manifest.load import read_text
    from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

    native = Native(
        data_type="string",
        length=40,
        column_type="VARCHAR(40)",
        nullable=False,
        primary_key=True,
        links=(Link("d", "u.id", "from"),),
    )
    held = Field(name="f", type="string", labels=("user.contact.email",), native=native)
    seen = Dataset(key="d", collections=(Collection(name="t", fields=(held,)),))
    manifest, faults = read_text(dataset_text((seen,), {}))
    assert faults == ()
    assert manifest.datasets == (seen,)


def test_a_database_under_another_name_is_told_which_declared_dataset_is_likest() -> None:
    from privet.vocabulary.dataset import Collection, Dataset

    def database(key: str, *tables: str) -> Dataset:
        return Dataset(key=key, collections=tuple(Collection(name=table, fields=()) for table in tables))

    declared = (database("crm", "people"), database("shop_db", "orders", "lines"))
    (found,) = compare(declared, (database("shop", "orders", "lines", "people"),))
    assert "--dataset shop_db" in found.hint
    (found,) = compare(declared, (database("other", "a", "b", "people"),))
    assert "shop_db" not in found.hint and "--dataset" in found.hint
