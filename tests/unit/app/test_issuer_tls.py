"""The issuer of people proves by its certificate that it is whose name was asked for. Only loopback is asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from issuer import CLIENT, SECRET, FakeIssuer, issuer

from fakes.mailbox import Authority, secured
from privet.app.identity import cookie, oidc
from privet.app.identity.trust import Person, Trust
from privet.app.settings import load
from privet.errors import InvalidInput, Refused, Unavailable
from privet.secret import Secret

NAME, OTHER = "localhost", "id.example.com"
DONE = "https://vault.example.com/done"
PLACES = ("/.well-known/openid-configuration", "/token", "/jwks")  # in the order in which a sign-in asks


class Names:
    """Answers for names with the address of loopback, and keeps none of its own."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        return ("127.0.0.1",)


class Shown:
    """What a server shows: the next certificate to each who connects, the last one to all that follow. `asked`: the
    names by which it was asked for."""

    def __init__(self, *certificates: Path) -> None:
        self.asked: list[str | None] = []
        self._held = [secured(path) for path in certificates]
        self.tls = secured(certificates[0])
        self.tls.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self.asked.append(name)
        connection.context = self._held[min(len(self.asked), len(self._held)) - 1]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Path:
    return authority.certificate(NAME)


@contextmanager
def serving(shown: Shown, trusted: Path | None) -> Iterator[tuple[FakeIssuer, oidc.Issuer]]:
    """Serve an issuer, with one who asks it by its name. `trusted`: certificates in place of the machine's own."""
    with issuer(shown.tls) as fake:
        fake.url = fake.url.replace("127.0.0.1", NAME)
        trust = Trust(
            issuer=fake.url,
            client_id=CLIENT,
            client_secret=Secret(SECRET),
            roles={"admins": ("owner",)},
            hosts=frozenset({fake.url.removeprefix("https://")}),
            ca_file=trusted,
        )
        yield fake, oidc.Issuer(trust, DONE, Names())


def sign_in(fake: FakeIssuer, asking: oidc.Issuer) -> Person:
    async def whole() -> Person:
        attempt = cookie.begin(bytes(32), 0)[1]
        return await asking.person(fake.sign_in(await asking.address(attempt, 0)), attempt, 0)

    return asyncio.run(whole())


def test_the_name_is_asked_for_and_proved_though_an_address_is_connected_to(authority: Authority, good: Path) -> None:
    shown = Shown(good)
    with serving(shown, authority.path) as (fake, asking):
        assert sign_in(fake, asking).subject == "u-1"
    assert tuple(fake.asked) == PLACES
    assert shown.asked == [NAME] * len(PLACES)


@pytest.mark.parametrize(("names", "days"), [((OTHER,), 1), ((NAME,), -1)], ids=["of another name", "that has ended"])
@pytest.mark.parametrize("place", range(len(PLACES)), ids=PLACES)
def test_no_call_hears_a_server_whose_certificate_is_wrong(
    authority: Authority, good: Path, names: tuple[str, ...], days: int, place: int
) -> None:
    shown = Shown(*[good] * place, authority.certificate(*names, days=days))
    with serving(shown, authority.path) as (fake, asking), pytest.raises(Unavailable, match="certificate"):
        sign_in(fake, asking)
    assert tuple(fake.asked) == PLACES[:place]


def test_another_authority_vouches_for_nobody(tmp_path: Path, good: Path) -> None:
    for trusted in (Authority(tmp_path).path, None):
        with serving(Shown(good), trusted) as (fake, asking), pytest.raises(Unavailable, match="certificate"):
            sign_in(fake, asking)
        assert fake.asked == []


def test_a_server_without_a_certificate_does_not_answer(authority: Authority) -> None:
    with issuer() as fake:
        fake.url = fake.url.replace("http://127.0.0.1", f"https://{NAME}")
        hosts = frozenset({fake.url.removeprefix("https://")})
        trust = Trust(issuer=fake.url, client_id=CLIENT, roles={}, hosts=hosts, ca_file=authority.path)
        with pytest.raises(Unavailable, match="does not answer"):
            sign_in(fake, oidc.Issuer(trust, DONE, Names()))
        assert fake.asked == []


def test_the_setting_names_a_file_of_certificates_in_the_home(tmp_path: Path) -> None:
    lines = "public_url: https://vault.example.com\noidc:\n  issuer: https://id.example.com\n  client_id: privet\n"
    config = tmp_path / "privet.yaml"
    config.write_text(lines, encoding="utf-8")
    trust = load(tmp_path).oidc
    assert trust is not None
    assert trust.ca_file is None
    config.write_text(lines + "  ca_file: issuer.pem\n", encoding="utf-8")
    trust = load(tmp_path).oidc
    assert trust is not None
    assert trust.ca_file == tmp_path / "issuer.pem"
    for text in (None, "no certificate"):
        if text is not None:
            trust.ca_file.write_text(text, encoding="utf-8")
        with pytest.raises(Refused, match="certificates"):
            oidc.Issuer(trust, DONE)
    config.write_text(lines + "  ca_file: 7\n", encoding="utf-8")
    with pytest.raises(InvalidInput):
        load(tmp_path)
