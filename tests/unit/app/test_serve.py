"""What the server demands of the place where it listens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from privet.app import uds
from privet.app.http import server
from privet.errors import Refused, Unavailable, VaultBusy


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "vault.example.com", ""])
def test_address_that_others_reach_is_refused_without_tls(host: str) -> None:
    with pytest.raises(Refused):
        server.demand_safe(host, tls=False, root=False)
    server.demand_safe(host, tls=True, root=False)


def test_root_serves_no_address_that_others_reach() -> None:
    with pytest.raises(Refused):
        server.demand_safe("192.0.2.1", tls=True, root=True)
    server.demand_safe("127.0.0.1", tls=True, root=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_address_of_this_machine_is_taken(host: str) -> None:
    server.demand_safe(host, tls=False)


def test_unix_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    with server.listen_unix(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    server.listen_unix(path).close()
    with server.listen_unix(path) as sock:
        sock.listen()
        assert uds.answers(path)


def test_unix_socket_where_somebody_answers_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    with server.listen_unix(path) as sock:
        sock.listen()
        with pytest.raises(VaultBusy):
            server.listen_unix(path)
        assert uds.answers(path)


def test_file_in_place_of_the_unix_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "privet.sock"
    path.write_text("precious")
    with pytest.raises(Refused):
        server.listen_unix(path)
    assert path.read_text() == "precious"


def test_unix_socket_deep_in_folders_stands_there_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 150)
    folder.mkdir()
    path = folder / "privet.sock"
    with server.listen_unix(path) as sock:
        sock.listen()
        assert path.is_socket()
        assert path.stat().st_mode & 0o777 == 0o600
        assert uds.answers(path)
    assert not uds.answers(path)


def test_link_to_a_long_path_is_in_a_folder_of_our_own_and_goes(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 150) / "privet.sock"
    with uds.short(path) as name:
        link = Path(name).parent
        assert len(name) <= uds.MOST_BYTES
        assert link.readlink() == path.parent
        assert link.parent.stat().st_mode & 0o777 == 0o700
    assert not link.parent.exists()


def test_unix_socket_with_too_long_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        server.listen_unix(tmp_path / ("a" * 120))


def test_taken_port_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Unavailable):
            server.listen("127.0.0.1", other.getsockname()[1])
