"""The benchmarks over HTTP still run, and still write their page. Their figures are nobody's business here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEYS = {"work", "ours", "peer", "ratio", "goal"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the CPU time of a server from /proc")
def test_http_benchmark_runs_and_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    place = tempfile.mkdtemp(prefix="pb")  # short: the path of a Unix socket has about 100 characters
    done = subprocess.run(
        [sys.executable, "-m", "bench", "http", "--quick", "--write", str(page)],
        cwd=ROOT,
        env={**os.environ, "PRIVET_BENCH_DIR": place},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    shutil.rmtree(place)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(row.keys() >= KEYS and row["ours"] > 0 for row in rows)
    written = page.read_text(encoding="utf-8")
    assert all(row["work"] in written for row in rows)
    works = "\n".join(row["work"] for row in rows)
    for work in ("single insert", "detokenize one", "stored tokens/s", "sealed tokens/s", "inserts of 1000"):
        assert f"http: {work}" in works or f"http: records/s by the clock, {work}" in works
