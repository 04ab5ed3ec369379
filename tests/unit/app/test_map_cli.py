"""`privet map`: which form goes where, and what is said where part of it could not be read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from shell import SCHEMA, Shell

from privet.app.cli.main import cli

MANIFEST = """\
dataset:
  - fides_key: shop_db
    collections:
      - name: users
        fields:
          - {name: email, data_categories: [user.contact.email]}
system:
  - fides_key: shop
    system_type: Service
    privacy_declarations:
      - {data_categories: [user.contact.email], data_use: essential.service, dataset_references: [shop_db]}
  - fides_key: theirs
    organization_fides_key: other
    system_type: Service
    privacy_declarations: []
"""
EVENT = {
    "run": {"runId": "1"},
    "job": {"namespace": "nightly", "name": "copy"},
    "inputs": [{"namespace": "n", "name": "public.users"}],
    "outputs": [{"namespace": "n", "name": "lake.users_copy"}],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop.yml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*said: str) -> Result:
    return CliRunner().invoke(cli, ["map", *said])


def test_a_map_needs_no_home_and_is_csv_by_itself(folder: Path) -> None:
    done = run()
    assert done.exit_code == 0
    assert done.stdout.startswith("Fides Dataset,Fides System,")
    assert "shop_db,shop," in done.stdout


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("map.csv", b"Fides Dataset"),
        ("map.html", b"<!doctype html>"),
        ("map.json", b"{"),
        ("map.mmd", b"flowchart"),
        ("map.XLSX", b"PK"),
    ],
)
def test_the_name_of_the_file_says_the_form(folder: Path, name: str, begins: bytes) -> None:
    done = run("--output", name)
    assert (done.exit_code, done.stdout) == (0, "")
    assert (folder / name).read_bytes().startswith(begins)


def test_a_named_form_goes_before_the_name_of_the_file(folder: Path) -> None:
    assert run("--format", "ropa", "--output", "record.html").exit_code == 0
    assert "Record of processing activities" in (folder / "record.html").read_text()


def test_a_workbook_is_not_written_to_a_terminal(folder: Path) -> None:
    done = run("--format", "xlsx")
    assert done.exit_code == 1
    assert "--output" in done.stderr
    assert run("--format", "xlsx", "--output", "map.xlsx").exit_code == 0
    assert zipfile.ZipFile(io.BytesIO((folder / "map.xlsx").read_bytes())).testzip() is None


def test_a_form_that_is_not_there_is_refused_with_the_nearest(folder: Path) -> None:
    done = run("--format", "mermai")
    assert done.exit_code == 1
    assert "`mermaid`" in done.stderr


def test_json_is_a_map_for_programs(folder: Path) -> None:
    assert json.loads(run("--json").stdout)["rows"][0]["dataset"] == "shop_db"


def test_only_the_organization_that_is_named(folder: Path) -> None:
    rows = json.loads(run("--organization", "other", "--format", "json").stdout)["rows"]
    assert [row["system"] for row in rows] == ["theirs"]
    assert run("--organization", "nobody").exit_code == 1


def test_what_cannot_be_read_is_told_and_the_rest_is_written(folder: Path) -> None:
    (folder / "broken.yml").write_text("system: [")
    done = run()
    assert done.exit_code == 1
    assert "broken.yml:2:1" in done.stderr
    assert "shop_db,shop," in done.stdout


def test_lineage_is_in_the_map_and_a_bad_event_is_told(folder: Path) -> None:
    events = folder / "events.jsonl"
    events.write_text(json.dumps(EVENT) + "\n")
    done = run("--lineage", str(events), "--json")
    (edge,) = json.loads(done.stdout)["lineage"]
    assert (done.exit_code, edge["source"]) == (0, {"dataset": "shop_db", "table": "users", "field": ""})
    events.write_text(json.dumps(EVENT) + "\nnonsense\n")
    done = run("--lineage", str(events))
    assert done.exit_code == 1
    assert "events.jsonl:2:1" in done.stderr


def test_controls_in_names_do_not_reach_the_terminal(folder: Path) -> None:
    (folder / "odd.yml").write_text(
        'system: [{fides_key: odd, name: "a\\e[31mb\\x9bc", system_type: x, privacy_declarations: []}]'
    )
    for form in ("csv", "json", "mermaid", "html"):
        text = run("--format", form).stdout
        assert "\x1b" not in text and "\x9b" not in text
        assert "[31mb" in text.replace("#91;", "[")


def test_the_vaults_of_a_home_stand_beside_what_files_declare_by_themselves(folder: Path) -> None:
    shell = Shell(folder / "home")
    shell.ok("init")
    (folder / "people.schema").write_text(SCHEMA)
    shell.ok("vaults", "create", "people", "--schema", str(folder / "people.schema"))
    found = json.loads(shell.ok("map", str(folder / "shop.yml"), "--format", "json"))
    assert [row["dataset"] for row in found["rows"]] == ["shop_db", None, "vault_people"]
    assert found["rows"][2]["system"] == "vault_people"
    without = json.loads(shell.ok("map", str(folder / "shop.yml"), "--format", "json", "--no-vaults"))
    assert [row["dataset"] for row in without["rows"]] == ["shop_db", None]


def test_a_vault_whose_schema_is_declared_stands_once(folder: Path) -> None:
    shell = Shell(folder / "home")
    shell.ok("init")
    (folder / "people.yml").write_text(SCHEMA)
    shell.ok("vaults", "create", "people", "--schema", str(folder / "people.yml"))
    found = json.loads(shell.ok("map", str(folder / "people.yml"), "--format", "json"))
    assert [row["dataset"] for row in found["rows"]] == ["shop"]
    assert [row["system"] for row in found["rows"]] == ["vault_people"]


def test_a_home_that_refuses_is_told_rather_than_left_out(folder: Path) -> None:
    shell = Shell(folder / "home")
    shell.ok("init")
    shell.env["PRIVET_API_KEY"] = "pvt_" + "a" * 16 + "_" + "a" * 52
    done = shell.run("map", str(folder / "shop.yml"))
    assert done.exit_code == 1
    assert "unauthenticated" in done.stderr
