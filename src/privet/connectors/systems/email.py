"""A letter to the person who looks after a system (SMTP); the answer comes into our queue of requests.

One letter a task: its Message-ID is the task's idempotency key, and the caller's outbox sends none twice. TLS is
demanded wherever the server is not this machine. Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 5322 (the message).
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

from privet.connectors.base import Connector, Halted, Setup
from privet.connectors.egress import is_loopback, ways
from privet.connectors.profile import Profile
from privet.connectors.systems import Setting, System
from privet.connectors.systems._people import People
from privet.errors import InvalidInput, PrivetError, Refused, Unavailable

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_ONCE = re.compile(r"[0-9A-Za-z]{8,128}")
SECURITY = ("starttls", "tls", "none")


def open_(setup: Setup) -> Connector:
    """Return the connector. Raises InvalidInput for settings that cannot be, Refused for a server without TLS."""
    post = Post(setup)
    return Letters(setup.name, str(setup.settings.get("instructions", "")), post)


class Letters(People):
    """People who are written to."""

    def __init__(self, name: str, instructions: str, post: Post) -> None:
        super().__init__(name, instructions, post.send)
        self._post = post

    def probe(self) -> None:
        """See `Connector`. Logs in, and sends nothing."""
        self._post.probe()


class Post:
    """One mail server, one sender, one recipient."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._host = _line(setup, "host")
        self._port = int(setup.settings.get("port", 587))
        self._sender, self._recipient = _address(setup, "sender"), _address(setup, "recipient")
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

    def send(self, once: str, text: str) -> None:
        """Send one letter. `once`: becomes its Message-ID.

        Raises Unavailable or Refused where the server surely did not take it, Halted where that is not known.
        """
        message = self._message(once, text)
        server = self._connected()
        try:
            self._envelope(server)
            self._data(server, message)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _message(self, once: str, text: str) -> bytes:
        if not _ONCE.fullmatch(once):
            raise InvalidInput("expected an idempotency key of letters and digits")
        letter = EmailMessage(policy=SMTP)
        letter["From"], letter["To"] = self._sender, self._recipient
        letter["Subject"] = f"A person's request: {self._setup.name}"
        letter["Message-ID"] = f"<{once}@{self._sender.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answer comes back
        letter.set_content(text)
        return letter.as_bytes()

    def _connected(self) -> smtplib.SMTP:
        way = ways(f"https://{self._host}:{self._port}", private=self._setup.private)[0]
        address = way.url.removeprefix("https://").rpartition(":")[0].strip("[]")
        limits = self._setup.limits
        try:
            with ExitStack() as undo:
                server = _Server(self._host, address, self._port, limits.connect_seconds, self._context())
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

    def _envelope(self, server: smtplib.SMTP) -> None:
        """Name sender and recipient. Nothing is taken before the data."""
        try:
            server.ehlo_or_helo_if_needed()
            for code, _ in (server.mail(self._sender), server.rcpt(self._recipient)):
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
        return plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=host)


def _turned_down(code: int) -> PrivetError:
    # RFC 5321, section 4.2.1: 4yz may be tried again, 5yz not.
    if code < 500:
        return Unavailable("the mail server cannot take the letter now")
    return Refused("the mail server does not take the letter")


def _line(setup: Setup, name: str) -> str:
    text = str(setup.settings.get(name, ""))
    if not text or any(ord(letter) < 32 or ord(letter) == 127 for letter in text + setup.name):
        raise InvalidInput(f"expected `{name}` on one line")
    return text


def _address(setup: Setup, name: str) -> str:
    text = _line(setup, name)
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput(f"expected `{name}` to be one plain e-mail address")
    return text


PART = System(
    name="email",
    title="E-mail (SMTP)",
    settings=(
        Setting(name="host", about="the mail server's name"),
        Setting(name="port", about="its port", default=587),
        Setting(name="security", about="`starttls`, `tls`, or `none` on this machine alone", default=SECURITY[0]),
        Setting(name="sender", about="the address that letters come from"),
        Setting(name="recipient", about="the address of the person who looks after the system"),
        Setting(name="user", about="who logs in; nobody where it is empty", default=""),
        Setting(name="password", about="the password of `user`", default="", secret=True),
        Setting(name="ca_file", about="certificates to trust in place of the machine's own", default=""),
        Setting(name="instructions", about="what else that person should know", default=""),
    ),
    profile=Profile(
        tried="fake",
        against="aiosmtpd, and a person's answers",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=False,
        effect="nature",
        docs=("https://www.rfc-editor.org/rfc/rfc5321", "https://www.rfc-editor.org/rfc/rfc3207"),
        limits=("what is erased is confirmed by a person, not read back",),
    ),
    open=open_,
)
