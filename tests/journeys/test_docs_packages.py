"""The pages on packages and on the privacy centre, run as they stand."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path

import pytest
from following import attempt, blocks


def told_by(page: str, folder: Path, ports: dict[str, str] | None = None) -> list[str]:
    """Run the blocks of a page in one shell, since later ones go by names that earlier ones set; return what each
    printed. `ports`: free ones in place of those of the page."""
    texts = [f"echo '== {at}'\n{text}" for at, (_, text) in enumerate(blocks(page, "sh"))]
    script = "\n".join(("export PRIVET_HOME=home", *texts))
    for old, new in (ports or {}).items():
        assert old in script
        script = script.replace(old, new)
    done = attempt("sh", script, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return [part.partition("\n")[2] for part in re.split(r"^== ", done.stdout, flags=re.MULTILINE)[1:]]


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("7zz") is None, reason="7-Zip is not installed")
def test_the_page_on_packages_hands_out_what_opens(tmp_path: Path) -> None:
    told = told_by("docs/howto/packages.md", tmp_path)
    assert "its passphrase: " in told[1]
    assert {"index.html", "records.json", "datapackage.json"} <= set(told[2].split())
    page = (tmp_path / "ada" / "index.html").read_text(encoding="utf-8")
    for said in ("Ihre personenbezogenen Daten", "Ada Example", "10 years, as tax law asks", "Sample Parcels Ltd"):
        assert said in page, said
    assert "nothing of Bob" in told[3]
    assert told[5].endswith("gone\n") and not (tmp_path / "again.zip").exists()


@pytest.mark.slow
def test_the_page_on_the_centre_lets_her_in_and_gives_her_the_answer(tmp_path: Path) -> None:
    ports = {"7462": free_port(), "2525": free_port(), "privet serve": "privet serve --port 0"}
    told = told_by("docs/howto/center.md", tmp_path, ports)
    assert "privacy centre: http://127.0.0.1" in told[1]
    assert re.search(r"access +received", told[3])
    shown = json.loads(re.findall(r'\{"passphrase".*?\}', told[3])[0])
    assert len(shown["passphrase"]) == 29 and shown["downloads_left"] == 5
    assert (tmp_path / "ada.zip").read_bytes().startswith(b"PK")
    assert told[4].splitlines() == [
        "correction of data about you",
        "no use of your data for certain purposes",
        "unauthenticated",
    ]
