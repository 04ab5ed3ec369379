"""The issuer that signs people in: its addresses, its keys, and what it says of a person. Writes no store.

Sources: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; Discovery 1.0; RFC 7636 (PKCE); RFC 9700.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from privet import codec, digest
from privet.app.identity import assertion, egress
from privet.app.identity.cookie import Attempt
from privet.app.identity.egress import LookUp, Way
from privet.app.identity.trust import Person, Trust, host_of
from privet.errors import Denied, PrivetError, Refused, Unauthenticated, Unavailable

MOST_BYTES = 1 << 20
MOST_CLAIM = 256
WHOLE_SECONDS = 20.0  # for one answer, however slowly it comes
FRESH_MS = 3_600_000  # how long addresses and keys are taken as they were
REFETCH_MS = 30_000  # an unknown key id asks for the keys anew at most this often
ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA", "Ed25519"})
_KINDS = frozenset({"RSA", "EC", "OKP"})  # never `oct`: a shared secret would let anybody who verifies also sign
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_DISTRUST = "the issuer's certificate is of another name, not in force, or of an authority that is not trusted"


class Issuer:
    """A trusted issuer. One for each process; asks the network only for what it does not know yet."""

    def __init__(self, trust: Trust, redirect: str, look_up: LookUp = egress.look_up) -> None:
        """`redirect`: where the issuer sends people back to. `look_up`: gives the addresses of a name.

        Raises Refused where the certificates to trust cannot be read.
        """
        self._look_up = look_up
        self._tls = _tls(trust)
        self.trust = trust
        self.redirect = redirect
        self._places: dict[str, str] = {}
        self._keys: dict[str, dict[str, Any]] = {}
        self._places_until = self._keys_until = self._refetch_from = 0

    async def address(self, attempt: Attempt, now_ms: int) -> str:
        """Return where a person signs in. Raises Unavailable, Refused."""
        place = (await self._known(now_ms))["authorization_endpoint"]
        query = {
            "response_type": "code",
            "client_id": self.trust.client_id,
            "redirect_uri": self.redirect,
            "scope": self.trust.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{place}{'&' if '?' in place else '?'}{urlencode(query)}"

    async def person(self, code: str, attempt: Attempt, now_ms: int) -> Person:
        """Return who signed in. Raises Unauthenticated, Denied (nothing is given to this person), Unavailable."""
        place = (await self._known(now_ms))["token_endpoint"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "code_verifier": attempt.verifier,
        }
        headers = {}
        if self.trust.client_secret is None:
            form["client_id"] = self.trust.client_id
        else:
            # RFC 6749, section 2.3.1: both halves are form-encoded before they are joined.
            pair = f"{quote(self.trust.client_id, safe='')}:{quote(self.trust.client_secret.reveal(), safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        told = await self._ask("POST", place, headers, form)
        text = told.get("id_token")
        if not isinstance(text, str):
            raise assertion.invalid("expected an ID token from the issuer")
        return self._person(await self._claims(text, attempt.nonce, now_ms))

    async def _claims(self, text: str, nonce: str, now_ms: int) -> dict[str, Any]:
        header = assertion.part(text, 0, most=MOST_BYTES)
        algorithm, key_id = header.get("alg"), header.get("kid", "")
        if algorithm not in ALGORITHMS or "crit" in header or not isinstance(key_id, str):
            raise _unproved()
        assertion.verify(text, await self._key(key_id, str(algorithm), now_ms), str(algorithm), extra_headers=True)
        claims = assertion.part(text, 1, most=MOST_BYTES)
        self._check(claims, nonce, now_ms // 1000)
        return claims

    def _check(self, claims: Mapping[str, Any], nonce: str, now: int) -> None:
        """Raise Unauthenticated for claims that are not meant for us, now, for this attempt."""
        aimed = claims.get("aud")
        aims = aimed if isinstance(aimed, list) else [aimed]
        ours = self.trust.client_id
        if claims.get("iss") != self.trust.issuer or ours not in aims:
            raise _unproved()
        if claims.get("azp", ours) != ours or (len(aims) > 1 and "azp" not in claims):
            raise _unproved()
        said = claims.get("nonce")
        if not isinstance(said, str) or not digest.same(said.encode(), nonce.encode()):
            raise _unproved()
        expires, issued = claims.get("exp"), claims.get("iat")
        if type(expires) is not int or type(issued) is not int:
            raise _unproved()
        if expires + assertion.SKEW_SECONDS <= now or abs(issued - now) > 600:
            raise _unproved()

    def _person(self, claims: Mapping[str, Any]) -> Person:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= MOST_CLAIM or not subject.isprintable():
            raise _unproved()
        said = _claim(claims, self.trust.roles_claim)
        values = said if isinstance(said, list) else [said]
        given = [role for value in values if isinstance(value, str) for role in self.trust.roles.get(value, ())]
        if not given:
            raise Denied("nothing that the issuer says of this person gives a role", hint="see `oidc.roles`")
        attributes = {name: _claim(claims, claim) for name, claim in self.trust.attributes.items()}
        return Person(
            subject=subject,
            roles=tuple(dict.fromkeys(given)),
            attributes={k: v for k, v in attributes.items() if isinstance(v, str) and len(v) <= MOST_CLAIM},
        )

    async def _key(self, key_id: str, algorithm: str, now_ms: int) -> Any:
        """Return the key of an id, from the keys of now: an issuer that rotates shows the new one."""
        from joserfc.errors import JoseError
        from joserfc.jwk import import_key

        stale = now_ms >= self._keys_until or (key_id not in self._keys and now_ms >= self._refetch_from)
        if stale:
            await self._fetch_keys(now_ms)
        found = self._keys.get(key_id)
        if found is None and not key_id and len(self._keys) == 1:
            found = next(iter(self._keys.values()))
        if found is None or found.get("alg", algorithm) != algorithm or found.get("use", "sig") != "sig":
            raise _unproved()
        try:
            return import_key(found)
        except (JoseError, ValueError, TypeError):
            raise _unproved() from None

    async def _fetch_keys(self, now_ms: int) -> None:
        told = await self._ask("GET", (await self._known(now_ms))["jwks_uri"])
        listed = told.get("keys")
        found = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        self._keys = {str(item.get("kid", "")): item for item in found if item.get("kty") in _KINDS}
        self._keys_until, self._refetch_from = now_ms + FRESH_MS, now_ms + REFETCH_MS

    async def _known(self, now_ms: int) -> dict[str, str]:
        """Return the issuer's addresses, each on a host that is allowed. Raises Refused, Unavailable."""
        if now_ms < self._places_until:
            return self._places
        place = self.trust.issuer.rstrip("/") + "/.well-known/openid-configuration"
        told = await self._ask("GET", place)
        # Discovery 1.0, section 4.3: else one issuer could speak for another.
        if told.get("issuer") != self.trust.issuer:
            raise Refused("the issuer calls itself by another name than `oidc.issuer`")
        found = {name: told.get(name) for name in _ENDPOINTS}
        for name, url in found.items():
            # urlsplit passes over control characters, which must not get into a header line.
            plain = isinstance(url, str) and url.isascii() and url.isprintable() and " " not in url
            if not plain or host_of(str(url)) not in self.trust.hosts:
                raise Refused(f"the issuer's `{name}` is on a host that is not allowed", hint="see `oidc.hosts`")
        self._places = {name: str(url) for name, url in found.items()}
        self._places_until = now_ms + FRESH_MS
        return self._places

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return what an address answers. Raises Refused where it may not be asked."""
        body = urlencode(form).encode() if form else None
        lines = {"accept": "application/json", **(headers or {})}
        if body is not None:
            lines["content-type"] = "application/x-www-form-urlencoded"
        ways = await egress.ways(url, private=self.trust.private_network, look_up=self._look_up)
        status, raw = await _sent(method, ways, lines, body, self._tls)
        if method == "POST" and status in (400, 401, 403):
            raise Unauthenticated("the issuer does not take this sign-in", hint="begin again")
        if status != 200:
            raise Unavailable("the issuer does not answer as it should")
        try:
            found = codec.read_json(raw, max_keys=10_000)
        except PrivetError:
            raise Unavailable("expected JSON from the issuer") from None
        if not isinstance(found, dict):
            raise Unavailable("expected an object from the issuer")
        return found


def _tls(trust: Trust) -> ssl.SSLContext | bool:
    if trust.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=trust.ca_file)
    except OSError:  # `ssl.SSLError` is one, too
        raise Refused("expected `oidc.ca_file` to be a file of certificates", at=str(trust.ca_file)) from None


async def _sent(
    method: str, ways: Sequence[Way], lines: Mapping[str, str], body: bytes | None, tls: ssl.SSLContext | bool
) -> tuple[int, bytes]:
    """Return status and body of an answer. Follows no redirect, uses no proxy, waits seconds, reads a megabyte.

    `ways`: the next one is tried where nobody takes the connection, or who does is not to be trusted.
    """
    what = "the issuer does not answer"
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            for way in ways:
                try:
                    return await _sent_by(way, method, lines, body, tls)
                except httpx2.ConnectTimeout:
                    continue
                except httpx2.ConnectError as error:
                    what = _DISTRUST if _is_distrust(error) else what
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError):
        pass  # told below
    raise Unavailable(what)


def _is_distrust(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


async def _sent_by(
    way: Way, method: str, lines: Mapping[str, str], body: bytes | None, tls: ssl.SSLContext | bool
) -> tuple[int, bytes]:
    deadline = httpx2.Timeout(10.0, connect=5.0)
    told = {**lines, "host": way.host}
    raw = b""
    async with (
        httpx2.AsyncClient(verify=tls, trust_env=False, follow_redirects=False, timeout=deadline) as client,
        client.stream(method, way.url, headers=told, content=body, extensions={"sni_hostname": way.name}) as got,
    ):
        async with aclosing(got.aiter_bytes()) as chunks:
            async for chunk in chunks:
                raw += chunk
                if len(raw) > MOST_BYTES:
                    raise Unavailable("the issuer answers with more than a megabyte")
        return got.status_code, raw


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, or by names with dots between, as in `realm_access.roles`."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _unproved() -> Unauthenticated:
    return Unauthenticated("expected an ID token that the issuer signed for this sign-in", hint="begin again")
