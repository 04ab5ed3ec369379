"""`privet serve` at its doors, as a process: TLS, homes deep in folders, and files larger than its memory."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from privet import digest
from privet.app.client import Client
from privet.errors import NotFound, Refused, Unavailable
from privet.store.port import ENGINES, Select

PRIVET = (sys.executable, "-m", "privet.app.cli.main")
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: letters
        fields:
          - {name: title, fides_meta: {privet: {type: string}}}
          - {name: scan, fides_meta: {privet: {type: file}}}
"""
SIZE = 200 << 20
MOST_GROWTH_KB = 48 << 10


def run(home: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "PRIVET_HOME": str(home), "PRIVET_URL": "", "PRIVET_API_KEY": "", **env}
    return subprocess.run([*PRIVET, *args], env=known, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def serving(home: Path, *args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server; yield it and its address."""
    said = [*PRIVET, "serve", "--port", "0", "--json", "--home", str(home), *args]
    server = subprocess.Popen(said, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        line = server.stdout.readline()
        assert line, server.communicate()[1]
        yield server, str(json.loads(line)["addresses"][0])
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    assert run(made, "init").returncode == 0
    return made


def key_of(home: Path) -> str:
    return (home / "cli.key").read_text().strip()


# --- TLS --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pems(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vault.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.touch(0o600)
    plain = serialization.NoEncryption()
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return cert_path, key_path


def test_tls_is_spoken_to_who_trusts_the_certificate_and_to_nobody_else(home: Path, pems: tuple[Path, Path]) -> None:
    cert, key = pems
    with serving(home, "--tls-cert", str(cert), "--tls-key", str(key)) as (_, address):
        assert address.startswith("https://127.0.0.1:")
        with Client(address, key_of(home), ca=cert) as client:
            assert client.vaults.list().vaults == []
        for url, ca in ((address, None), (address.replace("127.0.0.1", "localhost"), cert)):
            with Client(url, key_of(home), ca=ca, deadline_seconds=0) as client, pytest.raises(Refused):
                client.vaults.list()
        # Other commands on this machine come through the Unix socket, which speaks none.
        assert run(home, "vaults").stdout == "none\n"
        done = run(home, "vaults", PRIVET_URL=address, PRIVET_API_KEY=key_of(home), PRIVET_CA_FILE=str(cert))
        assert (done.stdout, done.returncode) == ("none\n", 0), done.stderr
        done = run(home, "vaults", "--url", address, PRIVET_API_KEY=key_of(home))
        assert (done.returncode, "--ca" in done.stderr) == (1, True)


def test_old_versions_and_ciphers_without_forward_secrecy_are_refused(home: Path, pems: tuple[Path, Path]) -> None:
    offers = (
        ("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        ("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        ("ECDHE+AESGCM", ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        ("ECDHE-ECDSA-AES256-SHA:AES256-SHA", ssl.TLSVersion.TLSv1_2, None),
        ("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1, None),
    )
    with serving(home, "--tls-cert", str(pems[0]), "--tls-key", str(pems[1])) as (_, address):
        for ciphers, newest, spoken in offers:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of the old versions that are offered here
                context = ssl.create_default_context(cafile=pems[0])
                context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
                context.maximum_version = newest
            context.set_ciphers(ciphers)
            assert version(address, context) == spoken


def version(address: str, context: ssl.SSLContext) -> str | None:
    """Return the version of TLS that a server agrees to, None where it agrees to none."""
    with socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=10) as link:
        try:
            with context.wrap_socket(link, server_hostname="127.0.0.1") as spoken:
                return spoken.version()
        except (ssl.SSLError, ConnectionError):
            return None


@pytest.mark.parametrize(
    ("mode", "args"),
    [(0o644, ("--tls-cert", "--tls-key")), (0o600, ("--tls-cert",)), (0o600, ("--tls-key",))],
    ids=["key-that-others-read", "no-key", "no-certificate"],
)
def test_half_a_certificate_or_an_open_key_is_refused(
    home: Path, pems: tuple[Path, Path], mode: int, args: tuple[str, ...]
) -> None:
    pems[1].chmod(mode)
    paths = {"--tls-cert": str(pems[0]), "--tls-key": str(pems[1])}
    done = run(home, "serve", "--port", "0", *(word for arg in args for word in (arg, paths[arg])))
    assert (done.returncode, "code: refused" in done.stderr) == (1, True)


def test_the_settings_may_name_the_certificate(home: Path, pems: tuple[Path, Path]) -> None:
    with (home / "privet.yaml").open("a", encoding="utf-8") as settings:
        settings.write(f"tls_cert: {pems[0]}\ntls_key: {pems[1]}\n")
    with serving(home) as (_, address):
        assert address.startswith("https://")


# --- homes deep in folders --------------------------------------------------------------------------------------


def test_a_home_deep_in_folders_is_served_and_reached(tmp_path: Path) -> None:
    home = tmp_path / ("a" * 75) / ("b" * 75)
    assert run(home, "init").returncode == 0
    with serving(home) as (server, _):
        state = (home / "privet.sock").stat()
        assert (state.st_mode & 0o777, state.st_uid) == (0o600, os.geteuid())
        assert run(home, "vault", "create", "shop").returncode == 0
        assert run(home, "vaults").stdout == "shop\n"
        second = run(home, "serve", "--port", "0")
        assert (second.returncode, "vault_busy" in second.stderr) == (1, True)
        server.terminate()
        assert server.wait(timeout=60) == 0
    assert not (home / "privet.sock").exists()


# --- files ------------------------------------------------------------------------------------------------------


def most_memory_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def letter(client: Client) -> dict[str, str]:
    client.vaults.create(name="t", schema=SCHEMA)
    stored = client.records.insert(vault="t", table="letters", records=[{"title": "menu"}])
    return {"vault": "t", "table": "letters", "id": stored.records[0].id, "column": "scan"}


def blocks(size: int) -> Iterator[bytes]:
    block = digest.random_bytes(1 << 20)
    for _ in range(size >> 20):
        yield block


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process's memory is read from /proc")
def test_a_large_file_passes_through_little_memory(home: Path) -> None:
    with serving(home) as (server, address), Client(address, key_of(home)) as client:
        place = letter(client)
        client.files.put(**place, name="small.bin", content=bytes(8 << 20))
        before = most_memory_kb(server.pid)
        shown = client.files.put(**place, name="film.bin", content=blocks(SIZE), size=SIZE)
        found = client.files.get(**place)
        assert (shown.size, sum(map(len, found.content))) == (SIZE, SIZE)
        grown = most_memory_kb(server.pid) - before
        print(f"{SIZE >> 20} MiB in and out: {grown} kB more")
        assert grown < MOST_GROWTH_KB


def test_a_server_that_is_killed_amid_an_upload_leaves_nothing_of_it(home: Path) -> None:
    with serving(home) as (server, address), Client(address, key_of(home)) as client:
        place = letter(client)

        def cut() -> Iterator[bytes]:
            yield from blocks(32 << 20)  # far more than lies between the two
            server.kill()
            server.wait(timeout=60)
            yield from blocks(4 << 20)

        with pytest.raises(Unavailable):
            client.files.put(**place, name="film.bin", content=cut())
    assert places_of_chunks(home) != []
    with serving(home) as (_, address), Client(address, key_of(home)) as client:
        with pytest.raises(NotFound):
            client.files.get(**place)
        client.files.put(**place, name="note.txt", mime="text/plain", content=b"there")
        assert b"".join(client.files.get(**place).content) == b"there"
    assert places_of_chunks(home) == [0, 1]


def places_of_chunks(home: Path) -> list[object]:
    store = ENGINES.get("sqlite").open(str(home / "vaults" / "t" / "vault.db"))
    rows = store.select(Select(table="chunks", columns=("place",), order=(("place", True),)))
    store.close()
    return [row[0] for row in rows]
