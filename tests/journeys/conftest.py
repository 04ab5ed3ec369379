"""Makes importable what stands beside the journeys: fakes of vendors' APIs, and servers of databases."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS, TESTS / "unit" / "scanners", TESTS / "unit" / "connectors"):
    sys.path.append(str(folder))
