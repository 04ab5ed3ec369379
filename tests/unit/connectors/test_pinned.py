"""Drivers go to the address that was judged, and believe a server by its name: who answers for a name may answer
otherwise a moment later."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doors import ELSEWHERE, HERE, Greeting, Names, door, silent
from redises import PASSWORD as REDIS
from redises import raw, server
from relay import relay

from fakes.mailbox import Authority
from privet.connectors.base import Batch, Change, Connector, Limits, Read, Setup
from privet.connectors.egress import connected
from privet.connectors.systems.mssql import open_mssql
from privet.connectors.systems.mysql import open_mysql
from privet.connectors.systems.postgres import open_postgres
from privet.connectors.systems.redis import open_redis
from privet.errors import PrivetError, Refused
from privet.secret import Secret
from privet.testing.sample import field_of
from privet.vocabulary.dataset import Collection, Dataset

PASSWORD = "hunter2-of-the-door"


def postgres(peer: socket.socket) -> None:
    """PostgreSQL's own question whether to speak TLS. Source: its documents, 54.2.10, SSL session encryption."""
    assert peer.recv(8)[4:] == (80877103).to_bytes(4, "big")
    peer.sendall(b"S")


def mysql(peer: socket.socket) -> None:
    """A greeting of protocol version 10 that offers TLS (bit 11), and the client's wish for it. Source: MySQL's source
    documents, Protocol::HandshakeV10 and Protocol::SSLRequest."""
    greeting = b"\x0a8.0.0\x00\x01\x00\x00\x00" + b"12345678\x00" + b"\xff\xff\x21\x02\x00\xff\xc7\x15" + bytes(10)
    greeting += b"123456789012\x00mysql_native_password\x00"
    peer.sendall(len(greeting).to_bytes(3, "little") + b"\x00" + greeting)
    assert peer.recv(36)[3:4] == b"\x01"


Opens = Callable[[Setup, Names], Connector]
KINDS: dict[str, tuple[Opens, Greeting, dict[str, Any]]] = {
    "postgres": (open_postgres, postgres, {"database": "shop"}),
    "mysql": (open_mysql, mysql, {"database": "shop"}),
    "redis": (open_redis, silent, {"patterns": "carts=cart:{id}"}),
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def probe(opens: Opens, names: Names, port: int, **settings: Any) -> None:
    said = {"host": "localhost", "port": port, "user": "requests", **settings}
    limits = Limits(connect_seconds=2.0, read_seconds=2.0)
    setup = Setup(
        name="shop", kind="any", settings=said, secrets={"password": Secret(PASSWORD)}, private=True, limits=limits
    )
    connector = opens(setup, names)
    try:
        with pytest.raises(PrivetError) as raised:  # the doors speak no database
            connector.probe()
        assert PASSWORD not in f"{raised.value} {raised.value.hint}"
    finally:
        connector.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_leads_elsewhere_the_second_time_is_not_followed(kind: str, authority: Authority) -> None:
    opens, greet, settings = KINDS[kind]
    names = Names()
    certificate = authority.certificate("localhost")
    with (
        door(HERE, certificate=certificate, greet=greet) as real,
        door(ELSEWHERE, port=real.port, certificate=certificate, greet=greet) as trap,
    ):
        probe(opens, names, real.port, tls="verify-full", ca=str(authority.path), **settings)
        real.wait()
        assert (real.knocks >= 1, trap.knocks, names.asked) == (True, 0, ["localhost"])
        assert set(real.names) == {"localhost"}, "the server is asked to prove the host's name"
        assert real.heard[0], "and is believed by it"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", [("db.example.com",), (HERE,)], ids=["another name", "the address"])
def test_a_server_that_proves_another_name_hears_nothing(
    kind: str, names: tuple[str, ...], authority: Authority
) -> None:
    opens, greet, settings = KINDS[kind]
    with door(HERE, certificate=authority.certificate(*names), greet=greet) as real:
        probe(opens, Names(), real.port, tls="verify-full", ca=str(authority.path), **settings)
        real.wait()
        assert not any(real.heard)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_of_another_authority_hears_nothing(kind: str, authority: Authority, tmp_path: Path) -> None:
    opens, greet, settings = KINDS[kind]
    other = Authority(tmp_path)
    with door(HERE, certificate=other.certificate("localhost"), greet=greet) as real:
        probe(opens, Names(), real.port, tls="verify-full", ca=str(authority.path), **settings)
        real.wait()
        assert not any(real.heard)


@pytest.mark.parametrize("opens", [open_postgres, open_mysql, open_redis, open_mssql], ids=lambda one: one.__name__)
def test_without_tls_too_the_address_that_was_judged_is_gone_to(opens: Opens) -> None:
    names = Names()
    with door(HERE) as real, door(ELSEWHERE, port=real.port) as trap:
        probe(opens, names, real.port, database="0", patterns="carts=cart:{id}")
        real.wait()
        assert (trap.knocks, set(names.asked)) == (0, {"localhost"})


def test_the_next_address_is_tried_and_all_of_them_are_judged() -> None:
    with door(HERE) as real:
        probe(open_mysql, Names(first=["127.0.0.3", HERE]), real.port, database="shop")
        real.wait()
        with pytest.raises(OSError):
            connected(["127.0.0.3"], real.port, 1.0)
        with pytest.raises(OSError):
            connected([], real.port, 1.0)
    bad = Names(first=[HERE, "169.254.169.254"])
    with pytest.raises(Refused, match="may not go"):
        open_mysql(
            Setup(name="shop", kind="mysql", settings={"host": "localhost", "database": "shop", "user": "requests"}),
            bad,
        ).probe()


def test_a_redis_server_by_name_and_port_answers(tmp_path: Path) -> None:
    carts = Collection(name="carts", fields=(field_of("id", "string", primary_key=True), field_of("email", "string")))
    dataset = Dataset(key="shop", collections=(carts,))
    with server() as path, relay(path) as port:
        raw(path).hset("cart:1", mapping={"email": "ada@example.com"})
        setup = Setup(
            name="shop",
            kind="redis",
            settings={"host": "localhost", "port": port, "patterns": "carts=cart:{id}"},
            secrets={"password": Secret(REDIS)},
        )
        connector = open_redis(setup)
        asked = Read(dataset=dataset, collection=carts, matches={"email": ["ada@example.com"]})
        assert [one.values["id"] for page in connector.read(asked) for one in page] == ["1"]
        assert connector.erase(dataset, [Batch(carts, [Change({"id": "1"}, None, "once")])]) == [1]
        connector.close()
        assert raw(path).keys() == []
