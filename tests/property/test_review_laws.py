"""A comparison of policies is empty for the same in other words, and never empty where any caller sees a difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rewriting import nudged, reworded
from rulebook import ACTIONS as RULED
from rulebook import ASKED, Case, case, dataset, visible
from test_policy_oracle import WEAKER

from privet.errors import InvalidPolicy
from privet.policy.bind import misfit
from privet.policy.format import write
from privet.policy.parse import parse
from privet.policy.permit import covering
from privet.policy.review.diff import Change, diff
from privet.policy.review.explain import explain
from privet.policy.syntax import Limit, Policy
from privet.vocabulary.dataset import Dataset, Field
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import comparisons

SEEDS = st.integers(0, 2**48)


def changes(old: Policy, new: Policy, made: Case, *, with_schema: bool) -> list[Change]:
    schema: Dataset | None = dataset(made.table) if with_schema else None
    return diff(old, new, schema)


def fits(policy: Policy, made: Case) -> bool:
    """Return whether every condition fits the table, as it does once a policy is bound."""
    wheres = [rule.where for role in policy.roles for rule in role.rules]
    return not any(misfit(leaf, made.table) for where in wheres for leaf in comparisons(where))


def worth(field: Field, names: set[str], action: str) -> set[str]:
    """Return all that is covered by what is shown of a cell."""
    kind = data_type(field.type)
    if action not in ASKED:
        return names
    every = {*kind.redactions, *(part.name for part in kind.parts)}
    return {name for name in every if names & covering(kind, name)}


def asked(made: Case) -> Iterator[Case]:
    """Yield the case for every action, purpose and connection, and for a caller of every role."""
    who = replace(made.who, roles=("a", "b", "c"))
    for one in (made.who, who):
        for action, purpose, via in product(RULED, (*one.purposes, None), ("", "stripe")):
            access = replace(made.access, action=action, purpose=purpose, connection=via)
            yield replace(made, who=one, access=access)


def differs(made: Case, policy: Policy) -> str:
    """Return what some caller sees otherwise under another policy, "" for nothing."""
    for old in asked(made):
        new = replace(old, policy=policy)
        for row in old.rows:
            for field in old.table.fields:
                before, after = (worth(field, visible(one, row, field), old.access.action) for one in (old, new))
                if before != after:
                    return f"{old.access.action} {field.name}: {before ^ after}"
    return ""


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS, st.booleans())
def test_the_same_in_other_words_is_no_change(seed: int, with_schema: bool) -> None:
    made = case(seed)
    if not with_schema and not fits(made.policy, made):
        return
    other = reworded(made.policy, Random(seed), made.table)
    assert changes(made.policy, other, made, with_schema=with_schema) == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS, st.booleans())
def test_what_any_caller_sees_differently_is_a_change(seed: int, with_schema: bool) -> None:
    made = case(seed)
    policy = nudged(made.policy, Random(seed))
    if not with_schema and not (fits(made.policy, made) and fits(policy, made)):
        return
    if not changes(made.policy, policy, made, with_schema=with_schema):
        assert differs(made, policy) == ""


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS)
def test_a_policy_that_was_written_and_read_is_no_change(seed: int) -> None:
    made = case(seed)
    try:
        again = parse(write(made.policy))
    except InvalidPolicy:
        return  # a tree that no text says
    assert diff(made.policy, again) == []


def test_gains_are_losses_the_other_way() -> None:
    for seed in range(60):
        made = case(seed)
        other = nudged(made.policy, Random(seed))
        there, back = diff(made.policy, other, dataset(made.table)), diff(other, made.policy, dataset(made.table))
        assert {(c.role, c.what, c.places, not c.gained) for c in there} == {
            (c.role, c.what, c.places, c.gained) for c in back
        }


@pytest.mark.parametrize("what", WEAKER)
def test_a_comparison_that_overlooks_something_is_caught(what: str) -> None:
    def caught(seed: int) -> bool:
        made = case(seed)
        return bool(differs(made, WEAKER[what](made.policy)))

    seed = next(seed for seed in range(2000) if caught(seed))
    made = case(seed)
    other = WEAKER[what](made.policy)
    assert diff(made.policy, other, dataset(made.table)) != []
    assert diff(WEAKER[what](made.policy), WEAKER[what](other), dataset(made.table)) == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS)
def test_what_is_shown_of_any_cell_stands_in_its_explanation(seed: int) -> None:
    made = case(seed)
    matrix = explain(made.policy, made.who.roles, dataset(made.table))
    for one in (one for one in asked(made) if one.who.roles == made.who.roles):
        action, via = one.access.action, one.access.connection
        said = {cell.column: cell.lines for cell in matrix.cells if cell.action == action}
        for row in one.rows:
            for field in one.table.fields:
                lines = said["" if action == "delete" else field.name]
                lines = tuple(line for line in lines if line.words.connection in ("", via))
                seen = visible(one, row, field)
                told = {line.words.redaction for line in lines} if action in ASKED else {"plain_text"} & seen
                if via and any(isinstance(promise, Limit) for promise in one.policy.promises):
                    continue  # what a connection carries is not capped, and a line says what the caller is shown
                assert not seen or lines, f"{action} {field.name}"
                assert worth(field, seen, action) <= worth(field, told, action)
