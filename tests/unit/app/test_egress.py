"""Where the issuer of people may be asked: at addresses that were judged, no others. Only loopback is asked here."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from issuer import FakeIssuer, issuer

from privet.app.identity import cookie, oidc
from privet.app.identity.egress import MOST_TRIED, may_go, ways
from privet.app.identity.trust import Trust
from privet.app.settings import load
from privet.errors import InvalidInput, Refused, Unavailable

NAME = "id.example.com"
PUBLIC = ("192.0.0.9", "8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808")
PRIVATE = ("10.1.2.3", "172.16.0.1", "192.168.1.1", "fd00::1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1")
# Loopback, link-local with the metadata of clouds, multicast, nowhere, reserved; and the same in other clothes.
NEVER = ("127.0.0.1", "::1", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "240.0.0.1")
NEVER += ("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::")


class Names:
    """Answers for names as a test says, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        found = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not found:
            raise OSError
        return found


def judged(address: str, *, private: bool, host: str = NAME) -> bool:
    return may_go(ipaddress.ip_address(address), host, private=private)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_asked(address: str) -> None:
    assert judged(address, private=False)
    assert judged(address, private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_asked_where_they_are_allowed(address: str) -> None:
    assert not judged(address, private=False)
    assert judged(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_this_machine_and_link_local_addresses_are_never_asked_by_a_name(address: str) -> None:
    assert not judged(address, private=False)
    assert not judged(address, private=True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_name_of_this_machine_leads_to_this_machine_alone(host: str) -> None:
    assert judged("127.0.0.1", private=False, host=host)
    assert judged("::1", private=False, host=host)
    for address in (*PUBLIC, *PRIVATE, "169.254.169.254"):
        assert not judged(address, private=True, host=host)


def test_one_bad_address_among_good_ones_refuses_all() -> None:
    with pytest.raises(Refused):
        asyncio.run(ways(f"https://{NAME}/", private=False, look_up=Names(("8.8.8.8", "10.0.0.1"))))


@pytest.mark.parametrize("found", [(), ("not an address",)])
def test_a_name_without_an_address_is_unavailable(found: Sequence[str]) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(ways(f"https://{NAME}/", private=False, look_up=Names(found)))


def test_a_way_goes_to_the_address_and_speaks_of_the_name() -> None:
    names = Names(("8.8.8.8", "2001:4860:4860::8888", "8.8.4.4", "1.1.1.1"))
    found = asyncio.run(ways(f"https://{NAME}:8443/a/b?c=d", private=False, look_up=names))
    assert [way.url for way in found] == [
        "https://8.8.8.8:8443/a/b?c=d",
        "https://[2001:4860:4860::8888]:8443/a/b?c=d",
        "https://8.8.4.4:8443/a/b?c=d",
    ]
    assert len(found) == MOST_TRIED
    assert {(way.host, way.name) for way in found} == {(f"{NAME}:8443", NAME)}
    assert names.asked == [(NAME, 8443)]


# --- an issuer ---------------------------------------------------------------------------------------------------


@pytest.fixture
def fake() -> Iterator[FakeIssuer]:
    with issuer() as found:
        found.url = found.url.replace("127.0.0.1", "localhost")
        yield found


def signing(fake: FakeIssuer, names: Names, **more: bool) -> str:
    """Return where a person would sign in."""
    trust = Trust(issuer=fake.url, client_id="privet", roles={}, hosts=frozenset({fake.url[7:]}), **more)  # type: ignore[arg-type]
    found = oidc.Issuer(trust, "https://vault.example.com/done", names)
    return asyncio.run(found.address(cookie.begin(bytes(32), 0)[1], 0))


def test_the_address_that_was_judged_is_the_one_that_is_asked(fake: FakeIssuer) -> None:
    names = Names(("127.0.0.1",), ("8.8.8.8",))
    assert signing(fake, names).startswith(fake.url + "/authorize?")
    assert len(names.asked) == 1
    # Nobody listens there, though the name leads to the issuer by any other look-up.
    with pytest.raises(Unavailable):
        signing(fake, Names(("127.0.0.2",)))


def test_the_next_address_is_tried_where_nobody_takes_the_connection(fake: FakeIssuer) -> None:
    assert signing(fake, Names(("127.0.0.2", "127.0.0.1")))


def test_an_issuer_whose_name_leads_elsewhere_is_not_asked(fake: FakeIssuer) -> None:
    for address in ("8.8.8.8", "10.0.0.1"):
        with pytest.raises(Refused):
            signing(fake, Names((address,)), private_network=True)
    assert fake.asked == []


def test_the_setting_is_true_or_false(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    lines = "public_url: https://vault.example.com\noidc:\n  issuer: https://id.example.com\n  client_id: privet\n"
    for said, expected in (("", False), ("  private_network: true\n", True)):
        (home / "privet.yaml").write_text(lines + said, encoding="utf-8")
        trust = load(home).oidc
        assert trust is not None
        assert trust.private_network is expected
    (home / "privet.yaml").write_text(lines + "  private_network: sometimes\n", encoding="utf-8")
    with pytest.raises(InvalidInput):
        load(home)
