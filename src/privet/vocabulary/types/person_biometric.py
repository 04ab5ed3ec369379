"""person.biometric: a fingerprint, voice, iris or face template, held as the reference to its file."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _media as media

NAME = "person.biometric"


def normalize(value: Wire) -> str:
    """Return the JSON text of {mime, name, sha256, size} of an image, a recording or a template."""
    return media.normalize(value, NAME, ("image/", "audio/", "video/", "application/"))


PART = DataType(
    name=NAME,
    about="A fingerprint, voice, iris or face template.",
    category="user.biometric",
    normalize=normalize,
    present=media.present,
    sources=(
        "RFC 6838, section 4.2: media types",
        "ISO/IEC 19794: biometric data interchange formats",
        "45 CFR 164.514(b)(2)(i)(P): biometric identifiers",
        "GDPR art. 9(1)",
    ),
    aliases=("biometric",),
    parts=media.parts(),
    indexes=("hash",),
    redactions=("redacted", "plain_text"),
    ceiling="redacted",
    keep="shreddable",
    token="random",
    shape="uuid",
    pad_bytes=256,
    headers=(
        "biometric",
        "biometric_template",
        "fingerprint",
        "face_template",
        "faceprint",
        "voiceprint",
        "iris",
        "retina",
        "fingerabdruck",
        "empreinte",
        "huella",
    ),
    proves=0.2,
    laws=("GDPR", "GDPR Art. 9", "CPRA sensitive", "HIPAA", "BIPA"),
    example='{"mime":"application/octet-stream","name":"index.wsq","sha256":"' + "ab" * 32 + '","size":90000}',
)
