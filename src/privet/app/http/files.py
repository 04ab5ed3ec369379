"""Routes of files: bytes in and out, where every other route speaks JSON.

What is said of a file stands in header lines, as `Transfer` says. Neither way is more than a few pieces held at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from urllib.parse import quote, unquote_to_bytes

from privet import codec
from privet.app.http.paths import Incoming, Reply, Route
from privet.app.services import files
from privet.app.services.verb import Caller
from privet.app.wiring import House
from privet.errors import InvalidInput
from privet.vault.blobs.files import Download
from privet.vault.blobs.media import ANYTHING

NAME, KIND, HASH, REPLACE = b"privet-file-name", b"privet-file-type", b"privet-file-sha256", b"privet-file-replace"
_FLAGS = {b"true": True, b"false": False}


def file_routes(house: House, caller: Callable[[Incoming], Caller]) -> list[Route]:
    """Return the two routes. `caller`: who stands behind a request, for what."""

    async def put(incoming: Incoming) -> Reply:
        said = incoming.headers
        ask = files.PutAsk(
            **_place(incoming),
            name=_name(said.get(NAME)),
            mime=_text(said.get(KIND, ANYTHING.encode()), "Privet-File-Type"),
            sha256=_text(said.get(HASH, b""), "Privet-File-Sha256"),
            size=_size(said),
            replace=_flag(said.get(REPLACE, b"true")),
        )
        assert incoming.content is not None  # the guard gives it to every route that takes bytes
        async with aclosing(incoming.content) as content:
            return Reply(200, codec.encode(await files.put(house, caller(incoming), ask, content)))

    async def get(incoming: Incoming) -> Reply:
        found = await files.get(house, caller(incoming), files.GetAsk(**_place(incoming)))
        stored = found.stored
        lines = (
            (b"content-length", b"%d" % stored.size),
            # Shown as a download only: whatever it holds never runs as a page of ours. RFC 6266, RFC 8187.
            (b"content-disposition", f"attachment; filename*=UTF-8''{quote(stored.name, safe='')}".encode()),
            (HASH, stored.sha256.encode()),
        )
        return Reply(200, media=stored.mime.encode(), headers=lines, stream=_checked(incoming, found))

    most = house.settings.max_file_bytes
    return [
        Route(name=files.PUT.name, method="PUT", path=files.PATH, run=put, max_body_bytes=most, takes="bytes"),
        Route(name=files.GET.name, method="GET", path=files.PATH, run=get, streams=True),
    ]


def _place(incoming: Incoming) -> dict[str, str]:
    if incoming.query:
        raise InvalidInput("expected no query", at="query")
    return dict(incoming.params)


def _name(line: bytes | None) -> str:
    """Return a file's name, which travels percent-encoded as in RFC 8187, section 3.2.1."""
    if not line:
        raise InvalidInput("expected a file name, percent-encoded in UTF-8", at="Privet-File-Name")
    try:
        return unquote_to_bytes(line).decode()
    except UnicodeDecodeError:
        raise InvalidInput("expected a file name, percent-encoded in UTF-8", at="Privet-File-Name") from None


def _text(line: bytes, name: str) -> str:
    try:
        return line.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidInput("expected ASCII", at=name) from None


def _size(said: Mapping[bytes, bytes]) -> int | None:
    if b"transfer-encoding" in said:
        return None
    return int(said.get(b"content-length", b"0"))  # the guard saw that it is a number


def _flag(line: bytes) -> bool:
    found = _FLAGS.get(line.lower())
    if found is None:
        raise InvalidInput("expected `true` or `false`", at="Privet-File-Replace")
    return found


async def _checked(incoming: Incoming, found: Download) -> AsyncGenerator[bytes, None]:
    """Yield a file as long as the caller's credential holds."""
    async with aclosing(found.content) as content:
        async for piece in content:
            # A revoked key ends what is under way, too.
            incoming.recheck()
            yield piece
