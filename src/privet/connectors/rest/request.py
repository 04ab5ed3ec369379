"""Requests of a connector's file, with their strategies: authentication, pagination, post-processors, rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from privet.codec import Node
from privet.connectors.rest import strategy as strategies
from privet.connectors.rest.dataset import link
from privet.connectors.rest.nodes import Faults, Found, near
from privet.connectors.rest.template import MEMBERS, Body, Hole, Text, text
from privet.connectors.rest.words import (
    METHODS,
    SPECIALS,
    Auth,
    Client,
    Method,
    Paging,
    Param,
    Request,
)
from privet.vocabulary.dataset import Link

_REQUEST = (
    "request_override",
    "path",
    "method",
    "headers",
    "query_params",
    "body",
    "param_values",
    "client_config",
    "data_path",
    "postprocessors",
    "pagination",
    "grouped_inputs",
    "ignore_errors",
    "rate_limit_config",
    "async_config",
    "skip_missing_param_values",
    "output",
    "error_path",
    "absent",
    "expired",
    "limited",
)
_CLIENT = (
    "protocol",
    "host",
    "authentication",
    "rate_limit_config",
    "error_path",
    "absent",
    "expired",
    "limited",
)
_PARAM = (
    "name",
    "identity",
    "references",
    "connector_param",
    "unpack",
    "escape",
)
_OAUTH = (
    "expires_in",
    "token_request",
    "refresh_request",
    "authorization_request",
)
_STRATEGIES: dict[str, tuple[str, ...]] = {
    "api_key": ("headers", "query_params", "body"),
    "basic": ("username", "password"),
    "bearer": ("token",),
    "query_param": ("name", "value"),
    "oauth2_client_credentials": _OAUTH,
    "oauth2_authorization_code": _OAUTH,
}
_MEDIA = ("application/json", "application/x-www-form-urlencoded", "text/plain")
# What OAuth2 requests may name beside connector params.
_TOKENS = frozenset(
    {"code", "state", "redirect_uri", "refresh_token", "access_token", "client_id", "client_secret", "scope"}
)

Scope = Literal["params", "terms", "tokens"]
"""What placeholders may name: the request's own params, connector params, or those and what OAuth2 has."""


