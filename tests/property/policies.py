"""Policies drawn at random: trees that the language can say, and texts that it mostly cannot."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from privet.policy.syntax import (
    DELETION,
    Aim,
    Budget,
    DenyUse,
    Erase,
    Keep,
    Limit,
    Policy,
    Promise,
    RequireConsent,
    Role,
    Rule,
    Target,
    Term,
)
from privet.vocabulary import taxonomy
from privet.vocabulary.access import ACTIONS, Purpose
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
)

REDACTIONS = ("plain_text", "masked", "redacted", "last_four", "domain", "zip3")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=")

plain = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
words = st.sampled_from(
    (
        "user",
        "system",
        "role",
        "allow",
        "where",
        "for",
        "to",
        "not",
        "consent",
        "caller",
        "on",
        "in",
        "all",
        "limit",
        "keep",
        "by",
    )
)
odd = st.text(st.characters(exclude_characters='".', exclude_categories=("C", "Z")), min_size=1, max_size=8)
names = st.one_of(plain, words, odd)
dotted = st.lists(names, min_size=1, max_size=3).map(".".join)
texts = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=12) | st.just("O'Example")
days = st.dates().map(lambda day: day.isoformat())
integers = st.integers(-(10**18), 10**18)
literals = st.one_of(texts, days, integers, st.booleans())
attributes = dotted.map(Attribute)
categories, uses, subjects = (
    st.sampled_from([label.key for label in taxonomy.labels(kind)]) for kind in taxonomy.KINDS
)
purposes = st.lists(uses.map(Purpose), max_size=3).map(tuple)
some_purposes = st.lists(uses.map(Purpose), min_size=1, max_size=3).map(tuple)
some_categories = st.lists(categories, min_size=1, max_size=3).map(tuple)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def leaves() -> st.SearchStrategy[Predicate]:
    """Return conditions on columns."""
    return st.one_of(
        st.builds(Compare, dotted, st.sampled_from(OPERATORS), literals | attributes),
        st.builds(Compare, dotted, st.sampled_from(("=", "!=")), st.none()),
        st.builds(In, dotted, st.lists(literals, min_size=1, max_size=4).map(tuple)),
        st.builds(Compare, st.just(QUEUE), st.just("="), texts),
        anywhere(),
    )


def anywhere() -> st.SearchStrategy[Predicate]:
    """Return conditions that name no column."""
    return st.builds(Compare, st.just(CONSENT), st.just("="), texts)


def conditions(leaf: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    """Return conditions of any nesting over leaves."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda items: And(tuple(items))),
            st.lists(inner, min_size=2, max_size=3).map(lambda items: Or(tuple(items))),
            inner.map(Not),
        ),
        max_leaves=8,
    )


def columns(table: st.SearchStrategy[str]) -> st.SearchStrategy[Target]:
    """Return targets within a table."""
    return st.one_of(
        table.map(Target),
        st.builds(Target, table, names),
        st.builds(lambda t, c, p: Target(t, c, part=p), table, names, dotted),
    )


@st.composite
def rules(draw: st.DrawFn, roles: tuple[str, ...] = ()) -> Rule:
    """Draw a rule; `roles`: what it says after `to`."""
    of_one_table = draw(st.booleans())
    if of_one_table:
        targets = draw(st.lists(columns(st.just(draw(names))), min_size=1, max_size=3))
        where = draw(st.just(ALWAYS) | conditions(leaves()))
    else:
        anything = st.one_of(st.just(Target()), columns(names), categories.map(lambda label: Target(label=label)))
        targets = draw(st.lists(anything, min_size=1, max_size=3))
        where = draw(st.just(ALWAYS) | conditions(anywhere()))
    effect = draw(st.sampled_from(("allow", "deny")))
    allows = effect == "allow"
    return Rule(
        effect=effect,
        actions=tuple(draw(st.permutations(ACTIONS))[: draw(st.integers(1, len(ACTIONS)))]),
        targets=tuple(targets),
        redaction=draw(st.sampled_from(("", *REDACTIONS))) if allows else "",
        where=where,
        purposes=draw(purposes),
        connection=draw(st.just("") | names),
        budget=draw(st.none() | st.builds(Budget, st.integers(1, 10**9 - 1), st.sampled_from((1, 60, 3600, 86_400))))
        if allows
        else None,
        until=draw(st.none() | moments),
        unsafe=draw(st.booleans()) if allows else False,
        roles=roles,
    )


