"""No kind of system is connected to where requests may not go, whatever driver it has. No network: addresses alone."""

from __future__ import annotations

from typing import Any

import pytest

from privet.connectors.base import Limits, Setup
from privet.connectors.systems import SYSTEMS
from privet.errors import InvalidInput, Refused
from privet.secret import Secret

LOGIN: dict[str, Any] = {"database": "shop", "user": "requests"}
KEYS = {"access_key": "an-id", "secret_key": "a-secret"}
KINDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "postgres": ({"host": "{}", **LOGIN}, {}),
    "mysql": ({"host": "{}", **LOGIN}, {}),
    "mssql": ({"host": "{}", "tls": "unverified", **LOGIN}, {}),
    "oracle": ({"host": "{}", **LOGIN}, {}),
    "mongo": ({"host": "{}", "database": "shop"}, {}),
    "redis": ({"host": "{}", "patterns": "carts=cart:{{id}}"}, {}),
    "s3": ({"endpoint": "https://{}", "bucket": "a-bucket"}, KEYS),
    "dynamodb": ({"endpoint": "https://{}"}, KEYS),
    "email": ({"host": "{}", "sender": "a@example.com", "recipient": "b@example.com"}, {}),
    "webhook": ({"url": "https://{}/requests"}, {"signing_key": "k" * 40}),
}


def probe(kind: str, host: str, *, private: bool = False) -> None:
    settings, secrets = KINDS[kind]
    said = {name: value.format(host) if isinstance(value, str) else value for name, value in settings.items()}
    held = {name: Secret(value) for name, value in secrets.items()}
    limits = Limits(connect_seconds=1.0, read_seconds=1.0)
    setup = Setup(name="shop", kind=kind, settings=said, secrets=held, private=private, limits=limits)
    SYSTEMS.get(kind).open(setup).probe()


@pytest.mark.parametrize("kind", KINDS)
def test_the_addresses_where_clouds_keep_their_secrets_are_reached_by_no_kind(kind: str) -> None:
    for host in ("169.254.169.254", "100.100.100.200", "168.63.129.16"):
        with pytest.raises(Refused, match="may not go"):
            probe(kind, host, private=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_private_network_is_reached_only_where_it_was_said(kind: str) -> None:
    with pytest.raises(Refused, match="may not go"):
        probe(kind, "10.255.255.1")


@pytest.mark.parametrize("kind", ["postgres", "mysql", "oracle", "mongo"])
@pytest.mark.parametrize("host", ["/tmp/a,169.254.169.254", "/tmp/a.sock,169.254.169.254,/b.sock"])
def test_a_list_of_hosts_hides_none(kind: str, host: str) -> None:
    with pytest.raises((InvalidInput, Refused)):
        probe(kind, host)


@pytest.mark.parametrize("account", ["a/b", "a@169.254.169.254", "a#", "a:1", "a?b", "a\n", ""])
def test_an_account_becomes_a_hosts_name_and_nothing_else_of_an_address(account: str) -> None:
    options = pytest.importorskip("privet.connectors.systems.snowflake").options
    said = {"account": account, "warehouse": "w", **LOGIN}
    with pytest.raises(InvalidInput):
        options(Setup(name="shop", kind="snowflake", settings=said))
