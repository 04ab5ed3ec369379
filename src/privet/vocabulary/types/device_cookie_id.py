"""Identifier that a site keeps in a cookie. It is opaque, so its letter case stays."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._text import raw

_NAME = "device.cookie_id"
# RFC 6265, section 4.1.1, cookie-octet: visible ASCII without the quote, comma, semicolon and backslash.
_FORM = re.compile(r"[!#-+\--:<-\[\]-~]{6,1024}")
_SHORTEST_SHOWN = 12


def normalize(value: Wire) -> str:
    """Return the identifier as it is, without the quotes that RFC 6265 allows around it."""
    text = raw(value, _NAME).strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _FORM.fullmatch(text):
        raise InvalidValue(
            "expected 6 to 1024 visible ASCII characters other than quote , ; and backslash", type_name=_NAME
        )
    return text


def masked(text: str) -> str:
    """Return the last four characters of an identifier of twelve or more, stars alone for a shorter one."""
    return f"***{text[-4:]}" if len(text) >= _SHORTEST_SHOWN else "***"


PART = DataType(
    name=_NAME,
    about="Cookie identifier",
    category="user.device.cookie_id",
    normalize=normalize,
    sources=(
        "RFC 6265, section 4.1.1 (cookie-value)",
        "GDPR, recital 30 (cookie identifiers)",
        "Directive 2002/58/EC, article 5(3)",
    ),
    aliases=("cookie",),
    indexes=("exact",),
    masked=masked,
    keep="shreddable",
    pad_bytes=48,
    headers=(
        "cookie",
        "cookie_id",
        "visitor_id",
        "tracking_id",
        "client_id",
        "ga_client_id",
        "anonymous_id",
        "browser_id",
        "fbp",
        "fbc",
        "gclid",
        "id_cookie",
        "identifiant_cookie",
        "cookie_kennung",
    ),
    proves=0.02,
    laws=("GDPR", "CCPA", "ePrivacy"),
    example="v2.1f0c9a7be4",
)
