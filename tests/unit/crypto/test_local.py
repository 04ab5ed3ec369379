"""The key file: who may read it, and what a wrong, cut or garbled one says."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from privet.crypto.keystores import KEYSTORES, local
from privet.errors import Conflict, Damaged, NotFound, PrivetError, Refused, WrongKey
from privet.secret import Secret

PHRASE = Secret("correct horse battery")
CHEAP = local.Cost(memory_kib=64, passes=1, lanes=1)
KEY, CONTEXT = bytes(range(64)), b"row 7"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "root.key"


@pytest.mark.parametrize("phrase", [None, PHRASE], ids=["plain", "passphrase"])
def test_a_created_root_is_loaded_again(path: Path, phrase: Secret[str] | None) -> None:
    made = local.create(path, phrase, cost=CHEAP)
    found = local.load(path, phrase)
    assert found.check == made.check
    assert found.unwrap(made.wrap(KEY, CONTEXT), CONTEXT) == KEY


def test_the_shelf_opens_it_by_name(path: Path) -> None:
    made = local.create(path)
    provider = KEYSTORES.get("local")
    assert provider.name == provider.open(str(path), None).name == "local"
    assert provider.open(str(path), None).unwrap(made.wrap(KEY, CONTEXT), CONTEXT) == KEY


def test_the_file_is_private_and_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        local.create(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_roots_differ(tmp_path: Path) -> None:
    assert local.create(tmp_path / "a").check != local.create(tmp_path / "b").check


def test_a_passphrase_hides_the_root(path: Path) -> None:
    local.create(path, PHRASE, cost=CHEAP)
    lines = path.read_text().splitlines()
    assert lines[1].startswith("protection argon2id m=64 t=1 p=1 salt=")
    with pytest.raises(Refused, match="needs a passphrase"):
        local.load(path)
    with pytest.raises(WrongKey):
        local.load(path, Secret("incorrect horse"))


def test_the_standard_cost_is_that_of_rfc_9106() -> None:
    # RFC 9106, section 4: the second recommended setting.
    assert (local.STANDARD.memory_kib, local.STANDARD.passes, local.STANDARD.lanes) == (65536, 3, 4)


def test_a_short_passphrase_makes_no_file(path: Path) -> None:
    with pytest.raises(Refused):
        local.create(path, Secret("1234567"), cost=CHEAP)
    assert not path.exists()


def test_an_existing_file_is_never_overwritten(path: Path) -> None:
    local.create(path)
    before = path.read_bytes()
    with pytest.raises(Conflict):
        local.create(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644, 0o610, 0o601])
def test_a_file_that_others_may_touch_is_refused(path: Path, mode: int) -> None:
    local.create(path)
    path.chmod(mode)
    with pytest.raises(Refused, match=f"found `{mode:04o}`"):
        local.load(path)


def test_no_file_and_no_regular_file_are_told_apart(path: Path) -> None:
    with pytest.raises(NotFound):
        local.load(path)
    os.mkfifo(path, 0o600)
    with pytest.raises(Refused, match="regular file"):
        local.load(path)
    with pytest.raises(Refused, match="regular file"):
        local.load(path.parent)


@pytest.mark.parametrize("phrase", [None, PHRASE], ids=["plain", "passphrase"])
def test_no_cut_file_loads(path: Path, phrase: Secret[str] | None) -> None:
    local.create(path, phrase, cost=CHEAP)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises((Refused, WrongKey)):
            local.load(path, phrase)


@pytest.mark.parametrize("phrase", [None, PHRASE], ids=["plain", "passphrase"])
def test_no_garbled_file_loads(path: Path, phrase: Secret[str] | None) -> None:
    local.create(path, phrase, cost=CHEAP)
    whole = path.read_bytes()
    for at in range(len(whole)):
        for flip in (0x01, 0x10, 0x80):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            with pytest.raises((Refused, WrongKey)):
                local.load(path, phrase)


def test_a_passphrase_for_a_plain_file_is_refused(path: Path) -> None:
    local.create(path)
    with pytest.raises(Refused, match="has none"):
        local.load(path, PHRASE)


@pytest.mark.parametrize("cost", ["m=9999999 t=1 p=1", "m=64 t=99 p=1", "m=64 t=1 p=99", "m=64 t=0 p=1", "m=1 t=1 p=1"])
def test_costs_out_of_bounds_are_refused_before_they_are_paid(path: Path, cost: str) -> None:
    local.create(path, PHRASE, cost=CHEAP)
    path.write_text(path.read_text().replace("m=64 t=1 p=1", cost))
    with pytest.raises(Refused, match="out of bounds"):
        local.load(path, PHRASE)


def test_a_blob_of_another_root_is_of_the_wrong_key(tmp_path: Path) -> None:
    one, two = local.create(tmp_path / "a"), local.create(tmp_path / "b")
    with pytest.raises(WrongKey, match=one.check):
        two.unwrap(one.wrap(KEY, CONTEXT), CONTEXT)


def test_no_changed_blob_or_context_unwraps(path: Path) -> None:
    made = local.create(path)
    blob = made.wrap(KEY, CONTEXT)
    changed = [blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :] for at in range(len(blob))]
    for other, context in [*((b, CONTEXT) for b in changed), (blob[:-1], CONTEXT), (b"", CONTEXT), (blob, b"row 8")]:
        with pytest.raises(Damaged):
            made.unwrap(other, context)


def test_errors_tell_no_key_and_no_passphrase(path: Path) -> None:
    local.create(path, PHRASE, cost=CHEAP)
    path.write_text(path.read_text().replace("key ", "key !"))
    with pytest.raises(PrivetError) as caught:
        local.load(path, PHRASE)
    assert PHRASE.reveal() not in repr(caught.value)
    assert path.read_text().split("\n")[2][5:] not in str(caught.value)
