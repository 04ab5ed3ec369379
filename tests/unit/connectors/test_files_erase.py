"""What an erasure leaves of files: their bytes, looked at by the libraries of their formats alone."""

from __future__ import annotations

import csv
import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from meddling import Meddled

from privet.connectors.base import Batch, Change, Connector, Halted, Limits, Read, Setup
from privet.connectors.systems import SYSTEMS
from privet.errors import Conflict, InvalidInput, MalformedBody, PrivetError, Refused, Unavailable
from privet.vocabulary.dataset import Collection, Dataset, Field, Native

ADA = "ada@example.com"


def _field(name: str, *inner: Field, **native: Any) -> Field:
    return Field(name=name, type="string", fields=inner, native=Native(**native))


USERS = Collection(
    name="users",
    fields=(_field("id", primary_key=True), _field("email", identity="email"), _field("note")),
)
DATASET = Dataset(key="d", collections=(USERS,))


def opened(folder: Path, **settings: Any) -> Connector:
    limits = Limits(page=settings.pop("page", 100))
    return SYSTEMS.get("files").open(
        Setup(name="d", kind="files", settings={"folder": str(folder), **settings}, limits=limits)
    )


def read(folder: Path, matches: dict[str, list[Any]], **settings: Any) -> list[dict[str, Any]]:
    ask = Read(dataset=DATASET, collection=USERS, matches=matches)
    return [dict(one.values) for page in opened(folder, **settings).read(ask) for one in page]


def erase(folder: Path, *changes: Change, **settings: Any) -> list[int]:
    return opened(folder, **settings).erase(DATASET, [Batch(USERS, changes)])


def drop(value: str = ADA) -> Change:
    return Change({"email": value}, None, "once")


def mask(value: str = ADA, **values: Any) -> Change:
    return Change({"email": value}, values or {"email": None}, "once")


def everywhere(folder: Path) -> bytes:
    """Return all bytes of all files, packed ones as they are and unpacked."""
    found = b""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            found += data + (gzip.decompress(data) if path.suffix == ".gz" else b"")
    return found


