"""Rules of Fides policies, in Fides' own meaning, and where that meaning overlooks what a declaration may hold.

A rule is broken where categories, uses and subjects match each by itself: first those of a declaration, then, with its
use and its subjects, those of each dataset that it names, of each collection there and of each field, nested ones too.
A key matches where it, or one above it, is a value of the rule; subjects have nothing above them. ANY is about the
keys that match, ALL about them where every key does, NONE about the others where none does, OTHER about the others.
Where nothing is declared, nothing matches and nothing is other. A key that is declared twice counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from privet.codec import Place
from privet.manifest.check.ground import Declared, Ground, Spot, dotted, shown, titled
from privet.manifest.finding import Finding
from privet.manifest.resources import FidesPolicy, FidesRule, Match

Keys = tuple[str, ...]
Chain = Callable[[str], Sequence[str]]

RULE = "fides-rule"
BROAD = "broad-declaration"


class Verdict(NamedTuple):
    """What one rule has to say of some categories: those that break it, and those that may as they are broader."""

    broken: Keys
    doubtful: Keys


class _Condition:
    """One of the three conditions of a rule, with its answer for every key that it was asked about."""

    def __init__(self, match: Match, chain: Chain) -> None:
        self.matches = match.matches
        self._values = frozenset(match.values)
        self._chain = chain
        self._at_or_above = {key for value in match.values for key in chain(value)}
        self._matched: dict[str, bool] = {}

    def broken(self, keys: Keys) -> Keys:
        """Return the keys that the rule is about: its condition holds where there are any."""
        matched = [key for key in keys if self._is_matched(key)]
        if self.matches == "ANY":
            return tuple(matched)
        if self.matches == "ALL":
            return tuple(matched) if len(matched) == len(keys) else ()
        if self.matches == "NONE" and matched:
            return ()
        return tuple(key for key in keys if key not in matched)

    def broader(self, keys: Keys) -> Keys:
        """Return the keys that stand above a value, and so may hold what the rule is about."""
        if self.matches in ("NONE", "OTHER"):
            return ()  # what stands above a value is another key already
        broad = tuple(key for key in keys if key in self._at_or_above and not self._is_matched(key))
        every = all(key in broad or self._is_matched(key) for key in keys)
        return broad if self.matches == "ANY" or every else ()

    def _is_matched(self, key: str) -> bool:
        found = self._matched.get(key)
        if found is None:
            found = self._matched[key] = not self._values.isdisjoint(self._chain(key))
        return found


class _Rule:
    """A rule made ready, with its verdicts on what it was asked about."""

    def __init__(self, policy: FidesPolicy, rule: FidesRule, ground: Ground) -> None:
        self.policy, self.rule = policy.key, rule
        self.categories = _Condition(rule.categories, lambda key: ground.chain("category", key))
        self.uses = _Condition(rule.uses, lambda key: ground.chain("use", key))
        self.subjects = _Condition(rule.subjects, lambda key: (key,))
        self._verdicts: dict[Keys, Verdict] = {}
        self._hits: dict[str, list[tuple[Spot, Verdict]]] = {}

    @property
    def named(self) -> str:
        return f"rule `{titled(self.rule.name)}` of policy `{self.policy}`"

    def verdict(self, categories: Keys) -> Verdict:
        found = self._verdicts.get(categories)
        if found is None:
            keys = tuple(dict.fromkeys(categories))
            verdict = Verdict(self.categories.broken(keys), self.categories.broader(keys))
            found = self._verdicts[categories] = verdict
        return found

    def hits(self, ground: Ground, dataset: str) -> list[tuple[Spot, Verdict]]:
        """Return what of a dataset the rule is, or may be, about."""
        found = self._hits.get(dataset)
        if found is None:
            verdicts = ((spots, self.verdict(labels)) for labels, spots in ground.grouped(dataset).items())
            found = self._hits[dataset] = [(spot, said) for spots, said in verdicts if any(said) for spot in spots]
        return found


class _Hit(NamedTuple):
    """What a rule is, or may be, about: categories of a declaration, or of a spot of a dataset that it names."""

    declared: Declared
    dataset: str
    spot: Spot | None
    verdict: Verdict


def violations(ground: Ground, only: Collection[str] = ()) -> Iterator[Finding]:
    """Yield each category that a rule forbids, at the category, because of the rule.

    `only`: keys of the policies to go by, () for all.
    """
    for rule, declared in _pairs(ground, only):
        declaration = declared.declaration
        if not rule.uses.broken((declaration.use,)):
            continue
        subjects = rule.subjects.broken(tuple(dict.fromkeys(declaration.subjects)))
        if not subjects:
            continue
        because = ground.places.rule(rule.policy, rule.rule.name)
        about = ", ".join(f"`{shown(subject)}`" for subject in subjects)
        for hit in _hits(ground, rule, declared):
            for category in hit.verdict.broken:
                yield _violation(ground, rule, hit, category, about, because)


def doubts(ground: Ground, only: Collection[str] = ()) -> Iterator[Finding]:
    """Yield what Fides overlooks: a category or a use above one that a rule forbids, which it may so be.

    A use that is too broad is told once for each rule, at the use. `only`: as of `violations`.
    """
    for rule, declared in _pairs(ground, only):
        declaration = declared.declaration
        sure = rule.uses.broken((declaration.use,))
        if not sure and not rule.uses.broader((declaration.use,)):
            continue
        if not rule.subjects.broken(tuple(dict.fromkeys(declaration.subjects))):
            continue
        because = ground.places.rule(rule.policy, rule.rule.name)
        hits = _hits(ground, rule, declared)
        if sure:
            for hit in hits:
                for category in hit.verdict.doubtful:
                    yield _doubt(ground, rule, hit, category, because)
        elif (first := next(hits, None)) is not None:
            yield _broad_use(ground, rule, first, because)


def _pairs(ground: Ground, only: Collection[str]) -> Iterator[tuple[_Rule, Declared]]:
    for policy in ground.manifest.policies:
        if only and policy.key not in only:
            continue
        for rule in policy.rules:
            ready = _Rule(policy, rule, ground)
            yield from ((ready, declared) for declared in ground.declared)


def _hits(ground: Ground, rule: _Rule, declared: Declared) -> Iterator[_Hit]:
    declaration = declared.declaration
    own = rule.verdict(declaration.categories)
    if any(own):
        yield _Hit(declared, "", None, own)
    for dataset in dict.fromkeys(declaration.datasets):
        for spot, verdict in rule.hits(ground, dataset):
            yield _Hit(declared, dataset, spot, verdict)


# --- what findings say ------------------------------------------------------------------------------------------


def _violation(ground: Ground, rule: _Rule, hit: _Hit, category: str, about: str, because: Place) -> Finding:
    use = shown(hit.declared.declaration.use)
    return Finding(
        rule=RULE,
        severity="error",
        subject=hit.declared.subject,
        message=f"`{shown(category)}`{_held(hit)} is not to be used for `{use}` about {about}: {rule.named} forbids it",
        at=_place(ground, hit, category),
        length=len(category),
        hint=f"leave `{shown(category)}` out"
        if hit.spot is None
        else f"leave `{hit.dataset}` out of `dataset_references`, or use it for something else",
        because=because,
        policy=rule.policy,
    )


def _doubt(ground: Ground, rule: _Rule, hit: _Hit, category: str, because: Place) -> Finding:
    return Finding(
        rule=BROAD,
        severity="warning",
        subject=hit.declared.subject,
        message=f"`{shown(category)}`{_held(hit)} passes {rule.named}, but may hold what it forbids",
        at=_place(ground, hit, category),
        length=len(category),
        hint=f"write the categories that are meant in place of `{shown(category)}`",
        because=because,
        policy=rule.policy,
    )


def _broad_use(ground: Ground, rule: _Rule, hit: _Hit, because: Place) -> Finding:
    declared = hit.declared
    use = declared.declaration.use
    return Finding(
        rule=BROAD,
        severity="warning",
        subject=declared.subject,
        message=f"`{shown(use)}` passes {rule.named}, but may be the use that it forbids",
        at=ground.places.declaration(declared.system, declared.at, "data_use"),
        length=len(use),
        hint=f"write the use that is meant in place of `{shown(use)}`",
        because=because,
        policy=rule.policy,
    )


def _held(hit: _Hit) -> str:
    return "" if hit.spot is None else f" of `{dotted(hit.dataset, hit.spot.path)}`"


def _place(ground: Ground, hit: _Hit, category: str) -> Place:
    if hit.spot is not None:
        return ground.places.category(hit.dataset, hit.spot.path, category)
    return ground.places.declaration(hit.declared.system, hit.declared.at, "data_categories", category)
