"""Letters over SMTP: one mail server, one sender. What a letter says, and whether it was sent before, is its callers'.

The server's name is looked up once and its addresses are judged; TLS is demanded wherever it is not this machine.
Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (TLS from the first byte), RFC 5322 (the message).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from contextlib import ExitStack, suppress
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from privet.connectors.base import Halted, Setup
from privet.connectors.egress import is_loopback, ways
from privet.errors import InvalidInput, PrivetError, Refused, Unavailable

SECURITY = ("starttls", "tls", "none")
LONGEST_ADDRESS = 254
"""Characters of an address. Source: RFC 5321, section 4.5.3.1.3, less the brackets around it."""
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_ONCE = re.compile(r"[0-9A-Za-z]{8,128}")


def is_address(text: str) -> bool:
    """Return whether a text is one plain e-mail address, and nothing else that a header could take for more.

    >>> [is_address(text) for text in ("ada@example.com", "Ada <ada@example.com>", "a@example.com, b@example.com")]
    [True, False, False]
    """
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def is_line(text: str) -> bool:
    """Return whether a text stands on one line, and shows every sign that it holds."""
    return text != "" and text.isprintable()


class TurnedDown(Refused):
    """The server looked at the letter, its sender or its recipient, and will never take it."""

    code = "turned_down"


class Post:
    """One mail server, one sender."""

    def __init__(self, setup: Setup) -> None:
        """Take `host`, `sender` and, where they differ from the usual, `port`, `security`, `user` and `ca_file` out of
        the settings, `password` out of the secrets.

        Raises InvalidInput for settings that cannot be, Refused for a server beyond this machine without TLS.
        """
        self._setup = setup
        self._host = _line(setup, "host")
        self._port = int(setup.settings.get("port", 587))
        self._sender = address(setup, "sender")
        self._security = str(setup.settings.get("security", SECURITY[0]))
        if self._security not in SECURITY:
            raise InvalidInput("expected `security` to be " + ", ".join(f"`{each}`" for each in SECURITY))
        if self._security == "none" and not is_loopback(self._host):
            raise Refused("a letter about a person goes only over TLS", hint="set `security` to `starttls` or `tls`")
        if not 1 <= self._port <= 65_535:
            raise InvalidInput("expected `port` from 1 to 65535")

    def probe(self) -> None:
        """Log in. Raises Unavailable, Refused."""
        server = self._connected()
        with suppress(smtplib.SMTPException, OSError):
            server.quit()

    def send(self, once: str, *, to: str, subject: str, text: str) -> None:
        """Send one letter. `once`: becomes its Message-ID.

        Raises InvalidInput for what would be more than one header line, Unavailable or Refused where the server surely
        did not take it, Halted where that is not known.
        """
        message = self._message(once, to, subject, text)
        server = self._connected()
        try:
            self._envelope(server, to)
            self._data(server, message)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _message(self, once: str, to: str, subject: str, text: str) -> bytes:
        if not _ONCE.fullmatch(once):
            raise InvalidInput("expected an idempotency key of letters and digits")
        if not is_address(to):
            raise InvalidInput("expected one plain e-mail address to write to")
        if not is_line(subject):
            raise InvalidInput("expected a subject on one line")
        letter = EmailMessage(policy=SMTP)
        letter["From"], letter["To"], letter["Subject"] = self._sender, to, subject
        letter["Message-ID"] = f"<{once}@{self._sender.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answer comes back
        letter.set_content(text, cte="quoted-printable")  # seven bits, so any server takes it
        return letter.as_bytes()

    def _connected(self) -> smtplib.SMTP:
        way = ways(f"https://{self._host}:{self._port}", private=self._setup.private)[0]
        place = way.url.removeprefix("https://").rpartition(":")[0].strip("[]")
        limits = self._setup.limits
        try:
            with ExitStack() as undo:
                server = _Server(self._host, place, self._port, limits.connect_seconds, self._context())
                undo.callback(server.close)
                if server.sock is not None:
                    server.sock.settimeout(limits.read_seconds)
                if self._security == "starttls":
                    server.starttls(context=self._tls())
                user, password = self._setup.settings.get("user"), self._setup.secrets.get("password")
                if user and password:
                    server.login(str(user), password.reveal())
                undo.pop_all()  # it stays open
        except smtplib.SMTPAuthenticationError:
            raise Refused("the mail server does not let us in") from None
        except smtplib.SMTPNotSupportedError:
            raise Refused("the mail server offers no TLS, or no login that we know") from None
        except ssl.SSLCertVerificationError:
            raise Refused("the mail server's certificate is not to be trusted") from None
        except (smtplib.SMTPException, OSError):
            raise Unavailable("the mail server does not answer") from None
        return server

    def _context(self) -> ssl.SSLContext | None:
        return self._tls() if self._security == "tls" else None

    def _tls(self) -> ssl.SSLContext:
        trusted = str(self._setup.settings.get("ca_file", ""))
        try:
            return ssl.create_default_context(cafile=trusted or None)
        except OSError:
            raise InvalidInput("expected `ca_file` to be a file of certificates") from None

    def _envelope(self, server: smtplib.SMTP, to: str) -> None:
        """Name sender and recipient. Nothing is taken before the data."""
        try:
            server.ehlo_or_helo_if_needed()
            for code, _ in (server.mail(self._sender), server.rcpt(to)):
                if code >= 400:
                    raise _turned_down(code)
        except (smtplib.SMTPException, OSError):
            raise Unavailable("the mail server does not answer") from None

    def _data(self, server: smtplib.SMTP, message: bytes) -> None:
        try:
            code, _ = server.data(message)
        except smtplib.SMTPDataError as error:
            raise _turned_down(error.smtp_code) from None
        except (smtplib.SMTPException, OSError):
            raise Halted((), Unavailable("the mail server fell silent while it took the letter")) from None
        if code >= 400:
            raise _turned_down(code)


class _Server(smtplib.SMTP):
    """A connection to an address that was judged before, under the server's own name. `tls`: from the first byte."""

    def __init__(self, host: str, address: str, port: int, connect_seconds: float, tls: ssl.SSLContext | None) -> None:
        self._address = address
        self._tls = tls
        super().__init__(host, port, local_hostname="localhost", timeout=connect_seconds)

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        if self._tls is None:
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=host)
        except OSError:  # a certificate that is not to be trusted, too
            plain.close()
            raise


def _turned_down(code: int) -> PrivetError:
    # RFC 5321, section 4.2.1: 4yz may be tried again, 5yz not.
    if code < 500:
        return Unavailable("the mail server cannot take the letter now")
    return TurnedDown("the mail server does not take the letter")


def _line(setup: Setup, name: str) -> str:
    text = str(setup.settings.get(name, ""))
    if not text or any(ord(letter) < 32 or ord(letter) == 127 for letter in text + setup.name):
        raise InvalidInput(f"expected `{name}` on one line")
    return text


def address(setup: Setup, name: str) -> str:
    """Return the e-mail address that a setting holds. Raises InvalidInput."""
    text = _line(setup, name)
    if not is_address(text):
        raise InvalidInput(f"expected `{name}` to be one plain e-mail address")
    return text
