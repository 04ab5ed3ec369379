"""person.username: the name under which a person signs in."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._text import clean, prefix

NAME = "person.username"
LONGEST = 128
_ALLOWED = re.compile(r"[\w.@+\-]+")


def normalize(value: Wire) -> str:
    """Return the name trimmed and in NFC; its case stays, because systems differ on whether case matters."""
    text = clean(value, NAME, LONGEST)
    if not _ALLOWED.fullmatch(text):
        raise InvalidValue("expected letters, digits and . _ - + @", type_name=NAME)
    if text.isascii() and not any(map(str.isalnum, text)):
        raise InvalidValue("expected at least one letter or digit", type_name=NAME)
    return text


def masked(text: str) -> str:
    """Return `a***z`; the first letter alone for a name of fewer than four characters."""
    if len(text) > 3:
        return f"{text[0]}***{text[-1]}"
    return f"{text[0]}***" if len(text) > 1 else "***"


PART = DataType(
    name=NAME,
    about="The name under which a person signs in.",
    category="user.account.username",
    normalize=normalize,
    sources=("RFC 8265, section 3: usernames (letters, digits and a part of its other ASCII characters)",),
    aliases=("username",),
    parts=(prefix(3),),
    indexes=("exact", "prefix_3"),
    masked=masked,
    redactions=("redacted", "first_initial", "masked", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "username",
        "user_name",
        "login",
        "login_name",
        "user_login",
        "screen_name",
        "account_name",
        "benutzername",
        "nom_utilisateur",
        "nombre_usuario",
        "usuario",
    ),
    proves=0.05,
    laws=("GDPR", "CCPA"),
    example="jane.doe",
)
