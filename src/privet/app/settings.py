"""What the environment and `privet.yaml` say. The only file that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from privet.app.identity.trust import Trust, check_public, read_trust
from privet.codec import Node, read_yaml
from privet.errors import InvalidInput, Refused
from privet.secret import Secret

CONFIG = "privet.yaml"
DEFAULT_HOME = "privet-home"
DEFAULT_PORT = 7461
MAX_FILE_BYTES = 4 << 30
MOST_PACKAGE_HOURS = 72
_FILE_BYTES = range(1 << 20, (1 << 40) + 1)
_KEYS = frozenset({"key_provider", "key_file", "listen", "engine", "max_file_bytes", "tls_cert", "tls_key"})
_KEYS |= {"public_url", "oidc", "audit", "mail", "privacy", "center"}


_MAIL = {"host": str, "port": int, "security": str, "sender": str, "user": str, "password_file": str, "ca_file": str}
_PRIVACY: dict[str, type] = {
    "organization": str,
    "contact": str,
    "country": str,
    "state": str,
    "time_zone": str,
    "language": str,
}
_PRIVACY |= {"package_hours": int, "downloads": int}


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """Where signed checkpoints are kept besides: a file that they are appended to, or a git work tree."""

    kind: Literal["file", "git"]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Who takes our letters to people. `security`: `starttls`, `tls`, or `none` on this machine alone. `password`: of
    `user`, in a file."""

    host: str
    port: int = 587
    security: str = "starttls"
    sender: str
    user: str = ""
    password: Secret[str] | None = None
    ca_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """Who answers people's requests, and when a day ends there. `contact`: the address that people and warnings are
    sent to, "" for nobody. `country`, `state`: ISO 3166 codes of whose public holidays count, "" for none.
    `time_zone`: of the IANA database. `language`: of warnings. `package_hours`: how long a package can be fetched.
    `downloads`: how often."""

    organization: str = ""
    contact: str = ""
    country: str = ""
    state: str = ""
    time_zone: str = "UTC"
    language: str = "en"
    package_hours: int = 72
    downloads: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where Privet keeps its things and listens. `passphrase`: of the key file, None for none.

    `tls_cert`, `tls_key`: PEM files of the certificate chain and its key, None to speak plain HTTP. `public_url`: the
    address that browsers and services see, "" for none. `oidc`: the issuer that signs people in. `witness`: who keeps
    the audits' checkpoints, None for nobody. `mail`: who takes letters, None for nobody: then no person can prove who
    she is by a code. `center`: host and port of the privacy centre, which people reach; None to serve none.
    """

    home: Path
    key_provider: str = "local"
    key_file: Path
    engine: str = "sqlite"
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    tls_cert: Path | None = None
    tls_key: Path | None = None
    max_file_bytes: int = MAX_FILE_BYTES
    public_url: str = ""
    oidc: Trust | None = None
    witness: WitnessPlace | None = None
    mail: MailServer | None = None
    privacy: Privacy = Privacy()
    center: tuple[str, int] | None = None
    passphrase: Secret[str] | None = None

    @property
    def control(self) -> Path:
        """Return the control database."""
        return self.home / "control.db"

    @property
    def socket(self) -> Path:
        """Return the Unix socket of the process that holds the data."""
        return self.home / "privet.sock"

    @property
    def cli_key(self) -> Path:
        """Return the file with the API key that local commands use."""
        return self.home / "cli.key"

    def vault(self, name: str) -> Path:
        """Return the folder of one vault."""
        return self.home / "vaults" / name


def home_path(given: str = "") -> Path:
    """Return the home directory: what was given, else PRIVET_HOME, else `privet-home` here."""
    return Path(given or os.environ.get("PRIVET_HOME", "") or DEFAULT_HOME).absolute()


def load(home: Path) -> Settings:
    """Return the settings of an initialized home. Raises Refused if there is none, InvalidInput for a bad file."""
    path = home / CONFIG
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refused(
            f"there is no `{CONFIG}` in {home}", hint="run `privet init`, or name the place by --home"
        ) from None
    node = read_yaml(text, str(path))
    for key, value in node.items():
        if key not in _KEYS:
            raise InvalidInput(f"unknown key `{key}`", at=str(value.place))
    host, port = _address(node, "listen", f"127.0.0.1:{DEFAULT_PORT}", str(path))
    return Settings(
        home=home,
        key_provider=_text(node, "key_provider", "local"),
        key_file=home / _text(node, "key_file", "root.key"),
        engine=_text(node, "engine", "sqlite"),
        host=host,
        port=port,
        tls_cert=_path(node, "tls_cert", home),
        tls_key=_path(node, "tls_key", home),
        max_file_bytes=_file_bytes(node),
        public_url=_public_url(node, str(path)),
        oidc=_oidc(node, home),
        witness=_witness(node),
        mail=_mail(node, home),
        privacy=_privacy(node),
        center=_address(node, "center", "", str(path)) if _text(node, "center", "") else None,
        passphrase=_passphrase(),
    )


def _text(node: Node, key: str, default: str) -> str:
    found = node.value.get(key) if isinstance(node.value, dict) else None
    if found is None:
        return default
    if not isinstance(found.value, str):
        raise InvalidInput(f"expected `{key}` as text", at=str(found.place))
    return found.value


def _public_url(node: Node, at: str) -> str:
    found = _text(node, "public_url", "")
    return check_public(found, at) if found else ""


def _oidc(node: Node, home: Path) -> Trust | None:
    found = node.value.get("oidc") if isinstance(node.value, dict) else None
    if found is None:
        return None
    if not _text(node, "public_url", ""):
        raise InvalidInput("expected `public_url` beside `oidc`: where people come back to", at=str(found.place))
    return read_trust(found, home)


def _witness(node: Node) -> WitnessPlace | None:
    found = node.value.get("audit") if isinstance(node.value, dict) else None
    if found is None:
        return None
    if not isinstance(found.value, dict) or set(found.value) != {"witness"}:
        raise InvalidInput("expected `audit` to say `witness` alone", at=str(found.place))
    kind, _, path = _text(found, "witness", "").partition(":")
    # A path of the machine: `//host/…` is another machine's.
    if kind not in ("file", "git") or not path.startswith("/") or path.startswith("//"):
        raise InvalidInput("expected `witness` as `file:/path` or `git:/path`", at=str(found.value["witness"].place))
    return WitnessPlace("file" if kind == "file" else "git", Path(path))


def _address(node: Node, key: str, default: str, at: str) -> tuple[str, int]:
    host, _, port = _text(node, key, default).rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65_535:
        raise InvalidInput(f"expected `{key}` as host:port", at=at)
    return host, int(port)


def _mail(node: Node, home: Path) -> MailServer | None:
    said = _section(node, "mail", _MAIL)
    if said is None:
        return None
    file = said.pop("password_file", "")
    for name in ("host", "sender"):
        if not said.get(name):
            raise InvalidInput(f"expected `{name}` in `mail`", at=_at(node, "mail"))
    try:
        password = Secret((home / file).read_text(encoding="utf-8").rstrip("\n")) if file else None
    except OSError:
        raise Refused("the file that `password_file` names cannot be read") from None
    return MailServer(**said, password=password)


def _privacy(node: Node) -> Privacy:
    said = _section(node, "privacy", _PRIVACY) or {}
    found = Privacy(**said)
    at = _at(node, "privacy")
    if not 1 <= found.package_hours <= MOST_PACKAGE_HOURS:
        raise InvalidInput("expected `package_hours` from 1 to 72", at=at)
    if not 1 <= found.downloads <= 100:
        raise InvalidInput("expected `downloads` from 1 to 100", at=at)
    if "time_zone" in said:
        _demand_zone(found.time_zone, at)
    return found


def _demand_zone(name: str, at: str) -> None:
    from privet.rights.clock import zone_of  # few commands count days

    try:
        zone_of(name)
    except InvalidInput as error:
        raise InvalidInput(error.message, at=at, hint=error.hint) from None


def _at(node: Node, key: str) -> str:
    found = node.value.get(key) if isinstance(node.value, dict) else None
    return str(found.place) if found else ""


def _section(node: Node, key: str, kinds: Mapping[str, type]) -> dict[str, Any] | None:
    """Return what a mapping says, each value of its kind; None where there is none."""
    found = node.value.get(key) if isinstance(node.value, dict) else None
    if found is None:
        return None
    if not isinstance(found.value, dict):
        raise InvalidInput(f"expected `{key}` as names and values", at=str(found.place))
    said = {}
    for name, each in found.value.items():
        kind = kinds.get(name)
        if kind is None:
            raise InvalidInput(f"unknown key `{name}`", at=str(each.place))
        if type(each.value) is not kind:
            what = "a number" if kind is int else "text"
            raise InvalidInput(f"expected `{name}` as {what}", at=str(each.place))
        said[name] = each.value
    return said


def _path(node: Node, key: str, home: Path) -> Path | None:
    found = _text(node, key, "")
    return home / found if found else None


def _file_bytes(node: Node) -> int:
    found = node.value.get("max_file_bytes") if isinstance(node.value, dict) else None
    if found is None:
        return MAX_FILE_BYTES
    if type(found.value) is not int or found.value not in _FILE_BYTES:
        raise InvalidInput(
            f"expected `max_file_bytes` as a number from {_FILE_BYTES.start:,} to {_FILE_BYTES.stop - 1:,}",
            at=str(found.place),
        )
    return found.value


def _passphrase() -> Secret[str] | None:
    """Return the passphrase in the file that PRIVET_PASSPHRASE_FILE names: a file, not argv or the environment."""
    path = os.environ.get("PRIVET_PASSPHRASE_FILE", "")
    return Secret(Path(path).read_text(encoding="utf-8").rstrip("\n")) if path else None


def api_key(settings: Settings | None) -> Secret[str] | None:
    """Return the API key of a client: PRIVET_API_KEY, else the key file of the local command line."""
    given = os.environ.get("PRIVET_API_KEY", "")
    if given:
        return Secret(given)
    if settings is not None and settings.cli_key.exists():
        return Secret(settings.cli_key.read_text(encoding="utf-8").strip())
    return None


def ca_file() -> Path | None:
    """Return the certificates that clients trust: the PEM file PRIVET_CA_FILE, None for those of the system."""
    found = os.environ.get("PRIVET_CA_FILE", "")
    return Path(found) if found else None


def server_url() -> str:
    """Return the server that commands talk to: PRIVET_URL, "" for the data on this machine."""
    return os.environ.get("PRIVET_URL", "")
