"""That an erasure leaves some data as it is, and why: the law that asks for it, or what is not settled yet."""

from __future__ import annotations

from collections.abc import Callable

from privet.errors import InvalidPolicy
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._tokens import NUMBER
from privet.policy.clauses._words import quoted
from privet.policy.clauses.where import PART as WHERE
from privet.policy.promises import Vow
from privet.policy.promises._aims import dataset_of, read_aims, read_path, write_aim
from privet.policy.syntax import Aim, Keep, Notes, Promise, Rule, Span, Target, Term, Unit
from privet.vocabulary.predicate import ALWAYS, Predicate, attributes, comparisons

MOST_UNITS = 9_999
_UNITS: dict[str, Unit] = {"years": "years", "months": "months", "days": "days"}
_UNITS |= {"year": "years", "month": "months", "day": "days"}
_ONE = {"years": "year", "months": "month", "days": "day"}
_REASON = "a reason in quotes"


def _read(cursor: Cursor) -> Callable[[Span, Notes], Promise]:
    targets = read_aims(cursor)
    where = _where(cursor, targets) if cursor.skip("where") else ALWAYS
    term = _term(cursor, targets) if cursor.skip("for") else None
    cursor.expect("because", "people are told why their data is kept: `because 'tax law'`")
    start = cursor.at
    reason = cursor.content(_REASON)
    if not reason.strip():
        cursor.note(cursor.fault(f"expected {_REASON}, found an empty text", at=start))
    return lambda span, notes: Keep(targets=targets, reason=reason, where=where, term=term, span=span, notes=notes)


def _where(cursor: Cursor, targets: tuple[Aim, ...]) -> Predicate:
    start = cursor.at
    table = dataset_of(targets)
    if not table:
        hint = "write one promise for each collection"
        raise cursor.fault("expected one collection before a condition on its fields, found others", hint, at=start - 1)
    draft = Draft("deny", table=table)
    WHERE.read(cursor, draft)
    for leaf in comparisons(draft.where):
        if leaf.target.startswith("@") or any(attributes(leaf)):
            hint = "an erasure has no caller, no queue and no consent"
            cursor.note(cursor.fault("expected fields and literals in the condition of a `keep`", hint, at=start))
            break
    return draft.where


def _term(cursor: Cursor, targets: tuple[Aim, ...]) -> Term:
    raw = cursor.raws[cursor.at]
    if cursor.keys[cursor.at] != NUMBER or not raw.isdecimal() or not 0 < int(raw[:9]) <= MOST_UNITS or len(raw) > 9:
        cursor.fail(f"a whole number from 1 to {MOST_UNITS:,}")
    cursor.at += 1
    unit = _UNITS.get(cursor.keys[cursor.at])
    if unit is None:
        cursor.fail("`years`, `months` or `days`")
    cursor.at += 1
    cursor.expect("after", "as in `for 10 years after shop.orders.placed`")
    start = cursor.at
    after = read_path(cursor, "a field, as in `dataset.collection.field`")
    if dataset_of((*targets, after)) != after.path[0]:
        hint = "write one promise for each collection"
        cursor.note(cursor.fault("expected a field of the collection that is kept, found another", hint, at=start))
    return Term(int(raw), unit, after)


def _write(promise: Promise) -> str:
    if not isinstance(promise, Keep):
        return ""
    pieces = [f"keep {', '.join(map(write_aim, promise.targets))}"]
    if promise.where != ALWAYS:
        pieces.append(WHERE.write(_rule(promise)))
    if promise.term:
        pieces.append(_until(promise.term))
    return " ".join([*pieces, f"because {quoted(promise.reason)}"])


def _rule(promise: Keep) -> Rule:
    """Return a rule of the same condition: the first name of its columns is the dataset."""
    return Rule(effect="deny", actions=("delete",), targets=(Target(dataset_of(promise.targets)),), where=promise.where)


def _until(term: Term) -> str:
    if not 0 < term.count <= MOST_UNITS:
        raise InvalidPolicy(f"expected 1 to {MOST_UNITS:,} years, months or days")
    unit = _ONE[term.unit] if term.count == 1 else term.unit
    return f"for {term.count} {unit} after {write_aim(term.after)}"


PART = Vow(
    name="keep",
    about="an erasure leaves the data as it is, in the records of that condition and for so long, and tells why",
    opens=("keep", ""),
    form="keep AIM, … [where CONDITION] [for N years|months|days after FIELD] because 'REASON'",
    read=_read,
    write=_write,
)
