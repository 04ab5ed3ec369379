"""Assertions: a JWT that a service signs by its private key, in exchange for a bearer token. Reads no store.

What a header may say is nothing but which stored key to use; the algorithm is that key's, and no key, address or
certificate of the header is ever looked at. Sources: RFC 7523, RFC 7519, RFC 8725.
"""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from privet import codec, digest
from privet.errors import InvalidInput, PrivetError, Unauthenticated
from privet.secret import Secret

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523, section 2.1
ALGORITHMS: dict[str, frozenset[str]] = {
    "ES256": frozenset({"ES256"}),
    "RS256": frozenset({"RS256"}),
    "EdDSA": frozenset({"EdDSA", "Ed25519"}),  # RFC 9864 gave the second name to the same signature
}
"""Algorithm of a key → what the header of its assertions may call it."""
MOST_BYTES = 8_192
SKEW_SECONDS = 60
MOST_SECONDS = 3_600
MOST_CONTEXT = 32
RSA_BITS = 3_072  # NIST SP 800-57 part 1: 128 bits of security
_HEADER = frozenset({"alg", "kid", "typ"})
_KEY_ID = re.compile(r"[a-z2-7]{16}")
_CONTEXT = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NUMBER = 1 << 53  # beyond it JSON numbers are not exact


@dataclass(frozen=True, slots=True)
class Unproved:
    """An assertion whose signature was not yet looked at. `header`, `payload`: as they stand in `text`."""

    text: str
    key_id: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What a service said. `context`: names and values that its token carries. `expires_ms`: until when it holds."""

    issuer: str
    token_id: str
    expires_ms: int
    context: Mapping[str, str]


def new_pair(algorithm: str) -> tuple[bytes, Secret[str]]:
    """Return (public key with its algorithm as JSON, private key as PEM). Raises InvalidInput."""
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    made: Any
    if algorithm == "ES256":
        made = ECKey.generate_key("P-256")
    elif algorithm == "RS256":
        made = RSAKey.generate_key(RSA_BITS)
    elif algorithm == "EdDSA":
        made = OKPKey.generate_key("Ed25519")
    else:
        raise InvalidInput("expected an algorithm of assertions", at="algorithm", hint=", ".join(ALGORITHMS))
    public = {**made.as_dict(private=False), "alg": algorithm}
    return codec.encode(dict(sorted(public.items()))), Secret(made.as_pem(private=True).decode())


def read(text: str) -> Unproved:
    """Return an assertion to prove. Raises Unauthenticated for one that no key of ours can have signed."""
    header = part(text, 0)
    key_id, algorithm = header.get("kid"), header.get("alg")
    if not _HEADER.issuperset(header) or not isinstance(algorithm, str):
        raise invalid()
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise invalid()
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise invalid()
    return Unproved(text, key_id, algorithm)


def prove(found: Unproved, public: bytes) -> dict[str, Any]:
    """Return the claims of an assertion that the owner of a key signed. Raises Unauthenticated."""
    algorithm, key = _key(public)
    # The algorithm is the key's: what the header says may only agree with it. RFC 8725, section 3.1.
    if found.algorithm not in ALGORITHMS[algorithm]:
        raise invalid()
    verify(found.text, key, found.algorithm)
    return part(found.text, 1)


def check(claims: Mapping[str, Any], audiences: frozenset[str], now_ms: int) -> Proved:
    """Return what proved claims say. Raises Unauthenticated, which here names the claim: only the owner sees it."""
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise invalid("expected the claim `iss`: the id of the principal")
    if claims.get("sub", issuer) != issuer:
        raise invalid("expected the claim `sub` to be what `iss` is")
    aimed = claims.get("aud")
    aims = aimed if isinstance(aimed, list) else [aimed]
    if not any(isinstance(aim, str) and aim in audiences for aim in aims):
        raise invalid("expected the claim `aud` to name this home")
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 1 <= len(token_id) <= 128:
        raise invalid("expected the claim `jti`: 1 to 128 characters, never used before")
    expires = check_times(claims, now_ms)
    return Proved(issuer=issuer, token_id=token_id, expires_ms=expires, context=_context(claims.get("ctx", {})))


def check_times(claims: Mapping[str, Any], now_ms: int) -> int:
    """Return until when claims hold, the skew added, in UTC milliseconds. Raises Unauthenticated."""
    now = now_ms / 1000
    expires = _time(claims, "exp")
    if expires is None:
        raise invalid("expected the claim `exp`")
    if expires + SKEW_SECONDS <= now:
        raise invalid("expected an assertion that is not over")
    if expires > now + MOST_SECONDS + SKEW_SECONDS:
        raise invalid(f"expected the claim `exp` at most {MOST_SECONDS} seconds from now")
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and begins > now + SKEW_SECONDS:
            raise invalid(f"expected the claim `{name}` not in the future")
    issued = _time(claims, "iat")
    if issued is not None and issued < now - MOST_SECONDS - SKEW_SECONDS:
        raise invalid("expected the claim `iat` within the last hour")
    return int((expires + SKEW_SECONDS) * 1000) + 1


def replay_id(key: bytes, credential: str, token_id: str) -> bytes:
    """Return the 32 bytes by which a `jti` of one key is remembered."""
    return digest.mac(key, digest.canonical((b"assertion", credential.encode(), token_id.encode())))


def verify(text: str, key: Any, algorithm: str, *, extra_headers: bool = False) -> None:
    """Raise Unauthenticated unless `key`, one of joserfc, signed `text` by `algorithm`. `extra_headers`: let pass what
    the library does not know."""
    from joserfc import jws
    from joserfc.errors import JoseError

    rules = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=not extra_headers)
    rules.max_header_length = MOST_BYTES
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the older name of Ed25519 signatures
            jws.deserialize_compact(text, key, registry=rules)
    except (JoseError, ValueError, TypeError):
        raise invalid() from None


def part(text: str, at: int, *, most: int = MOST_BYTES) -> dict[str, Any]:
    """Return the header (0) or payload (1) of a JWT, unproved: strict base64url, strict JSON, each name once."""
    parts = text.split(".")
    if len(text) > most or not text.isascii() or len(parts) != 3 or not all(parts):
        raise invalid()
    return _json(parts[at])


def sign(claims: Mapping[str, Any], private: Secret[str], algorithm: str, key_id: str) -> str:
    """Return an assertion: what a service does on its side. `private`: PEM. Raises InvalidInput for another key."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    kind = {"ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}.get(algorithm)
    header = {"alg": algorithm, "kid": key_id, "typ": "JWT"}
    try:
        if kind is None:
            raise ValueError
        key = import_key(private.reveal(), kind)  # type: ignore[call-overload]  # one of its literals
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return jws.serialize_compact(header, codec.encode(claims), key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError):
        raise InvalidInput("expected the private key of that algorithm as PEM") from None


