"""Whatever the schema and the data, what is gathered is what a slow reading of the rules says, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reaching import RULES, Case, Draw, Row, Rows, gathered, reached, said, turn_by_turn, values

from privet.rights.plans.graph import graph
from privet.rights.plans.whole import plan
from privet.rights.words import Address, Plan, Visit
from privet.vocabulary.dataset import Collection, Dataset, Field, Link

SEEDS = st.integers(0, 2**48)
QUICK = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drawn(seed: int, **how: bool) -> Case:
    return Draw(Random(seed), **how).case()


def any_order(made: Plan, random: Random) -> list[int]:
    """Return the turns in another order that their `after` allows."""
    left, over = set(range(len(made.turns))), []
    while left:
        over.append(random.choice([one for one in sorted(left) if not left & set(made.turns[one].after)]))
        left.remove(over[-1])
    return over


@QUICK
@given(SEEDS)
def test_what_is_gathered_is_what_can_be_reached(seed: int) -> None:
    case = drawn(seed)
    made = plan("access", case.datasets, case.kinds)
    assert gathered(case, made, case.datasets, Random(seed)) == reached(case)


@QUICK
@given(SEEDS)
def test_a_system_that_gives_everybodys_records_changes_nothing(seed: int) -> None:
    case = drawn(seed)
    made = plan("access", case.datasets, case.kinds)
    assert gathered(case, made, case.datasets, Random(seed), sloppy=True) == reached(case)


@QUICK
@given(SEEDS)
def test_elements_of_arrays_are_shown_by_what_was_asked_whatever_the_order_of_turns(seed: int) -> None:
    case, random = drawn(seed, orders_matter=True), Random(seed)
    made = plan("access", case.datasets, case.kinds)
    expected = turn_by_turn(case, made)
    assert gathered(case, made, case.datasets, random) == expected
    assert gathered(case, made, case.datasets, random, order=any_order(made, random)) == expected


@QUICK
@given(SEEDS)
def test_with_directions_alone_it_gathers_what_fides_gathers(seed: int) -> None:
    case = drawn(seed, directed=True, orders_matter=True)
    made = plan("access", case.datasets, case.kinds)
    found = gathered(case, made, case.datasets, Random(seed))
    assert found == {spot: ("own", cut) for spot, cut in as_fides(case).items()}


def as_fides(case: Case) -> dict[tuple[Address, str], str]:
    """Return what Fides gathers where references lead from earlier collections to later ones: each collection is read
    once, for records in which any field holds any value of its parents; elements that match hide those that do not,
    and what is hidden leads nowhere. Source: its guide to complex fields, "How does array querying work?"."""
    result = {}
    shown: dict[Address, list[Row]] = {}
    for address, rows in case.rows.items():  # INVARIANT: made in the order in which references lead
        dataset = next(one for one in case.datasets if one.key == address.dataset)
        collection = dataset.collection(address.collection)
        assert collection is not None
        asked: dict[str, set[str]] = {}
        whole = set()
        for path, field in walked(collection.fields):
            if field.native.identity in case.kinds:
                asked.setdefault(path, set()).add(str(case.identities[field.native.identity]))
            for link in field.native.links:
                name, _, rest = link.field.partition(".")
                parents = shown.get(Address(link.dataset, name), [])
                asked.setdefault(path, set()).update(str(v) for row in parents for v in values(row, rest))
            if field.native.all_elements:
                whole.add(path)
        shown[address] = []
        for row in rows:
            if any(held & set(map(str, values(row, path))) for path, held in asked.items()):
                cut = row
                for path, held in asked.items():
                    cut = matching(cut, path, held, whole)
                shown[address].append(cut)
                result[address, said(row)] = said(cut)
    return result


def matching(row: Row, path: str, held: set[str], whole: set[str]) -> Row:
    array = path if path == "refs" else path.rpartition(".")[0]
    if array in whole or array not in ("refs", "items", "info.many"):
        return row
    if array == "refs":
        stays = [one for one in row["refs"] if str(one) in held]
        return {**row, "refs": stays or row["refs"]}
    if array == "items":
        stays = [one for one in row["items"] if str(one["ref"]) in held]
        return {**row, "items": stays or row["items"]}
    stays = [one for one in row["info"]["many"] if str(one["ref"]) in held]
    return {**row, "info": {**row["info"], "many": stays or row["info"]["many"]}}


def walked(fields: Sequence[Field], before: str = "") -> list[tuple[str, Field]]:
    return [pair for one in fields for pair in ((before + one.name, one), *walked(one.fields, f"{before}{one.name}."))]


# --- teeth --------------------------------------------------------------------------------------------------------


def both_ways(fields: Sequence[Field]) -> tuple[Field, ...]:
    """Return fields whose references without a direction are followed both ways, whoever's the records are."""
    return tuple(
        replace(
            one,
            fields=both_ways(one.fields),
            native=replace(
                one.native,
                links=tuple(
                    Link(link.dataset, link.field, way)
                    for link in one.native.links
                    for way in (("from", "to") if not link.direction else (link.direction,))
                ),
            ),
        )
        for one in fields
    )


def weakened(datasets: Sequence[Dataset]) -> tuple[Dataset, ...]:
    def each(collection: Collection) -> Collection:
        return replace(collection, fields=both_ways(collection.fields))

    return tuple(replace(one, collections=tuple(map(each, one.collections))) for one in datasets)


def test_going_down_from_what_is_only_referred_to_is_caught() -> None:
    caught = 0
    for seed in range(60):
        case = drawn(seed)
        loose = weakened(case.datasets)
        found = gathered(case, plan("access", loose, case.kinds), loose, Random(seed))
        caught += found != reached(case)
    assert caught >= 10, caught