# --- CSV --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("id,email,note\n1,ada@example.com,x\n2,bob@example.com,y\n", "id,email,note\n2,bob@example.com,y\n"),
        ("id;email;note\r\n1;ada@example.com;x\r\n2;b;y", "id;email;note\r\n2;b;y"),
        ("id\temail\tnote\n2\tb\t'\n1\tada@example.com\tx", "id\temail\tnote\n2\tb\t'\n"),
        (
            '"id","email","note"\n"2","b","a ""b"", c"\n"1","ADA@example.com",""\n',
            '"id","email","note"\n"2","b","a ""b"", c"\n',
        ),
        (
            'id,email,note\n2,b,"two\r\nlines, 5"" pipe"\n\n1,ada@example.com,z\n\n',
            'id,email,note\n2,b,"two\r\nlines, 5"" pipe"\n\n\n',
        ),
        ("\ufeffid,email,note\n1,ada@example.com,é\n2,b,漢\n", "\ufeffid,email,note\n2,b,漢\n"),
        ("id,email,note\r1,ada@example.com,x\r2,b,y\r", "id,email,note\r2,b,y\r"),
    ],
    ids=["plain", "semicolons", "tabs", "quoted", "lines", "mark", "returns"],
)
def test_what_is_not_erased_stays_byte_for_byte(text: str, left: str, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_bytes(text.encode())
    assert erase(tmp_path, drop()) == [1]
    assert (tmp_path / "users.csv").read_bytes() == left.encode()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1", "cp1252"])
def test_the_encoding_stays(encoding: str, tmp_path: Path) -> None:
    text = "id,email,note\n1,ada@example.com,é\n2,b,ü\n"
    (tmp_path / "users.csv").write_bytes(text.encode(encoding))
    settings = {} if encoding.startswith("utf") else {"encoding": encoding}
    assert read(tmp_path, {"id": [1]}, **settings) == [{"id": "1", "email": ADA, "note": "é"}]
    assert erase(tmp_path, mask(email='x,"ö'), **settings) == [1]
    assert (tmp_path / "users.csv").read_bytes().decode(encoding) == 'id,email,note\n1,"x,""ö",é\n2,b,ü\n'


def test_a_changed_row_is_quoted_and_ended_as_before(tmp_path: Path) -> None:
    text = '"id","email","note"\r\n"1","ada@example.com","x"\r\n2,ada@example.com,\n'
    (tmp_path / "users.csv").write_bytes(text.encode())
    assert erase(tmp_path, mask(email="gone", note=None)) == [2]
    assert (tmp_path / "users.csv").read_bytes() == b'"id","email","note"\r\n"1","gone",""\r\n2,gone,\n'


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("users.csv", 'id,email,note\n2,b,y\n1,canary,"open\n', 3),
        ("users.csv", "id,email,note\n2,b\n", 2),
        ("users.csv", 'id,email,note\n2,"b"canary,c\n', 2),
        ("users.jsonl", '{"id": 1}\n{"id": canary}\n', 2),
        ("users.jsonl", '{"id": 1, "email": "a", "email": "canary"}\n', 1),
        ("users.jsonl", '["canary"]\n', 1),
        ("users.jsonl", '{"id": 1}\n{"id": "\ud800canary"}\n', 2),
    ],
    ids=["quote", "cells", "after", "json", "twice", "array", "text"],
)
def test_a_malformed_line_is_named_and_nothing_changes(name: str, text: str, line: int, tmp_path: Path) -> None:
    good = tmp_path / "users.ndjson"
    good.write_bytes(b'{"id": 1, "email": "ada@example.com"}\n')
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    before = everywhere(tmp_path)
    for call in (lambda: erase(tmp_path, drop()), lambda: read(tmp_path, {"email": [ADA]})):
        with pytest.raises(MalformedBody) as raised:
            call()
        assert raised.value.at == f"{name}:{line}" and "canary" not in repr(raised.value) + str(raised.value)
    assert everywhere(tmp_path) == before and len(list(tmp_path.iterdir())) == 2


def test_a_broken_gzip_file_and_a_broken_parquet_file_are_named(tmp_path: Path) -> None:
    packed = gzip.compress(b"id,email,note\n" + b"1,ada@example.com,x\n" * 50)
    for name, data in (("users.csv.gz", packed[:-9]), ("users.parquet", b"PAR1canaryPAR1")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MalformedBody) as raised:
            erase(tmp_path, drop())
        assert raised.value.at == name and (tmp_path / name).read_bytes() == data
        (tmp_path / name).unlink()


def test_a_column_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,note\n1,x\n")
    pq.write_table(pa.table({"id": [1]}), tmp_path / "users.parquet")
    for name in ("users.csv", "users.parquet"):
        for call in (lambda: erase(tmp_path, drop()), lambda: read(tmp_path, {"id": [1]})):
            with pytest.raises(InvalidInput, match="email"):
                call()
        (tmp_path / name).unlink()


def test_a_file_without_a_line_holds_nobody(tmp_path: Path) -> None:
    for name in ("users.csv", "users.jsonl"):
        (tmp_path / name).write_bytes(b"")
    assert read(tmp_path, {"email": [ADA]}) == [] and erase(tmp_path, drop()) == [0]


# --- JSON lines ---------------------------------------------------------------------------------------------------