class Requests:
    """Reads the requests of one file. `key`: its fides_key. `terms`: names of connector params."""

    def __init__(self, faults: Faults, key: str, terms: frozenset[str], external: frozenset[str]) -> None:
        self.faults = faults
        self.key = key
        self.terms = terms
        self.external = external

    def no_text(self) -> Text:
        return Text(())

    def optional(self, found: Found, key: str, *, scope: Scope = "params") -> Request | None:
        return self.request(found[key], scope=scope) if key in found else None

    def request(self, node: Node, *, endpoint: str = "", verb: str = "", scope: Scope = "params") -> Request | None:
        """Return a request, None after a fault that leaves nothing of it."""
        faults = self.faults
        found = faults.mapping(node, _REQUEST)
        if not found or self._foreign(found):
            return None
        if "path" not in found and not (verb == "read" and "output" in found):
            faults.tell(node, "expected the key `path`")
        if "path" in found and "method" not in found:
            faults.tell(node, "expected the key `method`")
        params = tuple(self.params(found))
        method: Method = next((m for m in METHODS if m == faults.text(found, "method").upper()), "GET")
        if "method" in found:
            faults.word({"method": Node(method if _is_method(found["method"]) else "?", node.place)}, "method", METHODS)
        headers = strategies.pairs(self.faults, found, "headers")
        media = next((_said(pair.value) for pair in headers if pair.name.lower() == "content-type"), "")
        paging = strategies.paging(self.faults, self.terms, found)
        made, raw = self.body(found, media, paging)
        made_request = Request(
            method=method,
            path=self.path(found),
            headers=headers,
            query=strategies.pairs(self.faults, found, "query_params"),
            body=made,
            raw=raw,
            media=media,
            params=params,
            client=self.client(found["client_config"]) if "client_config" in found else None,
            data_path=faults.path(found, "data_path"),
            steps=tuple(strategies.steps(self.faults, found)) if verb in ("read", "") else (),
            paging=paging,
            grouped=self.grouped(found, params),
            ignore=self.ignored(found),
            skip_missing=faults.flag(found, "skip_missing_param_values"),
            rates=strategies.rates(self.faults, found, "rate_limit_config") if "rate_limit_config" in found else None,
            output=self.output(found),
            signs=strategies.signs(self.faults, found),
            at=str(node.place),
        )
        if verb in ("update", "delete") and "postprocessors" in found:
            faults.note(found["postprocessors"], f"`postprocessors` of `{verb}` are not carried out")
        self.check(node, found, made_request, scope, verb)
        return made_request

    def _foreign(self, found: Found) -> bool:
        """Tell of what only the program that the format comes from could carry out."""
        reasons = {
            "request_override": "code of Fides, which is not run here",
            "async_config": "an exchange that calls back, which is not offered",
        }
        for name, reason in reasons.items():
            if name in found:
                self.faults.tell(found[name], f"`{name}` names {reason}", "say the request by `method` and `path`")
        return any(name in found for name in reasons)

    # --- what placeholders may name --------------------------------------------------------------------------------

    def check(self, node: Node, found: Found, request: Request, scope: Scope, verb: str) -> None:
        """Tell of placeholders that name nothing."""
        known = {param.name for param in request.params} | SPECIALS
        if scope != "params":
            known |= self.terms | self.external
        if scope == "tokens":
            known |= _TOKENS
        if verb in ("update", "delete", ""):
            known |= MEMBERS
        if request.paging is not None and request.paging.param:
            known |= {request.paging.param, "cursor_param"}
        places: list[tuple[str, Iterable[Hole]]] = [
            ("path", request.path.holes if request.path else ()),
            ("headers", (hole for pair in request.headers for hole in pair.value.holes)),
            ("query_params", (hole for pair in request.query for hole in pair.value.holes)),
            ("body", request.body.holes if request.body else request.raw.holes if request.raw else ()),
        ]
        for key, holes in places:
            for hole in holes:
                first = hole.name.partition(".")[0]
                if hole.name not in known and first not in known:
                    message = f"`<{hole.name}>` in `{key}` is none of `param_values`"
                    self.faults.tell(found.get(key, node), message, near(hole.name, known))

    # --- parts ------------------------------------------------------------------------------------------------------

    def path(self, found: Found) -> Text | None:
        if "path" not in found:
            return None
        said = self.faults.text(found, "path")
        made = text(said)
        fixed = "".join(part for part in made.parts if isinstance(part, str))
        if not said.startswith(("/", "<")) or said.startswith("//") or "#" in fixed or "\\" in fixed:
            self.faults.tell(found["path"], "expected a path that begins with one `/`")
        elif not fixed.isascii() or not fixed.isprintable() or " " in fixed:
            self.faults.tell(found["path"], "expected a path of printable ASCII without blanks")
        elif any(part in (".", "..") for part in fixed.partition("?")[0].split("/")):
            self.faults.tell(found["path"], "expected a path without `.` and `..`")
        return made

    def body(self, found: Found, media: str, paging: Paging | None) -> tuple[Body | None, Text | None]:
        """Return a JSON body, or a text. A cursor in it may be missing: the first page has none."""
        if "body" not in found:
            return None, None
        kind = media.partition(";")[0].strip().lower()
        if kind and kind not in _MEDIA:
            self.faults.tell(found["body"], f"expected a body of one of {', '.join(f'`{m}`' for m in _MEDIA)}")
            return None, None
        said = self.faults.text(found, "body")
        if kind == "text/plain":
            return None, text(said)
        if paging is not None and paging.kind == "cursor":
            for name in (paging.param, "cursor_param"):
                said = said.replace(f"<{name}>", f"<{name}?>")
        return strategies.json_body(self.faults, found["body"], said), None

    def output(self, found: Found) -> Body | None:
        return (
            strategies.json_body(self.faults, found["output"], self.faults.text(found, "output"))
            if "output" in found
            else None
        )

    def params(self, found: Found) -> Iterable[Param]:
        seen: set[str] = set()
        for node in self.faults.each(found, "param_values"):
            said = self.faults.mapping(node, _PARAM, ("name",), strict=False)
            name = self.faults.text(said, "name")
            if name in seen:
                self.faults.tell(node, f"param `{name}` stands twice")
            seen.add(name)
            ways = [key for key in ("identity", "references", "connector_param") if key in said]
            if len(ways) != 1:
                self.faults.tell(node, "expected one of `identity`, `references` and `connector_param`")
            term = self.faults.text(said, "connector_param")
            if term and term not in self.terms:
                self.faults.tell(
                    said["connector_param"], f"`{term}` is none of `connector_params`", near(term, self.terms)
                )
            escape = self.faults.word(said, "escape", ("backslash",))
            yield Param(
                name=name,
                identity=self.faults.text(said, "identity"),
                references=tuple(self.references(said)),
                connector_param=term,
                escape=escape == "backslash",
            )

    def references(self, said: Found) -> Iterable[Link | str]:
        for node in self.faults.each(said, "references"):
            if isinstance(node.value, str):
                if node.value not in self.external:
                    hint = near(node.value, self.external)
                    self.faults.tell(node, "expected a mapping, or a name of `external_references`", hint)
                yield node.value
                continue
            made = link(self.faults, node)
            if made is not None and made.direction == "to":
                self.faults.tell(node, "expected the direction `from`: a request is asked by what others give")
            elif made is not None:
                yield Link(made.dataset, made.field, "from")

    def grouped(self, found: Found, params: tuple[Param, ...]) -> tuple[str, ...]:
        names = self.faults.texts(found, "grouped_inputs")
        if not names:
            return ()
        known = {param.name: param for param in params}
        collections = set()
        for name in names:
            param = known.get(name)
            if param is None or not (param.references or param.identity):
                message = f"grouped input `{name}` is no param with references or an identity"
                self.faults.tell(found["grouped_inputs"], message, near(name, known))
            elif param.references and isinstance(param.references[0], Link):
                where = param.references[0]
                collections.add((where.dataset, where.field.partition(".")[0]))
        if len(collections) > 1:
            self.faults.tell(found["grouped_inputs"], "expected grouped inputs to refer to one collection")
        return names

    def ignored(self, found: Found) -> frozenset[int] | None:
        """Return the statuses that count as nothing there; None for every one."""
        node = found.get("ignore_errors")
        if node is None or not isinstance(node.value, list):
            return None if self.faults.flag(found, "ignore_errors") else frozenset()
        made = {item.value for item in node.value if isinstance(item.value, int)}
        return frozenset(status for status in made if isinstance(status, int))

    # --- strategies -------------------------------------------------------------------------------------------------

    def client(self, node: Node) -> Client | None:
        faults = self.faults
        found = faults.mapping(node, _CLIENT, ("protocol", "host"), strict=False)
        if "host" not in found:
            return None
        host = text(faults.text(found, "host"))
        for hole in host.holes:
            if hole.name not in self.terms:
                faults.tell(
                    found["host"], f"`<{hole.name}>` is none of `connector_params`", near(hole.name, self.terms)
                )
        protocol = faults.word(found, "protocol", ("https", "http"), "https")
        return Client(
            protocol="http" if protocol == "http" else "https",
            host=host,
            auth=self.auth(found["authentication"]) if "authentication" in found else None,
            rates=strategies.rates(self.faults, found, "rate_limit_config"),
            signs=strategies.signs(self.faults, found),
        )

    def auth(self, node: Node) -> Auth | None:
        name, found, inner = strategies.strategy(self.faults, node, _STRATEGIES)
        if not name:
            return None
        required = {"basic": ("username",), "bearer": ("token",), "query_param": ("name", "value")}.get(name, ())
        for key in required:
            if key not in found:
                self.faults.tell(inner, f"expected the key `{key}`")
        if name == "api_key" and not found:
            self.faults.tell(inner, "expected one of `headers`, `query_params` and `body`")
        if name.startswith("oauth2") and "token_request" not in found:
            self.faults.tell(inner, "expected the key `token_request`")
        texts = tuple(
            (key, text(self.faults.text(found, key)))
            for key in ("username", "password", "token", "name", "value")
            if key in found
        )
        auth = Auth(
            kind=name,
            headers=strategies.pairs(self.faults, found, "headers"),
            query=strategies.pairs(self.faults, found, "query_params"),
            body=strategies.json_body(self.faults, found["body"], self.faults.text(found, "body"))
            if "body" in found
            else None,
            texts=texts,
            requests=tuple(self.exchanges(found)),
            seconds=self.faults.number(found, "expires_in", 1),
        )
        self.check_auth(inner, auth)
        return auth

    def check_auth(self, node: Node, auth: Auth) -> None:
        pairs = [*auth.headers, *auth.query]
        holes = [*(hole for pair in pairs for hole in pair.value.holes)]
        holes += [hole for _, said in auth.texts for hole in said.holes]
        holes += auth.body.holes if auth.body else ()
        known = self.terms | _TOKENS
        for hole in holes:
            if hole.name not in known:
                self.faults.tell(node, f"`<{hole.name}>` is none of `connector_params`", near(hole.name, known))

    def exchanges(self, found: Found) -> Iterable[tuple[str, Request]]:
        for key in ("authorization_request", "token_request", "refresh_request"):
            made = self.optional(found, key, scope="tokens")
            if made is not None:
                yield key, made


def _is_method(node: Node) -> bool:
    return str(node.value).upper() in METHODS


def _said(value: Text) -> str:
    return "".join(part for part in value.parts if isinstance(part, str))
