"""file: what is known of a stored file: its name, media type, size and hash. The content is kept elsewhere."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _media as media


def normalize(value: Wire) -> str:
    """Return the JSON text of {mime, name, sha256, size}; takes that text or the object, with exactly those keys."""
    return media.normalize(value, "file")


PART = DataType(
    name="file",
    about="A stored file: name, media type, size and hash.",
    category="user.content.private",
    normalize=normalize,
    present=media.present,
    sources=("RFC 6838, section 4.2: media types", "FIPS 180-4: SHA-256"),
    parts=media.parts(),
    indexes=("hash", "mime"),
    masked=media.masked,
    redactions=("redacted", "masked", "plain_text"),
    token="random",
    pad_bytes=256,
    headers=("file", "attachment", "document", "upload", "datei", "fichier", "archivo"),
    proves=0.9,
    laws=("GDPR",),
    example='{"mime":"application/pdf","name":"letter.pdf","sha256":"' + "ab" * 32 + '","size":2048}',
)
