"""The audit through its services: who may see it, what a proof proves, and when health turns red."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from audited import Bench
from click.testing import CliRunner

from privet.app import worker
from privet.app.cli import audit as command
from privet.app.services import audit, health, principals
from privet.app.services.verb import Caller
from privet.app.settings import load
from privet.app.wiring import House
from privet.crypto import merkle
from privet.errors import Conflict, Damaged, Denied, InvalidInput, NotFound, Refused, Unavailable
from privet.store.port import ENGINES, Delete, Unit, Update
from privet.vault.log import history


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "home")
    made.found()
    yield made
    made.close()


def test_the_tail_says_who_did_what_and_shows_no_value(bench: Bench) -> None:
    bench.add("canary@example.com")
    found = bench.run(audit.tail, audit.TailAsk(vault="v"))
    last = found.entries[-1]
    assert (last.verb, last.kind, last.table, last.columns, last.count) == (
        "records.insert",
        "written",
        "people",
        ["email"],
        1,
    )
    assert (last.who, len(last.records)) == (bench.who.principal.id, 1)
    assert b"canary" not in msgspec.json.encode(found)
    assert bench.run(audit.tail, audit.TailAsk(vault="v", after=found.next)).entries[0].verb == "audit.tail"


def test_pages_follow_each_other(bench: Bench) -> None:
    bench.add("ann@example.com")
    seen, after = [], 0
    while found := bench.run(audit.tail, audit.TailAsk(vault="v", after=after, limit=2)).entries[:1]:
        seen.append(found[0].seq)
        after = found[0].seq
        if found[0].verb == "audit.tail":
            break
    assert seen == list(range(1, len(seen) + 1))
    with pytest.raises(InvalidInput):
        bench.run(audit.tail, audit.TailAsk(vault="v", limit=0))


def test_only_who_may_audit_sees_it(bench: Bench) -> None:
    made = bench.run(principals.create, principals.CreateAsk(name="ed", roles=["editor"]))
    editor = Caller(bench.house.callers.principal(made.key, bench.house.clock()))
    for service, ask in (
        (audit.tail, audit.TailAsk(vault="v")),
        (audit.export, audit.TailAsk(vault="v")),
        (audit.checkpoint, audit.AuditAsk(vault="v")),
        (audit.proof, audit.ProofAsk(vault="v", seq=1)),
        (audit.verify, audit.VerifyAsk(vault="v")),
    ):
        with pytest.raises(Denied):
            bench.run(service, ask, editor)
    made = bench.run(principals.create, principals.CreateAsk(name="au", roles=["auditor"]))
    auditor = Caller(bench.house.callers.principal(made.key, bench.house.clock()))
    assert bench.run(audit.verify, audit.VerifyAsk(vault="v"), auditor).sound


def test_a_proof_is_proved_by_what_it_holds(bench: Bench) -> None:
    old = bench.run(audit.checkpoint, audit.AuditAsk(vault="v"))
    bench.add("ann@example.com", "bob@example.com")
    bench.sequence()
    entries = bench.run(audit.export, audit.TailAsk(vault="v")).entries
    seq = old.size + 1
    found = bench.run(audit.proof, audit.ProofAsk(vault="v", seq=seq, size=old.size))
    before = merkle.parse_checkpoint(merkle.open_note(old.note, old.key))
    now = merkle.parse_checkpoint(merkle.open_note(found.note, old.key))
    raw = [base64.b64decode(text) for text in found.inclusion]
    leaf = merkle.leaf_hash(history.entry(entries[seq - 1]).leaf())
    assert leaf == base64.b64decode(found.leaf)
    merkle.verify_inclusion(leaf, seq - 1, now.size, raw, now.root)
    raw = [base64.b64decode(text) for text in found.consistency]
    merkle.verify_consistency(before.size, before.root, now.size, now.root, raw)


def test_an_entry_that_is_not_signed_yet_has_no_proof(bench: Bench) -> None:
    size = bench.run(audit.checkpoint, audit.AuditAsk(vault="v")).size
    bench.add("ann@example.com")
    with pytest.raises(NotFound):
        bench.run(audit.proof, audit.ProofAsk(vault="v", seq=size + 1))


def test_verify_tells_the_tail_and_the_faults(bench: Bench) -> None:
    bench.add("ann@example.com")
    found = bench.run(audit.verify, audit.VerifyAsk(vault="v"))
    assert (found.sound, found.tail, found.records, found.faults) == (True, 1, 1, [])
    bench.sequence()
    bench.house.vault("v").store.write_now(Unit((Update("audit", ("at",), ("seq",), ((7, 1),)),)))
    found = bench.run(audit.verify, audit.VerifyAsk(vault="v"))
    assert not found.sound
    assert {fault.rule for fault in found.faults} == {"audit.root", "audit.tile"}


def test_verify_takes_a_checkpoint_that_was_kept(bench: Bench) -> None:
    kept = bench.run(audit.checkpoint, audit.AuditAsk(vault="v"))
    bench.add("ann@example.com")
    ask = audit.VerifyAsk(vault="v", checkpoint=kept.note, key=kept.key)
    assert bench.run(audit.verify, ask).sound
    with pytest.raises(InvalidInput):
        bench.run(audit.verify, audit.VerifyAsk(vault="v", checkpoint=kept.note))
    other = bench.house.log
    with pytest.raises(Conflict):
        bench.run(audit.verify, audit.VerifyAsk(vault="v", checkpoint=other.note, key=other.verifier))


def test_health_is_red_until_the_audit_is_signed_again(bench: Bench) -> None:
    assert bench.run(health.health, health.NoAsk()).status == "ok"
    place = bench.home / "vaults" / "v"
    bench.add("ann@example.com")
    place.rename(place.with_name("away"))
    bench.sequence()
    with pytest.raises(Unavailable):
        bench.run(health.health, health.NoAsk())
    place.with_name("away").rename(place)
    bench.sequence()
    assert bench.run(health.health, health.NoAsk()).status == "ok"


def test_health_is_red_once_nobody_signs_any_more(bench: Bench) -> None:
    async def end() -> None:
        task = asyncio.create_task(worker.keep_sequenced(bench.house))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    bench.runner.run(end())
    with pytest.raises(Unavailable):
        bench.run(health.health, health.NoAsk())


def test_a_closed_house_leaves_no_tail(bench: Bench) -> None:
    bench.add("ann@example.com")
    bench.house.close()
    bench.house = House(load(bench.home))
    assert bench.run(audit.verify, audit.VerifyAsk(vault="v")).tail == 0


@pytest.mark.parametrize("database", ["control.db", "vaults/v/vault.db"])
def test_an_older_database_is_not_opened(bench: Bench, database: str) -> None:
    bench.house.close()
    shutil.copy(bench.home / database, bench.home / "older")
    bench.house = House(load(bench.home))
    bench.add("ann@example.com")
    bench.run(principals.create, principals.CreateAsk(name="ed", roles=["editor"]))
    bench.house.close()
    shutil.copy(bench.home / "older", bench.home / database)
    with pytest.raises(Refused, match="older"):
        House(load(bench.home)).vault("v")


def test_old_entries_expire_by_themselves(bench: Bench) -> None:
    async def once() -> None:
        task = asyncio.create_task(worker.keep_expiring(bench.house, keep_ms=0))
        vault = bench.house.vault("v")
        for _ in range(1_000):
            await asyncio.sleep(0)
            if any(entry.kind == history.EXPIRED for batch in history.read(vault.store) for entry in batch):
                break
        task.cancel()

    bench.runner.run(once())
    found = bench.run(audit.tail, audit.TailAsk(vault="v"))
    assert found.entries[0].expired
    assert bench.run(audit.verify, audit.VerifyAsk(vault="v")).sound


# --- away from the vault --------------------------------------------------------------------------------------


@pytest.fixture
def kept(bench: Bench, tmp_path: Path) -> tuple[Path, list[str]]:
    """What an outsider holds: a copy of the database, and the options that name the checkpoint and the key."""
    bench.add("ann@example.com", "bob@example.com")
    bench.sequence()
    found = bench.run(audit.checkpoint, audit.AuditAsk(vault="v"))
    (tmp_path / "kept").write_text(found.note, encoding="utf-8")
    copy = tmp_path / "copy.db"
    bench.house.vault("v").store.backup(str(copy))
    return copy, ["--checkpoint", str(tmp_path / "kept"), "--key", found.key]


def prove(*args: str) -> Any:
    return CliRunner().invoke(command.prove, [*args, "--json"])


def test_a_copy_is_proved_on_the_command_line(kept: tuple[Path, list[str]]) -> None:
    copy, options = kept
    found = prove(str(copy), *options)
    assert found.exit_code == 0, found.output
    shown = json.loads(found.stdout)
    assert (shown["entries"], shown["faults"]) == (shown["proven"], [])


def test_exported_lines_are_proved_on_the_command_line(
    bench: Bench, kept: tuple[Path, list[str]], tmp_path: Path
) -> None:
    pages = [bench.run(audit.export, audit.TailAsk(vault="v", after=after, limit=2)) for after in (0, 2)]
    lines = tmp_path / "audit.ndjson"
    lines.write_bytes(b"".join(msgspec.json.encode(page) + b"\n" for page in pages))
    assert prove(str(lines), *kept[1]).exit_code == 0
    lines.write_bytes(msgspec.json.encode(pages[0]) + b"\n")
    assert prove(str(lines), *kept[1]).exit_code == 1


def test_a_changed_copy_is_told_on_the_command_line(kept: tuple[Path, list[str]]) -> None:
    copy, options = kept
    store = ENGINES.get("sqlite").open(str(copy))
    store.write_now(Unit((Delete("audit", ("seq",), ((2,),)),)))
    store.close()
    found = prove(str(copy), *options)
    assert found.exit_code == 1
    assert {fault["rule"] for fault in json.loads(found.stdout)["faults"]} == {
        "audit.missing",
        "audit.root",
        "audit.tile",
    }


def test_nothing_is_opened_without_its_checkpoint(bench: Bench) -> None:
    bench.house.close()
    (bench.home / "checkpoint").unlink()
    with pytest.raises(Damaged):
        House(load(bench.home))
