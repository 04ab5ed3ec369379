"""A club that keeps its members behind a webhook, and can be made to hang at a named moment. All are invented."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "a-signing-key-of-the-invented-club"
Asked = dict[str, Any]


class Club:
    """Members by id. `asked`, `effects`: how often a key came, and how often something was done for it. A member who
    is erased is also told so by a letter, which nobody can take back: doing it twice would be seen."""

    def __init__(self, emails: list[str]) -> None:
        self.members = {at: {"id": at, "email": email} for at, email in enumerate(emails)}
        self.asked: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.letters: Counter[int] = Counter()
        self.url = ""
        self.calls = 0
        self.reached = threading.Event()
        self._hang: Callable[[Club, Asked], bool] | None = None
        self._go = threading.Event()
        self._lock = threading.Lock()

    def hang_when(self, moment: Callable[[Club, Asked], bool]) -> None:
        """Do what is asked and answer it never, the first time that `moment` is true; `reached` is set then."""
        self.reached.clear()
        self._go.clear()
        self._hang = moment

    def go_on(self) -> None:
        """Let go of what hangs."""
        self._go.set()

    def answer(self, asked: Asked, key: str) -> Any:
        with self._lock:
            self.calls += 1
            said = self._answer(asked, key)
            hangs = self._hang is not None and self._hang(self, asked)
            if hangs:
                self._hang = None
        if hangs:
            self.reached.set()
            self._go.wait(60)
            return None
        return said

    def _answer(self, asked: Asked, key: str) -> Any:
        if asked["verb"] == "read":
            wanted = {(path, str(value)) for path, values in asked["matches"].items() for value in values}
            rows = [row for row in self.members.values() if {(name, str(row[name])) for name in row} & wanted]
            return {"records": rows, "next": ""}
        if asked["verb"] == "erase":
            self.asked[key] += 1
            if self.asked[key] > 1:
                return {"changed": 0}
            self.effects[key] += 1
            self.letters[int(asked["key"]["id"])] += 1
            return {"changed": int(self.members.pop(int(asked["key"]["id"]), None) is not None)}
        return {}


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked was killed."""


@contextmanager
def served(club: Club) -> Iterator[Club]:
    """Serve a club on this machine."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            signed = hmac.new(KEY.encode(), self.headers["Privet-Timestamp"].encode() + b"." + raw, hashlib.sha256)
            fits = self.headers["Privet-Signature"] == f"v1={signed.hexdigest()}"
            made = club.answer(json.loads(raw), self.headers.get("Idempotency-Key", "")) if fits else {}
            if made is None:
                self.close_connection = True
                return
            body = json.dumps(made).encode()
            self.send_response(200 if fits else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = _Quiet(("127.0.0.1", 0), Door)
    club.url = f"http://127.0.0.1:{server.server_address[1]}/requests"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield club
    finally:
        club.go_on()
        server.shutdown()
        server.server_close()
        thread.join(10)
