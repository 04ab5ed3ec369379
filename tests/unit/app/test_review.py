"""Seeing what policies do, through the command line and the doors: of files without a home, and of a vault."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shell import Shell
from staff import Staff

from privet.app.services import flags, queries, records, review, vaults
from privet.errors import Denied, InvalidInput, UnknownName
from privet.vault.templates import template_policy, template_tests, template_text

PERSON = {"name": "Ann Example", "email": "ann@example.com", "ssn": "536-90-4399", "state": "CA"}
DAY = 86_400_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a schema, a policy and its tests."""
    (tmp_path / "quickstart.yml").write_text(template_text("quickstart"))
    (tmp_path / "quickstart.policy").write_text(template_policy("quickstart"))
    (tmp_path / "quickstart.tests.yml").write_text(template_tests("quickstart"))
    return tmp_path


@pytest.fixture
def bare(folder: Path) -> Shell:
    """Return a shell without a home."""
    return Shell(folder / "nowhere")


@pytest.fixture
def shop(tmp_path: Path) -> Shell:
    made = Shell(tmp_path / "home")
    made.ok("init")
    made.ok("vaults", "create", "shop", "--template", "quickstart")
    return made


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    made.run("vaults.create", vaults.CreateAsk(name="shop", template="quickstart"))
    yield made
    made.close()


# --- files --------------------------------------------------------------------------------------------------------


def test_explain_of_a_file_needs_no_home(bare: Shell, folder: Path) -> None:
    said = ("policy", "explain", str(folder / "quickstart.policy"), "--schema", str(folder / "quickstart.yml"))
    told = bare.ok(*said, "--as", "support")
    assert "last_four" in told and "quickstart.policy:6" in told
    assert max(map(len, told.splitlines())) <= 100
    assert "persons: records are as if absent of people who restricted processing" in told
    found = bare.json(*said, "--as", "support, analyst", "--table", "persons")
    assert found["roles"] == ["support", "analyst"]
    assert {cell["table"] for cell in found["cells"]} == {"persons", ""}


def test_explain_writes_a_page(bare: Shell, folder: Path) -> None:
    page = folder / "page.html"
    bare.ok(
        "policy", "explain", str(folder / "quickstart.policy"), "--schema", str(folder / "quickstart.yml"),
        "--as", "support", "--html", str(page),
    )  # fmt: skip
    assert page.read_text().startswith("<!doctype html>") and "<script" not in page.read_text()


@pytest.mark.parametrize(
    "said",
    [
        (),
        ("quickstart.policy",),
        ("quickstart.policy", "--schema", "quickstart.yml", "--table", "ghosts"),
        ("quickstart.policy", "--schema", "quickstart.yml", "--for", "ghosts"),
        ("quickstart.policy", "--schema", "quickstart.yml", "--unused"),
        ("none.policy", "--schema", "quickstart.yml"),
    ],
)
def test_explain_of_what_is_not_there_is_refused(bare: Shell, folder: Path, said: tuple[str, ...]) -> None:
    args = [str(folder / word) if "." in word else word for word in said]
    assert bare.run("policy", "explain", *args, "--as", "support").exit_code == 1


def test_diff_ends_with_1_where_anything_changes_and_0_where_nothing_does(bare: Shell, folder: Path) -> None:
    old, new = folder / "quickstart.policy", folder / "new.policy"
    new.write_text("# other words\n" + old.read_text())
    same = bare.run("policy", "diff", str(old), str(new))
    assert (same.exit_code, same.stdout) == (0, "")
    new.write_text(old.read_text().replace("redaction = last_four", "redaction = plain_text"))
    done = bare.run("policy", "diff", str(old), str(new), "--schema", str(folder / "quickstart.yml"))
    assert done.exit_code == 1
    assert "+ may read persons.phone as plain_text" in done.stdout
    (first, *_) = json.loads(bare.run("policy", "diff", str(old), str(new), "--json").stdout)
    assert first["gained"] is True and first["role"] == "support"


def test_diff_of_a_file_that_is_no_policy_tells_every_fault(bare: Shell, folder: Path) -> None:
    new = folder / "new.policy"
    new.write_text("role a\nallow reed on *\nallow read in *\n")
    done = bare.run("policy", "diff", str(folder / "quickstart.policy"), str(new))
    assert "new.policy:2:7" in done.stderr and "new.policy:3:12" in done.stderr


