"""Rules of Fides policies against a slow and literal reading of what they mean, over random taxonomies and manifests.

The reading follows the description of the rules word for word: every key with its chain of parents, every place by
itself. What may be overlooked is told by trying out every narrower key in place of a declared one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any, cast

import pytest
from fideslang.default_taxonomy import DEFAULT_TAXONOMY
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.manifest.check.fides import doubts, violations
from privet.manifest.check.ground import Ground
from privet.manifest.check.renamed import successor
from privet.manifest.labels import Labels
from privet.manifest.resources import FidesPolicy, FidesRule, Manifest, Match, Matches
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.system import Declaration, System
from privet.vocabulary.taxonomy import Kind, Label

OWN: Mapping[Kind, tuple[str, ...]] = {
    "category": ("a", "a.b", "a.b.c", "a.b.d", "a.e", "f", "user.loyalty", "user.contact.pager"),
    "use": ("p", "p.q", "p.q.r", "s", "marketing.raffle"),
    "subject": ("member", "guest"),
}
DECLARED: Mapping[Kind, tuple[str, ...]] = {
    "category": (*OWN["category"], "user", "user.contact", "user.contact.email", "a.unknown", "nowhere.at.all"),
    "use": (*OWN["use"], "marketing", "marketing.advertising", "p.unknown"),
    "subject": (*OWN["subject"], "customer", "member.unknown"),
}
MATCHES: tuple[Matches, ...] = ("ANY", "ANY", "ALL", "NONE", "OTHER")
SEEDS = st.integers(0, 2**40)
SAID = re.compile(r"`(?P<key>\S+)`(?: of `(?P<place>\S+)`)? (?:is not|passes).*rule `(?P<rule>\S+)` of policy `\S+`")

# What a rule, a declaration and a place of it are told apart by, and the category.
Told = tuple[str, str, str, str, str]


# --- random manifests -------------------------------------------------------------------------------------------


def manifest(random: Random) -> Manifest:
    labels = tuple(
        Label(key=key, kind=kind, name="", description="", parent=key.rpartition(".")[0] or None)
        for kind, keys in OWN.items()
        for key in keys
    )
    return Manifest(
        labels=tuple(random.sample(labels, len(labels))),
        policies=tuple(policy(random, at) for at in range(random.randint(1, 2))),
        systems=tuple(system(random, at) for at in range(random.randint(1, 2))),
        datasets=tuple(dataset(random, at) for at in range(random.randint(0, 2))),
    )


def some(random: Random, kind: Kind, least: int = 0, most: int = 3) -> tuple[str, ...]:
    return tuple(random.sample(DECLARED[kind], random.randint(least, most)))


def match(random: Random, kind: Kind) -> Match:
    return Match(random.choice(MATCHES), some(random, kind, most=2))


def policy(random: Random, at: int) -> FidesPolicy:
    rules = tuple(
        FidesRule(
            name=f"r{number}",
            categories=match(random, "category"),
            uses=match(random, "use"),
            subjects=match(random, "subject"),
        )
        for number in range(random.randint(1, 2))
    )
    return FidesPolicy(key=f"p{at}", rules=rules)


def system(random: Random, at: int) -> System:
    declarations = tuple(
        Declaration(
            name=f"d{number}",
            categories=some(random, "category", 1),
            use=Purpose(random.choice(DECLARED["use"])),
            subjects=some(random, "subject"),
            datasets=tuple(random.sample(("set0", "set1", "gone"), random.randint(0, 2))),
        )
        for number in range(random.randint(1, 2))
    )
    return System(key=f"s{at}", declarations=declarations)


def dataset(random: Random, at: int) -> Dataset:
    tables = tuple(
        Collection(name=f"c{number}", labels=some(random, "category", most=1), fields=fields(random, 2))
        for number in range(random.randint(0, 2))
    )
    return Dataset(key=f"set{at}", labels=some(random, "category", most=1), collections=tables)


def fields(random: Random, depth: int) -> tuple[Field, ...]:
    return tuple(
        Field(
            name=f"f{number}",
            type="string",
            labels=some(random, "category", most=2),
            fields=fields(random, depth - 1) if depth and random.random() < 0.3 else (),
        )
        for number in range(random.randint(1, 2))
    )


# --- the slow reading -------------------------------------------------------------------------------------------


DEFAULT_PARENTS = {
    str(item.fides_key): item.parent_key
    for items in (DEFAULT_TAXONOMY.data_category, DEFAULT_TAXONOMY.data_use)
    for item in items
}


PARENTS = DEFAULT_PARENTS | {key: key.rpartition(".")[0] for keys in OWN.values() for key in keys}


def chain(key: str) -> list[str]:
    """Return a key and its parents, as fideslang and the teams' own labels say; of an unknown one by its dots."""
    found: list[str] = []
    here: str | None = key
    while here:
        found.append(here)
        here = PARENTS[here] if here in PARENTS else here.rpartition(".")[0]
    return found


def triggered(rule: Match, keys: tuple[str, ...], chains: Mapping[str, list[str]]) -> set[str]:
    matched = {key for key in keys if any(step in rule.values for step in chains[key])}
    mismatched = {key for key in keys if key not in matched}
    if rule.matches == "ANY":
        return matched
    if rule.matches == "ALL":
        return matched if not mismatched else set()
    if rule.matches == "NONE":
        return mismatched if not matched else set()
    return mismatched


def broken(rule: FidesRule, categories: tuple[str, ...], use: str, said: Declaration) -> set[str]:
    found = triggered(rule.categories, categories, {key: chain(key) for key in categories})
    used = triggered(rule.uses, (use,), {use: chain(use)})
    about = triggered(rule.subjects, said.subjects, {key: [key] for key in said.subjects})
    return found if found and used and about else set()


