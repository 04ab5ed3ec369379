"""The templates that ship: they apply, they take records, and they keep what their types and laws ask for.

Run as a program, this file writes docs/reference/templates.md anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from a_vault import Bench

from privet import digest
from privet.app.services import vaults
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import UnknownName
from privet.vault.reader import read_schema
from privet.vault.templates import template_names, template_text
from privet.vault.values import show
from privet.vocabulary import taxonomy
from privet.vocabulary.composite import composite, composite_names
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.datatype import Wire, data_type

NAMES = (
    "bank_link",
    "customer_identity",
    "healthcare_hipaa",
    "hr_employees",
    "kyc_aml",
    "marketing_cdp",
    "payments",
    "quickstart",
)
TABLES = {
    "quickstart": "persons credit_cards",
    "payments": "customers cards bank_accounts merchants transactions payouts processors",
    "healthcare_hipaa": "patients providers encounters diagnoses medications labs insurance consents",
    "customer_identity": "persons identifiers contacts addresses organizations consents preferences",
    "bank_link": "users items accounts numbers_ach numbers_eft numbers_bacs numbers_international balances owners"
    " transactions securities holdings liabilities_credit liabilities_mortgage liabilities_student",
    "kyc_aml": "applicants id_documents selfies addresses screenings beneficial_owners decisions",
    "hr_employees": "employees bank_accounts compensation tax identity_documents benefits dependants"
    " emergency_contacts performance leave medical applicants",
    "marketing_cdp": "profiles events",
}
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "templates.md"
NEVER_STORED = {"card.cvv", "card.pin", "card.track", "card.emv"}  # PCI DSS v4.0.1, requirement 3.3.1
START_MS = 1_800_000_000_000


def dataset(name: str) -> Dataset:
    return read_schema(template_text(name), f"{name}.yml")


def fields(name: str) -> Iterator[tuple[Collection, Field]]:
    for table in dataset(name).collections:
        for field in table.fields:
            yield table, field


def test_the_eight_templates_ship() -> None:
    assert template_names() == NAMES


def test_an_unknown_template_offers_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        template_text("payment")
    assert "`payments`" in caught.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_the_tables_it_promises_and_its_own_name_as_key(name: str) -> None:
    found = dataset(name)
    assert found.key == name
    assert {table.name for table in found.collections} == set(TABLES[name].split())
    assert all(table.description for table in found.collections)


@pytest.mark.parametrize("name", NAMES)
def test_every_label_is_in_the_taxonomy(name: str) -> None:
    for table, field in fields(name):
        assert field.labels, f"{table.name}.{field.name}"
        for label in field.labels:
            taxonomy.get(label)


@pytest.mark.parametrize("name", NAMES)
def test_security_codes_and_tracks_are_never_stored(name: str) -> None:
    for table, field in fields(name):
        if field.type in NEVER_STORED:
            assert field.keep == "transient", f"{table.name}.{field.name}"
            assert field.token is not None and field.token.kind == "transient"
            assert not field.indexes and not field.unique


@pytest.mark.parametrize("name", NAMES)
def test_every_personal_column_has_an_owner(name: str) -> None:
    for table, field in fields(name):
        if any(taxonomy.is_within(label, "user") for label in field.labels):
            assert table.subject != "none", f"{table.name}.{field.name}"


@pytest.mark.parametrize("name", NAMES)
def test_identifying_columns_are_shreddable(name: str) -> None:
    for table, field in fields(name):
        if table.subject != "none" and data_type(field.type).keep == "shreddable":
            assert field.keep == "shreddable", f"{table.name}.{field.name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_record_about_somebody_cannot_leave_out_whom(name: str) -> None:
    for table in dataset(name).collections:
        if table.subject not in ("self", "none"):
            owner = table.field(table.subject)
            assert owner is not None and owner.required, table.name


@pytest.mark.parametrize("name", NAMES)
def test_no_index_of_few_values_goes_without_a_word(name: str) -> None:
    for table, field in fields(name):
        kind = data_type(field.type)
        for index in field.indexes:
            part = kind.part(index)
            assert field.leak or not (kind.few if part is None else part.few), f"{table.name}.{field.name}"


def test_the_eighteen_hipaa_identifiers_each_have_a_column() -> None:
    patients = next(table for table in dataset("healthcare_hipaa").collections if table.name == "patients")
    wanted = "name street birth_date phone fax email ssn mrn beneficiary_number account_numbers driver_license"
    wanted += " vin device_serials urls ip_addresses biometric photo other_identifiers"
    assert len(wanted.split()) == 18
    for column in wanted.split():
        field = patients.field(column)
        assert field is not None and field.keep == "shreddable", column


@pytest.mark.parametrize(
    ("column", "redaction"),
    [("zip", "zip3"), ("birth_date", "year"), ("death_date", "year"), ("age", "decade"), ("name", "redacted")],
)
def test_the_redactions_of_a_safe_harbor_export_exist(column: str, redaction: str) -> None:
    patients = next(table for table in dataset("healthcare_hipaa").collections if table.name == "patients")
    field = patients.field(column)
    assert field is not None and redaction in data_type(field.type).redactions


def test_applicants_of_hr_expire_within_six_to_twenty_four_months() -> None:
    table = next(table for table in dataset("hr_employees").collections if table.name == "applicants")
    assert 180 * 86_400 <= table.ttl_seconds <= 730 * 86_400


# --- with a vault ---------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[House, Caller]]:
    place = tmp_path / "home"
    key = initialize(Settings(home=place, key_file=place / "root.key"), now_ms=START_MS)
    house = House(load(place), clock=lambda: START_MS)
    yield house, Caller(house.callers.principal(key.reveal(), START_MS))
    house.close()


def test_every_template_applies_to_a_new_vault_on_disk(home: tuple[House, Caller]) -> None:
    house, who = home

    async def make(name: str) -> vaults.VaultShown:
        return await vaults.create(house, who, vaults.CreateAsk(name=name, template=name))

    with asyncio.Runner() as runner:
        for name in NAMES:
            shown = runner.run(make(name))
            assert {table.name for table in shown.tables} == set(TABLES[name].split())


def sample(field: Field, made: dict[str, str]) -> Wire:
    if field.reference:
        return made[field.reference.collection]
    kind = data_type(field.type)
    value: Wire = {"boolean": True, "integer": 2026}.get(field.type, kind.example)
    return [value] if field.array else value


@pytest.mark.parametrize("name", NAMES)
def test_a_record_of_every_table_reads_back(bench: Bench, name: str) -> None:
    bench.apply(template_text(name))
    made: dict[str, str] = {}
    for table in bench.vault.schema.tables:
        row = {field.name: sample(field, made) for field in table.collection.fields}
        [written] = bench.insert(table.name, row)
        made[table.name] = digest.id_text(written.id)
        found = bench.get(table.name, written.id)
        assert found is not None
        for column in table.columns:
            kind = data_type(column.field.type)
            value = row[column.name]
            if column.field.keep == "transient":
                assert found.values[column.name] is None, f"{table.name}.{column.name}"
                assert written.tokens[column.name], "the token is all that is left"
            elif column.field.array:
                assert found.values[column.name] == [kind.present(kind.normalize(item)) for item in value]  # type: ignore[union-attr]
            else:
                text = kind.normalize(value)
                assert found.values[column.name] == show(column, [text], kind.ceiling)[0], column.name


# --- the reference --------------------------------------------------------------------------------------------


def reference() -> str:
    """Return the text of docs/reference/templates.md."""
    lines = [
        "# Vault templates",
        "",
        "Each is a schema to begin with: `privet vault create NAME --template TEMPLATE`, then change what you like.",
        "*Kept*: `shreddable` columns are sealed under a key of the person, `sealed` ones under a key of the column,",
        "`transient` ones are never stored.",
        "*Subject*: whose a record is; `self` means that each record is a person.",
        "",
    ]
    for name in sorted(NAMES):
        found = dataset(name)
        lines += [f"## {name}", "", found.description, ""]
        for table in found.collections:
            facts = [f"Subject: `{table.subject}`."]
            facts += [f"Unique: {', '.join(names)}." for names in table.uniques]
            facts += [f"Indexed together: {', '.join(targets)}." for targets in table.indexes]
            facts += [f"Expires after {table.ttl_seconds // 86_400} days."] if table.ttl_seconds else []
            lines += [f"### {name}: {table.name}", "", table.description, " ".join(facts), ""]
            lines += ["| column | type | kept | indexes | token | labels |", "|---|---|---|---|---|---|"]
            lines += [_line(field) for field in table.fields]
            lines.append("")
    lines += ["## Composites", ""]
    lines += [
        "A field that says `composite: NAME` stands for these columns, each with the field's name and `_` before it.",
        'Another `prefix`, or none, is `prefix: ""`.',
        "`without: [MEMBER]` leaves some out.",
        "A column that is written out under a member's full name takes its place.",
        "",
    ]
    for name in composite_names():
        group = composite(name)
        lines += [f"### {name}", "", group.about, "", "| member | type | indexes | about |", "|---|---|---|---|"]
        lines += [
            f"| {member.name} | {member.type} | {', '.join(member.indexes)} | {member.about} |"
            for member in group.members
        ]
        lines.append("")
    return "\n".join(lines)


def _line(field: Field) -> str:
    kind = f"→ {field.reference.collection}" if field.reference else field.type + ("[]" if field.array else "")
    words = [name for name, said in (("unique", field.unique), ("required", field.required)) if said]
    token = field.token.kind if field.token else ""
    cells = [
        field.name + (f" ({', '.join(words)})" if words else ""),
        kind,
        "" if field.reference else field.keep,
        ", ".join(field.indexes),
        token,
        ", ".join(field.labels),
    ]
    return "| " + " | ".join(cells) + " |"


def test_the_reference_shows_the_templates_as_they_are() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run `python tests/unit/vault/test_templates.py`"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
