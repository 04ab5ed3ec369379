"""Random policies, tables, callers and rows, and a slow reading of what each caller sees of each cell.

The reading goes rule by rule and row by row and shares nothing with `privet.policy` but the tree. What cannot be
judged raises `Unjudged`: an allow then says nothing, a deny says no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from privet.errors import InvalidValue
from privet.policy.syntax import Budget, DenyUse, Limit, Policy, Promise, RequireConsent, Role, Rule, Span, Target
from privet.vocabulary.access import Access, Action, Principal, Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.datatype import DataType, data_type
from privet.vocabulary.predicate import (
    ALWAYS,
    CONSENT,
    QUEUE,
    And,
    Attribute,
    Compare,
    In,
    Not,
    Or,
    Predicate,
    Value,
)

START = datetime(2030, 1, 1, tzinfo=UTC)
ACTIONS: tuple[Action, ...] = ("read", "search", "detokenize", "export", "update", "insert", "tokenize", "delete")
SHOWN = ("read", "detokenize", "export")
ASKED = (*SHOWN, "search")

FIELDS = (
    Field(name="name", type="string", labels=("user.name",)),
    Field(name="email", type="contact.email", labels=("user.contact.email",)),
    Field(name="phone", type="contact.phone", labels=("user.contact.phone_number",)),
    Field(name="ssn", type="us.ssn", labels=("user.government_id",)),
    Field(name="pan", type="card.pan", labels=("user.financial.credit_card",)),
    Field(name="born", type="person.dob", labels=("user.demographic.date_of_birth",)),
    Field(name="state", type="address.state", labels=("user.contact.address.state", "user.location")),
    Field(name="score", type="integer", labels=("user",)),
    Field(name="tags", type="string", labels=("user.behavior",), array=True),
    Field(name="plan", type="string", labels=("system.operations",)),
)
VALUES: Mapping[str, tuple[Any, ...]] = {
    "name": ("Ann Example", "Bo", None),
    "email": ("ann@example.com", "bo@example.org", None),
    "phone": ("+12025550141", "+14155550142", None),
    "ssn": ("219-09-9999", None),
    "pan": ("4111111111111111", None),
    "born": ("1979-12-31", "1984-06-15", None),
    "state": ("CA", "NY", None),
    "score": (1, 10, None),
    "tags": (("red",), ("red", "blue"), (), None),
    "plan": ("free", "paid", None),
}
PARTS = {"phone": ("area", "last_four"), "born": ("year", "month"), "email": ("domain",), "ssn": ("area",)}
LABELS = ("user", "user.contact", "user.contact.email", "user.financial", "user.government_id", "system", "user.name")
MASKS = ("", "plain_text", "plain_text", "masked", "redacted", "last_four", "domain", "year", "first_initial")
PURPOSES = tuple(
    map(Purpose, ("marketing", "marketing.advertising", "marketing.communications", "essential.service", "essential"))
)
LEGAL = Purpose("essential.legal_obligation")
IDS = tuple(UUID(int=at).bytes for at in range(1, 5))
KEYS = ("news", "offers")


class Unjudged(Exception):
    """A condition that nobody can judge for this caller and table."""


@dataclass(frozen=True)
class Row:
    """A record in plain words. `consents`: what its person agreed to; None where it is about nobody. `flags`: hers."""

    id: bytes
    values: Mapping[str, Any]
    consents: frozenset[str] | None
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """One question: who wants what, when, of which rows."""

    policy: Policy
    who: Principal
    access: Access
    table: Collection
    now: datetime | None
    queues: Mapping[str, Sequence[bytes]]
    rows: tuple[Row, ...]


# --- making them up ---------------------------------------------------------------------------------------------


def case(seed: int) -> Case:
    """Return the case of a number."""
    r = Random(seed)
    table = Collection(
        name=r.choice(("people", "people", "people", "notes")),
        fields=FIELDS,
        subject=r.choice(("self", "self", "none")),
        about=r.choice(((), ("customer",), ("employee", "customer"), ("employee",))),
    )
    roles = tuple(
        Role(name, "", tuple(_rule(r) for _ in range(r.randint(1, 5))), r.choice(((), (), _purposes(r))))
        for name in ("a", "b", "c")
    )
    granted = tuple(sorted({r.choice(PURPOSES) for _ in range(r.randint(0, 3))}))
    who = Principal(
        id="p",
        name="p",
        roles=tuple(r.sample(("a", "b", "c"), r.randint(1, 2))),
        purposes=granted,
        attributes={name: value for name, value in (("region", "CA"), ("team", "zz")) if r.random() < 0.7},
    )
    names = tuple(field.name for field in FIELDS)
    stated = r.choice((*granted, None)) if granted else None
    return Case(
        policy=Policy("v", roles, tuple(_promise(r) for _ in range(r.choice((0, 0, 1, 2))))),
        who=who,
        access=Access(r.choice(ACTIONS), table.name, names, stated, r.choice(("", "", "", "stripe"))),
        table=table,
        now=r.choice((None, START, START + timedelta(days=1), START + timedelta(days=9))),
        queues={name: r.sample(IDS, r.randint(0, 2)) for name in ("support", "fraud") if r.random() < 0.7},
        rows=tuple(_row(r, id) for id in IDS),
    )


def _row(r: Random, id: bytes) -> Row:
    consents = None if r.random() < 0.2 else frozenset(key for key in KEYS if r.random() < 0.5)
    return Row(id, {name: r.choice(values) for name, values in VALUES.items()}, consents)


def _purposes(r: Random) -> tuple[Purpose, ...]:
    return tuple(r.sample(PURPOSES, r.randint(1, 2)))


def _rule(r: Random) -> Rule:
    start = r.randrange(1, 10**9)
    return Rule(
        effect="allow" if r.random() < 0.75 else "deny",
        actions=tuple(r.sample(ACTIONS, r.randint(3, 8))),
        targets=tuple(_target(r) for _ in range(r.choice((1, 1, 2)))),
        redaction=r.choice(MASKS),
        where=_where(r, 2) if r.random() < 0.5 else ALWAYS,
        purposes=_purposes(r) if r.random() < 0.25 else (),
        connection="stripe" if r.random() < 0.15 else "",
        budget=Budget(5) if r.random() < 0.1 else None,
        until=START + timedelta(days=r.randint(0, 5)) if r.random() < 0.2 else None,
        unsafe=r.random() < 0.15,
        span=Span(start, start + 1, start, 1),
    )


def _target(r: Random) -> Target:
    table = r.choice(("", "people", "people", "notes"))
    column = r.choice([field.name for field in FIELDS])
    kind = r.random()
    if kind < 0.35:
        return Target(table)
    if kind < 0.55:
        return Target(label=r.choice(LABELS))
    if kind < 0.75 and column in PARTS:
        return Target(table or "people", column, part=r.choice(PARTS[column]))
    return Target(table or "people", column)


def _where(r: Random, depth: int) -> Predicate:
    kind = r.random()
    if depth and kind < 0.2:
        return Not(_where(r, depth - 1))
    if depth and kind < 0.5:
        items = tuple(_where(r, depth - 1) for _ in range(r.randint(0, 3)))
        return And(items) if r.random() < 0.5 else Or(items)
    return _leaf(r)


def _leaf(r: Random) -> Predicate:
    kind = r.randrange(10)
    if kind == 0:
        return Compare(QUEUE, "=", r.choice(("support", "fraud")))
    if kind == 1:
        return Compare(CONSENT, "=", r.choice(KEYS))
    if kind == 2:
        return In("id", tuple(r.sample(IDS, 2)))
    if kind == 3:
        return Compare("state", r.choice(("=", "!=")), Attribute(r.choice(("region", "team", "nothing"))))
    if kind == 4:
        return Compare(r.choice(("email.domain", "name", "state", "born.year")), r.choice(("=", "!=")), None)
    if kind == 5:
        return r.choice((Compare("nowhere", "=", "x"), Compare("tags.prefix_3", "=", "red"), Compare("id", "<", "x")))
    return r.choice(
        (
            Compare("state", r.choice(("=", "!=")), "CA"),
            In("state", ("CA", "US-NY")),
            Compare("born", r.choice(("<", "<=", ">", ">=")), "1984-06-15"),
            Compare("score", r.choice(("<", "<=", ">", ">=", "=")), 10),
            Compare("email.domain", r.choice(("=", "!=")), "example.com"),
            Compare("tags", r.choice(("=", "!=")), "red"),
            Compare("phone.area", "=", "202"),
        )
    )


def _promise(r: Random) -> Promise:
    start = r.randrange(1, 10**9)
    span, labels = Span(start, start + 1, start, 1), tuple(r.sample(LABELS, r.randint(1, 2)))
    kind = r.randrange(3)
    if kind == 0:
        subjects = r.choice(((), ("customer",), ("patient",)))
        return DenyUse(labels=labels, purposes=_purposes(r), subjects=subjects, span=span)
    if kind == 1:
        return RequireConsent(key=r.choice(KEYS), purposes=_purposes(r), span=span)
    return Limit(redaction=r.choice(("plain_text", "masked", "last_four")), labels=labels, span=span)


def dataset(table: Collection) -> Dataset:
    """Return the schema that holds a table alone."""
    return Dataset(key="t", collections=(table,))


# --- what is so -------------------------------------------------------------------------------------------------


def visible(case: Case, row: Row, field: Field) -> set[str]:
    """Return every redaction that the policy gives the caller on a cell."""
    access, found = case.access, set()
    if access.purpose is not None and not any(_below(access.purpose, root) for root in case.who.purposes):
        return set()
    if held_back(case, row):
        return set()
    if access.action == "delete":
        return {"plain_text"} if deletable(case, row) else set()
    if _forbidden(case, field) or not _consented(case, row, field):
        return set()
    rules = _rules(case)
    for role, rule in rules:
        if rule.effect != "allow" or not _applies(case, role, rule) or not _true(case, rule, row):
            continue
        for target in rule.targets:
            if _about(target, access.table, field):
                name = _shown(case, rule, target, field)
                if name and not any(_denies(case, other, role, row, field, name) for role, other in rules):
                    found.add(name)
    return found


def held_back(case: Case, row: Row) -> bool:
    """Return whether a flag of the record's person hides it from the caller."""
    if case.table.subject == "none" or case.access.action in ("insert", "tokenize"):
        return False
    legal = case.access.purpose is not None and _below(case.access.purpose, LEGAL)
    uses = [Purpose(flag.removeprefix("objection:")) for flag in row.flags if flag != "restriction"]
    return ("restriction" in row.flags and not legal) or any(_used_for(case, (use,)) for use in uses)


