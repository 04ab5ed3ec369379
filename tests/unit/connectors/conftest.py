"""Makes the fakes of vendors' APIs importable: they stand beside the tests, for journeys too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
