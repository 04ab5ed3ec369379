"""Somebody writes to the database and the files beside it: whatever is changed, opening refuses or `verify` finds it.

Every tampering works on a copy of one vault on SQLite, past the vault, by the store's own writes or by exchanging
files. The teeth: faults carry the rule that found them, so each rule without which something would be missed is known.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from dataclasses import dataclass

import pytest
from tampering import (
    CLOCK,
    KEYS,
    SCHEMA,
    TAMPERINGS,
    VAULT,
    Hand,
    World,
    a_log,
    all_rows,
    deed,
    first_half,
    look,
    look_after,
    opened,
    raw,
    second_half,
)
from ways import (
    WAYS,
    change_an_entry,
    cut_the_end_of_the_audit,
    delete_an_entry,
    empty_an_entry,
    swap_two_entries,
)

from privet.app.wiring import new_ring
from privet.store.port import ENGINES
from privet.vault.log import history, prover
from privet.vault.log.verify import verify
from privet.vault.reader import read_schema
from privet.vault.upkeep import migrate
from privet.vault.vault import create_vault


@dataclass(frozen=True)
class Outcome:
    """What came of a tampering. `rules`: what found it, "open" for a refusal to open; empty: it was missed."""

    way: str
    seed: int
    rules: frozenset[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("tamper")
    base, older = folder / "base", folder / "older"
    base.mkdir()
    store = ENGINES.get("sqlite").open(str(base / "vault.db"))
    ring = new_ring(KEYS, VAULT, CLOCK())
    vault = create_vault(id=VAULT, name="t", store=store, ring=ring, clock=CLOCK, deed=deed("make"))
    a_log(vault, base).begin()
    migrate.apply(vault, read_schema(SCHEMA), deed("apply"))
    ids = asyncio.run(first_half(vault))
    a_log(vault, base).begin()
    past = all_rows(vault)
    store.close()
    shutil.copytree(base, older)
    with opened(base) as (again, log):
        asyncio.run(second_half(again, ids))
        log.advance()
        rows = all_rows(again)
    return World(base, older, rows, past)


@pytest.fixture(scope="module")
def outcomes(world: World) -> list[Outcome]:
    """Carry out TAMPERINGS tamperings, each way in turn, and look at what they leave."""
    found = []
    for seed in range(TAMPERINGS):
        way = WAYS[seed % len(WAYS)]
        found.append(Outcome(way.__name__, seed, look_after(way, seed, world)))
    return found


def test_a_vault_that_nobody_touched_is_sound(world: World) -> None:
    report = look(world.base)
    assert report.faults == ()
    assert (report.entries, report.tail) == (len(world.rows["audit"]), 0)
    assert report.records == len(world.rows["r1"]) + len(world.rows["r2"])


def test_every_tampering_is_found(outcomes: list[Outcome]) -> None:
    assert [outcome for outcome in outcomes if not outcome.rules] == []
    assert len(outcomes) == TAMPERINGS


@pytest.mark.parametrize(
    "rules",
    [
        {"open"},
        {"audit.root", "audit.tile"},
        {"audit.emptied"},
        {"record.head"},
        {"record.cell"},
        {"record.old"},
        {"record.deleted"},
        {"record.missing"},
        {"unique"},
        {"element"},
        {"token"},
        {"ref"},
    ],
    ids=lambda rules: "+".join(sorted(rules)),
)
def test_without_a_rule_something_is_missed(outcomes: list[Outcome], rules: set[str]) -> None:
    assert any(outcome.rules <= rules for outcome in outcomes)


def test_a_kept_checkpoint_finds_what_a_rolled_back_folder_hides(world: World) -> None:
    """Database and checkpoint of the same earlier day fit each other: only what was kept elsewhere tells."""
    folder = world.base.parent / "back"
    shutil.copytree(world.older, folder)
    with opened(world.base) as (_, log):
        kept = log.last
    with opened(folder) as (vault, log):
        assert verify(vault, log).faults == ()
        found = verify(vault, log, witnessed=[kept])
    assert {fault.rule for fault in found.faults} == {"audit.cut"}


def test_a_copy_is_proved_by_the_public_key_alone(world: World) -> None:
    with opened(world.base) as (vault, log):
        note, key = log.note, log.verifier
        good = prover.prove(history.read(vault.store), note, key)
    assert (good.count, good.size, good.proven) == (0, len(world.rows["audit"]), len(world.rows["audit"]))
    folder = world.base.parent / "copy"
    for way in (change_an_entry, delete_an_entry, swap_two_entries, cut_the_end_of_the_audit, empty_an_entry):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(world.base, folder)
        way(Hand(random.Random(1), world, folder))
        with raw(folder) as store:
            assert prover.prove(history.read(store), note, key).count > 0
