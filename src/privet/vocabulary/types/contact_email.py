"""contact.email: an e-mail address. Whether mail can be delivered to it is not asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._bulk import in_bulk
from privet.vocabulary.types._text import fold, prefix, raw

NAME = "contact.email"

# Plain ASCII addresses, which need no library: a dot-atom (RFC 5322, section 3.2.3) of at most 64 octets (RFC 5321,
# section 4.5.3.1.1), labels of letters, digits and inner hyphens of at most 63 (RFC 1035, section 2.3.4), a top
# level that ends with a letter, and no label with hyphens third and fourth, which IDNA reserves (RFC 5890, 2.3.1).
_LOCAL_FORM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+)*"
_PLAIN = re.compile(
    rf"(?=.{{1,64}}@)({_LOCAL_FORM})"
    r"@((?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+"
    r"(?!..--)(?:[A-Za-z0-9][A-Za-z0-9\-]{0,61})?[A-Za-z])"
)
_LOCAL = re.compile(rf"(?=.{{1,64}}\Z){_LOCAL_FORM}")
_LONGEST = 254
# The library decides about reserved names (RFC 6761, RFC 7686) and mailboxes whose case does not matter (RFC 2142).
_RESERVED = (".arpa", ".invalid", ".local", ".localhost", ".onion", ".test")
_ROLE_NAMES = "info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp"
_ROLES = frozenset(_ROLE_NAMES.split())


def normalize(value: Wire) -> str:
    """Return the address with its domain in lower case and in ASCII (`xn--`); the local part keeps its case.

    Refuses quoted local parts, address literals, display names, domains without a point and reserved top levels.
    """
    text = raw(value, NAME).strip()
    match = _PLAIN.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        return _by_library(text)
    local, domain = match[1], match[2].lower()
    if domain.endswith(_RESERVED) or (len(local) < 11 and local.lower() in _ROLES):
        return _by_library(text)
    return f"{local}@{domain}"


def _accept(texts: Sequence[str]) -> list[str]:
    """Return plain addresses as `normalize` does, "" for each other. Each domain is looked at once."""
    domains: dict[str, str] = {}
    out = []
    for text in texts:
        local, _, domain = text.partition("@")
        lower = domains.get(domain)
        if lower is None:
            lower = domains[domain] = _plain_domain(domain)
        plain = lower and _LOCAL.fullmatch(local) and len(text) <= _LONGEST
        role = len(local) < 11 and local.lower() in _ROLES
        out.append(f"{local}@{lower}" if plain and not role else "")
    return out


def _plain_domain(domain: str) -> str:
    match = _PLAIN.fullmatch(f"a@{domain}")
    lower = match[2].lower() if match else ""
    return "" if lower.endswith(_RESERVED) else lower


def _by_library(text: str) -> str:
    if not text or len(text) > 4 * _LONGEST:
        raise InvalidValue("expected an address of 3 to 254 octets", type_name=NAME)
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError:
        # The library's message quotes the address.
        raise InvalidValue("expected local@domain as RFC 5321 and RFC 6531 write it", type_name=NAME) from None
    return f"{found.local_part}@{found.ascii_domain}"


def masked(text: str) -> str:
    """Return `j***@acme.com`."""
    local, _, domain = text.rpartition("@")
    return f"{local[0] if len(local) > 1 else ''}***@{domain}"


def _fix_domain(literal: str) -> str:
    return normalize(f"a@{literal.strip().removeprefix('@')}")[2:]


PART = DataType(
    name=NAME,
    about="An e-mail address.",
    category="user.contact.email",
    normalize=normalize,
    normalize_all=in_bulk(_accept, normalize),
    sources=(
        "RFC 5321, sections 4.1.2 and 4.5.3.1",
        "RFC 5322, section 3.4.1",
        "RFC 6531, section 3.3",
        "RFC 5891 (IDNA 2008)",
        "RFC 2142",
    ),
    aliases=("email",),
    parts=(
        Part(name="local", about="What stands before the @.", of=lambda text: text.rpartition("@")[0]),
        Part(name="domain", about="What stands after the @.", of=lambda text: text.rpartition("@")[2], fix=_fix_domain),
        Part(
            name="tld",
            about="The last label of the domain.",
            of=lambda text: text.rpartition(".")[2],
            fix=lambda literal: literal.removeprefix(".").lower(),
            few=True,
        ),
        prefix(3),
        Part(
            name="folded",
            about="The address without regard to case, as most mailboxes take it.",
            of=fold,
            fix=lambda literal: fold(normalize(literal)),
        ),
    ),
    indexes=("exact", "domain", "prefix_3", "folded"),
    masked=masked,
    redactions=("redacted", "first_initial", "domain", "masked", "plain_text"),
    keep="shreddable",
    shape="email",
    pad_bytes=32,
    headers=(
        "email",
        "email_address",
        "e_mail",
        "mail",
        "mail_address",
        "emailaddress",
        "contact_email",
        "work_email",
        "correo",
        "correo_electronico",
        "courriel",
        "adresse_mail",
        "e_mail_adresse",
    ),
    proves=0.95,
    laws=("GDPR", "CCPA", "HIPAA", "CAN-SPAM"),
    example="jane.doe@example.com",
)
