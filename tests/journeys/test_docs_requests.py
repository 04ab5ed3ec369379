"""The page on people's requests, run as it stands."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pypdf
import pytest
from following import attempt, blocks


@pytest.mark.slow
def test_the_page_on_requests_gathers_erases_and_proves(tmp_path: Path) -> None:
    # One shell for all blocks: later ones go by names that earlier ones set.
    script = "\n".join(f"echo '== {at}'\n{text}" for at, (_, text) in enumerate(blocks("docs/howto/requests.md", "sh")))
    done = attempt("sh", f"export PRIVET_HOME=home\n{script}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [part.partition("\n")[2] for part in done.stdout.split("== ")[1:]]
    assert "sound  yes" in told[2]
    assert "by customer_id = shop_db.customers.id" in told[3] and "keep, tax law" in told[3]
    assert "waiting" in told[4] and "read:paper" in told[4]
    systems = json.loads((tmp_path / "package.json").read_text(encoding="utf-8"))["systems"]
    assert {name: {of: len(rows) for of, rows in held.items()} for name, held in systems.items()} == {
        "mail": {"letters": 1},
        "paper": {"folders": 1},
        "shop_db": {"customers": 1, "orders": 2},
    }
    assert "bob" not in json.dumps(systems)
    assert "1 record kept because tax law" in told[6]
    assert told[6].endswith("id,customer_id,sent_to\n2,2,bob@example.com\n")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        assert shop.execute("SELECT * FROM customers").fetchall() == [
            (1, None, "former customer"),
            (2, "bob@example.com", "Bob Example"),
        ]
        assert [row[0] for row in shop.execute("SELECT id FROM orders")] == [10, 12]
    assert "genuine: erasure" in told[7] and "tax law" in told[7]
    paper = "\n".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "proof.pdf").pages)
    assert "tax law" in paper and "ada@" not in paper.lower()
    assert "waiting" in told[8] and "complete" in told[8]
    assert "bob@example.com" in told[9] and "two questions by phone" in told[9] and "complex" in told[9]
    assert "ccpa" in told[9] and "on time" in told[9]
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or b"ada@example.com" not in path.read_bytes(), path