def best(field: Field, names: set[str]) -> set[str]:
    """Return the redactions of which one is shown: whole masks before parts, parts before nothing."""
    kind = data_type(field.type)

    def worth(name: str) -> float:
        return kind.redactions.index(name) if name in kind.redactions else 0.5

    return {name for name in names if worth(name) == max(map(worth, names))}


def deletable(case: Case, row: Row) -> bool:
    """Return whether a whole record may be deleted."""
    if held_back(case, row):
        return False
    allowed = False
    for role, rule in _rules(case):
        for target in rule.targets:
            if rule.effect == "allow" and target in (Target(), Target(case.table.name)):
                allowed = allowed or (_applies(case, role, rule) and _true(case, rule, row))
            touched = any(_about(target, case.table.name, field) for field in case.table.fields)
            if rule.effect == "deny" and touched and _applies(case, role, rule) and not _false(case, rule, row):
                return False
    return allowed


def _rules(case: Case) -> list[tuple[Role, Rule]]:
    roles = [role for role in case.policy.roles if role.name in case.who.roles]
    return [(role, rule) for role in roles for rule in role.rules if case.access.action in rule.actions]


def _applies(case: Case, role: Role, rule: Rule) -> bool:
    if rule.connection and rule.connection != case.access.connection:
        return False
    stated = case.access.purpose
    if rule.effect == "allow":
        if rule.until and (case.now is None or case.now >= rule.until):
            return False
        purposes = rule.purposes or role.purposes
        return not purposes or (stated is not None and any(_below(stated, purpose) for purpose in purposes))
    if rule.until and case.now is not None and case.now >= rule.until:
        return False
    return not rule.purposes or _used_for(case, rule.purposes)


