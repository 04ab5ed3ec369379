"""What the environment and `privet.yaml` say. The only file that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from privet.app.identity.trust import Trust, check_public, read_trust
from privet.codec import Node, read_yaml
from privet.errors import InvalidInput, Refused
from privet.secret import Secret

CONFIG = "privet.yaml"
DEFAULT_HOME = "privet-home"
DEFAULT_PORT = 7461
MAX_FILE_BYTES = 4 << 30
_FILE_BYTES = range(1 << 20, (1 << 40) + 1)
_KEYS = frozenset({"key_provider", "key_file", "listen", "engine", "max_file_bytes", "tls_cert", "tls_key"})
_KEYS |= {"public_url", "oidc", "audit"}


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """Where signed checkpoints are kept besides: a file that they are appended to, or a git work tree."""

    kind: Literal["file", "git"]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where Privet keeps its things and listens. `passphrase`: of the key file, None for none.

    `tls_cert`, `tls_key`: PEM files of the certificate chain and its key, None to speak plain HTTP. `public_url`: the
    address that browsers and services see, "" for none. `oidc`: the issuer that signs people in. `witness`: who keeps
    the audits' checkpoints, None for nobody.
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
    host, _, port = _text(node, "listen", f"127.0.0.1:{DEFAULT_PORT}").rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidInput("expected `listen` as host:port", at=str(path))
    return Settings(
        home=home,
        key_provider=_text(node, "key_provider", "local"),
        key_file=home / _text(node, "key_file", "root.key"),
        engine=_text(node, "engine", "sqlite"),
        host=host,
        port=int(port),
        tls_cert=_path(node, "tls_cert", home),
        tls_key=_path(node, "tls_key", home),
        max_file_bytes=_file_bytes(node),
        public_url=_public_url(node, str(path)),
        oidc=_oidc(node, home),
        witness=_witness(node),
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