literals_of_settings = st.one_of(texts, st.integers(-(10**17), 10**17), st.booleans())
paths = st.lists(names, min_size=2, max_size=4).map(tuple)
aims = st.one_of(categories.map(Aim), paths.map(lambda path: Aim(path=path)))


@st.composite
def erases(draw: st.DrawFn) -> Erase:
    """Draw a promise of how something is erased. Deletion is about collections alone."""
    strategy = draw(st.sampled_from(("deletion", "delete", "null", "random", "Odd one")) | names)
    held = paths.map(lambda path: Aim(path=path)) if strategy in DELETION else aims
    return Erase(
        targets=draw(st.lists(held, min_size=1, max_size=3).map(tuple)),
        strategy=strategy,
        settings=draw(st.dictionaries(dotted, literals_of_settings, max_size=3).map(lambda held: tuple(held.items()))),
    )


@st.composite
def keeps(draw: st.DrawFn) -> Keep:
    """Draw a promise of what is kept. One that names fields is about one dataset."""
    reason = draw(texts.filter(str.strip))
    if draw(st.booleans()):
        return Keep(targets=draw(st.lists(aims, min_size=1, max_size=3).map(tuple)), reason=reason)
    dataset = draw(names)
    below = st.lists(names, min_size=1, max_size=3).map(lambda rest: Aim(path=(dataset, *rest)))
    said = st.one_of(
        st.builds(Compare, dotted, st.sampled_from(OPERATORS), literals),
        st.builds(Compare, dotted, st.sampled_from(("=", "!=")), st.none()),
        st.builds(In, dotted, st.lists(literals, min_size=1, max_size=4).map(tuple)),
    )
    return Keep(
        targets=draw(st.lists(below, min_size=1, max_size=3).map(tuple)),
        reason=reason,
        where=draw(st.just(ALWAYS) | conditions(said)),
        term=draw(
            st.none() | st.builds(Term, st.integers(1, 9_999), st.sampled_from(("years", "months", "days")), below)
        ),
    )


promises: st.SearchStrategy[Promise] = st.one_of(
    erases(),
    keeps(),
    st.builds(
        DenyUse,
        labels=some_categories,
        purposes=some_purposes,
        subjects=st.lists(subjects, max_size=2).map(tuple),
    ),
    st.builds(RequireConsent, key=texts, purposes=some_purposes),
    st.builds(Limit, redaction=st.sampled_from(REDACTIONS), labels=some_categories),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy in the order that reading a text gives: roles that only rules with `to` name last, by name."""
    declared = draw(st.lists(names, max_size=4, unique=True))
    others = draw(st.lists(names.filter(lambda name: name not in declared), max_size=2, unique=True))
    every = [*declared, *others]
    to = st.lists(st.sampled_from(every), min_size=1, max_size=3, unique=True).map(tuple) if every else st.nothing()
    loose = [draw(rules(draw(to))) for _ in range(draw(st.integers(0, 3)) if every else 0)]
    found = [
        Role(
            name,
            "",
            (*draw(st.lists(rules(), max_size=3)), *(rule for rule in loose if name in rule.roles)),
            draw(purposes),
        )
        for name in declared
    ]
    found += [Role(name, "", tuple(rule for rule in loose if name in rule.roles)) for name in sorted(others)]
    found = [role for role in found if role.rules or role.name in declared]
    silent = [role for role in found if role.rules and not role.purposes and all(rule.roles for rule in role.rules)]
    speaking = [role for role in found if role not in silent]
    ordered = (*speaking, *sorted(silent, key=lambda role: role.name))
    return Policy("", ordered, tuple(draw(st.lists(promises, max_size=3))))