def _used_for(case: Case, purposes: Sequence[Purpose]) -> bool:
    uses = case.who.purposes if case.access.purpose is None else (case.access.purpose,)
    return any(_below(use, purpose) or _below(purpose, use) for use in uses for purpose in purposes)


def _below(label: str, root: str) -> bool:
    return label.split(".")[: root.count(".") + 1] == root.split(".")


def _labelled(field: Field, labels: Sequence[str]) -> bool:
    return any(_below(label, root) for label in field.labels for root in labels)


def _about(target: Target, table: str, field: Field) -> bool:
    if target.label:
        return _labelled(field, [target.label]) and target.table in ("", table)
    return target.table in ("", table) and target.column in ("", field.name)


def _forbidden(case: Case, field: Field) -> bool:
    for promise in case.policy.promises:
        if isinstance(promise, DenyUse) and _labelled(field, promise.labels) and _used_for(case, promise.purposes):
            about = case.table.about
            if not promise.subjects or not about or set(promise.subjects) & set(about):
                return True
    return False


def _consented(case: Case, row: Row, field: Field) -> bool:
    for promise in case.policy.promises:
        if not isinstance(promise, RequireConsent) or case.access.action not in ASKED:
            continue
        if _used_for(case, promise.purposes):
            if case.table.subject == "none":
                if _labelled(field, ["user"]):
                    return False
            elif row.consents is None or promise.key not in row.consents:
                return False
    return True


