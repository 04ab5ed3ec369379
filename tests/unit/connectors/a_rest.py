"""A small HTTP API on this machine, which holds rows in memory and does as its switches say, and a connector file for
it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from privet.connectors.base import Limits, Read, Setup
from privet.connectors.rest.config import load
from privet.connectors.rest.connector import RestConnector, open_config
from privet.connectors.rest.words import Clock
from privet.secret import Secret

SECRET = "sk-canary-secret"

FILE = """
saas_config:
  fides_key: <instance_fides_key>
  name: Desk
  type: desk
  description: A small API
  version: 0.0.1
  connector_params:
    - name: domain
      default_value: api.example.com
    - name: api_key
      sensitive: true
    - name: page_size
      default_value: 2
  client_config:
    protocol: https
    host: <domain>
    authentication:
      strategy: bearer
      configuration: {token: <api_key>}
  test_request: {method: GET, path: /ping}
  endpoints:
    - name: people
      requests:
        read:
          - method: GET
            path: /people
            query_params:
              - {name: email, value: <email>}
              - {name: offset, value: 0}
              - {name: count, value: <page_size>}
            param_values:
              - {name: email, identity: email}
              - {name: page_size, connector_param: page_size}
            data_path: items
            pagination:
              strategy: offset
              configuration: {incremental_param: offset, increment_by: 2}
          - method: GET
            path: /people
            query_params: [{name: phone, value: <phone>}]
            param_values: [{name: phone, identity: phone_number}]
            data_path: items
          - method: GET
            path: /people/<id>
            param_values:
              - name: id
                references: [{dataset: <instance_fides_key>, field: orders.person_id, direction: from}]
        update:
          method: PATCH
          path: /people/<id>
          body: '{<masked_object_fields>}'
          param_values:
            - name: id
              references: [{dataset: <instance_fides_key>, field: people.id, direction: from}]
        delete:
          method: DELETE
          path: /people/<id>
          param_values:
            - name: id
              references: [{dataset: <instance_fides_key>, field: people.id, direction: from}]
    - name: orders
      requests:
        read:
          method: GET
          path: /orders
          query_params: [{name: person_id, value: <person_id>}]
          param_values:
            - name: person_id
              references: [{dataset: <instance_fides_key>, field: people.id, direction: from}]
          data_path: items
        delete:
          method: DELETE
          path: /orders/<id>
          param_values:
            - name: id
              references: [{dataset: <instance_fides_key>, field: orders.id, direction: from}]
    - name: profiles
      requests:
        read:
          method: GET
          path: /profiles
          query_params: [{name: person, value: <person>}]
          param_values:
            - name: person
              references: [{dataset: <instance_fides_key>, field: people.id, direction: from}]
          data_path: items
        update:
          method: PUT
          path: /profiles/<id>
          param_values:
            - name: id
              references: [{dataset: <instance_fides_key>, field: profiles.id, direction: from}]
dataset:
  - fides_key: <instance_fides_key>
    name: Desk
    collections:
      - name: people
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {data_type: integer, primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {data_type: string}}
          - {name: name, data_categories: [user.name], fides_meta: {data_type: string}}
          - {name: phone, data_categories: [user.contact.phone_number], fides_meta: {data_type: string}}
          - {name: age, data_categories: [user.demographic.age_range], fides_meta: {data_type: integer}}
      - name: orders
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {data_type: integer, primary_key: true}}
          - {name: person_id, data_categories: [user.unique_id], fides_meta: {data_type: integer}}
          - {name: note, data_categories: [user.content], fides_meta: {data_type: string}}
      - name: profiles
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {data_type: string, primary_key: true}}
          - {name: seen, data_categories: [system.operations], fides_meta: {data_type: string, read_only: true}}
          - name: contact
            fides_meta: {data_type: object}
            fields:
              - {name: email, data_categories: [user.contact.email], fides_meta: {data_type: string}}
          - name: cards
            fides_meta: {data_type: "object[]"}
            fields:
              - {name: last, data_categories: [user.financial], fides_meta: {data_type: string}}
              - {name: brand, data_categories: [system.operations], fides_meta: {data_type: string}}
"""


@dataclass
class Call:
    """One request as it came over the wire. `target`: path and query, not decoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = tuple[int, dict[str, str], bytes]
Route = Callable[[Call], Reply]


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    lines = {name.replace("_", "-"): said for name, said in headers.items()}
    return status, {"content-type": "application/json", **lines}, b"" if value is None else json.dumps(value).encode()


