"""TLS of the server: which versions and ciphers it speaks, and what it demands of its key file."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

from privet.errors import Refused

# RFC 9325, section 4.2: forward secrecy and AEAD only. The suites of TLS 1.3 are all of that kind.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """Return a context of TLS 1.2 and 1.3 for a certificate chain and its key, both PEM.

    Raises Refused for a key that others may read, for one under a passphrase, and where the two do not fit together.
    """
    demand_private(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(cert, key, password="")
    except FileNotFoundError:
        raise Refused("there is no such certificate", at=str(cert)) from None
    except (ssl.SSLError, ValueError):
        raise Refused(
            "the certificate and its key cannot be used: expected PEM, a key without passphrase, and that both fit",
            at=str(cert),
        ) from None
    return context


def demand_private(key: Path) -> None:
    """Raise Refused unless `key` is a file that only its owner, we or root, can read."""
    try:
        state = key.stat()
    except FileNotFoundError:
        raise Refused("there is no such key", at=str(key)) from None
    if not stat.S_ISREG(state.st_mode):
        raise Refused("expected a file with the key of the certificate", at=str(key))
    if state.st_mode & 0o077:
        mode = f"{stat.S_IMODE(state.st_mode):04o}"
        raise Refused(f"the key of the certificate has mode {mode}, expected 0600", hint=f"chmod 600 {key}")
    if state.st_uid not in (os.geteuid(), 0):
        raise Refused("the key of the certificate belongs to another user", at=str(key))