def invalid(message: str = "expected a valid assertion") -> Unauthenticated:
    """Return the error for an assertion that is not taken."""
    return Unauthenticated(message)


@lru_cache(maxsize=256)
def _key(public: bytes) -> tuple[str, Any]:
    from joserfc.jwk import import_key

    said: Any = codec.read_json(public, max_keys=20)
    return said["alg"], import_key({name: value for name, value in said.items() if name != "alg"})


def _json(part: str) -> dict[str, Any]:
    """Return a part of a JWT: strict base64url and strict JSON, each name once."""
    try:
        if "=" in part:
            raise invalid()
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        found = codec.read_json(raw, max_keys=200)
    except (binascii.Error, PrivetError):
        raise invalid() from None
    if not isinstance(found, dict):
        raise invalid()
    return found


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    if found is None and name not in claims:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < _NUMBER:
        raise invalid(f"expected the claim `{name}` as seconds since 1970")
    return found


def _context(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or len(found) > MOST_CONTEXT:
        raise invalid(f"expected the claim `ctx` as at most {MOST_CONTEXT} names and texts")
    for name, value in found.items():
        if not _CONTEXT.fullmatch(name) or not isinstance(value, str) or len(value) > 256:
            raise invalid("expected names of a-z, 0-9 and _ in `ctx`, and texts of at most 256 characters")
    return found