def test_tests_of_a_policy_pass_fail_and_cannot_run(bare: Shell, folder: Path) -> None:
    tests = str(folder / "quickstart.tests.yml")
    assert bare.ok("policy", "test", tests).endswith("passed, 0 failed\n")
    wide = folder / "wide.policy"
    wide.write_text(template_policy("quickstart").replace("= masked", "= plain_text"))
    failed = bare.run("policy", "test", tests, "--policy", str(wide), "--junit", str(folder / "j.xml"))
    assert failed.exit_code == 1 and "expected `persons.name` masked, found plain_text" in failed.stdout
    (suite,) = ET.parse(folder / "j.xml").getroot()
    assert int(suite.attrib["failures"]) > 0
    (folder / "quickstart.policy").unlink()
    assert bare.run("policy", "test", tests).exit_code == 2
    (folder / "quickstart.tests.yml").write_text("schema: quickstart.yml\npolicy: wide.policy\ntests:\n  - {as: x}\n")
    broken = bare.run("policy", "test", tests)
    assert broken.exit_code == 2 and "quickstart.tests.yml:4:" in broken.stderr


def test_tests_may_name_a_template_and_are_told_as_json(bare: Shell, folder: Path) -> None:
    tests = folder / "own.tests.yml"
    tests.write_text(
        "template: quickstart\npolicy: quickstart.policy\ntests:\n"
        "  - {as: service, action: read, table: persons, expect: denied}\n"
    )
    assert bare.json("policy", "test", str(tests)) == [{"name": "test 1", "at": f"{tests}:4:5", "faults": []}]


def test_a_policy_that_does_not_fit_its_schema_cannot_be_tested(bare: Shell, folder: Path) -> None:
    (folder / "quickstart.policy").write_text("role support\nallow read on ghosts.*\n")
    assert bare.run("policy", "test", str(folder / "quickstart.tests.yml")).exit_code == 2


def test_suggest_shows_rules_or_the_ready_roles(bare: Shell, folder: Path) -> None:
    schema = ("--schema", str(folder / "quickstart.yml"))
    told = bare.ok("policy", "suggest", "--for", "support reads the last four of cards", *schema)
    assert "allow read on credit_cards.pan with redaction = last_four" in told
    assert "role analyst" in bare.ok("policy", "suggest", *schema)
    assert bare.run("policy", "suggest", "--for", "support reads names").exit_code == 1


# --- a vault ------------------------------------------------------------------------------------------------------


def test_a_vault_of_a_template_has_its_ready_roles_in_force(shop: Shell) -> None:
    found = shop.json("policy", "get", "--vault", "shop")
    assert (found["version"], found["in_force"]) == (1, True)
    assert found["text"] == template_policy("quickstart")
    assert [change["policy"] for change in shop.json("policy", "history", "--vault", "shop")["changes"]] == [1]


def test_a_support_role_of_a_template_reads_masks_alone(staff: Staff) -> None:
    staff.run("records.insert", records.InsertAsk(vault="shop", table="persons", records=[PERSON]))
    key = staff.add("sue", "support").key
    (shown,) = staff.run("records.list", records.ListAsk(vault="shop", table="persons"), key=key).records
    assert shown.values["ssn"] == "*****4399" and shown.values["email"] == "a***@example.com"
    with pytest.raises(Denied):
        staff.run("records.insert", records.InsertAsk(vault="shop", table="persons", records=[PERSON]), key=key)


def test_an_analyst_of_a_template_counts_and_is_shown_no_value(staff: Staff) -> None:
    staff.run("records.insert", records.InsertAsk(vault="shop", table="persons", records=[PERSON]))
    key = staff.add("ana", "analyst").key
    counted = "SELECT COUNT(*) FROM persons WHERE state = 'CA'"
    assert staff.run("queries.run", queries.QueryAsk(vault="shop", sql=counted), key=key).columns
    for sql in ("SELECT name FROM persons", "SELECT COUNT(*) FROM persons WHERE ssn = '536-90-4399'"):
        with pytest.raises(Denied):
            staff.run("queries.run", queries.QueryAsk(vault="shop", sql=sql), key=key)


def test_explain_of_a_vault_names_versions_and_marks_what_nobody_used(staff: Staff) -> None:
    staff.run("records.insert", records.InsertAsk(vault="shop", table="persons", records=[PERSON]))
    key = staff.add("sue", "support").key
    staff.run("records.list", records.ListAsk(vault="shop", table="persons", columns="name"), key=key)

    def unused() -> dict[str, bool]:
        ask = review.ExplainAsk(vault="shop", roles=["support"], table="persons", used=True)
        found = staff.run("policies.explain", ask)
        assert found.policy == "policy 1" and found.matrix.watched
        lines = {cell.column: cell.lines for cell in found.matrix.cells if cell.action == "read"}
        assert lines["name"][0].rule.startswith("policy 1:")
        return {column: held[0].unused for column, held in lines.items() if held}

    assert unused()["name"] is False and unused()["ssn"] is True
    staff.now += 91 * DAY
    assert unused()["name"] is True


