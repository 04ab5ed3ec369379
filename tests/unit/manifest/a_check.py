"""Manifests in one text, for tests of the check: what is found, and the word that each finding underlines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from privet.manifest.check.whole import check
from privet.manifest.finding import Finding
from privet.manifest.load import read_text
from privet.manifest.resources import Manifest

FILE = "manifest.yml"

SYSTEM = """
system:
  - fides_key: shop
    system_type: Service
    privacy_declarations:
      - name: Orders
        data_categories: [user.contact.email]
        data_use: essential.service
        data_subjects: [customer]
        dataset_references: [crm]
"""
DATASET = """
dataset:
  - fides_key: crm
    collections:
      - name: people
        fields:
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {primary_key: true, identity: email}
"""


def read(text: str) -> Manifest:
    """Return a manifest that has no fault."""
    manifest, faults = read_text(text, FILE)
    assert faults == ()
    return manifest


def found(text: str, **options: Any) -> tuple[Finding, ...]:
    return check(read(text), **options)


def marks(text: str, findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Return the rule of each finding and what it underlines, to the end of the line where it says no length."""
    lines = text.split("\n")
    shown = []
    for finding in findings:
        line = lines[finding.at.line - 1][finding.at.column - 1 :]
        shown.append((finding.rule, line[: finding.length] if finding.length else line))
    return shown
