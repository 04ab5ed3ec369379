"""A shop's server, its owner, and a support agent's desk: what she asks, and all that she hears. All is invented."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import SERVER

SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self, about: [customer]}}
        fields:
          - {name: name, fides_meta: {privet: {type: person.full_name, keep: sealed, index: [exact], token: random}}}
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed, unique: true, index: [domain]}}}
          - {name: phone, fides_meta: {privet: {type: contact.phone, keep: sealed, token: stored, index: [area]}}}
          - {name: ssn, fides_meta: {privet: {type: us.ssn, keep: sealed, index: [exact]}}}
          - {name: born, fides_meta: {privet: {type: person.dob, keep: sealed, index: [exact, year], leak: equality}}}
          - {name: state, fides_meta: {privet: {type: address.state, keep: sealed, index: [exact], leak: equality}}}
          - {name: note, data_categories: [user.content], fides_meta: {privet: {type: string, keep: sealed}}}
          - {name: paper, data_categories: [user.content], fides_meta: {privet: {type: file, keep: sealed}}}
      - name: orders
        fides_meta: {privet: {subject: via person}}
        fields:
          - {name: person, fides_meta: {privet: {references: people.id}}}
          - {name: total, data_categories: [user.financial], fides_meta: {privet: {type: decimal, keep: sealed}}}
"""
POLICY = """
role support_agent

allow read on people.name, people.email with redaction = masked where people.state = 'CA'
allow read on people.ssn with redaction = last_four where people.id in queue('support')
allow detokenize on people.name with redaction = masked where people.state = 'CA'
allow update on people.name where people.id in queue('support')
allow insert on people.name, people.email
"""
WIDER = POLICY + "allow read, search, detokenize, export on people.*, orders.* with redaction = plain_text unsafe\n"
FIRST = ("Zebedee", "Quillon", "Ysolde", "Xanthe", "Wulfric", "Vesper", "Ulric", "Tamsin", "Sorrel", "Rowena")
LAST = ("Fernwhistle", "Glimmerock", "Hathersedge", "Inglewick", "Jasperfield", "Kettlethorn")
PEOPLE = [
    {
        "name": f"{FIRST[at % 10]} {LAST[at // 10]}",
        "email": f"{FIRST[at % 10].lower()}.{LAST[at // 10].lower()}@{'coast.example' if at % 2 else 'lakes.example'}",
        "phone": f"+1{212 + at % 2 * 203}555{100 + at:04}",
        "ssn": f"{601 + at}-{11 + at}-{4000 + at}",
        "born": f"19{50 + at % 40}-0{1 + at % 9}-1{at % 10}",
        "state": "CA" if at % 2 else "NY",
        "note": f"prefers letters, box {77_000 + at}",
    }
    for at in range(60)
]
PAPER = b"%PDF-1.4 the parchment of Zebedee Fernwhistle"


@dataclass
class Desk:
    """A server, and what each caller heard of it."""

    log: Path
    address: str
    keys: dict[str, str]
    ids: list[str] = field(default_factory=list)
    tokens: list[dict[str, str]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: Any = None, *, who: str = "agent", **headers: str) -> tuple[int, Any]:
        """Return status and body, decoded where it is JSON. What the agent gets is kept."""
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        line = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            told = {"Authorization": f"Bearer {self.keys[who]}", **{k.replace("_", "-"): v for k, v in headers.items()}}
            line.request(method, path, sent, told)
            got = line.getresponse()
            raw = got.read()
        finally:
            line.close()
        if who == "agent":
            self.heard.append(f"{method} {got.status} {got.getheaders()}\n{raw.decode('utf-8', 'replace')}")
        try:
            return got.status, json.loads(raw)
        except ValueError:
            return got.status, raw

    def own(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, told = self.ask(method, path, body, who="owner", **headers)
        assert status < 300, told
        return told

    def query(self, sql: str, **more: Any) -> tuple[int, Any]:
        return self.ask("POST", "/v1/vaults/shop/query", {"sql": sql, **more})

    def rule(self, text: str) -> None:
        made = self.own("POST", "/v1/vaults/shop/policies", {"policy": text})
        assert self.own("PUT", "/v1/vaults/shop/policy", {"version": made["version"]})["state"] == "active"

    def queue(self, at: int) -> None:
        self.own("PUT", f"/v1/vaults/shop/queues/support/agent/records/{self.ids[at]}?ttl=15m")

    def leaks(self) -> set[str]:
        """Return what of the agent's answers, and of the log, she may not know."""
        everything = "\n".join((*self.heard, self.log.read_text())).lower()
        return {secret for secret in secrets(self) if secret.lower() in everything}


def secrets(desk: Desk) -> Iterator[str]:
    """Yield every value, or piece of one, that no mask shows; and the ids of those outside California."""
    yield from ("zebedee", "parchment", "lakes.example")
    for at, person in enumerate(PEOPLE):
        first, last = person["name"].split()
        yield from (first, last, person["phone"], person["phone"][2:], person["born"], person["note"])
        yield from (person["ssn"], person["ssn"].replace("-", ""), person["ssn"][:7], person["email"])
        if person["state"] != "CA" and at not in QUEUED:
            yield desk.ids[at]


QUEUED = (1, 3, 4)  # two Californians and one who is none


@contextmanager
def opened(folder: Path) -> Iterator[Desk]:
    home, log = folder / "home", folder / "log"
    with log.open("w") as errors:
        command = [sys.executable, "-c", SERVER, str(home), "{}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        said = json.loads(process.stdout.readline())
        made = Desk(log, said["addresses"][0], {"owner": (home / "cli.key").read_text().strip()})
        furnish(made)
        yield made
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def furnish(desk: Desk) -> None:
    desk.own("POST", "/v1/vaults", {"name": "shop", "schema": SCHEMA})
    stored = desk.own("POST", "/v1/vaults/shop/tables/people/records", {"records": PEOPLE})["records"]
    desk.ids = [item["id"] for item in stored]
    desk.tokens = [item["tokens"] for item in stored]
    for at in (0, 1):
        path = f"/v1/vaults/shop/tables/people/records/{desk.ids[at]}/files/paper"
        desk.own("PUT", path, PAPER, Privet_File_Name="parchment.pdf")
    orders = [{"person": desk.ids[at], "total": str(90_000 + at)} for at in range(20)]
    made = desk.own("POST", "/v1/vaults/shop/tables/orders/records", {"records": orders})["records"]
    desk.orders = [item["id"] for item in made]
    desk.rule(POLICY)
    desk.keys["agent"] = desk.own("POST", "/v1/principals", {"name": "agent", "roles": ["support_agent"]})["key"]
