"""Web address: an `http` or `https` URL with one spelling for what RFC 3986 calls equivalent."""

from __future__ import annotations

import ipaddress
import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._text import raw

_NAME = "net.url"
# RFC 9110, section 4.1: eight thousand octets are the least that everyone should carry.
_LONGEST = 8000
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\]/?#]*\]|[^/?#:@\[\]]*)(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)
_WITH_USER = re.compile(r"https?://[^/?#]*@", re.IGNORECASE)
# Canonical already: the common case, which needs no work. A dot that begins a segment may be one to take out.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,63}(?:/(?!\.)[A-Za-z0-9_~!$&'()*+,;=:@.-]*)+"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IN_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_IN_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")


def normalize(value: Wire) -> str:
    """Return the URL: scheme and host in lower case, host in ASCII, no default port, no dot segments, `/` at least.

    A name or password before the host is refused: it is a secret, and RFC 9110, section 4.2.4, calls it an error.

    >>> normalize("HTTPS://Example.COM:443/%7ejane/../b")
    'https://example.com/b'
    """
    text = raw(value, _NAME).strip()
    demand(len(text) <= _LONGEST, f"expected at most {_LONGEST} characters", _NAME)
    if _PLAIN.fullmatch(text) and len(text) < 250:
        return text
    found = _URL.fullmatch(text)
    if found is None:
        rule = "no name or password before the host" if _WITH_USER.match(text) else "http:// or https:// and a host"
        raise InvalidValue(f"expected {rule}", type_name=_NAME)
    scheme = found["scheme"].lower()
    port = _port(found["port"] or "", scheme)
    path = _without_dots(_encoded(found["path"] or "/", _IN_PATH))
    query = "" if found["query"] is None else f"?{_encoded(found['query'], _IN_QUERY)}"
    fragment = "" if found["fragment"] is None else f"#{_encoded(found['fragment'], _IN_QUERY)}"
    url = f"{scheme}://{_host(found['host'])}{port}{path}{query}{fragment}"
    demand(len(url) <= _LONGEST, f"expected at most {_LONGEST} characters", _NAME)
    return url


def domain(url: str) -> str | None:
    """Return the host without its port; an IPv6 address keeps its brackets."""
    found = _URL.fullmatch(url)
    return found["host"] if found else None


def masked(url: str) -> str:
    """Return scheme and host, and that there is more."""
    scheme = url.partition("://")[0]
    return f"{scheme}://{domain(url)}/…"


def _port(digits: str, scheme: str) -> str:
    if not digits or int(digits) == int(_DEFAULT_PORTS[scheme]):
        return ""
    demand(int(digits) <= 65535, "expected a port up to 65535", _NAME)
    return f":{int(digits)}"


def _host(text: str) -> str:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    host = text.lower() if text.isascii() else _to_ascii(text)
    labels = host.removesuffix(".").split(".")
    demand(len(host) <= 253 and all(map(_LABEL.fullmatch, labels)), "expected a host name of RFC 1123", _NAME)
    # RFC 3986, section 3.2.2: what ends in a number is read as an IPv4 address, so it must be one.
    if labels[-1].isdigit():
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise InvalidValue("expected an IPv4 address of four numbers", type_name=_NAME) from None
    return host


def _ipv6(text: str) -> str:
    try:
        # A zone is of one machine, so no address on the web has it (RFC 9844).
        demand("%" not in text, "expected an IPv6 address without a zone", _NAME)
        return f"[{ipaddress.IPv6Address(text).compressed}]"
    except ValueError:
        raise InvalidValue("expected an IPv6 address in brackets", type_name=_NAME) from None


def _to_ascii(host: str) -> str:
    """Return the A-labels of an international host. Source: RFC 5891, with the mapping of UTS 46."""
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        # The library's message quotes the host.
        raise InvalidValue("expected a host name of IDNA 2008", type_name=_NAME) from None


def _encoded(text: str, allowed: re.Pattern[str]) -> str:
    """Return a component in ASCII (RFC 3987, section 3.1) with its percent-encoding as RFC 3986, 6.2.2.2, has it."""
    if not text.isascii():
        text = "".join(mark if mark.isascii() else _percent(mark) for mark in text)
    demand(bool(allowed.fullmatch(text)), "expected the characters that RFC 3986 allows", _NAME)
    return _PERCENT.sub(_plainer, text) if "%" in text else text


def _percent(mark: str) -> str:
    demand(mark.isprintable() and not mark.isspace(), "expected no control characters and spaces", _NAME)
    return "".join(f"%{byte:02X}" for byte in mark.encode("utf-8"))


def _plainer(found: re.Match[str]) -> str:
    mark = chr(int(found[1], 16))
    return mark if mark in _UNRESERVED else found[0].upper()


def _without_dots(path: str) -> str:
    """Return a path from which `.` and `..` are taken out. Source: RFC 3986, section 5.2.4."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


PART = DataType(
    name=_NAME,
    about="Web address",
    category="user.contact.url",
    normalize=normalize,
    sources=(
        "RFC 3986, sections 3 and 6.2.2 (syntax, equivalent spellings)",
        "RFC 9110, section 4.2 (http and https)",
        "RFC 5891 and UTS 46 (international host names)",
        "45 CFR 164.514(b)(2)(i)(N) (web URLs)",
    ),
    aliases=("url",),
    parts=(
        Part(
            name="domain",
            about="The host",
            of=domain,
            fix=lambda literal: _host(literal.strip()),
        ),
    ),
    indexes=("exact", "domain"),
    masked=masked,
    redactions=("redacted", "domain", "masked", "plain_text"),
    keep="shreddable",
    pad_bytes=128,
    headers=(
        "url",
        "uri",
        "link",
        "website",
        "web_site",
        "web_address",
        "homepage",
        "home_page",
        "profile_url",
        "page_url",
        "sitio_web",
        "site_web",
        "webseite",
        "pagina_web",
    ),
    proves=0.95,
    laws=("HIPAA", "GDPR"),
    example="https://example.com/people/42",
)