def test_explain_of_a_vault_says_whose_records_flags_hold_back_now(staff: Staff) -> None:
    made = staff.run("records.insert", records.InsertAsk(vault="shop", table="persons", records=[PERSON]))

    def held(stated: str = "") -> tuple[str, ...]:
        ask = review.ExplainAsk(vault="shop", roles=["support"], table="persons", stated=stated)
        found: tuple[str, ...] = staff.run("policies.explain", ask).matrix.held
        return found

    assert held() == ()
    for flag in ("restriction", "objection:marketing"):
        staff.run("flags.set", flags.SetAsk(vault="shop", subject=made.records[0].id, table="persons", flag=flag))
    assert held("essential.legal_obligation") == ()
    assert held("marketing.advertising") == (
        "persons: records are as if absent of people who restricted processing or who object to `marketing`",
    )
    staff.run(
        "flags.lift", flags.LiftAsk(vault="shop", subject=made.records[0].id, table="persons", flag="restriction")
    )
    assert held("analytics") == ()


def test_a_vault_explains_texts_versions_and_the_built_in_roles(staff: Staff) -> None:
    def lines(**rest: Any) -> int:
        found = staff.run("policies.explain", review.ExplainAsk(vault="shop", roles=["owner", "support"], **rest))
        return sum(len(cell.lines) for cell in found.matrix.cells)

    assert lines(policy=0) > 0 and lines(policy=1) >= lines(policy=0)
    assert lines(policy="role support\nallow read on persons.name\n", file="mine.policy") > 0
    for wrong in (review.ExplainAsk(vault="shop", roles=["owner"], table="ghosts"),):
        with pytest.raises(UnknownName):
            staff.run("policies.explain", wrong)
    with pytest.raises(InvalidInput):
        staff.run("policies.explain", review.ExplainAsk(vault="shop", roles=["owner"], policy=-1))


def test_a_vault_compares_versions_and_texts(shop: Shell, tmp_path: Path) -> None:
    text = tmp_path / "new.policy"
    text.write_text(template_policy("quickstart").replace("allow tokenize on *", "allow tokenize on persons.*"))
    done = shop.run("policy", "diff", "1", str(text), "--vault", "shop")
    assert done.exit_code == 1 and "- may no longer tokenize credit_cards.person" in done.stdout
    text.write_text(template_policy("quickstart"))
    assert shop.ok("policy", "diff", "1", str(text), "--vault", "shop") == ""
    assert shop.run("policy", "diff", "0", "1", "--vault", "shop").stdout.count("the role is new") == 4
    assert shop.run("policy", "diff", "0", "1").exit_code == 1  # a version needs a vault


def test_a_vault_tests_what_is_in_force_or_a_file(shop: Shell, tmp_path: Path) -> None:
    tests, wide = tmp_path / "t.yml", tmp_path / "wide.policy"
    tests.write_text(template_tests("quickstart"))
    wide.write_text(template_policy("quickstart").replace("= masked", "= plain_text"))
    assert shop.ok("policy", "test", str(tests), "--vault", "shop").endswith("passed, 0 failed\n")
    assert shop.run("policy", "test", str(tests), "--vault", "shop", "--policy", str(wide)).exit_code == 1
    assert shop.run("policy", "test", str(tests), "--vault", "ghost").exit_code == 2


def test_a_vault_suggests_and_saves_nothing(shop: Shell) -> None:
    told = shop.ok("policy", "suggest", "--vault", "shop", "--for", "support reads names")
    assert "allow read on persons.name" in told
    assert len(shop.json("policy", "list", "--vault", "shop")["policies"]) == 1


def test_who_neither_manages_nor_audits_sees_no_policy(staff: Staff) -> None:
    key = staff.add("sue", "support").key
    asks = {
        "policies.explain": review.ExplainAsk(vault="shop", roles=["owner"]),
        "policies.diff": review.DiffAsk(vault="shop", old=0, new=1),
        "policies.test": review.TestAsk(vault="shop", tests=template_tests("quickstart")),
        "policies.suggest": review.SuggestAsk(vault="shop", words="support reads names"),
    }
    for name, ask in asks.items():
        with pytest.raises(Denied):
            staff.run(name, ask, key=key)
    auditor = staff.add("al", "auditor").key
    assert staff.run("policies.diff", asks["policies.diff"], key=auditor).changes


def test_the_door_answers_with_the_matrix(staff: Staff) -> None:
    body = json.dumps({"roles": ["support"], "table": "persons"}).encode()
    rest = {"headers": [("content-type", "application/json")]}
    found = staff.ask("POST", "/v1/vaults/shop/policy/explain", body, **rest)
    assert found.status == 200
    cells = {(cell["column"], cell["action"]): cell for cell in found.json()["matrix"]["cells"]}
    assert cells["ssn", "read"]["lines"][0]["words"]["redaction"] == "last_four"
