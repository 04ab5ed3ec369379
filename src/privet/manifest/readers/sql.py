"""Comments of SQL: `-- privacy: …` beside a column or on the line above it, `COMMENT ON COLUMN … IS 'privacy: …'`."""

from __future__ import annotations

from collections.abc import Sequence

from privet.manifest.finding import Finding
from privet.manifest.migrations.sql import PART as TOOL
from privet.manifest.readers import Reader
from privet.manifest.source.code import Code
from privet.manifest.source.ledger import RULE, Ledger
from privet.vocabulary.dataset import Dataset


def read(codes: Sequence[Code], key: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the tables of all files, in the order that migrations have."""
    ledger = Ledger()
    TOOL.read(codes, ledger, "")
    # What annotations need is how tables are made, not each statement: only faults of annotations are told.
    return ledger.dataset(key), tuple(finding for finding in ledger.findings if finding.rule != RULE)


PART = Reader(name="sql", about="Comments beside columns, and COMMENT ON COLUMN", suffixes=(".sql",), read=read)