def _place(kind: DataType, name: str) -> float:
    """Return where a redaction stands among a type's; a part that is none stands just below the whole value."""
    return kind.redactions.index(name) if name in kind.redactions else len(kind.redactions) - 1.5


def _shown(case: Case, rule: Rule, target: Target, field: Field) -> str:
    kind, action = data_type(field.type), case.access.action
    if action not in ASKED:
        return "" if target.part else "plain_text"
    if target.part:
        fits = rule.redaction in ("", "plain_text") and kind.part(target.part)
        name = target.part if fits else "redacted"
    else:
        name = rule.redaction or {"search": "plain_text"}.get(action, "masked")
        name = name if name in kind.redactions else "redacted"
    if action == "search":
        return name
    return _capped(case, rule, field, name)


def _capped(case: Case, rule: Rule, field: Field, name: str) -> str:
    kind = data_type(field.type)
    part = name not in kind.redactions
    if not rule.unsafe and not rule.connection and _place(kind, name) > _place(kind, kind.ceiling):
        name = "redacted" if part else kind.ceiling
    for promise in case.policy.promises:
        if isinstance(promise, Limit) and not case.access.connection and _labelled(field, promise.labels):
            least = kind.redactions.index(promise.redaction) if promise.redaction in kind.redactions else 0
            if _place(kind, name) >= least:
                masked = "masked" in kind.redactions and kind.redactions.index("masked") < least and not part
                name = "masked" if masked else "redacted"
    return name


