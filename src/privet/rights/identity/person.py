"""The handle of a person: what rows hold in place of an identity. No I/O."""

from __future__ import annotations

from privet import digest
from privet.secret import Secret
from privet.vocabulary.types.contact_email import normalize

EMAIL = "email"


def derived(secret: Secret[bytes]) -> Secret[bytes]:
    """Return the key of handles. `secret`: key material of the house that is never changed."""
    return Secret(digest.mac(secret.reveal(), b"privet person handle 1"))


def canonical(kind: str, value: str) -> str:
    """Return an identity in the one form that it is compared in. Raises InvalidValue for an address that is none.

    >>> canonical("email", " Ada@Example.COM ")
    'Ada@example.com'
    """
    return normalize(value) if kind == EMAIL else value.strip()


def handle(key: Secret[bytes], kind: str, value: str) -> bytes:
    """Return 32 bytes that stand for an identity, and that nobody without the key makes or turns back.

    Raises InvalidValue for an address that is none.
    """
    said = canonical(kind, value)
    return digest.mac(key.reveal(), digest.canonical((b"person", kind.encode(), said.encode())))


def mailbox(key: Secret[bytes], address: str) -> bytes:
    """Return 32 bytes that stand for where the mail to a canonical address goes, which limits count.

    Most servers take names without regard to case, to what follows a plus, some to points: else whoever writes one
    address in a thousand ways has a thousand codes sent there. Two people who share one share a limit, nothing more.
    """
    local, _, domain = address.rpartition("@")
    name = (local.partition("+")[0] or local).replace(".", "").casefold()
    return digest.mac(key.reveal(), digest.canonical((b"mailbox", f"{name}@{domain}".encode())))
