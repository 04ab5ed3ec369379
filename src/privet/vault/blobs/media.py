"""What the first bytes of a file say of its kind. Reads no further than `HEAD_BYTES`, and opens nothing."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 512
ANYTHING = "application/octet-stream"  # claims nothing (RFC 2046, section 4.5.1), so nothing contradicts it


@dataclass(frozen=True, slots=True)
class _Kind:
    """A signature at a place, and the media types that files with it may claim. `sure`: a file that claims one of
    these types must carry a signature of it."""

    at: int
    signature: bytes
    types: tuple[str, ...]
    sure: bool = True


_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_ZIPPED = (
    "application/zip",
    f"{_OFFICE}wordprocessingml.document",
    f"{_OFFICE}spreadsheetml.sheet",
    f"{_OFFICE}presentationml.presentation",
    f"{_OPEN}text",
    f"{_OPEN}spreadsheet",
    f"{_OPEN}presentation",
    "application/epub+zip",
    "application/java-archive",
    "application/vnd.android.package-archive",
)
_COMPOUND = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/x-msi")
_BOXED = ("video/mp4", "audio/mp4", "video/quicktime", "image/heic", "image/heif", "image/avif", "video/3gpp")

# Signatures as the formats' own specifications give them: ISO 32000-2 (PDF), RFC 2083 (PNG), ITU-T T.81 (JPEG), GIF
# 89a, TIFF 6.0, RFC 9649 (WebP), APPNOTE 6.3 (ZIP), ISO/IEC 14496-12 (boxes), RFC 8794 (EBML), RFC 3533
# (Ogg), RFC 9639 (FLAC), RFC 1952 (gzip), MS-CFB (compound files) and ELF.
# ID3 and bare MPEG frames both begin MP3 files, so `audio/mpeg` is not sure.
_KINDS = (
    _Kind(0, b"%PDF-", ("application/pdf",)),
    _Kind(0, b"\x89PNG\r\n\x1a\n", ("image/png", "image/apng")),
    _Kind(0, b"\xff\xd8\xff", ("image/jpeg",)),
    _Kind(0, b"GIF87a", ("image/gif",)),
    _Kind(0, b"GIF89a", ("image/gif",)),
    _Kind(8, b"WEBP", ("image/webp",)),
    _Kind(0, b"II*\x00", ("image/tiff",)),
    _Kind(0, b"MM\x00*", ("image/tiff",)),
    _Kind(0, b"PK\x03\x04", _ZIPPED),
    _Kind(0, b"PK\x05\x06", ("application/zip",)),
    _Kind(4, b"ftyp", _BOXED),
    _Kind(4, b"moov", ("video/quicktime",)),
    _Kind(0, b"\x1aE\xdf\xa3", ("video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska")),
    _Kind(0, b"OggS", ("audio/ogg", "video/ogg", "application/ogg")),
    _Kind(0, b"fLaC", ("audio/flac",)),
    _Kind(0, b"ID3", ("audio/mpeg", "audio/flac", "audio/aac"), sure=False),
    _Kind(8, b"WAVE", ("audio/wav", "audio/x-wav", "audio/vnd.wave")),
    _Kind(8, b"AVI ", ("video/x-msvideo", "video/avi")),
    _Kind(0, b"\x1f\x8b\x08", ("application/gzip", "application/x-gzip")),
    _Kind(0, b"7z\xbc\xaf\x27\x1c", ("application/x-7z-compressed",)),
    _Kind(0, b"Rar!\x1a\x07", ("application/vnd.rar", "application/x-rar-compressed")),
    _Kind(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _COMPOUND),
    _Kind(0, b"\x7fELF", ("application/x-executable", "application/x-sharedlib"), sure=False),
    _Kind(0, b"{\\rtf", ("application/rtf", "text/rtf")),
)
_SURE = frozenset(name for kind in _KINDS if kind.sure for name in kind.types)


def contradicts(mime: str, head: bytes) -> bool:
    """Return whether a file that begins with `head` cannot be of the media type that it claims.

    `head`: the first HEAD_BYTES of the file, or all of a shorter one.

    >>> contradicts("image/png", b"%PDF-2.0"), contradicts("application/pdf", b"%PDF-2.0")
    (True, False)
    """
    if mime == ANYTHING:
        return False
    found = [kind for kind in _KINDS if head[kind.at : kind.at + len(kind.signature)] == kind.signature]
    if not found:
        return mime in _SURE
    return not any(mime in kind.types for kind in found)
