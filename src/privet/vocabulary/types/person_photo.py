"""person.photo: a picture of a person, held as the reference to its file."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _media as media

NAME = "person.photo"


def normalize(value: Wire) -> str:
    """Return the JSON text of {mime, name, sha256, size} of an image. Whether it shows a face is not asked."""
    return media.normalize(value, NAME, ("image/",))


PART = DataType(
    name=NAME,
    about="A picture of a person.",
    category="user.content.self_image",
    normalize=normalize,
    present=media.present,
    sources=(
        "RFC 6838, section 4.2: media types",
        "FIPS 180-4: SHA-256",
        "45 CFR 164.514(b)(2)(i)(Q): full-face photographs",
    ),
    aliases=("photo",),
    parts=media.parts(),
    indexes=("hash",),
    redactions=("redacted", "plain_text"),
    keep="shreddable",
    token="random",
    shape="uuid",
    pad_bytes=256,
    headers=("photo", "picture", "avatar", "profile_picture", "headshot", "selfie", "portrait", "foto", "image_profil"),
    proves=0.3,
    laws=("GDPR", "HIPAA", "CCPA"),
    example='{"mime":"image/jpeg","name":"portrait.jpg","sha256":"' + "ab" * 32 + '","size":90000}',
)
