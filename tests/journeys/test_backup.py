"""Back a home up while it serves, lose it, restore it: everything is there, and whoever was erased stays erased."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from serving import servers

from privet.app import backup
from privet.app.services import records, subjects, vaults
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Conflict, Damaged, DuplicateValue, Gone, NewerData, NotFound, PrivetError, Refused, WrongKey
from privet.store.engines.sqlite import open_store
from privet.store.migrate import migrate, scripts
from privet.vault.log.audit import Deed
from privet.vault.log.verify import verify
from privet.vault.upkeep import rotation
from privet.vocabulary.access import Principal

PRIVET = (sys.executable, "-m", "privet.app.cli.main")
NOW = 1_800_000_000_000
SCHEMA = """\
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: name
            fides_meta: {privet: {type: string, keep: shreddable, index: [exact], token: stored}}
          - name: email
            fides_meta: {privet: {type: contact.email, keep: shreddable, unique: true}}
          - name: note
            fides_meta: {privet: {type: string, keep: sealed}}
"""
OWNER = Caller(Principal(id="test", name="test", roles=("owner",)))


def opened(home: Path) -> House:
    return House(load(home), clock=lambda: NOW)


def add(home: Path, *names: str) -> list[str]:
    house = opened(home)
    rows = [{"name": name, "email": f"{name}@example.com", "note": f"note of {name}"} for name in names]
    ask = records.InsertAsk(vault="shop", table="people", records=rows)
    try:
        return [str(item.id) for item in asyncio.run(records.insert(house, OWNER, ask)).records]
    finally:
        house.close()


def erase(home: Path, record: str) -> None:
    house = opened(home)
    ask = subjects.EraseAsk(vault="shop", table="people", record=record)
    asyncio.run(subjects.erase(house, OWNER, ask))
    house.close()


def names(home: Path) -> set[str]:
    house = opened(home)
    ask = records.ListAsk(vault="shop", table="people", limit=100)
    try:
        return {str(item.values["name"]) for item in asyncio.run(records.list_(house, OWNER, ask)).records}
    finally:
        house.close()


def advance(home: Path) -> None:
    house = opened(home)
    deed = Deed(principal="t", verb="keys.advance", policy="t", at_ms=NOW)
    asyncio.run(rotation.advance(house.vault("shop"), deed))
    house.close()


def make(home: Path, folder: Path) -> backup.Made:
    house = opened(home)
    made = backup.make(house, folder)
    house.close()
    return made


def back(folder: Path, home: Path, lost: Path, **options: Any) -> backup.Restored:
    """Restore, and put the root key back."""
    found = backup.restore(folder, home, **options)
    shutil.copy(lost / "root.key", home / "root.key")
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    initialize(Settings(home=found, key_file=found / "root.key"), now_ms=NOW)
    house = opened(found)
    asyncio.run(vaults.create(house, OWNER, vaults.CreateAsk(name="shop", schema=SCHEMA)))
    house.close()
    return found


# --- with real processes --------------------------------------------------------------------------------------


def privet(home: Path, *args: str) -> Any:
    env = {**os.environ, "PRIVET_HOME": str(home), "PRIVET_URL": "", "PRIVET_API_KEY": ""}
    done = subprocess.run([*PRIVET, *args, "--json"], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_home_is_copied_while_it_serves_and_restored_after_its_loss(tmp_path: Path) -> None:
    home, copy, again = tmp_path / "home", tmp_path / "copy", tmp_path / "again"
    schema = tmp_path / "shop.yml"
    schema.write_text(SCHEMA, encoding="utf-8")
    with servers(home) as begin:
        begin()
        privet(home, "vaults", "create", "shop", "--schema", str(schema))
        rows = [{"name": name, "email": f"{name}@example.com"} for name in ("ann", "bo", "cy")]
        put = ("records", "insert", "--vault", "shop", "--table", "people", "--records")
        made = privet(home, *put, json.dumps(rows))["records"]
        assert privet(home, "backup", str(copy))["vaults"] == ["shop"]
        privet(home, *put, json.dumps([{"name": "di", "email": "di@example.com"}]))
        privet(home, "subjects", "erase", "--vault", "shop", "--table", "people", "--record", made[0]["id"])
    assert not list((home / "backups").iterdir()), "the copy is moved to where it was wanted"
    assert not any(b"ann@example.com" in path.read_bytes() for path in copy.rglob("*") if path.is_file())
    told = privet(again, "restore", str(copy), "--survivor", str(home))
    assert told == {"home": str(again), "vaults": ["shop"], "missing": ["root.key", "cli.key"], "keyless": []}
    for name in told["missing"]:
        shutil.copy(home / name, again / name)
    with servers(again) as begin:
        begin()
        shown = privet(again, "records", "list", "--vault", "shop", "--table", "people", "--limit", "10")
        assert [row["values"]["name"] for row in shown["records"]] == ["bo", "cy"]


# --- what a copy holds ----------------------------------------------------------------------------------------


def test_a_copy_holds_everything_but_the_root_and_api_keys(home: Path, tmp_path: Path) -> None:
    add(home, "ann")
    folder = tmp_path / "copy"
    make(home, folder)
    held = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    vault = "vaults/shop"
    assert held == {
        *(f"home/{name}" for name in ("manifest.json", "privet.yaml", "checkpoint", "control.db")),
        *(f"home/{vault}/{name}" for name in ("vault.db", "checkpoint", "ledger")),
        *(f"keys/{name}" for name in ("manifest.json", f"{vault}/subjects.db", f"{vault}/epochs.db")),
    }
    root = (home / "root.key").read_bytes()
    secret = [line for line in root.splitlines() if len(line) > 30]
    assert secret
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
        assert path.is_dir() or not any(line in path.read_bytes() for line in secret)


def test_a_restored_home_is_whole_and_goes_on(home: Path, tmp_path: Path) -> None:
    add(home, "ann", "bo")
    make(home, tmp_path / "copy")
    back(tmp_path / "copy", tmp_path / "again", home)
    again = tmp_path / "again"
    assert names(again) == {"ann", "bo"}
    add(again, "cy")
    with pytest.raises(DuplicateValue):
        add(again, "bo")
    assert names(again) == {"ann", "bo", "cy"}
    house = opened(again)
    assert verify(house.vault("shop"), house.vault_log("shop")).faults == ()
    house.close()
    with pytest.raises(Refused, match="empty"):
        backup.restore(tmp_path / "copy", again)
    with pytest.raises(Conflict):
        make(home, tmp_path / "copy")


def test_without_the_root_key_a_restored_home_opens_nothing(home: Path, tmp_path: Path) -> None:
    add(home, "ann")
    make(home, tmp_path / "copy")
    other = tmp_path / "other"
    initialize(Settings(home=other, key_file=other / "root.key"), now_ms=NOW)
    back(tmp_path / "copy", tmp_path / "again", other)
    with pytest.raises(WrongKey):
        opened(tmp_path / "again")


@pytest.mark.parametrize("part", ["home/vaults/shop/vault.db", "home/control.db", "keys/vaults/shop/epochs.db"])
@pytest.mark.parametrize("fault", ["changed", "cut", "gone"])
def test_a_damaged_copy_is_refused(home: Path, tmp_path: Path, part: str, fault: str) -> None:
    make(home, tmp_path / "copy")
    path = tmp_path / "copy" / part
    whole = path.read_bytes()
    if fault == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] if fault == "cut" else whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    with pytest.raises(Damaged):
        backup.restore(tmp_path / "copy", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["../out.db", "/tmp/out.db", "vaults/../../out.db"])
def test_a_manifest_does_not_lead_out_of_the_home(home: Path, tmp_path: Path, name: str) -> None:
    make(home, tmp_path / "copy")
    path = tmp_path / "copy" / "home" / "manifest.json"
    found = msgspec.json.decode(path.read_bytes())
    found["pieces"][0]["path"] = name
    path.write_bytes(msgspec.json.encode(found))
    with pytest.raises(Damaged):
        backup.restore(tmp_path / "copy", tmp_path / "again")


def test_a_backup_and_a_change_of_keys_wait_for_each_other(home: Path, tmp_path: Path) -> None:
    house = opened(home)
    with house.vault("shop").maintenance("rotation"), pytest.raises(Conflict):
        backup.make(house, tmp_path / "copy")
    house.close()


# --- erased stays erased --------------------------------------------------------------------------------------


def test_an_erased_person_stays_erased_where_the_ledger_survives(home: Path, tmp_path: Path) -> None:
    ann, _ = add(home, "ann", "bo")
    make(home, tmp_path / "copy")
    erase(home, ann)
    add(home, "cy")
    back(tmp_path / "copy", tmp_path / "again", home, survivor=home)
    assert names(tmp_path / "again") == {"bo"}
    back(tmp_path / "copy", tmp_path / "forgetful", home)
    assert names(tmp_path / "forgetful") == {"ann", "bo"}, "the teeth: without the ledger nobody knows"


def test_an_older_database_put_in_place_meets_the_ledger(home: Path, tmp_path: Path) -> None:
    """The database and its checkpoint of before, beside the present ledger and keys."""
    ann, _ = add(home, "ann", "bo")
    make(home, tmp_path / "copy")
    erase(home, ann)
    for name in ("vault.db", "checkpoint"):
        shutil.copy(tmp_path / "copy" / "home" / "vaults" / "shop" / name, home / "vaults" / "shop" / name)
    assert names(home) == {"bo"}


def test_a_ledger_of_another_home_is_not_taken_over(home: Path, tmp_path: Path) -> None:
    ann, bo = add(home, "ann", "bo")
    copy = tmp_path / "copy"
    erase(home, ann)
    make(home, copy)
    ledger = home / "vaults" / "shop" / "ledger"
    ledger.write_bytes(ledger.read_bytes().replace(b"a", b"b"))
    with pytest.raises(Refused, match="ledger"):
        backup.restore(copy, tmp_path / "again", survivor=home)
    assert bo


def test_copies_of_keys_from_before_the_window_open_nothing(home: Path, tmp_path: Path) -> None:
    add(home, "ann", "bo")
    make(home, tmp_path / "copy")
    old = tmp_path / "copy" / "keys" / "vaults" / "shop" / "subjects.db"
    folder = home / "vaults" / "shop"
    shutil.copy(old, folder / "subjects.db")
    assert names(home) == {"ann", "bo"}, "the teeth: within the window they open"
    advance(home)
    shutil.copy(old, folder / "subjects.db")
    with pytest.raises(Gone):
        names(home)


def test_records_of_an_older_copy_open_under_the_present_keys_and_find_again(home: Path, tmp_path: Path) -> None:
    """Whoever was not erased is restored, though the windows have passed: the indexes are built anew."""
    ann, _ = add(home, "ann", "bo")
    make(home, tmp_path / "copy")
    advance(home)
    erase(home, ann)
    make(home, tmp_path / "new")
    back(tmp_path / "copy", tmp_path / "again", home, keys=tmp_path / "new" / "keys", survivor=home)
    assert names(tmp_path / "again") == {"bo"}
    with pytest.raises(DuplicateValue):
        add(tmp_path / "again", "bo")
    add(tmp_path / "again", "ann")


def test_a_home_goes_on_without_the_keys_of_people_if_told_so(home: Path, tmp_path: Path) -> None:
    add(home, "ann")
    make(home, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "keys")
    with pytest.raises(NotFound, match="keys"):
        backup.restore(tmp_path / "copy", tmp_path / "again")
    found = back(tmp_path / "copy", tmp_path / "again", home, without_keys=True)
    assert found.keyless == ("shop",)
    with pytest.raises(Gone):
        names(tmp_path / "again")
    house = opened(tmp_path / "again")
    ask = records.ListAsk(vault="shop", table="people", limit=10, columns="note")
    [left] = asyncio.run(records.list_(house, OWNER, ask)).records
    assert left.values == {"note": "note of ann"}
    house.close()
    add(tmp_path / "again", "ann")


def test_a_home_whose_keys_of_people_are_gone_does_not_start(home: Path) -> None:
    add(home, "ann")
    for name in ("subjects.db", "epochs.db"):
        (home / "vaults" / "shop" / name).unlink()
    house = opened(home)
    with pytest.raises(Damaged, match="subject keys"):
        house.vault("shop")
    house.close()


# --- formats --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vault.db", "subjects.db", "epochs.db"])
def test_newer_data_is_refused_naming_both_versions(home: Path, name: str) -> None:
    file = apsw.Connection(str(home / "vaults" / "shop" / name))
    file.pragma("user_version", 41)
    file.close()
    house = opened(home)
    with pytest.raises(NewerData, match=rf"format 41, this program reads up to {len(scripts('sqlite'))}"):
        house.vault("shop")
    house.close()


def test_a_newer_copy_is_refused_naming_both_versions(home: Path, tmp_path: Path) -> None:
    make(home, tmp_path / "copy")
    path = tmp_path / "copy" / "home" / "manifest.json"
    whole = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**whole, "format": 7}))
    with pytest.raises(NewerData, match="format 7, this program reads up to 1"):
        backup.restore(tmp_path / "copy", tmp_path / "again")
    whole["pieces"][2]["format"] = 9
    path.write_bytes(msgspec.json.encode(whole))
    with pytest.raises(NewerData, match="format 9"):
        backup.restore(tmp_path / "copy", tmp_path / "again")


def test_older_data_is_backed_up_and_migrated(home: Path, tmp_path: Path) -> None:
    """The next format, as a program of the future would bring it, over a vault of today."""
    add(home, "ann")
    path = home / "vaults" / "shop" / "vault.db"
    steps = (*scripts("sqlite"), "CREATE TABLE privet_later (word TEXT) STRICT")
    store = open_store(str(path))
    store.close()
    file = apsw.Connection(str(path))
    saved: list[int] = []
    migrate(file, steps, lambda number: saved.append(number) or shutil.copy(path, tmp_path / "before.db"))
    assert saved == [len(steps) - 1] and file.pragma("user_version") == len(steps)
    file.close()
    before = apsw.Connection(str(tmp_path / "before.db"))
    assert before.pragma("user_version") == len(steps) - 1
    before.close()
    house = opened(home)
    with pytest.raises(PrivetError, match=f"format {len(steps)}"):
        house.vault("shop")
    house.close()
    shutil.copy(tmp_path / "before.db", path)
    assert names(home) == {"ann"}
