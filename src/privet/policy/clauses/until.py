"""Until when a rule holds."""

from __future__ import annotations

from datetime import UTC, datetime

from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._tokens import MOMENT
from privet.policy.syntax import Rule

_DATE = len("2027-01-31")
_EXPECTED = "a date (`2027-01-31`) or a moment (`2027-01-31T18:00:00Z`)"


def _read(cursor: Cursor, draft: Draft) -> None:
    if cursor.keys[cursor.at] != MOMENT:
        cursor.fail(_EXPECTED)
    raw = cursor.raws[cursor.at]
    try:
        moment = datetime.fromisoformat(raw.upper())
        draft.until = (moment if len(raw) > _DATE else moment.replace(tzinfo=UTC)).astimezone(UTC)
        zoned = moment.tzinfo is not None or len(raw) == _DATE
    except (ValueError, OverflowError):
        raise cursor.fault(f"expected {_EXPECTED}, found one that no calendar has") from None
    if not zoned:
        raise cursor.fault(f"expected {_EXPECTED}, found one without its zone", "add `Z` for UTC")
    cursor.at += 1


def _write(rule: Rule) -> str:
    if rule.until is None:
        return ""
    text = rule.until.astimezone(UTC).isoformat().removesuffix("+00:00")
    return f"until {text.removesuffix('T00:00:00')}" if text.endswith("T00:00:00") else f"until {text}Z"


PART = Clause(
    name="until",
    about="holds before that moment; a date is its first moment, UTC",
    opens="until",
    form="until DATE",
    order=6,
    read=_read,
    write=_write,
)
