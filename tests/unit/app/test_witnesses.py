"""The witness: what it keeps, what it refuses, and when health turns red."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audited import Bench
from click.testing import CliRunner

from privet.app import witness, worker
from privet.app.cli import audit as command
from privet.app.cli import main
from privet.app.services import audit, health
from privet.app.settings import WitnessPlace, load
from privet.app.wiring import House
from privet.app.witness import Witness
from privet.errors import InvalidInput, Refused, Unavailable
from privet.store.port import Delete, Unit


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "home")
    made.found()
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path) -> WitnessPlace:
    return WitnessPlace("file", tmp_path / "kept")


@pytest.fixture
def tree(tmp_path: Path) -> WitnessPlace:
    found = WitnessPlace("git", tmp_path / "tree")
    subprocess.run(["git", "init", "--quiet", found.path], check=True, capture_output=True)
    return found


def commits(place: WitnessPlace) -> list[str]:
    done = subprocess.run(["git", "-C", place.path, "log", "--format=%s"], check=False, capture_output=True, text=True)
    return done.stdout.splitlines()


def configured(bench: Bench, place: WitnessPlace) -> None:
    """Name the witness in `privet.yaml` and open the home anew."""
    bench.house.close()
    with (bench.home / "privet.yaml").open("a", encoding="utf-8") as file:
        file.write(f"audit: {{witness: '{place.kind}:{place.path}'}}\n")
    bench.house = House(load(bench.home))
    bench.house.vault("v")


def test_what_grew_is_kept_once(bench: Bench, place: WitnessPlace) -> None:
    kept, logs = Witness(place), bench.house.logs()
    kept.keep(logs)
    size = place.path.stat().st_size
    kept.keep(logs)
    Witness(place).keep(logs)
    assert place.path.stat().st_size == size
    bench.add("ann@example.com")
    bench.sequence()
    kept.keep(logs)
    assert place.path.stat().st_size > size
    assert place.path.stat().st_mode & 0o777 == 0o600
    for log in logs:
        assert kept.newest(log) == log.last


def test_a_note_that_a_crash_cut_short_is_passed_over(bench: Bench, place: WitnessPlace) -> None:
    log = bench.house.vault_log("v")
    Witness(place).keep([log])
    before = log.last
    with place.path.open("a", encoding="utf-8") as file:
        file.write(log.note[: len(log.note) // 2])
    assert Witness(place).newest(log) == before
    bench.add("ann@example.com")
    bench.sequence()
    Witness(place).keep([log])
    assert Witness(place).newest(log) == log.last != before


def test_a_note_far_back_in_the_file_is_found(bench: Bench, place: WitnessPlace) -> None:
    vault, house = bench.house.vault_log("v"), bench.house.log
    Witness(place).keep([vault])
    with place.path.open("a", encoding="utf-8") as file:
        file.write("\n" + house.note * 6_000)
    assert place.path.stat().st_size > 1 << 20
    assert Witness(place).newest(vault) == vault.last


def test_each_growth_is_a_commit(bench: Bench, tree: WitnessPlace) -> None:
    kept, log = Witness(tree), bench.house.vault_log("v")
    kept.keep([log])
    kept.keep([log])
    bench.add("ann@example.com")
    bench.sequence()
    kept.keep([log])
    assert len(commits(tree)) == 2
    assert Witness(tree).newest(log) == log.last
    assert witness.newest(tree.path, log.origin) == log.note


def test_what_could_not_be_committed_is_committed_later(bench: Bench, tree: WitnessPlace) -> None:
    log, lock = bench.house.vault_log("v"), tree.path / ".git" / "index.lock"
    lock.touch()
    kept = Witness(tree)
    with pytest.raises(Unavailable):
        kept.keep([log])
    lock.unlink()
    kept.keep([log])
    assert len(commits(tree)) == 1


@pytest.mark.parametrize("kind", ["file", "git"])
def test_a_place_that_is_none_is_told(bench: Bench, tmp_path: Path, kind: Any) -> None:
    with pytest.raises(Unavailable):
        Witness(WitnessPlace(kind, tmp_path / "none" / "such")).keep(bench.house.logs())


def test_a_log_that_was_set_back_is_refused(bench: Bench, place: WitnessPlace, tmp_path: Path) -> None:
    bench.house.close()
    shutil.copytree(bench.home, tmp_path / "older")
    bench.house = House(load(bench.home))
    bench.add("ann@example.com")
    bench.sequence()
    Witness(place).keep([bench.house.vault_log("v")])
    older = House(load(tmp_path / "older"))
    try:
        with pytest.raises(Refused, match="older"):
            Witness(place).keep([older.vault_log("v")])
        bench.house, now = older, bench.house
        bench.add("bob@example.com", "eve@example.com")
        bench.add("joe@example.com")
        bench.sequence()
        with pytest.raises(Refused, match="not the one"):
            Witness(place).keep([older.vault_log("v")])
        bench.house = now
    finally:
        older.close()


def test_verify_takes_what_the_witness_holds(bench: Bench, place: WitnessPlace) -> None:
    configured(bench, place)
    bench.add("ann@example.com")
    bench.sequence()
    bench.runner.run(worker.witness(bench.house))
    found = bench.run(audit.verify, audit.VerifyAsk(vault="v"))
    assert (found.sound, found.witnessed, found.tail) == (True, found.entries, 0)
    log = bench.house.vault_log("v")
    bench.house.vault("v").store.write_now(Unit((Delete("audit", ("seq",), ((log.last.size,),)),)))
    bench.add("bob@example.com")
    found = bench.run(audit.verify, audit.VerifyAsk(vault="v"))
    assert not found.sound


def test_verify_takes_a_witness_that_is_given(bench: Bench, place: WitnessPlace) -> None:
    Witness(place).keep([bench.house.vault_log("v")])
    bench.add("ann@example.com")
    given = "\n".join(witness.of_each(place.path).values())
    found = bench.run(audit.verify, audit.VerifyAsk(vault="v", witness=given))
    assert (found.sound, found.tail, found.tail_first, found.tail_last) == (True, 1, found.entries, found.entries)
    with pytest.raises(InvalidInput):
        bench.run(audit.verify, audit.VerifyAsk(vault="v", witness=bench.house.log.note))


def test_the_audit_of_the_house_is_looked_at(bench: Bench, place: WitnessPlace) -> None:
    configured(bench, place)
    bench.runner.run(worker.witness(bench.house))
    found = bench.run(audit.verify_house, audit.HouseAsk())
    assert found.sound and found.witnessed
    bench.house.control.write_now(Unit((Delete("audit", ("seq",), ((1,),)),)))
    assert not bench.run(audit.verify_house, audit.HouseAsk()).sound


def test_health_is_red_while_the_witness_fails(bench: Bench, place: WitnessPlace, tmp_path: Path) -> None:
    folder = tmp_path / "far"
    folder.mkdir()
    configured(bench, WitnessPlace("file", folder / "kept"))
    bench.runner.run(worker.witness(bench.house))
    assert bench.run(health.health, health.NoAsk()).status == "ok"
    bench.add("ann@example.com")
    bench.sequence()
    folder.rename(tmp_path / "away")
    bench.runner.run(worker.witness(bench.house))
    with pytest.raises(Unavailable, match="witness"):
        bench.run(health.health, health.NoAsk())
    (tmp_path / "away").rename(folder)
    bench.runner.run(worker.witness(bench.house))
    assert bench.run(health.health, health.NoAsk()).status == "ok"


def test_a_closed_house_leaves_nothing_unwitnessed(bench: Bench, place: WitnessPlace) -> None:
    configured(bench, place)
    bench.add("ann@example.com")
    bench.house.close()
    bench.house = House(load(bench.home))
    log = bench.house.vault_log("v")
    assert Witness(place).newest(log) == log.last


@pytest.mark.parametrize(
    "said", ["ftp:/a", "file:a/b", "file:", "git://example.com/a", "file://example.com/a", "/a", "", "[]"]
)
def test_a_place_elsewhere_is_refused(bench: Bench, said: str) -> None:
    with (bench.home / "privet.yaml").open("a", encoding="utf-8") as file:
        file.write(f"audit: {{witness: {said or '{}'}}}\n")
    with pytest.raises(InvalidInput):
        load(bench.home)


# --- on the command line --------------------------------------------------------------------------------------


def test_a_copy_is_proved_by_the_witness(bench: Bench, place: WitnessPlace, tmp_path: Path) -> None:
    bench.add("ann@example.com")
    bench.sequence()
    log = bench.house.vault_log("v")
    Witness(place).keep([log])
    proven = log.last.size
    bench.add("bob@example.com")
    bench.sequence()
    copy = tmp_path / "copy.db"
    bench.house.vault("v").store.backup(str(copy))
    options = [str(copy), "--witness", str(place.path), "--checkpoint", log.path, "--key", log.verifier, "--json"]
    found = CliRunner().invoke(command.prove, options)
    assert found.exit_code == 0, found.output
    shown = json.loads(found.stdout)
    assert (shown["proven"], shown["tail"], shown["tail_first"], shown["tail_last"]) == (
        proven,
        1,
        proven + 1,
        proven + 1,
    )
    assert CliRunner().invoke(command.prove, [str(copy), "--key", log.verifier]).exit_code == 1


def test_a_sound_log_is_told_by_the_command(bench: Bench, place: WitnessPlace) -> None:
    Witness(place).keep([bench.house.vault_log("v"), bench.house.log])
    bench.house.close()
    for said in (["audit", "verify", "--vault", "v"], ["audit", "house"]):
        options = [*said, "--home", str(bench.home), "--witness", str(place.path), "--json"]
        found = CliRunner().invoke(main.cli, options)
        assert found.exit_code == 0, found.output
        assert json.loads(found.stdout)["witnessed"] > 0
    missing = CliRunner().invoke(
        main.cli, ["audit", "house", "--home", str(bench.home), "--witness", str(place.path.with_name("none"))]
    )
    assert missing.exit_code == 1
    bench.house = House(load(bench.home))
