"""Letters over SMTP: to the server that is meant and to no other, and nothing that becomes another header."""

from __future__ import annotations

import doctest
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.mailbox import PASSWORD, USER, Authority, Box, running, secured, strict
from privet.connectors import post
from privet.connectors.base import Limits, Setup
from privet.connectors.post import Post, TurnedDown
from privet.errors import InvalidInput, Refused, Unavailable
from privet.secret import Secret

ONCE = "0123456789abcdef"
ADA = "ada@example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def box() -> Box:
    return Box()


def made(port: int, trusted: Path | str, **changed: Any) -> Post:
    settings = {"host": "localhost", "port": port, "sender": "privacy@example.com", "ca_file": str(trusted), **changed}
    secrets = {"password": Secret(PASSWORD)}
    limits = Limits(connect_seconds=2, read_seconds=2)
    return Post(Setup(name="mail", kind="email", settings=settings, secrets=secrets, private=True, limits=limits))


def send(server: Post, text: str = "Hello.\n", *, to: str = ADA, subject: str = "A subject", once: str = ONCE) -> None:
    server.send(once, to=to, subject=subject, text=text)


def test_a_letter_of_any_language_arrives_as_it_was_written(box: Box, authority: Authority) -> None:
    text = "Bonjour,\n\n  Référence : 42\n\n.\nDe l’été à Größe: señor, ação\n"
    with running(box, **strict(authority.certificate("localhost"))) as port:
        send(made(port, authority.path, user=USER), text, subject="Votre code été")
    [letter] = box.letters
    assert letter.get_content().replace("\r\n", "\n") == text
    assert (letter["To"], letter["Subject"]) == (ADA, "Votre code été")
    assert letter["Message-ID"] == f"<{ONCE}@example.com>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Transfer-Encoding"] == "quoted-printable"
    assert set(letter.keys()) & {"Bcc", "Cc", "List-Unsubscribe", "Reply-To"} == set()


@pytest.mark.parametrize("from_first_byte", [True, False], ids=["tls", "starttls"])
@pytest.mark.parametrize(
    ("names", "days"), [(("mail.example.com",), 1), (("localhost",), -1)], ids=["of another name", "that has ended"]
)
def test_the_certificate_is_of_the_name_and_in_force(
    box: Box, authority: Authority, names: tuple[str, ...], days: int, from_first_byte: bool
) -> None:
    context = secured(authority.certificate(*names, days=days))
    options: dict[str, Any] = (
        {"tls": context} if from_first_byte else {"tls_context": context, "require_starttls": True}
    )
    security = "tls" if from_first_byte else "starttls"
    with running(box, **options) as port, pytest.raises(Refused, match="certificate"):
        send(made(port, authority.path, security=security))
    assert box.letters == []


@pytest.mark.parametrize("from_first_byte", [True, False], ids=["tls", "starttls"])
def test_the_certificate_is_of_the_name_though_an_address_is_connected_to(
    box: Box, authority: Authority, from_first_byte: bool
) -> None:
    """The name was looked up before: its address is what is connected to, and the name what is proved."""
    context = secured(authority.certificate("localhost"))
    options: dict[str, Any] = (
        {"tls": context} if from_first_byte else {"tls_context": context, "require_starttls": True}
    )
    security = "tls" if from_first_byte else "starttls"
    with running(box, **options) as port:
        send(made(port, authority.path, security=security))
        with pytest.raises(Refused, match="certificate"):
            send(made(port, authority.path, security=security, host="127.0.0.1"))
    assert len(box.letters) == 1


def test_another_authority_vouches_for_nobody(box: Box, authority: Authority, tmp_path: Path) -> None:
    with running(box, tls=secured(authority.certificate("localhost"))) as port:
        for trusted in (Authority(tmp_path).path, ""):
            with pytest.raises(Refused, match="certificate"):
                send(made(port, trusted, security="tls"))
    assert box.letters == []


@contextmanager
def stripped() -> Iterator[tuple[int, list[bytes]]]:
    """Run somebody between us and the server who says that it speaks no TLS, and listens."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as lines:
                lines.write(b"220 here\r\n")
                lines.flush()
                for line in lines:
                    heard.append(line)
                    lines.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n" if line.startswith(b"ehlo") else b"250 OK\r\n")
                    lines.flush()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(5)


def test_whoever_takes_the_tls_away_hears_neither_password_nor_letter(authority: Authority) -> None:
    with stripped() as (port, heard), pytest.raises(Refused, match="TLS"):
        send(made(port, authority.path, user=USER))
    said = b"".join(heard).lower()
    assert not any(word in said for word in (b"auth", b"mail from", b"rcpt", b"data", ADA.encode()))


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_what_is_turned_down_for_good_is_told_from_a_door_that_is_shut(
    box: Box, authority: Authority, verb: str
) -> None:
    with running(box, tls=secured(authority.certificate("localhost"))) as port:
        server = made(port, authority.path, security="tls")
        box.says[verb] = "550 never"
        with pytest.raises(TurnedDown):
            send(server)
        box.says[verb] = "451 later"
        with pytest.raises(Unavailable):
            send(server)
    with running(box, **strict(authority.certificate("localhost"))) as port, pytest.raises(Refused) as raised:
        send(made(port, authority.path, user="nobody"))
    assert not isinstance(raised.value, TurnedDown)


@pytest.mark.parametrize(
    "changed",
    [
        {"to": f"{ADA}\r\nBcc: eve@example.com"},
        {"to": f"{ADA}, eve@example.com"},
        {"to": f"Ada <{ADA}>"},
        {"to": f"{ADA} "},
        {"to": "a" * 60 + "@" + "b" * 250},
        {"to": "ada@example.com."},
        {"to": ""},
        {"subject": "one\r\nBcc: eve@example.com"},
        {"subject": "one\u2028two"},
        {"subject": "\u202eone"},
        {"subject": ""},
        {"once": "0123456789\r\nBcc: eve@example.com"},
        {"once": "short"},
    ],
)
def test_nothing_that_is_said_becomes_a_header(authority: Authority, changed: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        send(made(1, authority.path), **changed)
    assert "eve" not in str(raised.value)


def test_examples_hold() -> None:
    assert doctest.testmod(post).failed == 0
