"""Paths → routes: a tree of segments. A fixed segment wins over a parameter.

Segments are split before they are decoded, so a `%2F` inside a value stays inside it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from privet.app.http.problems import NoRoute, WrongMethod
from privet.errors import MalformedBody
from privet.vocabulary.access import Principal

MOST_REMEMBERED = 256  # paths, of 16 kB at most each
NOBODY = Principal(id="", name="nobody", roles=())  # who calls an open route


@dataclass(slots=True, kw_only=True)
class Incoming:
    """A request that passed the guard. `headers`: lower-case names, each once. `recheck` raises Unauthenticated
    once the credential is revoked. A route that takes bytes finds them in `content`, as they arrive, not in `body`."""

    request: str
    params: Mapping[str, str]
    query: bytes
    headers: Mapping[bytes, bytes]
    principal: Principal | None
    recheck: Callable[[], Principal]
    body: bytes = b""
    content: AsyncGenerator[bytes, None] | None = None


@dataclass(slots=True)
class Reply:
    """What goes back. With `stream` the body is what it yields, and `body` is left out."""

    status: int
    body: bytes = b""
    media: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    stream: AsyncGenerator[bytes, None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path. `max_body_bytes` 0: takes no body. `open`: needs no credential. `takes`: a body of JSON
    is held whole before `run`, and refused where it calls itself something else; a form is held whole; bytes of any
    kind are handed on as they arrive. `streams`: has no length at the start, so HEAD does not apply."""

    name: str
    method: str
    path: str
    run: Callable[[Incoming], Awaitable[Reply]]
    max_body_bytes: int = 0
    open: bool = False
    takes: Literal["json", "form", "bytes"] = "json"
    streams: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters of the path, in order."""
        return path_names(self.path)


def path_names(path: str) -> tuple[str, ...]:
    """Return the parameters of a path, in order.

    >>> path_names("/v1/vaults/{vault}/tables/{table}/records")
    ('vault', 'table')
    """
    return tuple(part[1:-1] for part in path.split("/") if part.startswith("{"))


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class Paths:
    """Every route. Two routes of one method and shape of path are refused."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)
        # Most requests ask for one of few paths: those without the id of a record.
        self.find = lru_cache(MOST_REMEMBERED)(self._find)

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.path.split("/")[1:]:
            if part.startswith("{"):
                node.any = node = node.any or _Node()
            else:
                node = node.fixed.setdefault(part, _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes stand at {route.method} {route.path}")
        node.routes[route.method] = (route, route.names)

    def _find(self, method: str, raw_path: bytes) -> tuple[Route, Mapping[str, str]]:
        """Return (route, parameters). HEAD finds the route of GET. Raises NoRoute, WrongMethod, MalformedBody."""
        wanted = "GET" if method == "HEAD" else method
        parts = _parts(raw_path)
        allowed: set[str] = set()
        for node, values in _ends(self._root, parts, 1, ()):
            found = node.routes.get(wanted)
            if found is not None and not (method == "HEAD" and found[0].streams):
                return found[0], dict(zip(found[1], values, strict=True))
            allowed.update(node.routes)
        if not allowed:
            raise NoRoute("there is no such path", hint="the paths stand in /v1/openapi.json")
        raise WrongMethod(tuple(sorted(allowed)))


def _parts(raw_path: bytes) -> list[str]:
    try:
        text = raw_path.decode("ascii")
        parts = text.split("/")
        if "%" in text:
            parts = [unquote(part, errors="strict") for part in parts]
            text = "".join(parts)
    except UnicodeDecodeError:
        raise MalformedBody("expected a path in UTF-8", at="path") from None
    if not text.isprintable():
        raise MalformedBody("expected a path of printable characters", at="path")
    return parts


def _ends(node: _Node, parts: list[str], at: int, values: tuple[str, ...]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    if at == len(parts):
        if node.routes:
            yield node, values
        return
    part = parts[at]
    fixed = node.fixed.get(part)
    if fixed is not None:
        yield from _ends(fixed, parts, at + 1, values)
    if node.any is not None and part:
        yield from _ends(node.any, parts, at + 1, (*values, part))