def places(said: Declaration, of: Manifest) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "", said.categories
    for key in said.datasets:
        held = of.dataset(key)
        if held is not None:
            yield key, held.labels
            for table in held.collections:
                yield f"{key}.{table.name}", table.labels
                for field in table.fields:
                    yield from nested(field, f"{key}.{table.name}")


def nested(field: Field, above: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield f"{above}.{field.name}", field.labels
    for inner in field.fields:
        yield from nested(inner, f"{above}.{field.name}")


def rules(of: Manifest) -> Iterator[tuple[FidesPolicy, FidesRule, System, Declaration]]:
    for policy in of.policies:
        for rule in policy.rules:
            for system in of.systems:
                for declaration in system.declarations:
                    yield policy, rule, system, declaration


def slow_violations(of: Manifest) -> set[Told]:
    return {
        (policy.key, rule.name, f"{system.key} {said.name}", place, key)
        for policy, rule, system, said in rules(of)
        for place, categories in places(said, of)
        for key in broken(rule, categories, said.use, said)
    }


def narrower(key: str, values: tuple[str, ...]) -> list[str]:
    return [value for value in values if value != key and key in chain(value)]


def slow_doubts(of: Manifest) -> set[Told]:
    """Return what would break a rule only were it narrower: a declared category, or the use, "" then for the place."""
    found: set[Told] = set()
    for policy, rule, system, said in rules(of):
        named = (policy.key, rule.name, f"{system.key} {said.name}")
        uses = [said.use] if broken_use(rule, said.use) else narrower(said.use, rule.uses.values)
        for use, (place, categories) in product(uses, places(said, of)):
            for tried in product(*((key, *narrower(key, rule.categories.values)) for key in categories)):
                then = broken(rule, tried, use, said)
                if then and use != said.use:
                    found.add((*named, "", said.use))
                    continue
                for at, (old, new) in enumerate(zip(categories, tried, strict=True)):
                    left = (*tried[:at], old, *tried[at + 1 :])
                    if new in then and old not in broken(rule, left, use, said):
                        found.add((*named, place, old))
    return found


def broken_use(rule: FidesRule, use: str) -> bool:
    return bool(triggered(rule.uses, (use,), {use: chain(use)}))


# --- the two agree ----------------------------------------------------------------------------------------------


def told(findings: Iterator[Any]) -> set[Told]:
    return set(map(read, findings))


def read(finding: Any) -> Told:
    said = cast(re.Match[str], SAID.match(finding.message))
    subject = re.fullmatch(r"system (\S+), declaration (\S+)", finding.subject)
    assert subject is not None
    return finding.policy, said["rule"], f"{subject[1]} {subject[2]}", said["place"] or "", said["key"]


@settings(max_examples=600, deadline=None)
@given(SEEDS)
def test_violations_are_those_of_the_slow_reading(seed: int) -> None:
    for at in range(4):
        made = manifest(Random(seed * 4 + at))
        assert told(violations(Ground(made))) == slow_violations(made)


@settings(max_examples=600, deadline=None)
@given(SEEDS)
def test_what_is_told_as_overlooked_would_break_a_rule_were_it_narrower(seed: int) -> None:
    made = manifest(Random(seed))
    assert told(doubts(Ground(made))) == slow_doubts(made)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_nothing_depends_on_the_order_of_resources(seed: int) -> None:
    random = Random(seed)
    made = manifest(random)
    turned = replace(
        made,
        policies=made.policies[::-1],
        systems=made.systems[::-1],
        datasets=made.datasets[::-1],
        labels=made.labels[::-1],
    )
    assert told(violations(Ground(made))) == told(violations(Ground(turned)))


def test_the_random_manifests_are_of_every_kind() -> None:
    found = [manifest(Random(seed)) for seed in range(300)]
    assert sum(bool(slow_violations(made)) for made in found) > 60
    assert sum(bool(slow_doubts(made)) for made in found) > 20
    kinds = {
        condition.matches
        for made in found
        for policy, rule, _, said in rules(made)
        for condition in (rule.categories, rule.uses, rule.subjects)
        for _, categories in places(said, made)
        if broken(rule, categories, said.use, said)
    }
    assert kinds == {"ANY", "ALL", "NONE", "OTHER"}


# --- against fideslang's own data -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "items"), [("category", DEFAULT_TAXONOMY.data_category), ("use", DEFAULT_TAXONOMY.data_use)]
)
def test_every_key_has_the_parents_that_fideslang_gives_it(kind: Kind, items: list[Any]) -> None:
    labels = Labels(())
    for item in items:
        assert list(labels.chain(kind, item.fides_key)) == chain(item.fides_key)


def test_a_key_that_fideslang_replaced_is_old() -> None:
    keys = {str(item.fides_key) for item in (*DEFAULT_TAXONOMY.data_category, *DEFAULT_TAXONOMY.data_use)}
    replaced = [(str(item.fides_key), item.replaced_by) for item in DEFAULT_TAXONOMY.data_use if item.replaced_by]
    assert replaced
    for old, new in replaced:
        assert successor("use", old, keys.__contains__) == new


def test_no_key_of_fideslang_is_old_but_those_that_it_replaced() -> None:
    for kind, items in (("category", DEFAULT_TAXONOMY.data_category), ("use", DEFAULT_TAXONOMY.data_use)):
        for item in items:
            if not item.version_deprecated:
                assert successor(cast(Kind, kind), item.fides_key, lambda key: True) is None
