"""A connector's file, read: `saas_config` and `dataset`. Every fault at once, each with file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from privet.codec import Node, parse_yaml
from privet.connectors.rest.dataset import dataset, link
from privet.connectors.rest.nodes import Faults, Found, near
from privet.connectors.rest.request import Requests
from privet.connectors.rest.strategy import rates
from privet.connectors.rest.words import Client, Config, Endpoint, Request, Term
from privet.errors import InvalidInput

INSTANCE = "<instance_fides_key>"
"""In place of a key in a file that stands for many connections."""

LONGEST_FILE = 2 << 20
_ALIASES = 10_000

_CONFIG = (
    "fides_key",
    "name",
    "type",
    "description",
    "version",
    "replaceable",
    "connector_params",
    "external_references",
    "client_config",
    "endpoints",
    "test_request",
    "data_protection_request",
    "rate_limit_config",
    "consent_requests",
    "consent_uses",
    "user_guide",
    "display_info",
    "idempotency_header",
    "docs",
)
_TERM = (
    "name",
    "label",
    "description",
    "options",
    "default_value",
    "multiselect",
    "sensitive",
)
_ENDPOINT = (
    "name",
    "requests",
    "skip_processing",
    "after",
    "erase_after",
)
_CONSENT = (
    "opt_in",
    "opt_out",
)
_MAP = (
    "read",
    "update",
    "delete",
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110, section 5.6.2


def load(text: str, file: str = "<text>", *, key: str = "") -> Config:
    """Return what a file says. `key`: stands in place of `<instance_fides_key>`.

    Raises InvalidInput; `faults` holds every fault, each with its place.
    """
    if len(text) > LONGEST_FILE:
        raise InvalidInput("expected a file of at most two megabytes", at=file)
    faults = Faults()
    root, broken = parse_yaml(text.replace(INSTANCE, key) if key else text, file, aliases=_ALIASES)
    for fault in broken:
        faults.found.append(InvalidInput(fault.message, hint=fault.hint, at=str(fault.place)))
    faults.demand()
    found = faults.mapping(root, ("saas_config", "dataset"), ("saas_config",), strict=False)
    config = _config(faults, found) if "saas_config" in found else None
    faults.demand()
    if config is None:
        raise InvalidInput("expected the key `saas_config`", at=file)
    return config


def _config(faults: Faults, root: Found) -> Config | None:
    node = root["saas_config"]
    found = faults.mapping(node, _CONFIG, ("fides_key", "name", "type", "client_config", "endpoints"), strict=False)
    if "client_config" not in found:
        return None
    terms = tuple(_terms(faults, found))
    external = tuple(_named(faults, item) for item in faults.each(found, "external_references"))
    key = faults.text(found, "fides_key")
    reader = Requests(faults, key, frozenset(term.name for term in terms), frozenset(external))
    consent = faults.mapping(found["consent_requests"], _CONSENT) if "consent_requests" in found else {}
    client = reader.client(found["client_config"])
    endpoints = tuple(_endpoints(faults, reader, found))
    given = list(faults.each(root, "dataset")) if isinstance(_of(root, "dataset"), list) else _one(root, "dataset")
    header = faults.text(found, "idempotency_header")
    if header and not _HEADER.fullmatch(header):
        faults.tell(found["idempotency_header"], "expected the name of a header")
    return Config(
        fides_key=key,
        name=faults.text(found, "name"),
        type=faults.text(found, "type").lower(),
        description=faults.text(found, "description"),
        version=faults.text(found, "version"),
        terms=terms,
        external=external,
        client=client or Client(protocol="https", host=reader.no_text()),
        test=reader.optional(found, "test_request", scope="terms"),
        endpoints=endpoints,
        protection=reader.optional(found, "data_protection_request"),
        rates=rates(faults, found, "rate_limit_config") or (client.rates if client else ()),
        dataset=dataset(faults, given[0]) if given else None,
        notes=tuple(faults.notes),
        idempotency_header=header,
        docs=faults.texts(found, "docs"),
        opt_in=_requests(reader, consent, "opt_in", ""),
        opt_out=_requests(reader, consent, "opt_out", ""),
        consent_uses=faults.texts(found, "consent_uses") or ("marketing",),
    )


def _of(found: Found, key: str) -> object:
    return found[key].value if key in found else None


def _one(found: Found, key: str) -> list[Node]:
    return [found[key]] if key in found else []


def _terms(faults: Faults, found: Found) -> Iterable[Term]:
    seen: set[str] = set()
    for node in faults.each(found, "connector_params"):
        said = faults.mapping(node, _TERM, ("name",), strict=False)
        name = faults.text(said, "name")
        if name in seen:
            faults.tell(node, f"connector param `{name}` stands twice")
        seen.add(name)
        if name and not _NAME.fullmatch(name):
            faults.tell(said["name"], "expected a name of letters, digits, `_`, `.` and `-`")
        options = faults.texts(said, "options")
        yield Term(
            name=name,
            label=faults.text(said, "label"),
            about=faults.text(said, "description"),
            default=_default(faults, said, options),
            options=options,
            multiselect=faults.flag(said, "multiselect"),
            sensitive=faults.flag(said, "sensitive"),
        )


def _default(faults: Faults, said: Found, options: tuple[str, ...]) -> str | int | tuple[str | int, ...] | None:
    node = said.get("default_value")
    if node is None:
        return None
    listed = node.value if isinstance(node.value, list) else [node]
    values = [item.value for item in listed]
    if not all(isinstance(value, str | int) for value in values):
        faults.tell(node, "expected text, a whole number, or a list of them for `default_value`")
        return None
    if options and any(str(value) not in options for value in values):
        faults.tell(node, "expected `default_value` to be one of `options`")
    plain = tuple(value for value in values if isinstance(value, str | int))
    return plain if isinstance(node.value, list) else plain[0]


def _named(faults: Faults, node: Node) -> str:
    return faults.text(faults.mapping(node, ("name", "label", "description"), ("name",), strict=False), "name")


def _endpoints(faults: Faults, reader: Requests, found: Found) -> Iterable[Endpoint]:
    seen: set[str] = set()
    for node in faults.each(found, "endpoints"):
        said = faults.mapping(node, _ENDPOINT, ("name", "requests"), strict=False)
        name = faults.text(said, "name")
        if name in seen:
            faults.tell(node, f"endpoint `{name}` stands twice")
        seen.add(name)
        requests = faults.mapping(said["requests"], _MAP) if "requests" in said else {}
        reads = _requests(reader, requests, "read", name)
        if len({request.grouped for request in reads}) > 1:
            faults.tell(node, "expected the same `grouped_inputs` on every read of an endpoint")
        yield Endpoint(
            name=name,
            reads=reads,
            updates=_requests(reader, requests, "update", name),
            deletes=_requests(reader, requests, "delete", name),
            skipped=faults.flag(said, "skip_processing"),
            after=faults.texts(said, "after"),
            erase_after=faults.texts(said, "erase_after"),
        )


def _requests(reader: Requests, found: Mapping[str, Node], key: str, endpoint: str) -> tuple[Request, ...]:
    made = (reader.request(node, endpoint=endpoint, verb=key) for node in reader.faults.one_or_more(found, key))
    return tuple(request for request in made if request is not None)


__all__ = ["INSTANCE", "link", "load", "near"]
