"""The request for the next page. Every strategy moves on or ends: one that stands still would be asked for ever."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from privet.connectors.rest.draft import Draft
from privet.connectors.rest.template import Filling, spelled
from privet.connectors.rest.words import Paging, Request, at_path
from privet.errors import InvalidInput, Refused

MOST_PAGES = 10_000

# RFC 8288, section 3: `<target>; rel="next"; title="…", <target>; …`
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w!#$&+^`|~*-]+\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\s\",;]+))*)\s*,?\s*")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\",;]+))", re.IGNORECASE)


def first(paging: Paging | None, request: Request, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what placeholders of the pagination stand for on the first page: in a body an offset begins at 0, and a
    cursor is null."""
    if paging is None or not paging.param or request.body is None:
        return {}
    names = {hole.name for hole in request.body.holes}
    if paging.kind == "offset" and paging.param in names:
        return {paging.param: values.get(paging.param, 0)}
    return {}


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. `count`: of records in it, before any filter of ours."""

    value: Any
    headers: Mapping[str, str]
    count: int


def following(
    paging: Paging, request: Request, draft: Draft, page: Page, filling: Filling
) -> tuple[Draft, dict[str, Any]] | None:
    """Return the request for the page after a page, None after the last.

    The draft stays as it is where what changes stands in the body: then the second is what its placeholders stand for.
    Raises InvalidInput where the pages end before the records do.
    """
    if paging.kind == "offset":
        return _by_offset(paging, request, draft, page.count, filling)
    if paging.has_next and spelled(at_path(page.value, paging.has_next)).lower() != "true" and paging.kind == "link":
        return None
    if paging.kind == "link":
        return _by_link(paging, draft, page.value, page.headers)
    return _by_cursor(paging, request, draft, page.value)


def _by_offset(
    paging: Paging, request: Request, draft: Draft, count: int, filling: Filling
) -> tuple[Draft, dict[str, Any]] | None:
    if count == 0:
        return None
    in_query = dict(draft.query).get(paging.param)
    said = in_query if in_query is not None else filling.values.get(paging.param, 0)
    try:
        moved = int(str(said)) + paging.step
    except ValueError:
        raise InvalidInput(f"expected a whole number in `{paging.param}`", at=request.at) from None
    limit = filling.values.get(paging.limit) if isinstance(paging.limit, str) else paging.limit
    if limit is not None and moved > int(str(limit)):
        raise InvalidInput(
            f"the pages reach the `limit` of `{paging.param}` while records still come", at=request.at, hint="raise it"
        )
    if in_query is not None:
        return draft.with_query(paging.param, str(moved)), {}
    return draft, {paging.param: moved}


def _by_link(
    paging: Paging, draft: Draft, answer: Any, headers: Mapping[str, str]
) -> tuple[Draft, dict[str, Any]] | None:
    if paging.source == "headers":
        target = links(headers.get("link", "")).get(paging.rel, "")
    else:
        said = at_path(answer, paging.path)
        target = said if isinstance(said, str) else ""
    # Fides ends at a page without records, even where it names a next one; a page that a filter of the system's own
    # left empty may be followed by others, so only the link decides here.
    if not target:
        return None
    parts = urlsplit(target)
    joined = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not joined.isascii() or not joined.isprintable() or " " in joined or not joined.startswith("/"):
        raise Refused("expected a link to the next page that HTTP can carry")
    if joined.startswith("//") or any(part in (".", "..") for part in parts.path.split("/")):
        raise Refused("expected a link to the next page of the same system")
    moved = replace(draft, path=joined, query=())
    if moved == draft:
        raise InvalidInput("the link to the next page leads to the page itself")
    return moved, {}


def _by_cursor(paging: Paging, request: Request, draft: Draft, answer: Any) -> tuple[Draft, dict[str, Any]] | None:
    found = at_path(answer, request.data_path) if request.data_path else answer
    last = found[-1] if isinstance(found, list) and found else None
    cursor = at_path(last, paging.path)
    if cursor is None:
        cursor = at_path(answer, paging.path)
    if cursor is None or cursor == "" or isinstance(cursor, dict | list):
        return None
    if paging.has_next:
        more = at_path(last, paging.has_next)
        more = at_path(answer, paging.has_next) if more is None else more
        if more is None or spelled(more).lower() != "true":
            return None
    names = {hole.name for hole in request.body.holes} if request.body else set()
    if paging.param in names or "cursor_param" in names:
        return draft, {paging.param: cursor, "cursor_param": cursor}
    said = spelled(cursor)
    moved = draft.with_query(paging.param, said)
    if moved == draft:
        raise InvalidInput("the cursor of the next page is that of the page itself", at=request.at)
    return moved, {}


def links(header: str) -> dict[str, str]:
    """Return the targets of a `Link` header by relation, in lower case. Source: RFC 8288, section 3.

    >>> links('<https://example.com/a?p=2>; rel="next", </a?p=9>; rel=last')
    {'next': 'https://example.com/a?p=2', 'last': '/a?p=9'}
    """
    out: dict[str, str] = {}
    for target, params in _LINK.findall(header[:16_384]):
        found = _REL.search(params)
        for rel in ((found[1] or found[2] or "") if found else "").lower().split():
            out.setdefault(rel, target)
    return out