def _denies(case: Case, rule: Rule, role: Role, row: Row, field: Field, name: str) -> bool:
    if rule.effect != "deny" or not _applies(case, role, rule) or _false(case, rule, row):
        return False
    kind = data_type(field.type)
    for target in rule.targets:
        if not _about(target, case.access.table, field):
            continue
        if not target.part or case.access.action not in ASKED:
            return True
        listed = target.part in kind.redactions
        if name != "redacted" and (not listed or _place(kind, name) >= _place(kind, target.part)):
            return True
    return False


def _true(case: Case, rule: Rule, row: Row) -> bool:
    if rule.where != ALWAYS and case.access.action in ("insert", "tokenize"):
        return False
    try:
        _demand(case, rule.where)
        return truth(case, rule.where, row) is True
    except Unjudged:
        return False


def _false(case: Case, rule: Rule, row: Row) -> bool:
    if rule.where != ALWAYS and case.access.action in ("insert", "tokenize"):
        return False
    try:
        _demand(case, rule.where)
        return truth(case, rule.where, row) is False
    except Unjudged:
        return False


def _demand(case: Case, where: Predicate) -> None:
    """Raise Unjudged where any comparison cannot be judged at all, whatever the others say."""
    if isinstance(where, And | Or):
        for item in where.items:
            _demand(case, item)
    elif isinstance(where, Not):
        _demand(case, where.item)
    else:
        _leaf_truth(case, where, case.rows[0])


def truth(case: Case, where: Predicate, row: Row) -> bool | None:
    """Return whether a condition holds on a row, None where nobody can say. Raises Unjudged."""
    if isinstance(where, Not):
        inner = truth(case, where.item, row)
        return None if inner is None else not inner
    if isinstance(where, And | Or):
        found = [truth(case, item, row) for item in where.items]
        stop = isinstance(where, Or)
        return stop if stop in found else None if None in found else not stop
    return _leaf_truth(case, where, row)


def _leaf_truth(case: Case, leaf: Compare | In, row: Row) -> bool | None:
    values = leaf.values if isinstance(leaf, In) else (leaf.value,)
    if leaf.target == QUEUE:
        if str(values[0]) not in case.queues:
            raise Unjudged
        return row.id in case.queues[str(values[0])]
    if leaf.target == CONSENT:
        if case.table.subject == "none":
            raise Unjudged
        return row.consents is not None and values[0] in row.consents
    if leaf.target == "id":
        if isinstance(leaf, Compare):
            raise Unjudged
        return row.id in values
    return _column_truth(case, leaf, values, row)


def _column_truth(case: Case, leaf: Compare | In, values: Sequence[Value], row: Row) -> bool | None:
    name, _, part = leaf.target.partition(".")
    field = case.table.field(name)
    if field is None or (field.array and part):
        raise Unjudged
    kind = data_type(field.type)
    wanted = [None if value is None else _canonical(case, kind, part, value) for value in values]
    op = leaf.op if isinstance(leaf, Compare) else "in"
    held = row.values[name]
    if field.array:
        found = None if held is None else any(item in wanted for item in held)
        return found if found is None or op != "!=" else not found
    text = None if held is None else kind.normalize(held)
    if part and text is not None:
        text = kind.part(part).of(text)  # type: ignore[union-attr]
    if values[0] is None:
        return (text is None) is (op == "=")
    return None if text is None else _compared(kind, part, op, text, wanted)


def _compared(kind: DataType, part: str, op: str, text: str, wanted: Sequence[Any]) -> bool:
    if op in ("=", "in"):
        return text in wanted
    if op == "!=":
        return text not in wanted
    order: Any = kind.order if not part else None
    left, right = (order(text), order(wanted[0])) if order else (text, wanted[0])
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def _canonical(case: Case, kind: DataType, part: str, value: Value) -> str:
    if isinstance(value, Attribute):
        if value.name not in case.who.attributes:
            raise Unjudged
        value = case.who.attributes[value.name]
    try:
        return kind.part(part).fix(str(value)) if part else kind.normalize(value)  # type: ignore[union-attr, arg-type]
    except InvalidValue:
        raise Unjudged from None