def test_a_changed_line_keeps_its_spacing_and_the_digits_of_others(tmp_path: Path) -> None:
    lines = (
        b'{"email": "ada@example.com", "id": 1, "rate": 0.12345678901234567890, "big": 123456789012345678901}\r\n'
        b'\n{"id":2,"email":"\\u0061da@example.com","x":[1.50]}\n{"id":3,   "email" :"bob"}'
    )
    (tmp_path / "users.jsonl").write_bytes(lines)
    assert erase(tmp_path, mask(email=Decimal("1.50"))) == [2]
    assert (tmp_path / "users.jsonl").read_bytes() == (
        b'{"email": 1.50, "id": 1, "rate": 0.12345678901234567890, "big": 123456789012345678901}\r\n'
        b'\n{"id":2,"email":1.50,"x":[1.50]}\n{"id":3,   "email" :"bob"}'
    )


def test_a_path_that_a_record_lacks_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "users.jsonl").write_text('{"email":"ada@example.com"}\n')
    assert erase(tmp_path, mask(note="x")) == [0]
    assert (tmp_path / "users.jsonl").read_text() == '{"email":"ada@example.com"}\n'


def test_a_value_that_a_file_cannot_hold_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,email,note\n1,ada@example.com,x\n")
    (tmp_path / "users.jsonl").write_text('{"email": "ada@example.com", "note": 1}\n')
    before = everywhere(tmp_path)
    for value in ({"a": 1}, [1], b"x", float):
        with pytest.raises(InvalidInput):
            erase(tmp_path, mask(note=value))
    assert everywhere(tmp_path) == before


# --- Parquet ------------------------------------------------------------------------------------------------------


def test_a_parquet_file_keeps_schema_metadata_row_groups_and_compression(tmp_path: Path) -> None:
    schema = pa.schema(
        [
            pa.field("id", pa.int32(), nullable=False, metadata={"f": "1"}),
            pa.field("email", pa.dictionary(pa.int32(), pa.string())),
            pa.field("note", pa.string()),
            pa.field("at", pa.timestamp("ns", "UTC")),
            pa.field("price", pa.decimal128(9, 2)),
        ],
        metadata={"owner": "team"},
    )
    rows = [
        {"id": n, "email": ADA if n == 3 else f"u{n}@example.com", "note": "n", "at": n, "price": Decimal(n)}
        for n in range(10)
    ]
    path = tmp_path / "users.parquet"
    kinds = {"id": "gzip", "email": "zstd", "note": "none", "at": "snappy", "price": "brotli"}
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=4, compression=kinds)
    old = pq.ParquetFile(path)
    assert [row["id"] for row in read(tmp_path, {"email": [ADA.upper()]})] == [3]
    assert erase(tmp_path, mask(email="gone"), drop("u9@example.com"), drop("u8@example.com")) == [3]
    new = pq.ParquetFile(path)
    assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
    assert new.metadata.num_row_groups == 2 and new.metadata.num_rows == 8

    def packed(file: Any) -> list[str]:
        return [file.metadata.row_group(0).column(at).compression for at in range(5)]

    assert packed(new) == packed(old)
    assert new.read().column("email").to_pylist()[3] == "gone"
    assert new.read().drop(["email"]).equals(old.read().drop(["email"]).slice(0, 8)) and ADA.encode() not in everywhere(
        tmp_path
    )


def test_a_parquet_column_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int64()), ("email", pa.string()), pa.field("note", pa.int32(), nullable=False)])
    path = tmp_path / "users.parquet"
    pq.write_table(pa.Table.from_pylist([{"id": 1, "email": ADA, "note": 1}], schema), path)
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="note"):
        erase(tmp_path, mask(note="canary"))
    with pytest.raises(Refused, match="note"):
        erase(tmp_path, mask(note=None))
    assert path.read_bytes() == before


# --- folders ------------------------------------------------------------------------------------------------------


def _partitions(folder: Path) -> dict[str, Path]:
    made = {}
    for name, people in {"a": [ADA, "b"], "b": ["b"], "c": [ADA]}.items():
        path = folder / "users" / name / "part.csv.gz"
        path.parent.mkdir(parents=True)
        rows = "".join(f"{number},{email},x\n" for number, email in enumerate(people))
        path.write_bytes(gzip.compress(f"id,email,note\n{rows}".encode()))
        made[name] = path
    return made


