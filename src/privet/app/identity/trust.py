"""What `oidc:` in `privet.yaml` says: which issuer signs people in, and what its claims give them here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from privet.app.http.address import is_loopback
from privet.codec import Node
from privet.errors import InvalidInput, Refused
from privet.secret import Secret

_TEXTS = frozenset({"issuer", "client_id", "client_secret_file", "scope", "roles_claim", "ca_file"})
_KEYS = _TEXTS | {"roles", "purposes", "attributes", "hosts", "session_hours", "private_network"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """An issuer and what its claims give. `roles`: value of the claim → roles here. `attributes`: attribute here →
    claim. `hosts`: where the issuer's endpoints may be, its own among them. `private_network`: these may have addresses
    of private networks. `ca_file`: PEM file of the certificates to trust in place of the machine's own, None for those.
    """

    issuer: str
    client_id: str
    client_secret: Secret[str] | None = None
    scope: str = "openid profile"
    roles_claim: str = "groups"
    roles: Mapping[str, tuple[str, ...]]
    purposes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    hosts: frozenset[str]
    session_seconds: int = 8 * 3600
    private_network: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who signed in, and what the issuer's claims give here. `subject`: the issuer's name of the person."""

    subject: str
    roles: tuple[str, ...]
    attributes: Mapping[str, str]


def read_trust(node: Node, home: Path) -> Trust:
    """Return what a section says. Raises InvalidInput, Refused for an issuer that the network could speak for."""
    for key, value in node.items():
        if key not in _KEYS:
            raise InvalidInput(f"unknown key `oidc.{key}`", at=str(value.place))
    said: Any = node.plain()
    at = str(node.place)
    if not isinstance(said, dict) or not all(isinstance(said.get(key, ""), str) for key in _TEXTS):
        raise InvalidInput("expected `oidc` with texts for " + ", ".join(sorted(_TEXTS)), at=at)
    if not said.get("issuer") or not said.get("client_id"):
        raise InvalidInput("expected `oidc.issuer` and `oidc.client_id`", at=at)
    hosts = _list(said, "hosts", at)
    hours = said.get("session_hours", 8)
    if type(hours) is not int or not 1 <= hours <= 168:
        raise InvalidInput("expected `oidc.session_hours` as a number from 1 to 168", at=at)
    private = said.get("private_network", False)
    if type(private) is not bool:
        raise InvalidInput("expected `oidc.private_network` as true or false", at=at)
    secret, trusted = said.get("client_secret_file", ""), said.get("ca_file", "")
    roles = _mapping(said, "roles", at)
    return Trust(
        issuer=said["issuer"],
        client_id=said["client_id"],
        client_secret=_secret(home / secret) if secret else None,
        scope=said.get("scope", "openid profile"),
        roles_claim=said.get("roles_claim", "groups"),
        roles={value: tuple(_list(roles, value, at)) for value in roles},
        purposes=tuple(_list(said, "purposes", at)),
        attributes={str(name): str(claim) for name, claim in _mapping(said, "attributes", at).items()},
        hosts=frozenset({host_of(said["issuer"]), *hosts}),
        session_seconds=hours * 3600,
        private_network=private,
        ca_file=home / trusted if trusted else None,
    )


def host_of(url: str) -> str:
    """Return host and port of a URL. Raises Refused unless it speaks TLS or stays on this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.fragment:
        raise Refused("expected the URL of an issuer, https://…")
    if parts.scheme == "http" and not is_loopback(host):
        raise Refused("expected an issuer over https: the network could speak for it over http")
    return host if port is None else f"{host}:{port}"


def check_public(url: str, at: str) -> str:
    """Return the address that browsers see, without a slash at its end. Raises Refused, as `host_of`."""
    try:
        host_of(url)
    except Refused:
        raise Refused("expected `public_url` as https://…, or http:// on loopback", at=at) from None
    return url.rstrip("/")


def _secret(path: Path) -> Secret[str]:
    try:
        if path.stat().st_mode & 0o077:
            raise Refused("others may read the client secret", at=str(path), hint="chmod 600 the file")
        return Secret(path.read_text(encoding="utf-8").strip())
    except OSError:
        raise Refused("the file of the client secret cannot be read", at=str(path)) from None


def _list(said: Mapping[str, Any], key: str, at: str) -> list[str]:
    found = said.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise InvalidInput(f"expected a list of texts under `oidc.{key}`", at=at)
    return found


def _mapping(said: Mapping[str, Any], key: str, at: str) -> dict[str, Any]:
    found = said.get(key) or {}
    if not isinstance(found, dict):
        raise InvalidInput(f"expected names and values under `oidc.{key}`", at=at)
    return found
