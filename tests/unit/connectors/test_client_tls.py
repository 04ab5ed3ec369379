"""Outbound calls over TLS: an address that was judged is connected to, and the host's name is what must be proved."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from doors import ELSEWHERE, HERE, Names, door

from fakes.mailbox import Authority, secured
from privet.connectors.base import Limits
from privet.connectors.client import Ask, Broken, Client

LIMITS = Limits(connect_seconds=2.0, read_seconds=2.0)


class Api(ThreadingHTTPServer):
    """An API over TLS. `names`: whom it was asked to be; `calls`: what it was asked; `leads`: where it redirects to."""

    daemon_threads = True

    def __init__(self, certificate: Path) -> None:
        super().__init__((HERE, 0), _Door)
        self.names: list[str | None] = []
        self.calls: list[tuple[str, str | None]] = []
        self.leads = ""
        context = secured(certificate)
        context.sni_callback = lambda peer, name, own: self.names.append(name)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_address[1]}/people"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of handshakes that failed: they are what is tried."""


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        self.server.calls.append((self.path, self.headers["host"]))
        self.send_response(307 if self.server.leads else 204)
        if self.server.leads:
            self.send_header("Location", self.server.leads)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the calls are recorded."""


@contextmanager
def api(certificate: Path) -> Iterator[Api]:
    with Api(certificate) as found:
        Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield found
        finally:
            found.shutdown()


@contextmanager
def client(at: Api, trusted: Path | None, names: Names | None = None) -> Iterator[Client]:
    port = at.server_address[1]
    tls = None if trusted is None else ssl.create_default_context(cafile=trusted)
    hosts = frozenset({f"localhost:{port}", f"{HERE}:{port}"})
    found = Client(hosts, LIMITS, look_up=names or Names(), tls=tls)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def test_the_host_proves_its_name_at_the_address_that_was_judged(authority: Authority) -> None:
    names = Names()
    with api(authority.certificate("localhost")) as at, client(at, authority.path, names) as held:
        port = at.server_address[1]
        with door(ELSEWHERE, port=port) as trap:
            assert [held.send(Ask(method="GET", url=at.url)).status for _ in range(2)] == [204, 204]
        assert (names.asked, trap.knocks) == (["localhost"], 0)
        assert (at.names, at.calls) == (["localhost"], [("/people", f"localhost:{port}")] * 2)


def _other(authority: Authority, folder: Path) -> Path:
    return Authority(folder).certificate("localhost")


CASES = {
    "another name": lambda authority, folder: authority.certificate("api.example.com"),
    "the name of the address": lambda authority, folder: authority.certificate(HERE),
    "a name that begins so": lambda authority, folder: authority.certificate("localhost.example.com"),
    "expired": lambda authority, folder: authority.certificate("localhost", days=-1),
    "another authority": _other,
}


@pytest.mark.parametrize("case", CASES)
def test_a_certificate_that_proves_nothing_ends_the_call_before_it_is_made(
    case: str, authority: Authority, tmp_path: Path
) -> None:
    with api(CASES[case](authority, tmp_path)) as at, client(at, authority.path) as held:
        with pytest.raises(Broken, match="certificate") as raised:
            held.send(Ask(method="GET", url=at.url + "?email=ada@example.com", headers={"authorization": "hunter2"}))
        assert (raised.value.sent, at.calls) == (False, [])
        assert "ada" not in str(raised.value) and raised.value.__cause__ is None


def test_a_connection_of_one_name_serves_no_other_name_at_the_same_address(authority: Authority) -> None:
    with api(authority.certificate("localhost")) as at, client(at, authority.path) as held:
        assert held.send(Ask(method="GET", url=at.url)).status == 204
        with pytest.raises(Broken, match="certificate"):
            held.send(Ask(method="GET", url=at.url.replace("localhost", HERE)))
        assert len(at.calls) == 1


def test_a_redirect_over_tls_is_an_answer_and_no_way(authority: Authority) -> None:
    with api(authority.certificate("localhost")) as at, door(ELSEWHERE) as trap, client(at, authority.path) as held:
        for leads in (f"http://localhost:{trap.port}/", f"https://localhost:{trap.port}/", "/other"):
            at.leads = leads
            assert held.send(Ask(method="GET", url=at.url)).status == 307
        assert (trap.knocks, {path for path, _ in at.calls}) == (0, {"/people"})


def test_the_environment_names_no_proxy_and_nobody_to_trust(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api(authority.certificate("localhost")) as at, door(ELSEWHERE) as trap:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
        with client(at, authority.path) as held:
            assert held.send(Ask(method="GET", url=at.url)).status == 204
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        with client(at, None) as held, pytest.raises(Broken, match="certificate"):
            held.send(Ask(method="GET", url=at.url))
        assert trap.knocks == 0
