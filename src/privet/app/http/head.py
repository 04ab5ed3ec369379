"""The head of a request: how large it may be, and what can be refused by its lines alone."""

from __future__ import annotations

from collections.abc import Mapping

from privet.app.http.problems import HeadersTooLarge, WrongMedia
from privet.app.identity.cookie import session
from privet.errors import MalformedBody, TooLarge, Unauthenticated

MOST_HEADERS = 100
MOST_HEADER_BYTES = 16 << 10
_ONCE = (
    b"authorization",
    b"cookie",
    b"privet-csrf",
    b"content-length",
    b"content-type",
    b"content-encoding",
    b"transfer-encoding",
    b"idempotency-key",
    b"privet-purpose",
)


def credential(headers: Mapping[bytes, bytes], method: str) -> str:
    """Return what the caller proves itself by: an Authorization line, or the cookie of a browser that signed in.

    Raises Unauthenticated, Denied for a change by cookie that another site may have sent.
    """
    if b"authorization" in headers or b"cookie" not in headers:
        return bearer(headers)
    return session(headers, method) or bearer(headers)


def bearer(headers: Mapping[bytes, bytes]) -> str:
    """Return the API key or token of an Authorization line. Raises Unauthenticated."""
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not key or not key.isascii():
        raise Unauthenticated("expected an API key", hint="send `Authorization: Bearer pvt_…`")
    return key.decode("ascii")


def header_lines(lines: list[tuple[bytes, bytes]], target_bytes: int = 0) -> dict[bytes, bytes]:
    """Return the header lines as a mapping. A line that stands twice could be read in two ways, so it is refused.

    `target_bytes`: the length of what was asked for, which counts as part of the head.
    """
    if len(lines) > MOST_HEADERS:
        raise head_too_large()
    found = dict(lines)
    if len(found) == len(lines):
        size = sum(map(len, found)) + sum(map(len, found.values()))
    else:
        size = sum([len(name) + len(value) for name, value in lines])
    if target_bytes + size > MOST_HEADER_BYTES:
        raise head_too_large()
    if len(found) != len(lines):
        names = [name for name, _ in lines]
        if any(names.count(name) > 1 for name in _ONCE):
            raise MalformedBody("expected each header line once")
    return found


def sends_body(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a body follows the head."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def check_body(headers: Mapping[bytes, bytes], most: int, *, json: bool) -> None:
    """Refuse by the header lines alone a body that need not be read.

    `most`: bytes, 0 for a route that takes no body. Raises TooLarge, MalformedBody, WrongMedia.
    """
    length = headers.get(b"content-length")
    if length is not None:
        if not length.isdigit():
            raise MalformedBody("expected `Content-Length` as a number")
        # int() of very long digit strings is slow and refused by Python, so the length counts first.
        if len(length) > 15 or int(length) > most:
            raise too_large(most, json=json)
    elif not most and b"transfer-encoding" in headers:
        raise too_large(most, json=json)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise WrongMedia("expected a body without `Content-Encoding`")
    media = headers.get(b"content-type")
    if json and most and media is not None and media != b"application/json" and not _is_json(media):
        raise WrongMedia("expected a body of `application/json`", hint="send `Content-Type: application/json`")


def _is_json(media: bytes) -> bool:
    kind, _, parameter = media.lower().replace(b" ", b"").partition(b";")
    return kind == b"application/json" and parameter in (b"", b"charset=utf-8")


def head_too_large() -> HeadersTooLarge:
    """Return the error for a head with more lines or bytes than anybody needs."""
    return HeadersTooLarge(f"expected a head of at most {MOST_HEADERS} lines and {MOST_HEADER_BYTES >> 10} kB")


def too_large(most: int, *, json: bool = True) -> TooLarge:
    """Return the error for a body above `most` bytes."""
    if not most:
        return TooLarge("expected no body")
    hint = "send the records in several batches" if json else "set `max_file_bytes` in privet.yaml for larger files"
    return TooLarge(f"expected a body of at most {most} bytes", hint=hint)
