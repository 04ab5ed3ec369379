"""The example company: its README, run as it stands, in a copy of its folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from following import ROOT, attempt, follow

SHOP = ROOT / "examples" / "shop"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    shutil.copytree(SHOP, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.mark.slow
def test_its_readme_runs_from_a_clean_check_to_a_drift_with_a_patch(shop: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("needs the shell of SQLite: apt-get install sqlite3")
    clean, broken, before, drifted, migrated, mapped = follow("examples/shop/README.md", shop)
    assert clean == "no findings in 7 files\n"
    line = next(
        at
        for at, text in enumerate((shop / ".fides/systems.yml").read_text(encoding="utf-8").splitlines(), 1)
        if "user.demographic.language]" in text
    )
    assert f"--> .fides/systems.yml:{line}:" in broken and "by juniper.policy:" in broken
    assert "error[deny-use]" in broken and broken.endswith("exit 1\n")
    assert "error" not in before
    assert "`birthday` is not declared" in drifted and "`phone` is not declared" in drifted
    assert migrated.startswith("no findings\n")
    assert "0002_birthday.sql" in migrated and migrated.endswith("exit 1\n")
    assert "shop_db.orders: found by references" in mapped
    assert "Juniper Books" in (shop / "map.html").read_text(encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=shop, check=True)
    subprocess.run(["git", "apply", "drift.patch"], cwd=shop, check=True)
    after = attempt("sh", "privet drift --db sqlite:///shop.db --dataset shop_db --json", shop)
    assert after.returncode == 0
    assert json.loads(after.stdout)["counts"]["error"] == 0


@pytest.mark.slow
def test_the_example_is_read_by_fides_as_well() -> None:
    import yaml
    from fideslang.models import Dataset, Organization, Policy, System

    models = {"dataset": Dataset, "organization": Organization, "policy": Policy, "system": System}
    found = 0
    for path in sorted(SHOP.rglob("*.yml")):
        for kind, resources in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            for resource in resources:
                models[kind](**resource)
                found += 1
    assert found > 18
