"""Makes importable what stands beside the tests, for journeys too: fakes of vendors' APIs, and servers of databases."""

from __future__ import annotations

import sys
from pathlib import Path

UNIT = Path(__file__).resolve().parents[1]
for folder in (UNIT.parent, UNIT / "scanners"):
    sys.path.append(str(folder))
