"""A mail server on this machine, with certificates of an authority that ends with the test."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "privet", "correct horse"


class Box:
    """What a mail server got, and how it answers. `says`: verb → answer. `holds`: while it is clear, no letter is taken
    to its end."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.says: dict[str, str] = {}
        self.drops_after_data = False
        self.came = threading.Event()
        self.holds = threading.Event()
        self.holds.set()

    def text(self, number: int = -1) -> str:
        """Return what a letter says, in one line."""
        return " ".join(str(self.letters[number].get_content()).split())

    async def handle_MAIL(self, server: Server, session: Any, envelope: Any, address: str, options: Any) -> str:
        """See aiosmtpd."""
        envelope.mail_from = address
        return self.says.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: Server, session: Any, envelope: Any, address: str, options: Any) -> str:
        """See aiosmtpd."""
        envelope.rcpt_tos.append(address)
        return self.says.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Server, session: Any, envelope: Any) -> str:
        """See aiosmtpd."""
        self.came.set()
        await asyncio.to_thread(self.holds.wait, 10)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        if self.drops_after_data and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return self.says.get("DATA", "250 OK")


class Authority:
    """An authority of a test. `path`: its certificate, for those who trust it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("an authority of a test")
        self.path = folder / "authority.pem"
        self.path.write_bytes(_pem(self._signed(self._name, self._key, None)))

    def certificate(self, *names: str, days: int = 1) -> Path:
        """Return a file with a certificate of some names, or addresses, and its key. `days`: from today to its end."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._signed(_name("a server of a test"), key, names, days)
        path = self._folder / f"{'-'.join(names)}.{days}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + _pem(made))
        return path

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: tuple[str, ...] | None, days: int = 1
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        )
        if names is not None:
            made = made.add_extension(x509.SubjectAlternativeName(list(map(_san, names))), False)
        return made.sign(self._key, hashes.SHA256())


def secured(certificate: Path) -> ssl.SSLContext:
    """Return what a server with a certificate speaks TLS by."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def strict(certificate: Path) -> dict[str, Any]:
    """Return the options of a server that demands STARTTLS, then a login."""

    def knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = data.login == USER.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=good, handled=good)

    options = {"require_starttls": True, "authenticator": knows, "auth_required": True}
    return {"tls_context": secured(certificate), **options}


@contextmanager
def running(box: Box, *, tls: ssl.SSLContext | None = None, port: int = 0, **options: Any) -> Iterator[int]:
    """Run a mail server, on a port of its own where none is said. `tls`: from the first byte."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncio.AbstractServer:
        return await loop.create_server(lambda: Server(box, loop=loop, **options), "127.0.0.1", port, ssl=tls)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    try:
        yield server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
