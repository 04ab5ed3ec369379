"""What the first bytes of a file say of its kind."""

from __future__ import annotations

import pytest
from letters import PDF, PNG

from privet.vault.blobs import media


@pytest.mark.parametrize(
    ("mime", "head", "refused"),
    [
        ("application/pdf", PDF, False),
        ("application/pdf", b"hello", True),
        ("image/png", PNG, False),
        ("image/png", b"<html>", True),
        ("image/jpeg", b"\xff\xd8\xff\xe0", False),
        ("image/jpeg", PNG, True),
        ("image/gif", b"GIF89a", False),
        ("image/webp", b"RIFF\0\0\0\0WEBP", False),
        ("image/webp", b"RIFF\0\0\0\0WAVE", True),
        ("image/tiff", b"II*\0", False),
        ("image/tiff", b"MM\0*", False),
        ("application/zip", b"PK\x03\x04", False),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04", False),
        ("application/pdf", b"PK\x03\x04", True),
        ("video/mp4", b"\0\0\0\x18ftypmp42", False),
        ("image/heic", b"\0\0\0\x18ftypheic", False),
        ("video/mp4", PDF, True),
        ("text/plain", b"hello", False),
        ("text/plain", b"\x7fELF", True),
        ("text/csv", b"", False),
        ("image/png", b"", True),
        ("application/octet-stream", PDF, False),
        ("application/vnd.example", b"anything", False),
        ("audio/mpeg", b"\xff\xfb\x90", False),
    ],
)
def test_a_claim_that_the_first_bytes_contradict_is_refused(mime: str, head: bytes, refused: bool) -> None:
    assert media.contradicts(mime, head) is refused
