"""Where requests to others may go: a name is looked up once, its addresses are judged, one of those is connected to.

Who answers for a name may answer otherwise the next time, so nothing between the look-up and the connection asks again.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from privet.errors import Refused, Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Names = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a name. Raises OSError."""

LOOK_UP_SECONDS = 5.0
MOST_TRIED = 3  # of the addresses of a name
PORTS = {"http": 80, "https": 443}
# Where clouds keep secrets of the machine, by an address that is not link-local. Sources: the documents of AWS (IMDS
# over IPv6), Google Cloud (metadata over IPv6), Azure (WireServer) and Alibaba Cloud.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "168.63.129.16", "100.100.100.200")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a URL. `url`: the same by an address. `host`: what the `Host` line says. `name`: whom the server's
    certificate must be of."""

    url: str
    host: str
    name: str


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches `host`. A name other than `localhost` counts as outside.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "vault.example.com")]
    [True, True, True, False, False]
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_go(address: Address, host: str, *, private: bool) -> bool:
    """Return whether a request to `host` may go to an address.

    This machine is reached by names that say so alone; link-local addresses, where clouds keep their secrets, by none.
    """
    address = _embedded(address)
    if address.is_loopback or is_loopback(host):
        return address.is_loopback and is_loopback(host)
    if (
        address in _METADATA
        or address.is_multicast
        or address.is_link_local
        or address.is_unspecified
        or address.is_reserved
    ):
        return False
    return address.is_global or (private and address.is_private)


def judged(url: str, found: Sequence[str], *, private: bool) -> list[Way]:
    """Return the ways to a URL by the addresses of its host, at most MOST_TRIED; none where one is no address.

    Raises Refused where any of them is one that requests may not go to.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    except ValueError:
        return []
    if not all(may_go(address, host, private=private) for address in addresses):
        raise Refused("the name leads to an address that requests may not go to")
    return [Way(_by(parts.scheme, address, port, url), parts.netloc, host) for address in addresses[:MOST_TRIED]]


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which the system would try them. Raises OSError."""
    told: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            told.put(list(dict.fromkeys(str(place[0]) for *_, place in found)))
        except OSError as error:
            told.put(error)
        except UnicodeError:
            told.put(OSError("not a name"))

    # The system's resolver takes no deadline, so it is left behind where it does not answer in time.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = told.get(timeout=LOOK_UP_SECONDS)
    except queue.Empty:
        raise OSError("no answer in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def ways(url: str, *, private: bool, look_up: Names = look_up) -> list[Way]:
    """Return the ways to a URL, at most MOST_TRIED. `private`: private networks are allowed.

    Raises Refused where any address of its host is one that requests may not go to, Unavailable where there is none.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        # A literal address is not asked for: only names are.
        found: Sequence[str] = [host] if _is_address(host) else look_up(host, port)
    except OSError:
        found = []
    known = judged(url, found, private=private)
    if not known:
        raise Unavailable("the system's name has no address")
    return known


def connected(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """Return a connection to the first address that takes it within some seconds. Raises OSError."""
    broken: OSError = OSError("no address")
    for address in addresses:
        try:
            found = socket.create_connection((address, port), seconds)
        except OSError as error:
            broken = error
        else:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return found
    raise broken


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
