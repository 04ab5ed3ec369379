"""The network of an address, alone: /24 of IPv4, /48 of IPv6."""

from __future__ import annotations

import ipaddress

from privet.crypto.masks import fact
from privet.vocabulary.datatype import Mask


def _subnet(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    network = f"{address}/24" if address.version == 4 else f"{str(address).partition('%')[0]}/48"
    return str(ipaddress.ip_network(network, strict=False))


PART = Mask(
    name="subnet",
    about="the network that an address lies in",
    reveals=20,
    apply=fact("subnet", _subnet),
)
