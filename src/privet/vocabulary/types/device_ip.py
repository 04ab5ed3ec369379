"""Internet address of a device, IPv4 or IPv6."""

from __future__ import annotations

import ipaddress

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._parts import word
from privet.vocabulary.types._text import raw

_NAME = "device.ip"
_BITS = {4: 24, 6: 48}


def normalize(value: Wire) -> str:
    """Return dotted decimal, or IPv6 in its shortest form (RFC 5952).

    An IPv4 address that stands inside IPv6 as `::ffff:…` is the IPv4 address. A zone (`%eth0`) says something about
    one machine and is refused, as are leading zeros, which some readers take for octal (RFC 6943, section 3.1.1).
    """
    text = raw(value, _NAME).strip()
    if "%" in text:
        raise InvalidValue("expected an address without a zone", type_name=_NAME)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        # The library's message quotes the address.
        raise InvalidValue("expected an IPv4 or IPv6 address", type_name=_NAME) from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def subnet(address: str) -> str:
    """Return the /24 of an IPv4 address, the /48 of an IPv6 address: about one site of a provider.

    >>> subnet("203.0.113.7"), subnet("2001:db8:1:2::3")
    ('203.0.113.0/24', '2001:db8:1::/48')
    """
    if ":" not in address:
        return f"{address.rpartition('.')[0]}.0/{_BITS[4]}"
    return str(ipaddress.ip_network((address, _BITS[6]), strict=False))


def _fix_subnet(literal: str) -> str:
    """Return the subnet of an address, or a subnet of the size that the part has."""
    address, slash, bits = literal.strip().partition("/")
    found = subnet(normalize(address))
    if slash and found != f"{normalize(address)}/{bits}":
        raise InvalidValue("expected an address, or a subnet of /24 for IPv4 or /48 for IPv6", type_name="subnet")
    return found


def _order(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


PART = DataType(
    name=_NAME,
    about="Internet address",
    category="user.device.ip_address",
    normalize=normalize,
    sources=(
        "RFC 791, section 3.2, and RFC 4291, section 2.2 (addresses)",
        "RFC 5952, section 4 (one spelling of IPv6)",
        "RFC 5737 and RFC 3849 (documentation ranges)",
        "45 CFR 164.514(b)(2)(i)(O) (IP address numbers)",
        "GDPR, recital 30 (online identifiers)",
    ),
    aliases=("ip",),
    parts=(
        Part(name="subnet", about="The network of 24 or 48 bits", of=subnet, fix=_fix_subnet),
        word("version", "4 or 6", lambda text: "6" if ":" in text else "4", ("4", "6")),
    ),
    indexes=("exact", "subnet"),
    masked=subnet,
    redactions=("redacted", "subnet", "masked", "plain_text"),
    keep="shreddable",
    pad_bytes=40,
    headers=(
        "ip",
        "ip_address",
        "ip_addr",
        "ipv4",
        "ipv6",
        "client_ip",
        "remote_ip",
        "remote_addr",
        "source_ip",
        "src_ip",
        "user_ip",
        "login_ip",
        "direccion_ip",
        "adresse_ip",
        "ip_adresse",
        "endereco_ip",
    ),
    proves=0.95,
    laws=("GDPR", "HIPAA", "CCPA", "ePrivacy"),
    order=_order,
    example="203.0.113.7",
)
