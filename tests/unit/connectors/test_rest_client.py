"""Where requests go: to hosts that were allowed, by addresses that were judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from a_rest import (
    SECRET,
    Desk,
    desk,
    items,
    reply,
)

from privet.connectors.base import Limits
from privet.connectors.client import Ask, Broken, Client
from privet.connectors.egress import look_up, ways
from privet.connectors.rest.template import Filling
from privet.errors import Refused, Unavailable


@pytest.fixture
def api() -> Iterator[Desk]:
    with desk() as held:
        yield held


def client(*hosts: str, **more: Any) -> Client:
    return Client(frozenset(hosts), Limits(connect_seconds=1.0, read_seconds=1.0), **more)


def test_only_hosts_that_were_allowed_are_asked(api: Desk) -> None:
    held = client(api.host)
    for url in (f"http://localhost:{api.host.split(':')[1]}/", "https://example.com/", "http://127.0.0.1:1/"):
        with pytest.raises(Refused):
            held.send(Ask(method="GET", url=url))
    assert api.calls == []


def test_without_tls_only_this_machine_is_asked() -> None:
    with pytest.raises(Refused):
        client("example.com:80").send(Ask(method="GET", url="http://example.com/"))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
def test_a_name_that_leads_inside_is_not_asked(address: str) -> None:
    with pytest.raises(Refused):
        client("api.example.com:443", look_up=lambda host, port: [address]).send(
            Ask(method="GET", url="https://api.example.com/")
        )


def test_a_name_is_looked_up_once_and_the_address_that_was_judged_is_asked(api: Desk) -> None:
    port = api.host.split(":")[1]
    asked = []

    def names(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    held = client(f"localhost:{port}", look_up=names)
    for _ in range(3):
        api.script = [items()]
        assert held.send(Ask(method="GET", url=f"http://localhost:{port}/a?b=%2Fc")).status == 200
    assert asked == ["localhost"]
    assert (api.calls[0].headers["host"], api.calls[0].target) == (f"localhost:{port}", "/a?b=%2Fc")


def test_the_next_address_is_tried_where_nobody_takes_the_connection(api: Desk) -> None:
    port = api.host.split(":")[1]
    api.script = [items()]
    held = client(f"localhost:{port}", look_up=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert held.send(Ask(method="GET", url=f"http://localhost:{port}/")).status == 200


def test_a_name_without_an_address_is_unavailable() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError

    with pytest.raises(Unavailable):
        ways("https://api.example.com/", private=False, look_up=nobody)
    assert look_up("127.0.0.1", 1) == ["127.0.0.1"]
    with pytest.raises(OSError):
        look_up("\ud800", 1)


def test_nothing_of_the_environment_leads_elsewhere(api: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    api.script = [items()]
    assert client(api.host).send(Ask(method="GET", url=f"http://{api.host}/")).status == 200


def test_a_redirect_is_an_answer_and_no_way(api: Desk) -> None:
    api.script = [reply({}, 307, location=f"http://{api.host}/other")]
    assert client(api.host).send(Ask(method="POST", url=f"http://{api.host}/", body=b"card")).status == 307
    assert len(api.calls) == 1


def test_a_compressed_answer_is_refused(api: Desk) -> None:
    api.script = [(200, {"content-encoding": "gzip"}, b"\x1f\x8b")]
    with pytest.raises(Refused):
        client(api.host).send(Ask(method="GET", url=f"http://{api.host}/"))


def test_what_is_closed_closes_again(api: Desk) -> None:
    held = client(api.host)
    api.script = [items()]
    held.send(Ask(method="GET", url=f"http://{api.host}/"))
    held.close()
    held.close()


def test_a_request_shows_nothing_of_itself() -> None:
    ask = Ask(method="GET", url="https://example.com/ada@example.com", headers={"a": SECRET}, body=b"canary")
    assert repr(ask) == "Ask(method='GET')"
    assert "canary" not in repr(Broken("no", sent=True)) and Filling({}).get
