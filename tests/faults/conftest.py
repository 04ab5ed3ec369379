"""Makes importable what stands beside the faults: fakes of vendors' APIs, and the counter of the journeys."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS, TESTS / "journeys"):
    sys.path.append(str(folder))
