"""What the parts of requests say in a file: headers, bodies, rates, pagination, post-processors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from privet.codec import Node
from privet.connectors.rest.nodes import Faults, Found, near
from privet.connectors.rest.template import Body, body, text
from privet.connectors.rest.words import PERIODS, Paging, Pair, Rate, Signs, Step
from privet.errors import InvalidInput

_PAGINGS: dict[str, tuple[str, ...]] = {
    "offset": ("incremental_param", "increment_by", "limit"),
    "link": ("source", "rel", "path", "has_next"),
    "cursor": ("cursor_param", "field", "has_next"),
}
_STEPS: dict[str, tuple[str, ...]] = {
    "unwrap": ("data_path",),
    "filter": ("field", "value", "exact", "case_sensitive"),
    "extract_for_execution_log": ("path",),
}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110, section 5.6.2
# Ours to say, or a way to make an answer look like another.
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect"})


def pairs(faults: Faults, found: Found, key: str) -> tuple[Pair, ...]:
    made = []
    for node in faults.each(found, key):
        said = faults.mapping(node, ("name", "value"), ("name",))
        name = faults.text(said, "name")
        if key == "headers" and (not _HEADER.fullmatch(name) or name.lower() in _RESERVED):
            faults.tell(node, "expected the name of a header, of those that a file may set")
        made.append(Pair(name, text(faults.scalar(said, "value"))))
    return tuple(made)


def json_body(faults: Faults, node: Node, said: str) -> Body | None:
    try:
        return body(said)
    except InvalidInput as error:
        faults.tell(node, "expected JSON with placeholders", error.message)
        return None


def rates(faults: Faults, found: Found, key: str) -> tuple[Rate, ...]:
    node = found.get(key)
    if node is None:
        return ()
    said = faults.mapping(node, ("enabled", "limits"))
    made = []
    for item in faults.each(said, "limits"):
        limit = faults.mapping(item, ("rate", "period", "custom_key"), ("rate", "period"))
        count, period = faults.number(limit, "rate", 1), faults.word(limit, "period", tuple(PERIODS))
        if count and period:
            made.append(Rate(count, PERIODS[period]))
    return tuple(made) if faults.flag(said, "enabled", default=True) else ()


def signs(faults: Faults, found: Found) -> Signs | None:
    if "error_path" not in found:
        return None
    given = {name: frozenset(faults.texts(found, name)) for name in ("absent", "expired", "limited") if name in found}
    return Signs(path=faults.path(found, "error_path"), **given)


def strategy(faults: Faults, node: Node, known: dict[str, tuple[str, ...]]) -> tuple[str, Found, Node]:
    """Return name and settings of a strategy, "" for one that is not known."""
    said = faults.mapping(node, ("strategy", "configuration"), ("strategy",))
    name = faults.text(said, "strategy")
    if name not in known:
        if name:
            listed = ", ".join(f"`{word}`" for word in known)
            faults.tell(said["strategy"], f"expected one of the strategies {listed}", near(name, known))
        return "", {}, node
    inner = said.get("configuration", Node({}, node.place))
    return name, faults.mapping(inner, known[name]), inner


def paging(faults: Faults, terms: frozenset[str], found: Found) -> Paging | None:
    if "pagination" not in found:
        return None
    name, said, node = strategy(faults, found["pagination"], _PAGINGS)
    if name == "offset":
        return _offset(faults, terms, found, said, node)
    if name == "link":
        return _link(faults, said, node)
    if name == "cursor":
        for key in ("cursor_param", "field"):
            if key not in said:
                faults.tell(node, f"expected the key `{key}`")
        return Paging(
            kind="cursor",
            param=faults.text(said, "cursor_param"),
            path=faults.path(said, "field"),
            has_next=faults.path(said, "has_next"),
        )
    return None


def _link(faults: Faults, said: Found, node: Node) -> Paging:
    source = faults.word(said, "source", ("headers", "body"), "body")
    wanted = "rel" if source == "headers" else "path"
    if wanted not in said:
        faults.tell(node, f"expected the key `{wanted}`")
    return Paging(
        kind="link",
        source="headers" if source == "headers" else "body",
        rel=faults.text(said, "rel").lower(),
        path=faults.path(said, "path"),
        has_next=faults.path(said, "has_next"),
    )


def _offset(faults: Faults, terms: frozenset[str], found: Found, said: Found, node: Node) -> Paging:
    param, step = faults.text(said, "incremental_param"), faults.number(said, "increment_by", 1)
    for key in ("incremental_param", "increment_by"):
        if key not in said:
            faults.tell(node, f"expected the key `{key}`")
    in_query = any(pair.name == param for pair in pairs(faults, found, "query_params"))
    if param and not in_query and f"<{param}>" not in faults.text(found, "body"):
        faults.tell(node, f"expected `{param}` among `query_params`: pages begin where it says")
    limit: int | str | None = None
    if "limit" in said and isinstance(said["limit"].value, dict):
        term = faults.text(faults.mapping(said["limit"], ("connector_param",)), "connector_param")
        if term not in terms:
            faults.tell(said["limit"], "expected a name of `connector_params`", near(term, terms))
        limit = term
    else:
        limit = faults.number(said, "limit")
    return Paging(kind="offset", param=param, step=step or 1, limit=limit)


def steps(faults: Faults, found: Found) -> Iterable[Step]:
    for node in faults.each(found, "postprocessors"):
        name, said, inner = strategy(faults, node, _STEPS)
        if name == "unwrap":
            yield Step(kind="unwrap", path=faults.path(said, "data_path"))
        elif name == "filter":
            yield _filter(faults, said, inner)
        elif name:
            faults.note(node, f"`{name}` is passed over: answers of others do not go into logs")


def _filter(faults: Faults, said: Found, node: Node) -> Step:
    for key in ("field", "value"):
        if key not in said:
            faults.tell(node, f"expected the key `{key}`")
    identity = value = ""
    if "value" in said and isinstance(said["value"].value, dict):
        inner = faults.mapping(said["value"], ("identity",), ("identity",))
        identity = faults.text(inner, "identity")
    else:
        value = faults.scalar(said, "value")
    return Step(
        kind="filter",
        path=faults.path(said, "field"),
        value=value,
        identity=identity,
        exact=faults.flag(said, "exact", default=True),
        case_sensitive=faults.flag(said, "case_sensitive", default=True),
    )