def test_files_that_hold_nothing_of_hers_are_not_touched(tmp_path: Path) -> None:
    paths = _partitions(tmp_path)
    before = {name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for name, path in paths.items()}
    assert erase(tmp_path, drop(), collections="users=users/**/*.csv.gz") == [2]
    now = {name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for name, path in paths.items()}
    assert now["b"] == before["b"] and now["a"] != before["a"] and now["c"] != before["c"]
    assert ADA.encode() not in everywhere(tmp_path)
    assert erase(tmp_path, drop(), collections="users=users/**/*.csv.gz") == [0]


def test_mode_and_owner_stay(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("id,email,note\n1,ada@example.com,x\n")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    assert erase(tmp_path, drop()) == [1]
    now = path.stat()
    assert (now.st_mode, now.st_uid, now.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert now.st_ino != before.st_ino and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "pattern",
    [
        "/etc/*.csv",
        "../*.csv",
        "a/../../b.csv",
        "./x.csv",
        "a//b.csv",
        "..",
        "a\\..\\b.csv",
        "x\n../y.csv",
        "**x/y.csv",
        "[a-z].csv",
        "\x00.csv",
    ],
)
def test_patterns_stay_inside(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        opened(tmp_path, collections=f"users={pattern}")


@pytest.mark.parametrize("name", ["../users", "/etc/users", "a/../../b", "..", ""])
def test_names_of_collections_stay_inside(name: str, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "users.csv").write_text("id,email,note\n1,ada@example.com,x\n")
    collection = Collection(name=name, fields=USERS.fields)
    ask = Read(dataset=DATASET, collection=collection, matches={"email": [ADA]})
    with pytest.raises(InvalidInput):
        list(opened(inside).read(ask))


def test_a_link_out_is_refused_and_a_link_inside_is_the_file_itself(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "out.csv").write_text("id,email,note\n1,ada@example.com,x\n")
    (inside / "real.csv").write_text("id,email,note\n1,ada@example.com,x\n")
    (inside / "users.csv").symlink_to("real.csv")
    assert erase(inside, drop()) == [1]
    assert (inside / "users.csv").is_symlink() and ADA not in (inside / "real.csv").read_text()
    (inside / "users.csv").unlink()
    (inside / "users.csv").symlink_to(tmp_path / "out.csv")
    for call in (lambda: erase(inside, drop()), lambda: read(inside, {"email": [ADA]})):
        with pytest.raises(Refused):
            call()
    (inside / "users.csv").unlink()
    (inside / "deep").symlink_to(tmp_path)
    with pytest.raises(Refused):
        read(inside, {"email": [ADA]}, collections="users=deep/out.csv")
    assert ADA in (tmp_path / "out.csv").read_text()


def test_a_pipe_is_no_file_and_a_second_name_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "users.csv")
    with pytest.raises(InvalidInput):
        read(tmp_path, {"email": [ADA]})
    (tmp_path / "users.csv").unlink()
    (tmp_path / "users.csv").write_text("id,email,note\n1,ada@example.com,x\n")
    os.link(tmp_path / "users.csv", tmp_path / "second")
    with pytest.raises(Refused, match="hard link"):
        erase(tmp_path, drop())


def test_a_collection_without_a_file_is_an_error_unless_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="users"):
        read(tmp_path, {"email": [ADA]})
    assert read(tmp_path, {"email": [ADA]}, absent=True) == []
    with pytest.raises(Unavailable):
        opened(tmp_path / "none", absent=True).probe()