@dataclass
class Desk:
    """The API. `script`: answers that come first, in turn; None: cut the connection without one. `route`: answers in
    place of the API, where it gives one."""

    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    script: list[Reply | None] = field(default_factory=list)
    token: str = SECRET
    lies: bool = False
    route: Callable[[Call], Reply | None] | None = None
    host: str = ""

    def answer(self, call: Call) -> Reply | None:
        self.calls.append(call)
        if self.script:
            return self.script.pop(0)
        found = self.route(call) if self.route else None
        if found is not None:
            return found
        if call.headers.get("authorization") != f"Bearer {self.token}":
            return reply({"error": "who"}, 401)
        if call.path == "/ping":
            return reply({"ok": True})
        return self.rest(call)

    def rest(self, call: Call) -> Reply:
        name, _, key = call.path[1:].partition("/")
        held, key = self.rows.get(name, {}), unquote(key)
        if call.method == "GET" and not key:
            return reply({"items": self.listed(held, call.query)})
        if key not in held:
            return reply({"error": "none", "echo": call.target}, 404)
        if call.method == "GET":
            return reply(held[key])
        if call.method in ("PATCH", "PUT"):
            if "email" in call.json and call.json["email"] is None:
                return reply({"error": f"no e-mail for {held[key]}"}, 422)
            held[key] = {**({} if call.method == "PUT" else held[key]), "id": held[key]["id"], **call.json}
            return reply(held[key])
        if not self.lies:
            del held[key]
        return reply(None, 204)

    def listed(self, held: dict[str, dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        offset, count = int(query.pop("offset", 0)), int(query.pop("count", 1000))
        found = [row for row in held.values() if all(str(row.get(name)) == said for name, said in query.items())]
        return found[offset : offset + count]

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        return {name: list(held.values()) for name, held in self.rows.items()}


@contextmanager
def desk() -> Iterator[Desk]:
    """Give the API, listening."""
    held = Desk()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body in one piece: else the kernel waits between the two

        def handle_one(self) -> None:
            size = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = held.answer(Call(self.command, self.path, headers, self.rfile.read(size)))
            if told is None:
                self.close_connection = True
                return
            status, lines, body = told
            self.send_response(status)
            for name, value in lines.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # connections that are cut
    held.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Waits:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.waited: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.at, sleep=self.sleep)


def setup(host: str, file: str = FILE, *, limits: Limits | None = None, **more: Any) -> Setup:
    """Return a set-up of the file against an API at `host`. `more`: settings."""
    return Setup(
        name="stage",
        kind="saas",
        settings={"config": file, "host": host, "protocol": "http", **more},
        secrets={"api_key": Secret(SECRET)},
        limits=limits or Limits(connect_seconds=1.0, read_seconds=2.0),
    )


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# --- one endpoint of notes ------------------------------------------------------------------------------------------

BEARER = "{strategy: bearer, configuration: {token: <api_key>}}"


def file(read: str, *, auth: str = BEARER, more: str = "", param: str = "{name: email, identity: email}") -> str:
    """Return a connector file of one endpoint. `read`: lines of its request. `more`: lines of `saas_config`."""
    lines = "\n".join(f"          {line}" for line in read.strip("\n").split("\n"))
    return f"""
saas_config:
  fides_key: desk
  name: Desk
  type: desk
  description: A desk
  version: 0.0.1
{more}
  connector_params:
    - {{name: domain, default_value: api.example.com}}
    - {{name: api_key, sensitive: true}}
    - {{name: client_id, default_value: me}}
    - {{name: client_secret, default_value: shh, sensitive: true}}
  client_config:
    protocol: https
    host: <domain>
    authentication: {auth}
  test_request: {{method: GET, path: /ping}}
  endpoints:
    - name: notes
      requests:
        read:
{lines}
          param_values: [{param}]
dataset:
  - fides_key: desk
    collections:
      - name: notes
        fields:
          - {{name: id, fides_meta: {{primary_key: true}}}}
          - {{name: body}}
"""


SEARCH = "method: GET\npath: /notes\nquery_params: [{name: q, value: <email>}]\ndata_path: items"


def opened(api: Desk, text: str, waits: Waits | None = None, **more: Any) -> RestConnector:
    said = setup(api.host, text, **more)
    return open_config(said, load(text), clock=(waits or Waits()).clock)


def notes(connector: RestConnector, *emails: str, **more: Any) -> list[Any]:
    dataset = connector.describe()
    collection = dataset.collection("notes")
    assert collection is not None
    ask = Read(dataset=dataset, collection=collection, matches={"email": list(emails) or ["ada@example.com"]}, **more)
    return [one.values.get("id") for page in connector.read(ask) for one in page]


def items(*ids: int, **more: Any) -> Reply:
    return reply({"items": [{"id": one} for one in ids], **more})
