"""contact.social_handle: the name of an account in a social network, with or without the network."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._text import clean, fold, starred

NAME = "contact.social_handle"
# `x:@jane`, `@jane`, `jane`, and `@jane@social.example` of the fediverse.
_HANDLE = re.compile(
    r"(?:(?P<network>[a-z][a-z0-9_]{0,30}):)?@?(?P<handle>\w[\w.\-]{0,63})(?P<host>@[a-z0-9\-]+(?:\.[a-z0-9\-]+)+)?"
)


def normalize(value: Wire) -> str:
    """Return `@handle`, `network:@handle` or `@handle@host` in lower case, because networks ignore case."""
    text = fold(clean(value, NAME, 128))
    match = _HANDLE.fullmatch(text)
    if match is None or (match["network"] and match["host"]):
        raise InvalidValue("expected @ and 1 to 64 letters, digits, points, hyphens or underscores", type_name=NAME)
    network = f"{match['network']}:" if match["network"] else ""
    return f"{network}@{match['handle']}{match['host'] or ''}"


def _split(text: str) -> tuple[str, str]:
    """Return (network or host, handle), "" where no network is named."""
    network, _, rest = text.rpartition(":")
    handle, _, host = rest[1:].partition("@")
    return network or host, handle


def masked(text: str) -> str:
    """Return `@a***`."""
    return f"@{starred(_split(text)[1])}"


PART = DataType(
    name=NAME,
    about="The name of an account in a social network.",
    category="user.social",
    normalize=normalize,
    sources=("W3C ActivityPub and RFC 7565 (acct): user@host", "Table of types: character set of handles"),
    aliases=("social_handle",),
    parts=(
        Part(
            name="network",
            about="The network or host, where one is named.",
            of=lambda text: _split(text)[0] or None,
            fix=fold,
            few=True,
        ),
        Part(
            name="handle",
            about="The name alone.",
            of=lambda text: _split(text)[1],
            fix=lambda literal: fold(literal).removeprefix("@"),
        ),
    ),
    masked=masked,
    redactions=("redacted", "masked", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "social_handle",
        "handle",
        "twitter",
        "twitter_handle",
        "instagram",
        "github",
        "tiktok",
        "mastodon",
        "linkedin",
        "social_media",
        "pseudo",
        "usuario_redes",
    ),
    proves=0.1,
    laws=("GDPR", "CCPA"),
    example="@jane.doe",
)
