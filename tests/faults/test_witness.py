"""Who holds a witness's checkpoint and the public key, and nothing else, finds every tampering with a copy.

The teeth: each fault carries the rule that found it, so each rule without which something would be missed is known;
and a verifier that knows no witness misses what was set back whole.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from paper import (
    MORE,
    WAYS,
    Paper,
    Past,
    Pen,
    Way,
    pasts,
    put_an_older_state_back,
    put_an_older_state_back_and_fill_it_up,
)
from tampering import Useless

from privet.errors import Damaged
from privet.vault.log import prover
from privet.vault.log.prover import Proven

TAMPERINGS = 10_000
SET_BACK = (put_an_older_state_back, put_an_older_state_back_and_fill_it_up)


@dataclass(frozen=True)
class Outcome:
    """What came of a tampering. `rules`: what found it; empty: it was missed."""

    way: str
    what: object
    rules: frozenset[str]
    alone: frozenset[str]  # what finds it without the witness


def look(paper: Paper, past: Past) -> Proven:
    """Look at a copy as `privet prove --witness` does."""
    return prover.prove([paper.entries], past.kept, past.key, own=paper.note, tile=tiles(paper))


def look_alone(paper: Paper, past: Past) -> Proven:
    """Look at a copy by the checkpoint that lies beside it: the weakened verifier."""
    return prover.prove([paper.entries], paper.note, past.key, tile=tiles(paper))


def tiles(paper: Paper) -> prover.ReadTile:
    return lambda level, place: paper.tiles.get((level, place), b"")


def rules(way: Callable[[Paper, Past], Proven], paper: Paper, past: Past) -> frozenset[str]:
    try:
        return frozenset(fault.rule for fault in way(paper, past).faults)
    except Damaged:
        return frozenset({"checkpoint"})


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Past]:
    return pasts(tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="module")
def outcomes(logs: list[Past]) -> list[Outcome]:
    """Carry out TAMPERINGS different tamperings, every way on every log."""
    draws = random.Random(9162)
    found: dict[tuple[int, str, object], Outcome] = {}
    while len(found) < TAMPERINGS:
        for at, past in enumerate(logs):
            others = [other for other in logs if other is not past]
            for way in (*WAYS, *MORE):
                _carry_out(way, Pen(draws, past, others, past.now.copy()), at, found)
    return list(found.values())[:TAMPERINGS]


def _carry_out(way: Way, pen: Pen, log: int, found: dict[tuple[int, str, object], Outcome]) -> None:
    try:
        what = way(pen)
    except Useless:
        return
    key = (log, way.__name__, what)
    if key not in found:
        alone = rules(look_alone, pen.paper, pen.past) if way in SET_BACK else frozenset({"not tried"})
        found[key] = Outcome(way.__name__, what, rules(look, pen.paper, pen.past), alone)


def test_a_copy_that_nobody_touched_is_sound_and_its_unproven_tail_is_named(logs: list[Past]) -> None:
    for past in logs:
        found = look(past.now, past)
        assert (found.count, found.size, found.proven) == (0, len(past.now.entries), past.size)
        assert found.tail == (past.size + 1, len(past.now.entries))


def test_ten_thousand_different_tamperings_are_all_found(outcomes: list[Outcome]) -> None:
    assert [outcome for outcome in outcomes if not outcome.rules] == []
    assert len(outcomes) == TAMPERINGS
    assert {outcome.way for outcome in outcomes} == {way.__name__ for way in WAYS}


@pytest.mark.parametrize(
    "weak",
    [
        {"audit.root", "audit.tile"},
        {"audit.entry"},
        {"audit.emptied"},
        {"audit.tile"},
        {"audit.cut"},
        {"audit.checkpoint"},
    ],
    ids=lambda weak: "+".join(sorted(weak)),
)
def test_without_a_rule_something_is_missed(outcomes: list[Outcome], weak: set[str]) -> None:
    assert any(outcome.rules <= weak for outcome in outcomes)


def test_without_the_witness_a_log_that_was_set_back_whole_passes(outcomes: list[Outcome]) -> None:
    assert "put_an_older_state_back" in {outcome.way for outcome in outcomes if not outcome.alone}
