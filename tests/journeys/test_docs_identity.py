"""The page on who may call, run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import blocks, follow

from privet.app.settings import load

PAGE = "docs/howto/identity.md"


@pytest.mark.slow
def test_the_page_runs_and_its_settings_are_taken(tmp_path: Path) -> None:
    told = follow(PAGE, tmp_path)
    assert "ctx.region  eu" in told[2]
    assert (tmp_path / "desk.key.json").stat().st_mode & 0o077 == 0
    home = tmp_path / "privet-home"
    secret = home / "oidc.secret"
    secret.touch(mode=0o600)
    with (home / "privet.yaml").open("a", encoding="utf-8") as file:
        file.write(blocks(PAGE, "yaml")[0][1])
    trust = load(home).oidc
    assert trust is not None
    assert trust.roles == {"privet-admins": ("owner",), "support": ("viewer",)}
