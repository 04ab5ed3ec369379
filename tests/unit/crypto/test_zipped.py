"""An encrypted zip: other programs open it with its passphrase, nothing opens it without or where it was changed."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyzipper

from privet.crypto import zipped
from privet.crypto.zipped import Entry, Zipped
from privet.errors import InvalidInput, TooLarge
from privet.secret import Secret

NOW = 1_800_000_000_000
WORD = "quiet-otter-invented-1"
FILES = {
    "index.html": b"<p>invented</p>",
    "records.json": bytes(range(256)) * 4_001,  # several pieces, and no whole number of blocks
    "csv/shop.caf\u00e9.csv": b"",
    "one": b"x",
}
SEVEN = shutil.which("7zz") or shutil.which("7z")


def pieces(files: dict[str, bytes], word: str = WORD) -> Iterator[bytes]:
    zip_ = Zipped(Secret(word), made_ms=NOW)
    for name, body in files.items():
        entry = zip_.entry(name)
        yield zip_.opening(entry)
        for at in range(0, len(body), 10_000):
            yield entry.add(body[at : at + 10_000])
        yield entry.end()
        yield zip_.closing(entry)
    yield zip_.end()


def made(files: dict[str, bytes] = FILES) -> bytes:
    return b"".join(pieces(files))


def opened(content: bytes, word: str = WORD) -> dict[str, bytes]:
    with pyzipper.AESZipFile(io.BytesIO(content)) as found:
        found.setpassword(word.encode())
        return {name: found.read(name) for name in found.namelist()}


def test_another_program_reads_back_every_byte() -> None:
    assert opened(made()) == FILES


@pytest.mark.skipif(SEVEN is None, reason="7-Zip is not installed")
def test_seven_zip_reads_back_every_byte(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(made())
    run = [SEVEN, "x", f"-p{WORD}", f"-o{tmp_path / 'out'}", str(tmp_path / "a.zip")]
    subprocess.run(run, check=True, capture_output=True)  # type: ignore[arg-type]
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    run[2] = "-pwrong"
    assert subprocess.run([*run, "-y"], check=False, capture_output=True).returncode != 0  # type: ignore[list-item]


def test_a_wrong_passphrase_opens_nothing() -> None:
    with pytest.raises(RuntimeError, match="Bad password"):
        opened(made(), "another")


def test_a_reader_without_aes_opens_nothing() -> None:
    with zipfile.ZipFile(io.BytesIO(made())) as found:
        for name in FILES:
            with pytest.raises((NotImplementedError, RuntimeError)):
                found.read(name)


def test_a_byte_that_was_changed_is_found() -> None:
    content = bytearray(made({"one": b"some text that is invented " * 9}))
    content[30 + len("one") + 11 + 18 + 5] ^= 1
    with pytest.raises(Exception, match=r"HMAC|invalid|incorrect"):
        opened(bytes(content))


@pytest.mark.parametrize("cut", [1, 30, 400])
def test_a_stream_that_broke_off_opens_nothing(cut: int) -> None:
    with pytest.raises(pyzipper.BadZipFile):
        opened(made()[:-cut])


def test_the_same_file_twice_is_enciphered_under_two_keys() -> None:
    first, second = made({"a": b"x" * 500}), made({"a": b"x" * 500})
    assert first != second
    assert len(first) == len(second)


def test_nothing_of_a_file_stands_in_the_clear() -> None:
    assert b"invented" not in made({"a": b"invented"})


def test_entries_may_be_filled_before_they_are_written() -> None:
    zip_ = Zipped(Secret(WORD), made_ms=NOW)
    first, aside = zip_.entry("first"), zip_.entry("aside")
    held = [aside.add(b"b" * 70_000)]
    out = [zip_.opening(first), first.add(b"a" * 70_000), first.end(), zip_.closing(first)]
    held.append(aside.end())
    content = b"".join((*out, zip_.opening(aside), *held, zip_.closing(aside), zip_.end()))
    assert opened(content) == {"first": b"a" * 70_000, "aside": b"b" * 70_000}


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", "a\\b", "", "a/./b", "x" * 1_001, "a\0"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        Zipped(Secret(WORD), made_ms=NOW).entry(name)


def test_a_file_beyond_what_the_format_holds_is_refused() -> None:
    entry = Entry("a", Secret(WORD), 1)
    entry.size = zipped.MOST_BYTES
    entry.add(b"more")
    with pytest.raises(TooLarge):
        entry.end()
    zip_ = Zipped(Secret(WORD), made_ms=NOW)
    big = zip_.entry("b")
    zip_.opening(big)
    big.stored = zipped.MOST_BYTES
    with pytest.raises(TooLarge):
        zip_.closing(big)


def test_entries_are_dated() -> None:
    with zipfile.ZipFile(io.BytesIO(made())) as found:
        assert {info.date_time for info in found.infolist()} == {(2027, 1, 15, 8, 0, 0)}
