"""What operators say of a server: where it is, who we are there, how it proves itself; and what is made of it."""

from __future__ import annotations

import ipaddress
import re
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from privet.connectors import egress
from privet.connectors.base import Setup
from privet.connectors.egress import Names
from privet.connectors.systems import Setting
from privet.errors import InvalidInput, Refused, Unavailable

HOST = Setting(name="host", about="Name or address of the server; a path for a Unix socket.")
USER = Setting(name="user", about="Who we are there. Best one for requests alone, with no more rights than they need.")
PASSWORD = Setting(name="password", about="The user's password.", default="", secret=True)
SCHEMA = Setting(name="schema", about="Schema of the dataset's tables; empty for the user's own.", default="")
CA = Setting(name="ca", about="File of certificates that vouch for the server; empty: the system's own.", default="")
TLS = Setting(
    name="tls",
    about="`verify-full`: encrypted, and the server proves its name; `off`: neither, allowed on this machine alone.",
    default="",
)


def setting(setup: Setup, name: str, default: str | None = None) -> str:
    """Return a setting, a secret, or the default. Raises InvalidInput where one must be said."""
    if name in setup.secrets:
        return setup.secrets[name].reveal()
    value = setup.settings.get(name, default)
    if value is None or (value == "" and default is None):
        raise InvalidInput(f"connector `{setup.name}` lacks the setting `{name}`")
    if "\0" in str(value):
        raise InvalidInput(f"connector `{setup.name}` has a setting `{name}` with a NUL in it")
    return str(value)


def number(setup: Setup, name: str, default: int) -> int:
    """Return a setting that is a number. Raises InvalidInput."""
    value = setting(setup, name, str(default))
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65_536:
        raise InvalidInput(f"connector `{setup.name}` expects a number in the setting `{name}`")
    return int(value)


def encrypted(setup: Setup) -> bool:
    """Return whether the way to the server is encrypted and the server proves its name. Raises Refused where the
    setting would send passwords and records over a network unprotected."""
    said, host = setting(setup, "tls", ""), setting(setup, "host")
    if said not in ("", "verify-full", "off"):
        raise InvalidInput(f"connector `{setup.name}` expects `verify-full` or `off` in the setting `tls`")
    if said == "off" and not here(host):
        hint = "remove the setting, and name the server's own certificates by `ca`"
        raise Refused(f"connector `{setup.name}` has `tls` off for a server on another machine", hint=hint)
    return said == "verify-full" or (said == "" and not here(host))


_PLAIN_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")


def demand_way(setup: Setup, host: str, port: int = 1, look_up: Names = egress.look_up) -> tuple[str, ...]:
    """Return the addresses at which a server may be connected to, () for a socket of this machine.

    Whoever connects, right after, takes one of them: the name may lead elsewhere when it is looked up again. Raises
    InvalidInput for what is no host, Refused where it leads to an address that requests may not go to, Unavailable
    where it leads nowhere.
    """
    if host.startswith("/") and "," not in host:  # a socket; drivers take a comma for the beginning of another host
        return ()
    if not _PLAIN_HOST.fullmatch(host):
        raise InvalidInput(f"connector `{setup.name}` expects the name or address of one server", at="host")
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    try:
        ways = egress.ways(url, private=setup.private, look_up=look_up)
    except Refused as error:
        hint = "say `private` of the connector, if the server is in a private network of yours"
        raise Refused(f"connector `{setup.name}`: {error.message}", hint=hint) from None
    return tuple(urlsplit(way.url).hostname or "" for way in ways)


def here(host: str) -> bool:
    """Return whether a host is this machine: a loopback address, or the path of a Unix socket."""
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def driver_of(module: str, extra: str) -> Any:
    """Return a driver's module. Raises Unavailable with the extra that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        hint = f"install `privet[{extra}]`"
        raise Unavailable(f"expected the driver `{module}`, which is not installed", hint=hint) from None
