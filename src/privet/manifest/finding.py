"""A finding: what a check, a comparison or a scan has to say of one place. Every report is made of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from privet.codec import Place

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

NOWHERE = Place("", 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding.

    `rule`: its kind, a stable word such as `unknown-category`. `subject`: what it is about, without places, as in
    `system shop_api, declaration Billing`. `message`: one sentence, expected then found; no personal value. `at`: where
    it stands. `length`: characters to underline from there, 0 for the rest of the line. `hint`: the smallest change
    that mends it. `because`: the rule, promise or declaration that it breaks, where one stands in a file. `policy`: key
    of the Fides policy, or file of ours, that it comes from, "" for lint.
    """

    rule: str
    severity: Severity
    subject: str
    message: str
    at: Place = NOWHERE
    length: int = 0
    hint: str = ""
    because: Place = field(default=NOWHERE, compare=False)
    policy: str = ""

    @property
    def fingerprint(self) -> str:
        """Return what stays the same while lines move: 16 hexadecimal characters over rule, file, subject, message."""
        from privet import digest  # slow to import, and most reports do not tell it

        said = "\0".join((self.rule, self.at.file, self.subject, self.message, self.policy))
        return digest.sha256(said.encode()).hex()[:16]


def about(dataset: str, path: Sequence[str] = ()) -> str:
    """Return the subject of a finding about a dataset, a collection of it or a field. `path`: names from there down.

    >>> about("crm", ("users", "address", "city"))
    'dataset crm, field users.address.city'
    """
    kind = "field" if len(path) > 1 else "collection"
    return f"dataset {dataset}, {kind} {'.'.join(path)}" if path else f"dataset {dataset}"


def in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return findings by file, line and column, each once."""
    order = {finding: (finding.at.file, finding.at.line, finding.at.column, finding.rule) for finding in findings}
    return tuple(sorted(order, key=order.__getitem__))
