"""Reference to a stored file whose content nobody but its owner should see. The content is kept elsewhere."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _media as media

_NAME = "secret.file"


def normalize(value: Wire) -> str:
    """Return the JSON text of {mime, name, sha256, size}; takes that text or the object, with exactly those keys."""
    return media.normalize(value, _NAME)


PART = DataType(
    name=_NAME,
    about="Confidential file",
    category="user.content.private",
    normalize=normalize,
    present=media.present,
    sources=("RFC 6838, section 4.2 (media types)", "FIPS 180-4 (SHA-256)"),
    aliases=("confidential_file",),
    parts=media.parts(),
    indexes=("hash",),
    # Name, size and hash each may tell which document it is.
    redactions=("redacted", "plain_text"),
    ceiling="plain_text",
    token="random",
    shape="uuid",
    pad_bytes=256,
    headers=(
        "confidential_file",
        "secret_file",
        "private_file",
        "attachment",
        "scan",
        "document_file",
        "archivo_privado",
        "fichier_prive",
        "datei_vertraulich",
    ),
    proves=0.3,
    laws=("GDPR", "HIPAA", "CPRA sensitive"),
    example='{"mime":"application/pdf","name":"contract.pdf","sha256":"' + "0f" * 32 + '","size":48213}',
)
