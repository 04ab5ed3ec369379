"""How many: cells shown, or values tokenized or asked for, in a span of time."""

from __future__ import annotations

from privet.errors import InvalidPolicy
from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._tokens import NUMBER
from privet.policy.syntax import Budget, Rule

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_WORDS = {seconds: word for word, seconds in UNITS.items()}
_DIGITS = 9


def _read(cursor: Cursor, draft: Draft) -> None:
    raw = cursor.raws[cursor.at]
    if cursor.keys[cursor.at] != NUMBER or not raw.isdecimal() or not raw.strip("0") or len(raw) > _DIGITS:
        cursor.fail("a whole number from 1 to 999,999,999")
    cursor.at += 1
    cursor.expect("per")
    unit = cursor.keys[cursor.at]
    if unit not in UNITS:
        cursor.fail("`second`, `minute`, `hour` or `day`")
    cursor.at += 1
    draft.budget = Budget(int(raw), UNITS[unit])


def _write(rule: Rule) -> str:
    if rule.budget is None:
        return ""
    if rule.budget.seconds not in _WORDS or not 0 < rule.budget.count < 10**_DIGITS:
        raise InvalidPolicy("expected a budget of 1 to 999,999,999 per second, minute, hour or day")
    return f"budget {rule.budget.count} per {_WORDS[rule.budget.seconds]}"


PART = Clause(
    name="budget",
    about="at most that many values in each span of time",
    opens="budget",
    form="budget N per second|minute|hour|day",
    order=5,
    allows=True,
    read=_read,
    write=_write,
)
