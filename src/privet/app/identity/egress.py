"""Where requests to others may go: a name is looked up once, its addresses are judged, one of those is connected to.

Who answers for a name may answer otherwise the next time, so nothing between the look-up and the connection asks again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from privet.app.http.address import is_loopback
from privet.errors import Refused, Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
LOOK_UP_SECONDS = 5.0
MOST_TRIED = 3  # of the addresses of a name
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a URL. `url`: the same by an address. `host`: what the `Host` line says. `name`: whom the server's
    certificate must be of."""

    url: str
    host: str
    name: str


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which the system would try them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


async def ways(url: str, *, private: bool, look_up: LookUp = look_up) -> list[Way]:
    """Return the ways to a URL, at most MOST_TRIED. `private`: private networks are allowed.

    Raises Refused where any address of its host is one that requests may not go to, Unavailable where there is none.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in await look_up(host, port)]
    except (OSError, TimeoutError, ValueError):
        found = []
    if not found:
        raise Unavailable("the issuer's name has no address")
    if not all(may_go(address, host, private=private) for address in found):
        raise Refused(
            "the issuer's name leads to an address that requests may not go to",
            hint="`oidc.private_network: true` allows private networks",
        )
    return [Way(_by(parts.scheme, address, port, url), parts.netloc, host) for address in found[:MOST_TRIED]]


def may_go(address: Address, host: str, *, private: bool) -> bool:
    """Return whether a request to `host` may go to an address.

    This machine is reached by names that say so alone; link-local addresses, where clouds keep their secrets, by none.
    """
    address = _embedded(address)
    if address.is_loopback or is_loopback(host):
        return address.is_loopback and is_loopback(host)
    if address.is_multicast or address.is_link_local or address.is_unspecified or address.is_reserved:
        return False
    return address.is_global or (private and address.is_private)


def _embedded(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[12:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _by(scheme: str, address: Address, port: int, url: str) -> str:
    parts = urlsplit(url)
    place = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    return urlunsplit((scheme, place, parts.path, parts.query, ""))