@pytest.mark.parametrize("rule", RULES)
def test_leaving_out_a_rule_is_caught(rule: str) -> None:
    rules = [one for one in RULES if one != rule]
    caught = 0
    for seed in range(1_000):
        case = drawn(seed)
        made = plan("access", case.datasets, case.kinds)
        caught += gathered(case, made, case.datasets, Random(seed)) != reached(case, rules)
        if caught == 5:
            return
    raise AssertionError(caught)


def test_dropping_a_reference_is_caught() -> None:
    caught = 0
    for seed in range(60):
        case = drawn(seed)
        made = plan("access", case.datasets, case.kinds)
        if made.edges:
            short = replace(made, edges=made.edges[1:])
            caught += gathered(case, short, case.datasets, Random(seed)) != reached(case)
    assert caught >= 5, caught


# --- plans --------------------------------------------------------------------------------------------------------


@QUICK
@given(SEEDS)
def test_values_are_found_before_they_are_looked_for(seed: int) -> None:
    case = drawn(seed)
    made = plan("access", case.datasets, case.kinds)
    turn_of = {(member, turn.bond): turn for turn in made.turns for member in turn.members}
    assert [turn.number for turn in made.turns] == list(range(len(made.turns)))
    assert len(turn_of) == sum(len(turn.members) for turn in made.turns)
    before = {turn.number: over(made, turn.number) for turn in made.turns}
    for edge in made.edges:
        for bond in ("own", "referred"):
            source = turn_of.get((edge.source, bond))
            ends = "referred" if edge.way == "up" else bond
            if source is None or (bond == "referred" and edge.way not in ("up", "to")):
                continue
            target = turn_of[edge.target, ends]
            if target is source:
                assert source.again
            else:
                assert source.number in before[target.number]
    for (address, bond), turn in turn_of.items():
        if bond == "referred" and (address, "own") in turn_of:
            assert turn_of[address, "own"].number in before[turn.number]


def over(made: Plan, number: int) -> set[int]:
    found: set[int] = set()
    waiting = [number]
    while waiting:
        for one in made.turns[waiting.pop()].after:
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


@QUICK
@given(SEEDS)
def test_every_collection_is_read_or_explained(seed: int) -> None:
    case = drawn(seed)
    made = plan("access", case.datasets, case.kinds)
    read = {member for turn in made.turns for member in turn.members}
    told = [one.address for one in made.unreached]
    assert sorted({*read, *told}) == sorted(case.rows)
    assert not read & set(told) and all(one.why for one in made.unreached)


@QUICK
@given(SEEDS)
def test_the_order_of_datasets_and_collections_changes_nothing(seed: int) -> None:
    case, random = drawn(seed), Random(seed)
    mixed = [
        replace(one, collections=tuple(random.sample(one.collections, len(one.collections)))) for one in case.datasets
    ]
    made = plan("erasure", case.datasets, case.kinds)
    assert plan("erasure", mixed[::-1], case.kinds[::-1]) == made


@QUICK
@given(SEEDS)
def test_no_record_is_deleted_before_those_that_refer_to_it(seed: int) -> None:
    case = drawn(seed)
    made = plan("erasure", case.datasets, case.kinds)
    kept = [note for note in made.notes if "cannot be null" in note]
    for visit in made.visits:
        assert broken(case, visit, own_rows(case)) == [] or kept


def test_another_order_of_erasing_breaks_references() -> None:
    caught = 0
    for seed in range(60):
        case = drawn(seed)
        for visit in plan("erasure", case.datasets, case.kinds).visits:
            caught += bool(broken(case, replace(visit, order=visit.order[::-1], cuts=()), own_rows(case)))
    assert caught >= 5, caught


def own_rows(case: Case) -> Rows:
    hers = {spot for spot, (bond, _) in reached(case).items() if bond == "own"}
    return {address: [row for row in rows if (address, said(row)) in hers] for address, rows in case.rows.items()}


def broken(case: Case, visit: Visit, rows: Rows) -> list[str]:
    """Delete records in the order of a visit and return the references that were left without what they refer to."""
    nulled = {(cut.address, cut.field) for cut in visit.cuts if cut.nullable}
    refers = [one for one in graph(case.datasets).refers if one.source.dataset == one.target.dataset == visit.dataset]
    gone: set[Address] = set()
    found = []
    for address in visit.order:
        for one in refers:
            waits = one.target == address and one.source in visit.order and one.source not in gone
            if not waits or (one.source, one.field) in nulled:
                continue
            held = {str(value) for row in rows[one.source] for value in values(row, one.field)}
            if held & {str(value) for row in rows[address] for value in values(row, one.target_field)}:
                found.append(f"{one.source}.{one.field}")
        gone.add(address)
    return found


@QUICK
@given(SEEDS)
def test_something_is_cut_just_where_something_is_circular(seed: int) -> None:
    case = drawn(seed)
    for visit in plan("erasure", case.datasets, case.kinds).visits:
        held = set(visit.order)
        pairs = {(one.source, one.target) for one in graph(case.datasets).refers if {one.source, one.target} <= held}
        assert bool(visit.cuts) == is_circular(pairs)


def is_circular(pairs: set[tuple[Address, Address]]) -> bool:
    while pairs:
        left = {pair for pair in pairs if pair[0] in {then for _, then in pairs}}
        if left == pairs:
            return True
        pairs = left
    return False


@pytest.mark.parametrize("kind", ["access", "erasure"])
def test_a_plan_is_the_same_each_time(kind: str) -> None:
    for seed in range(20):
        case = drawn(seed)
        made = plan("access" if kind == "access" else "erasure", case.datasets, case.kinds)
        assert made == plan(made.kind, case.datasets, case.kinds)
