"""HTTP in threads on 127.0.0.1, on a port of its own."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .wire import Answer, Call


class Server(ThreadingHTTPServer):
    """Asks `answer` for each request; None: hang up without an answer."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[Call], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.answer = answer
        self.open: set[socket.socket] = set()

    def hang_up(self) -> None:
        """Cut what clients keep open."""
        for connection in list(self.open):
            _cut(connection)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the calls are recorded."""

    def _serve(self) -> None:
        split = urlsplit(self.path)
        pairs: dict[str, str] = {}
        for name, value in parse_qsl(split.query, keep_blank_values=True):
            pairs[name] = f"{pairs[name]},{value}" if name in pairs else value
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(self.command, split.path, pairs, {k.lower(): v for k, v in self.headers.items()}, raw)
        made = self.server.answer(call)
        if made is None:
            self.close_connection = True
            _cut(self.connection)
            return
        body = b"" if made.body is None else json.dumps(made.body, ensure_ascii=False).encode()
        head = [f"HTTP/1.1 {made.status} {self.responses.get(made.status, ('', ''))[0]}"]
        sent = {"Content-Type": "application/json; charset=utf-8"} if body else {}
        sent |= made.headers | ({} if made.status == 204 else {"Content-Length": str(len(body))})
        head += [f"{name}: {value}" for name, value in sent.items()]
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve
