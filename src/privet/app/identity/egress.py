"""Where the issuer of people may be asked: the way of connectors, beside an event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from privet.connectors.egress import LOOK_UP_SECONDS, MOST_TRIED, PORTS, Address, Way, judged, may_go
from privet.errors import Refused, Unavailable

__all__ = ["LOOK_UP_SECONDS", "MOST_TRIED", "Address", "LookUp", "Way", "look_up", "may_go", "ways"]

LookUp = Callable[[str, int], Awaitable[Sequence[str]]]


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which the system would try them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


async def ways(url: str, *, private: bool, look_up: LookUp = look_up) -> list[Way]:
    """Return the ways to a URL, at most MOST_TRIED. `private`: private networks are allowed.

    Raises Refused where any address of its host is one that requests may not go to, Unavailable where there is none.
    """
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = await look_up(parts.hostname or "", parts.port or PORTS[parts.scheme])
        known = judged(url, found, private=private)
    except (OSError, TimeoutError):
        known = []
    except Refused:
        raise Refused(
            "the issuer's name leads to an address that requests may not go to",
            hint="`oidc.private_network: true` allows private networks",
        ) from None
    if not known:
        raise Unavailable("the issuer's name has no address")
    return known