def test_a_file_that_is_open_for_writing_is_a_conflict(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("id,email,note\n1,ada@example.com,x\n")
    with path.open("a") as other:
        with pytest.raises(Conflict):
            erase(tmp_path, drop())
        other.write("2,b,y\n")
    assert path.read_text() == "id,email,note\n1,ada@example.com,x\n2,b,y\n" and list(tmp_path.iterdir()) == [path]
    assert erase(tmp_path, drop()) == [1]


@pytest.mark.parametrize("on", [1, 2], ids=["while it is looked at", "while it is written"])
def test_a_file_that_grows_meanwhile_is_a_conflict_and_loses_no_line(on: int, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("id,email,note\n1,ada@example.com,x\n")

    def append() -> None:
        with path.open("a") as file:
            file.write("2,b,y\n")

    with pytest.raises(Conflict):
        erase(tmp_path, Change({"email": ADA}, Meddled({"note": "m"}, append, on), "once"))
    assert path.read_text() == "id,email,note\n1,ada@example.com,x\n2,b,y\n" and list(tmp_path.iterdir()) == [path]


def test_a_halt_tells_how_far_it_came(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("id,email,note\n1,ada@example.com,x\n")
    other = (tmp_path / "b.csv").open("a")
    with other, pytest.raises(Halted) as raised:
        erase(tmp_path, drop(), collections="users=*.csv")
    assert raised.value.done == (1,) and isinstance(raised.value.cause, Conflict)
    assert erase(tmp_path, drop(), collections="users=*.csv") == [1] and ADA.encode() not in everywhere(tmp_path)


def test_what_a_killed_erasure_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,email,note\n2,b,y\n")
    (tmp_path / ".users.csv.privet").write_text("id,email,note\n1,ada@example.com,x\n")
    assert erase(tmp_path, drop()) == [0]
    assert ADA.encode() not in everywhere(tmp_path) and len(list(tmp_path.iterdir())) == 1


def test_two_erasures_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("id,email,note\n1,ada@example.com,x\n2,b,y\n")
    found: list[PrivetError] = []

    def meddle() -> None:
        try:
            erase(tmp_path, drop("b"))
        except PrivetError as error:
            found.append(error)

    assert erase(tmp_path, Change({"email": ADA}, Meddled({"note": "m"}, meddle, 2), "once")) == [1]
    assert [type(error) for error in found] == [Conflict]
    assert path.read_text() == "id,email,note\n1,ada@example.com,m\n2,b,y\n"


def test_files_are_described_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,email\n1,x\n")
    (tmp_path / "log.jsonl").write_text('{"id": 1, "who": {"email": "x"}, "tags": ["a"]}\n')
    pq.write_table(pa.table({"id": [1], "inner": [{"a": "x"}]}), tmp_path / "facts.parquet")
    (tmp_path / "notes.txt").write_text("x")
    found = opened(tmp_path).describe()
    told = {
        one.name: {field.name: (field.native.data_type, [f.name for f in field.fields]) for field in one.fields}
        for one in found.collections
    }
    assert told == {
        "users": {"id": ("string", []), "email": ("string", [])},
        "log": {"id": ("integer", []), "who": ("object", ["email"]), "tags": ("string[]", [])},
        "facts": {"id": ("integer", []), "inner": ("object", ["a"])},
    }


def test_a_large_file_is_read_and_written_in_bounded_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "users.csv"
    with path.open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "email", "note"])
        writer.writerows([n, ADA if n == 7 else f"u{n}@example.com", "x" * 2000] for n in range(3_000))
    tracemalloc.start()
    assert erase(tmp_path, drop()) == [1]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 6_000_000 and peak < 2_000_000


def test_json_lines_are_what_json_says(tmp_path: Path) -> None:
    rows = [{"id": n, "email": ADA if n % 2 else "b", "note": {"é": [1, None, "\u2028"]}} for n in range(5)]
    (tmp_path / "users.jsonl").write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    assert erase(tmp_path, mask(email="m")) == [2]
    now = [json.loads(line) for line in (tmp_path / "users.jsonl").read_bytes().split(b"\n") if line]
    assert now == [{**row, "email": "m" if row["email"] == ADA else "b"} for row in rows]
