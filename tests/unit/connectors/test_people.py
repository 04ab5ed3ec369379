"""Systems of people: they are told in words, at most once, over TLS, and no value becomes a line or a header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.mailbox import PASSWORD, USER, Authority, Box, running, secured, strict
from privet.connectors.base import Batch, Change, Connector, Halted, Limits, Read, Setup, Waiting
from privet.connectors.systems import SYSTEMS
from privet.errors import InvalidInput, PrivetError, Refused, Unavailable
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, Field, Native

FOLDERS = Collection(
    name="folders",
    fields=(
        Field(name="id", type="string", native=Native(primary_key=True)),
        Field(name="email", type="string", native=Native(identity="email")),
    ),
)
PAPER = Dataset(key="paper", collections=(FOLDERS,))
ONCE = "0123456789abcdef"
HOSTILE = "a@example.com\r\nBcc: eve@example.com\r\n\r\nSend it to eve"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    """That of whoever vouches for the server."""
    return authority.path


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def port(box: Box, authority: Authority) -> Iterator[int]:
    """A mail server that demands STARTTLS and a login."""
    with running(box, **strict(authority.certificate("localhost"))) as found:
        yield found


def setup(at: int, certificate: Path, **changed: Any) -> Setup:
    settings: dict[str, str | int] = {
        "host": "localhost",
        "port": at,
        "sender": "privacy@example.com",
        "recipient": "archive@example.com",
        "user": USER,
        "ca_file": str(certificate),
        "instructions": "The archive is in room 3.",
    }
    password = changed.pop("password", PASSWORD)
    return Setup(
        name="paper archive",
        kind="email",
        settings={key: value for key, value in (settings | changed).items() if value is not None},
        secrets={"password": Secret(password)},
        private=True,
        limits=Limits(connect_seconds=2, read_seconds=2),
    )


def opened(at: int, certificate: Path, **changed: Any) -> Connector:
    return SYSTEMS.get("email").open(setup(at, certificate, **changed))


def waiting(connector: Connector, *emails: str) -> Waiting:
    ask = Read(dataset=PAPER, collection=FOLDERS, matches={"email": emails}, identities={"email": emails})
    with pytest.raises(Waiting) as raised:
        list(connector.read(ask))
    return raised.value


def told(connector: Connector, *emails: str) -> None:
    tell = waiting(connector, *(emails or ("ada@example.com",))).tell
    assert tell is not None
    tell(ONCE)


def test_a_letter_goes_over_starttls_with_its_idempotency_key_as_message_id(
    box: Box, port: int, certificate: Path
) -> None:
    told(opened(port, certificate))
    [letter] = box.letters
    assert letter["Message-ID"] == f"<{ONCE}@example.com>"
    assert (letter["From"], letter["To"]) == ("privacy@example.com", "archive@example.com")
    assert "ada" not in letter["Subject"]
    body = letter.get_content()
    assert '- email: "ada@example.com"' in body
    assert "room 3" in body
    assert box.envelopes == [("privacy@example.com", ["archive@example.com"])]


def test_a_login_is_tried_without_sending(box: Box, port: int, certificate: Path) -> None:
    opened(port, certificate).probe()
    assert box.letters == []
    with pytest.raises(Refused):
        opened(port, certificate, password="wrong").probe()


def test_a_certificate_that_is_not_to_be_trusted_is_refused(box: Box, port: int, certificate: Path) -> None:
    with pytest.raises(Refused, match="certificate"):
        told(opened(port, certificate, ca_file=None))
    assert box.letters == []


def test_a_letter_never_goes_in_clear_off_this_machine(certificate: Path) -> None:
    with pytest.raises(Refused, match="TLS"):
        opened(25, certificate, host="mail.example.com", security="none")


def test_a_server_that_offers_no_tls_gets_no_letter(box: Box, certificate: Path) -> None:
    with running(box) as plain:
        with pytest.raises(Refused):
            told(opened(plain, certificate))
        assert box.letters == []
        told(opened(plain, certificate, security="none", user=None))
        assert len(box.letters) == 1


def test_a_letter_goes_over_tls_from_the_first_byte(box: Box, authority: Authority, certificate: Path) -> None:
    with running(box, tls=secured(authority.certificate("localhost"))) as port:
        told(opened(port, certificate, security="tls", user=None))
    assert len(box.letters) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("says", "error"), [("451 later", Unavailable), ("550 never", Refused)])
def test_what_the_server_turns_down_surely_did_not_go_out(
    box: Box, port: int, certificate: Path, verb: str, says: str, error: type[PrivetError]
) -> None:
    box.says[verb] = says
    with pytest.raises(error) as raised:
        told(opened(port, certificate))
    assert "ada" not in str(raised.value)


def test_silence_while_it_takes_the_letter_is_told_as_unknown(box: Box, port: int, certificate: Path) -> None:
    box.drops_after_data = True
    with pytest.raises(Halted):
        told(opened(port, certificate))


def test_a_server_that_is_not_there_did_not_take_it(certificate: Path) -> None:
    with pytest.raises(Unavailable):
        told(opened(1, certificate))


def test_a_value_is_neither_a_header_nor_a_line_of_the_letter(box: Box, port: int, certificate: Path) -> None:
    told(opened(port, certificate), HOSTILE, "{0.__class__}", "%(x)s ${x}", "a\u2028Send it", "\u202eb", "\ud800")
    [letter] = box.letters
    assert letter["Bcc"] is None
    assert box.envelopes[0][1] == ["archive@example.com"]
    lines = letter.get_content().splitlines()
    assert not any(line.startswith(("Bcc", "Send it")) for line in lines)
    assert any("{0.__class__}" in line and "${x}" in line for line in lines)
    assert any("\\u2028" in line and "\\u202e" in line and "\\ud800" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recipient", "a@example.com\r\nBcc: eve@example.com"),
        ("recipient", "a@example.com, eve@example.com"),
        ("recipient", "Ada <a@example.com>"),
        ("sender", "a@example.com\n"),
        ("sender", "no address"),
        ("host", "mail\r\nexample.com"),
        ("host", ""),
        ("security", "maybe"),
        ("port", 70_000),
    ],
)
def test_settings_that_could_write_headers_are_refused(certificate: Path, name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as raised:
        opened(25, certificate, **{name: value})
    assert "eve" not in str(raised.value)


def test_an_idempotency_key_is_letters_and_digits(port: int, certificate: Path) -> None:
    tell = waiting(opened(port, certificate), "ada@example.com").tell
    assert tell is not None
    with pytest.raises(InvalidInput):
        tell("x\r\nBcc: eve@example.com")


@pytest.mark.parametrize("kind", ["email", "manual"])
def test_an_erasure_lists_every_record_and_what_becomes_of_it(kind: str, certificate: Path) -> None:
    connector = SYSTEMS.get(kind).open(setup(25, certificate))
    changes = [Change({"id": "7"}, None, ONCE), Change({"id": "8\n9"}, {"email": None, "name": "gone"}, ONCE)]
    with pytest.raises(Waiting) as raised:
        connector.erase(PAPER, [Batch(FOLDERS, changes)])
    lines = raised.value.task.reveal().splitlines()
    assert '- in `folders`, the record with `id` "7": delete it' in lines
    assert '- in `folders`, the record with `id` "8\\n9": set `email` to null, `name` to "gone"' in lines


@pytest.mark.parametrize("kind", ["email", "manual"])
def test_what_is_asked_of_people_prints_nothing(kind: str, certificate: Path) -> None:
    found = waiting(SYSTEMS.get(kind).open(setup(25, certificate)), "ada@example.com")
    assert "ada" not in f"{found} {found!r} {found.task!r} {found.message} {found.hint}"
    assert (found.tell is None) == (kind == "manual")


@pytest.mark.parametrize("kind", ["email", "manual"])
def test_nobody_but_the_manifest_says_what_such_a_system_holds(kind: str, certificate: Path) -> None:
    connector = SYSTEMS.get(kind).open(setup(25, certificate))
    with pytest.raises(Refused):
        connector.describe()
    connector.close()
    connector.close()


def test_parts_say_what_they_are() -> None:
    for kind in ("email", "manual"):
        part = SYSTEMS.get(kind)
        assert part.name == kind
        assert not part.profile.reads_back
        assert part.profile.level == "bronze"
