"""The pages on manifests, drift and the data map, run as they stand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import openpyxl
import pytest
from following import follow


@pytest.mark.slow
def test_the_page_on_checks_finds_what_it_says(tmp_path: Path) -> None:
    told = follow("docs/howto/check.md", tmp_path)
    assert told[0] == "no findings in 2 files\n"
    broken = told[1].split("\n\n")
    assert any("error[fides-rule]" in found and "`user.contact`" in found for found in broken)
    card = next(
        at for at, line in enumerate((tmp_path / ".fides/shop.yml").read_text().splitlines(), 1) if "card" in line
    )
    assert f".fides/shop.yml:{card + 1}:" in told[1]
    assert told[1].endswith("exit 1\n")
    assert "error[no-legal-basis]" in told[2] and "error[no-retention]" in told[2]
    assert "error[fides-rule]" not in told[2]
    assert told[3].splitlines()[-1].startswith("no findings")
    assert "known, set aside" in told[3]
    assert json.loads((tmp_path / "manifest.schema.json").read_text())["$schema"].startswith("http")
    assert told[5].endswith("nothing differs\n")


@pytest.mark.slow
def test_the_page_on_drift_tells_of_new_columns_and_its_patch_applies(tmp_path: Path) -> None:
    told = follow("docs/howto/drift.md", tmp_path)
    assert "data_categories: [user.contact.email]" in told[0]
    before, after = told[1].split("no findings\n")
    assert before == ""
    assert "`birthday` is not declared" in after and "exit 1" in after
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "drift.patch"], cwd=tmp_path, check=True)
    assert "birthday" in (tmp_path / "shop.yml").read_text(encoding="utf-8")
    clean, found = told[2].split("no findings\n")
    assert clean == ""
    assert "`phone` is not declared" in found and "0002_phone.sql" in found and "exit 1" in found


@pytest.mark.slow
def test_the_page_on_the_map_draws_systems_and_the_vault(tmp_path: Path) -> None:
    told = follow("docs/howto/map.md", tmp_path)
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "web_shop" in page and "vault_people" in page
    sheet = openpyxl.load_workbook(tmp_path / "map.xlsx").worksheets[0]
    assert any("Web shop" in str(cell.value) for row in sheet.iter_rows() for cell in row)
    assert "flowchart" in told[0]
    assert "people are looked up by it" in told[1] and "system web_shop, Take orders" in told[1]
