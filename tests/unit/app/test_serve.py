"""What the server demands of the place where it listens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from privet.app.http import server
from privet.errors import Refused, Unavailable, VaultBusy


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "vault.example.com", ""])
def test_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(Refused):
        server.demand_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_address_of_this_machine_is_taken(host: str) -> None:
    server.demand_loopback(host)


def test_unix_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    with server.listen_unix(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    server.listen_unix(path).close()
    with server.listen_unix(path) as sock:
        sock.listen()
        assert server.answers(path)


def test_unix_socket_where_somebody_answers_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    with server.listen_unix(path) as sock:
        sock.listen()
        with pytest.raises(VaultBusy):
            server.listen_unix(path)
        assert server.answers(path)


def test_file_in_place_of_the_unix_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    path.write_text("precious")
    with pytest.raises(Refused):
        server.listen_unix(path)
    assert path.read_text() == "precious"


def test_unix_socket_with_too_long_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        server.listen_unix(tmp_path / ("a" * 120))


def test_taken_port_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Unavailable):
            server.listen("127.0.0.1", other.getsockname()[1])
