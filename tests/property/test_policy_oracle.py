"""Whatever the policy, a caller sees of every cell just what a slow reading of the rules says; both readers agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from flagging import flagged, in_force
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rulebook import ASKED, START, Case, Row, best, case, dataset, visible

from privet import codec, digest
from privet.errors import Denied
from privet.policy.check import Finding, check
from privet.policy.decide import decide
from privet.policy.permit import Permit, Sight
from privet.policy.syntax import DenyUse, Limit, Policy, RequireConsent, Role, Rule, Target
from privet.vault.schema import EMPTY, Table, merge
from privet.vault.sight import judge
from privet.vocabulary.access import Access, Principal, Purpose
from privet.vocabulary.dataset import Field
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import ALWAYS, CONSENT, comparisons
from privet.vocabulary.system import Declaration, System

Decide = Callable[..., Permit]
SEEDS = st.integers(0, 2**48)


def permitted(case: Case, decide: Decide) -> Permit | None:
    try:
        told = {"now": case.now, "queues": case.queues, "flags": in_force(case)}
        return decide(case.policy, case.who, case.access, case.table, **told)
    except Denied:
        return None


def table_of(case: Case) -> Table:
    made = count()
    return merge(EMPTY, dataset(case.table), lambda: next(made).to_bytes(16)).tables[0]


def lookup(case: Case, row: Row) -> Callable[[str], str | None]:
    def read(place: str) -> str | None:
        if place == "id":
            return digest.id_text(row.id)
        if place.startswith(CONSENT):
            return "yes" if place.partition(" ")[2] in (row.consents or frozenset()) | row.flags else "no"
        field = case.table.field(place)
        assert field is not None
        value = row.values[place]
        if value is None:
            return None
        return codec.encode(list(value)).decode() if field.array else data_type(field.type).normalize(value)

    return read


def cells(case: Case, decide: Decide) -> Iterator[tuple[Row, Field, tuple[Sight, ...], list[Sight]]]:
    """Yield each cell with the sights of its column and those whose rows hold it."""
    permit, table = permitted(case, decide), table_of(case)
    for row in case.rows:
        read = lookup(case, row)
        for field in case.table.fields:
            sights = permit.columns.get(field.name, ()) if permit else ()
            holding = [sight for sight in sights if judge(sight.where, table)(read) is True]
            if holding and permit:
                assert judge(permit.rows, table)(read) is True, "a cell is shown of a row that the permit lacks"
            yield row, field, sights, holding


def wrong(case: Case, decide: Decide) -> str:
    """Return what of a decision is not as the rules say, "" where all is."""
    for row, field, _, holding in cells(case, decide):
        expected, found = visible(case, row, field), {sight.redaction for sight in holding}
        if not found <= expected:
            return f"{field.name} is shown as {found - expected}"
        if expected and (not holding or holding[0].redaction not in best(field, expected)):
            return f"{field.name} is not shown as {best(field, expected)}"
        kind = data_type(field.type)
        most = max((kind.redactions.index(n) for n in found if n in kind.redactions), default=-1)
        for name in expected - found:
            covered = "plain_text" in found or (name in kind.redactions and kind.redactions.index(name) <= most)
            if not covered:
                return f"{field.name} may not be asked about as {name}"
    return ""


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS)
def test_every_cell_is_shown_as_the_rules_say(seed: int) -> None:
    made = case(seed)
    assert wrong(made, decide) == ""
    assert wrong(made, decide) == ""  # and the same from the plan that was kept


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS)
def test_what_flags_hold_back_is_shown_to_nobody_whom_they_bind(seed: int) -> None:
    made = flagged(case(seed), seed)
    assert wrong(made, decide) == ""
    assert wrong(made, decide) == ""  # and the same from the plan that was kept


@settings(max_examples=60, deadline=None)
@given(SEEDS, SEEDS, SEEDS)
def test_what_was_decided_before_does_not_count(first: int, second: int, third: int) -> None:
    one = case(first)
    others = [flagged(case(second), second), case(third)]
    for other in others:
        rows = tuple(replace(mine, flags=its.flags) for mine, its in zip(one.rows, other.rows, strict=True))
        mixed = replace(one, who=other.who, now=other.now, queues=other.queues, rows=rows)
        access = replace(one.access, purpose=other.access.purpose, connection=other.access.connection)
        mixed = replace(mixed, access=access)
        assert wrong(mixed, decide) == ""
    assert wrong(one, decide) == ""


# --- teeth ------------------------------------------------------------------------------------------------------


def changed(policy: Policy, change: Callable[[Rule], Rule | None]) -> Policy:
    roles = (replace(role, rules=tuple(filter(None, map(change, role.rules)))) for role in policy.roles)
    return replace(policy, roles=tuple(roles))


def without(*kinds: type) -> Callable[[Policy], Policy]:
    return lambda policy: replace(policy, promises=tuple(p for p in policy.promises if not isinstance(p, kinds)))


WEAKER: dict[str, Callable[[Policy], Policy]] = {
    "deny is ignored": lambda policy: changed(policy, lambda rule: None if rule.effect == "deny" else rule),
    "until is ignored": lambda policy: changed(policy, lambda rule: replace(rule, until=None)),
    "where is ignored": lambda policy: changed(policy, lambda rule: replace(rule, where=ALWAYS)),
    "purposes are ignored": lambda policy: changed(policy, lambda rule: replace(rule, purposes=())),
    "connections are ignored": lambda policy: changed(policy, lambda rule: replace(rule, connection="")),
    "ceilings are ignored": lambda policy: changed(policy, lambda rule: replace(rule, unsafe=True)),
    "deny use is ignored": without(DenyUse),
    "consent is ignored": without(RequireConsent),
    "limits are ignored": without(Limit),
}


@pytest.mark.parametrize("what", WEAKER)
def test_a_weaker_decision_is_caught(what: str) -> None:
    weaken = WEAKER[what]

    def weak(policy: Policy, *rest: object, **told: object) -> Permit:
        return decide(weaken(policy), *rest, **told)  # type: ignore[arg-type]

    assert any(wrong(case(seed), weak) for seed in range(1500))


@pytest.mark.parametrize("flag", ["restriction", "objection:marketing", "objection:essential"])
def test_a_decision_that_does_not_know_of_a_flag_is_caught(flag: str) -> None:
    def deaf(*asked: object, flags: frozenset[str], **told: object) -> Permit:
        return decide(*asked, flags=flags - {flag}, **told)  # type: ignore[arg-type]

    assert any(wrong(flagged(case(seed), seed), deaf) for seed in range(300))


def test_a_flag_that_binds_whoever_states_a_legal_obligation_is_caught() -> None:
    def strict(policy: Policy, who: Principal, access: Access, *rest: object, **told: object) -> Permit:
        return decide(policy, who, replace(access, purpose=None), *rest, **told)  # type: ignore[arg-type]

    assert any(wrong(flagged(case(seed), seed), strict) for seed in range(300))


def test_an_allow_that_outlives_its_moment_is_caught_in_a_kept_plan() -> None:
    kept: dict[int, Permit] = {}

    def stale(policy: Policy, *rest: object, now: object, **told: object) -> Permit:
        if id(policy) not in kept:
            kept[id(policy)] = decide(policy, *rest, now=now, **told)  # type: ignore[arg-type]
        return kept[id(policy)]

    def twice(seed: int) -> str:
        made = case(seed)
        return wrong(replace(made, now=START), stale) or wrong(replace(made, now=START + timedelta(days=9)), stale)

    assert any(map(twice, range(300)))


# --- the law that ties both readers -----------------------------------------------------------------------------


def unaccepted(case: Case, decide: Decide) -> str:
    """Return a use that was permitted and that `check` does not accept, "" for none."""
    stated = case.access.purpose
    uses = [stated] if stated else list(case.who.purposes)
    if case.access.action == "delete":
        return ""  # deleting uses nothing
    for _, field, _, holding in cells(case, decide):
        for sight in holding:
            consents = [str(leaf.value) for leaf in comparisons(sight.where) if leaf.target == CONSENT]  # type: ignore[union-attr]
            for use in uses:
                found = Declaration(
                    categories=field.labels,
                    use=use,
                    subjects=case.table.about or ("visitor",),
                    consents=tuple(consents),
                )
                bad = [f for f in declared(case.policy, found, case) if f.severity == "error"]
                if bad:
                    return f"{field.name} for {use}: {bad[0].why}"
                bad = [f for f in granted(case, sight, field, use) if f.severity == "error"]
                if bad:
                    return f"{field.name} for {use}, as a rule: {bad[0].why}"
    return ""


def declared(policy: Policy, declaration: Declaration, case: Case) -> tuple[Finding, ...]:
    """Return what is found of a use. Where a promise needs consent of everybody, asking is not a use of its own."""
    if case.access.action not in ASKED:
        policy = without(RequireConsent)(policy)
    return check(replace(policy, roles=()), [System(key="s", declarations=(declaration,))], [])


def granted(case: Case, sight: Sight, field: Field, use: Purpose) -> tuple[Finding, ...]:
    """Return what is found of the rule that would allow just what was permitted."""
    rule = Rule(
        effect="allow",
        actions=(case.access.action,),
        targets=(Target(case.table.name, field.name),),
        redaction=sight.redaction if sight.redaction in data_type(field.type).redactions else "redacted",
        purposes=(use,),
        connection=case.access.connection,
    )
    return check(Policy("v", (Role("r", "", (rule,)),), case.policy.promises), [], [dataset(case.table)])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS)
def test_what_is_permitted_lies_in_a_use_that_check_accepts(seed: int) -> None:
    assert unaccepted(case(seed), decide) == ""


@pytest.mark.parametrize("what", ["deny use is ignored", "consent is ignored", "limits are ignored"])
def test_a_permit_outside_of_what_check_accepts_is_caught(what: str) -> None:
    weaken = WEAKER[what]

    def weak(policy: Policy, *rest: object, **told: object) -> Permit:
        return decide(weaken(policy), *rest, **told)  # type: ignore[arg-type]

    assert any(unaccepted(case(seed), weak) for seed in range(1500))
