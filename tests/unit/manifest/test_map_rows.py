"""Rows of the data map: which use becomes a row, and what each of the 24 columns says."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from a_bakery import CRM, LOGS, MADE, MAILER, MANIFEST, NODES, ORDERS, SHOP, bakery, node

from privet.errors import UnknownName
from privet.manifest.atlas.cells import COLUMNS, TITLES, flows
from privet.manifest.atlas.names import Names
from privet.manifest.atlas.record import NOT_DECLARED, records
from privet.manifest.atlas.rows import Row, rows
from privet.manifest.atlas.whole import atlas
from privet.manifest.exports import EXPORTS
from privet.manifest.resources import Manifest, Organization
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection, Dataset
from privet.vocabulary.system import Declaration, Facts, Flow, System

GOLDEN = Path(__file__).parents[2] / "golden" / "manifest" / "bakery"
TEXTS = ("csv", "json", "mermaid", "ropa_csv", "datahub", "openmetadata", "openlineage")


def row(system: System, declaration: Declaration | None = None, **more: object) -> Row:
    """Return the row of one use by one system."""
    whole = replace(system, declarations=(declaration,) if declaration else ())
    manifest = Manifest(systems=(whole,), **more)  # type: ignore[arg-type]
    (found,) = rows(Names(manifest, (whole,), manifest.datasets), (whole,), manifest.datasets)
    return found


def declared(**more: object) -> Declaration:
    said: dict[str, object] = {"categories": ("user.contact",), "use": Purpose("sales"), **more}
    return Declaration(**said)  # type: ignore[arg-type]


def system(facts: Facts | None = None) -> System:
    return System(key="s", declarations=(), facts=facts or {})


# --- golden -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", TEXTS)
def test_the_bakery_is_written_as_it_always_was(form: str) -> None:
    """Written anew by `PRIVET_GOLDEN=write`."""
    part = EXPORTS.get(form)
    path = GOLDEN / f"{form}{part.suffix}"
    found = part.write(bakery())
    if os.environ.get("PRIVET_GOLDEN") == "write":
        path.write_bytes(found)
    assert found == path.read_bytes()


# --- which rows -------------------------------------------------------------------------------------------------


def test_the_titles_are_the_24_that_compliance_teams_know() -> None:
    assert TITLES == (
        "Fides Dataset",
        "Fides System",
        "Department or Business Function",
        "Purpose of Processing",
        "Joint Controller",
        "Categories of Individuals",
        "Categories of Personal Data (Fides Taxonomy)",
        "Categories of Recipients",
        "Link to Contract with Processor",
        "Third Country Transfers",
        "Safeguards for Exceptional Transfers",
        "Retention Schedule",
        "General Description of Security Measures",
        "Role or Responsibility",
        "Art. 6 lawful basis",
        "Art. 9 condition",
        "Legitimate interests",
        "Link to LIA record",
        "Rights available to individuals",
        "Automated decision-making/profiling",
        "Source of the personal data",
        "DPIA required?",
        "DPIA progress",
        "Link to DPIA",
    )
    assert all(column.keys for column in COLUMNS)


def test_each_dataset_of_a_declaration_is_a_row_of_its_own() -> None:
    found = [(row.use.system.key, row.use.dataset_key) for row in bakery().rows if row.use.system]
    assert found == [("mailer", ""), ("oven", ""), ("shop", "crm_db"), ("shop", "orders_db"), ("shop", "crm_db")]


def test_a_dataset_that_nobody_uses_is_a_row_without_a_system() -> None:
    last = bakery().rows[-1]
    assert last.use.system is None
    assert last.cell("Fides Dataset") == "old_logs"
    assert (
        last.cell("Categories of Personal Data (Fides Taxonomy)") == "IP address of a device (user.device.ip_address)"
    )


def test_a_dataset_that_a_system_holds_without_a_declared_use_is_a_row_without_a_purpose() -> None:
    holder = replace(SHOP, datasets=("crm_db", "old_logs"))
    found = atlas(replace(MANIFEST, systems=(holder,)), made=MADE).rows
    held = [row for row in found if row.use.dataset_key == "old_logs"]
    assert [(row.use.system is not None, row.cell("Purpose of Processing")) for row in held] == [(True, "")]


def test_a_dataset_that_no_file_declares_keeps_its_key() -> None:
    assert row(system(), declared(datasets=("ghost",))).cell("Fides Dataset") == "ghost"


def test_tables_of_a_vault_are_in_the_map_beside_declared_ones() -> None:
    tables = (Collection(name="people", fields=CRM.collections[0].fields, ttl_seconds=90 * 86_400),)
    vault = Dataset(key="crm", name="Vault crm", collections=tables)
    holder = System(key="vault", name="Privet vault", declarations=(), datasets=("crm",))
    found = atlas(MANIFEST, made=MADE, systems=(holder,), datasets=(vault,))
    (line,) = [row for row in found.rows if row.use.dataset_key == "crm"]
    assert line.cell("Fides System") == "Privet vault (vault)"
    assert line.cell("Retention Schedule") == "people: 90 days after it was written"
    assert "Loyalty (user.loyalty)" in line.cell("Categories of Personal Data (Fides Taxonomy)")


def test_an_organization_has_its_systems_and_what_they_use() -> None:
    other = replace(MAILER, key="theirs", organization="other", ingress=())
    manifest = replace(MANIFEST, systems=(*MANIFEST.systems, other), organizations=(Organization(key="other"),))
    found = atlas(manifest, made=MADE, organization="other")
    assert [system.key for system in found.systems] == ["theirs"]
    assert found.datasets == ()
    assert [row.use.system.key for row in found.rows if row.use.system] == ["theirs"]


def test_an_organization_without_anything_is_refused() -> None:
    with pytest.raises(UnknownName, match="organization"):
        atlas(MANIFEST, made=MADE, organization="nobody")


def test_a_team_s_own_label_is_shown_by_its_name() -> None:
    assert "Loyalty (user.loyalty)" in bakery().rows[4].cell("Categories of Personal Data (Fides Taxonomy)")


def test_an_unknown_label_is_shown_by_its_key() -> None:
    found = row(system(), declared(categories=("user.provided.identifiable",)))
    assert found.cell("Categories of Personal Data (Fides Taxonomy)") == "user.provided.identifiable"


# --- cells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "facts", "cell"),
    [
        ("Department or Business Function", {"administrating_department": "Not defined"}, ""),
        ("Department or Business Function", {"administrating_department": "IT"}, "IT"),
        ("Joint Controller", {"joint_controller": {"name": "J", "email": "j@example.com"}}, "J; j@example.com"),
        ("Third Country Transfers", {}, ""),
        ("Third Country Transfers", {"does_international_transfers": False}, "no"),
        ("Third Country Transfers", {"does_international_transfers": True}, "yes"),
        ("Third Country Transfers", {"third_country_transfers": ["USA", "CAN"]}, "yes: USA; CAN"),
        ("Safeguards for Exceptional Transfers", {"legal_basis_for_transfers": ["SCC", "BCR"]}, "SCC; BCR"),
        ("Role or Responsibility", {"responsibility": ["Controller", "Processor"]}, "Controller; Processor"),
        ("Role or Responsibility", {"data_responsibility_title": "Processor"}, "Processor"),
        (
            "Link to Contract with Processor",
            {"link_to_processor_contract": "https://example.com"},
            "https://example.com",
        ),
        ("DPIA required?", {"requires_data_protection_assessments": False}, "no"),
        ("DPIA required?", {"data_protection_impact_assessment": {"is_required": True}}, "yes"),
        ("DPIA progress", {"data_protection_impact_assessment": {"progress": "Done"}}, "Done"),
        ("Link to DPIA", {"data_protection_impact_assessment": {"link": "x"}}, "x"),
        ("Automated decision-making/profiling", {"uses_profiling": True}, "yes"),
        (
            "Automated decision-making/profiling",
            {"uses_profiling": True, "legal_basis_for_profiling": ["Explicit consent"]},
            "yes: Explicit consent",
        ),
    ],
)
def test_a_cell_says_what_the_system_says(title: str, facts: Facts, cell: str) -> None:
    assert row(system(facts), declared()).cell(title) == cell


@pytest.mark.parametrize(
    ("title", "declaration", "cell"),
    [
        ("Art. 6 lawful basis", declared(legal_basis="Consent"), "Consent (art. 6(1)(a))"),
        ("Art. 6 lawful basis", declared(legal_basis="Custom"), "Custom"),
        ("Art. 9 condition", declared(facts={"special_category_legal_basis": "Explicit consent"}), "Explicit consent"),
        (
            "Art. 9 condition",
            declared(facts={"processes_special_category_data": True}),
            "special categories, condition not declared",
        ),
        ("Legitimate interests", declared(legal_basis="Legitimate interests"), "yes, not described"),
        ("Legitimate interests", declared(legal_basis="Consent"), ""),
        (
            "Categories of Recipients",
            declared(facts={"data_shared_with_third_parties": True}),
            "third parties, not named",
        ),
        ("Categories of Recipients", declared(facts={"data_shared_with_third_parties": False}), ""),
        ("Retention Schedule", declared(retention="1 year"), "1 year"),
    ],
)
def test_a_cell_says_what_the_declaration_says(title: str, declaration: Declaration, cell: str) -> None:
    assert row(system(), declaration).cell(title) == cell


@pytest.mark.parametrize(
    ("rights", "cell"),
    [
        ({"strategy": "NONE"}, "Buyer: none"),
        ({"strategy": "INCLUDE", "values": ["Object", "Access"]}, "Buyer: Access, Object"),
        (
            {"strategy": "EXCLUDE", "values": ["Informed", "Rectification", "Portability", "Restrict Processing"]},
            "Buyer: Access, Erasure, Withdraw Consent, Object, Object to Automated Processing",
        ),
        ({}, ""),
    ],
)
def test_rights_follow_the_strategy_of_the_subject(rights: dict[str, object], cell: str) -> None:
    nodes = {("data_subject", "customer"): node({"rights": rights})}
    assert row(system(), declared(subjects=("customer",)), nodes=nodes).cell("Rights available to individuals") == cell


def test_an_older_manifest_says_the_legal_basis_at_its_data_use() -> None:
    nodes = {("data_use", "sales"): node({"legal_basis": "Contract", "recipients": ["couriers"]})}
    found = row(system(), declared(), nodes=nodes)
    assert found.cell("Art. 6 lawful basis") == "Contract (art. 6(1)(b))"
    assert found.cell("Categories of Recipients") == "couriers"


def test_a_dataset_s_retention_stands_where_the_declaration_says_none() -> None:
    nodes = {("dataset", "old_logs"): NODES["dataset", "old_logs"]}
    declaration = declared(datasets=("old_logs",))
    assert row(system(), declaration, nodes=nodes, datasets=(LOGS,)).cell("Retention Schedule") == "30 days"


@pytest.mark.parametrize(
    ("declarations", "taken"),
    [
        ((("a",), ("b",)), [["a", "rest"], ["b", "rest"]]),
        ((("a",), ()), [["a"], ["b", "rest"]]),
        (((), ()), [["a", "b", "rest"], ["a", "b", "rest"]]),
    ],
    ids=["each names one", "one is silent", "both are silent"],
)
def test_a_flow_that_no_declaration_names_is_never_lost(
    declarations: tuple[tuple[str, ...], ...], taken: list[list[str]]
) -> None:
    sends = tuple(Flow(key=key, kind="system") for key in ("a", "b", "rest"))
    made = tuple(declared(name=str(at), egress=keys) for at, keys in enumerate(declarations))
    whole = System(key="s", declarations=made, egress=sends)
    assert [[flow.key for flow in flows(whole, each, "egress")] for each in made] == taken


def test_nested_fields_count_as_what_a_dataset_holds() -> None:
    found = row(System(key="s", declarations=(), datasets=("crm_db",)), datasets=(CRM,))
    assert "Street (user.contact.address.street)" in found.cell("Categories of Personal Data (Fides Taxonomy)")


# --- the record of article 30 -----------------------------------------------------------------------------------


def test_the_record_names_what_is_missing_of_a_controller() -> None:
    (record,) = records(bakery())
    mails = [entry for entry in record.entries if entry.part == "controller" and "marketing" in entry.cells[2]]
    assert [entry.holes for entry in mails] == [("Transfers to third countries", "Time limits for erasure")]


def test_a_processor_s_entry_asks_for_whom_it_acts() -> None:
    (record,) = records(bakery())
    (entry,) = [entry for entry in record.entries if entry.part == "processor"]
    assert entry.system == "mailer"
    assert entry.cells[1] == NOT_DECLARED
    told = replace(MAILER, facts={**MAILER.facts, "meta": {"privet": {"controllers": ["Flour Power GmbH"]}}})
    (record,) = records(atlas(replace(MANIFEST, systems=(told,)), made=MADE))
    assert record.entries[0].cells[1] == "Flour Power GmbH"


def test_a_system_with_two_roles_has_an_entry_for_each() -> None:
    both = replace(MAILER, facts={"responsibility": ["Controller", "Processor"]})
    (record,) = records(atlas(replace(MANIFEST, systems=(both,)), made=MADE))
    assert [entry.part for entry in record.entries] == ["controller", "processor"]


def test_a_role_that_nobody_declared_is_a_hole() -> None:
    (record,) = records(atlas(replace(MANIFEST, systems=(replace(MAILER, facts={}),)), made=MADE))
    assert "Role or responsibility" in record.entries[0].holes


def test_datasets_of_one_declaration_are_one_entry() -> None:
    (record,) = records(bakery())
    assert sum("Sell bread" in entry.cells[2] for entry in record.entries) == 1


def test_systems_without_personal_data_are_named_as_left_out() -> None:
    (record,) = records(bakery())
    assert record.left_out == (("oven", "declared to process no personal data"),)


def test_a_system_that_declares_nothing_is_an_entry_of_holes() -> None:
    silent = System(key="silent", declarations=())
    (record,) = records(atlas(replace(MANIFEST, systems=(silent,), datasets=(ORDERS,)), made=MADE))
    (entry,) = record.entries
    assert {"Purposes of the processing", "Categories of personal data", "Time limits for erasure"} <= {*entry.holes}


def test_declared_absence_of_transfers_and_recipients_is_no_hole() -> None:
    said = declared(facts={"data_shared_with_third_parties": False})
    quiet = System(key="q", declarations=(said,), facts={"does_international_transfers": False})
    (record,) = records(atlas(replace(MANIFEST, systems=(quiet,)), made=MADE))
    cells = record.entries[0].cells
    assert cells[5:8] == ("none", "none", "none needed")


def test_a_person_named_in_an_organization_is_never_in_the_rows() -> None:
    assert "Pat Officer" not in "".join("".join(row.cells) for row in bakery().rows)
