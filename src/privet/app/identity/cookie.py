"""Cookies of people who signed in: the session, the attempt to sign in, and the proof that a change is meant.

Both carry the `__Host-` prefix, so no other host, path or plain connection sets or gets them; browsers take loopback
for a safe connection. Source: RFC 6265bis, section 4.1.3.2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from privet import digest
from privet.errors import Denied, Unauthenticated

SESSION, ATTEMPT = "__Host-privet", "__Host-privet-sign-in"
SESSION_WORD = "pvs_"
CSRF = b"privet-csrf"
ATTEMPT_SECONDS = 600
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in. `verifier`: of PKCE (RFC 7636)."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """Return what the issuer gets of the verifier beforehand (S256)."""
        return _text(digest.sha256(self.verifier.encode()))


def begin(key: bytes, now_ms: int) -> tuple[str, Attempt]:
    """Return (cookie, attempt). All of the attempt follows from the cookie and `key`, so nothing has to be kept, and
    whoever begins many attempts fills nothing."""
    seed = digest.random_bytes(_SEED_BYTES) + (now_ms // 1000 + ATTEMPT_SECONDS).to_bytes(8, "big")
    return _text(seed), _attempt(key, seed)


def resume(key: bytes, cookie: str, state: str, now_ms: int) -> Attempt:
    """Return the attempt that a browser began. Raises Unauthenticated where it began none, or another one."""
    try:
        seed = base64.b64decode(cookie + "=" * (-len(cookie) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise lost() from None
    if len(seed) != _SEED_BYTES + 8:
        raise lost()
    # The state follows from the seed and a key that nobody else has, so it proves the seed, and the end in it.
    found = _attempt(key, seed)
    if int.from_bytes(seed[_SEED_BYTES:], "big") * 1000 <= now_ms or not digest.same(
        found.state.encode(), state.encode()
    ):
        raise lost()
    return found


def lost() -> Unauthenticated:
    """Return the error for an answer of the issuer that nobody here asked for."""
    return Unauthenticated("expected the answer to a sign-in that this browser began", hint="begin again")


def line(name: str, value: str, *, same_site: str, seconds: int) -> tuple[bytes, bytes]:
    """Return the header line that sets a cookie; with 0 seconds, the one that removes it."""
    words = f"{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}; Max-Age={seconds}"
    return b"set-cookie", words.encode("ascii")


def cookie(headers: Mapping[bytes, bytes], name: str) -> str:
    """Return the value of a cookie, "" where there is none or it came twice."""
    wanted = name.encode()
    found = [
        value
        for item in headers.get(b"cookie", b"").split(b";")
        for key, _, value in (item.strip().partition(b"="),)
        if key == wanted
    ]
    return found[0].decode("ascii", "replace") if len(found) == 1 else ""


def session(headers: Mapping[bytes, bytes], method: str) -> str:
    """Return the session in a cookie, "" for none. Raises Denied for a change that another site may have sent."""
    found = cookie(headers, SESSION)
    if not found.startswith(SESSION_WORD):
        return ""
    if method not in ("GET", "HEAD") and not digest.same(headers.get(CSRF, b""), csrf_token(found).encode()):
        raise Denied("expected the header `Privet-CSRF` with a change", hint="`GET /v1/session` shows its value")
    return found


def csrf_token(found: str) -> str:
    """Return what a page of ours sends with changes. Only who may read an answer of ours knows it: a session has 240
    random bits, so a hash of it tells nothing of it, and needs no place of its own."""
    return _text(digest.sha256(b"privet csrf 1" + found.encode()))


def _attempt(key: bytes, seed: bytes) -> Attempt:
    return Attempt(*(_text(digest.mac(key, word + seed)) for word in (b"state", b"nonce", b"verifier")))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
