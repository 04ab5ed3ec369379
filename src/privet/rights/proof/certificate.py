"""What a finished request proves: one document for people and programs, signed, without any value.

    {"certificate": {…}, "note": "privet certificate 1\\nsha256 …\\n\\n— privet/… …\\n"}

The note (C2SP signed-note, Ed25519, the key that signs the audit's checkpoints) holds the SHA-256 of the certificate
as JSON in UTF-8 with sorted keys and no spaces.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from privet import digest
from privet.crypto import merkle
from privet.errors import Damaged

HEAD = "privet certificate 1"
Document = dict[str, Any]


def signed(document: Document, sign: Callable[[str], str]) -> bytes:
    """Return the file of a certificate. `sign`: whole lines → the signed note."""
    file = {"certificate": document, "note": sign(_text(document))}
    return msgspec.json.format(msgspec.json.encode(file, order="sorted"), indent=2) + b"\n"


def verify(file: bytes, verifier: str) -> Document:
    """Return the certificate in a file, proved by the public key `name+id+key`. Raises Damaged, WrongKey."""
    try:
        found = msgspec.json.decode(file, type=dict[str, Any])
        document, note = found["certificate"], found["note"]
        if not isinstance(document, dict) or not isinstance(note, str):
            raise TypeError
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Damaged("expected a certificate: JSON with `certificate` and `note`") from None
    if merkle.open_note(note, verifier) != _text(document):
        raise Damaged("the certificate was changed after it was signed")
    return document


def moment(at_ms: int) -> str:
    """Return UTC milliseconds since 1970 as people write a moment.

    >>> moment(1_800_000_000_000)
    '2027-01-15 08:00:00 UTC'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _text(document: Document) -> str:
    body = msgspec.json.encode(document, order="sorted")
    return f"{HEAD}\nsha256 {digest.sha256(body).hex()}\n"
