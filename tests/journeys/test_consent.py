"""What a person says in the privacy centre stops a marketing role's read within a second, over HTTP, in real processes.

She withdraws, or her browser signals for her; a reader asks over and over meanwhile, or has an export under way. The
clock is `time.monotonic`, which counts the same for both.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from serving import SERVER, Running, servers

from privet.app.client import Client
from privet.errors import PrivetError

ADA = "ada@example.com"
SECOND = 1.0
LETTERS = 6_000  # of a kilobyte: more than sockets and the server hold for a reader who does not read
SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact]}}
      - name: letters
        fides_meta: {privet: {subject: via person}}
        fields:
          - {name: person, fides_meta: {privet: {references: people.id}}}
          - {name: text, data_categories: [user.content], fides_meta: {privet: {type: string, keep: sealed}}}
"""
POLICY = """
require consent 'newsletter' for marketing.communications

role marketing
allow read, export on people.*, letters.* with redaction = plain_text for marketing.communications.email
allow read on people.* with redaction = plain_text for marketing.advertising where consent('ads')
"""
NOTICES = """
notices:
  - key: newsletter
    uses: [marketing.communications.email]
    mechanism: opt_in
    texts:
      en: {title: Our newsletter, text: We write to you once a month.}
  - key: ads
    uses: [marketing.advertising]
    regions: [US]
    mechanism: opt_out
    honours_signal: true
    texts:
      en: {title: Advertising, text: We show you what may interest you.}
"""
# A server with a centre, which prints the pass of somebody who proved her address.
OPEN = SERVER.replace(
    "def ready(addresses):\n",
    """
from privet.rights.identity.codes import Claimed
from privet.store.port import Unit
secret, _, step = house.center.passes.new(Claimed("email", "ada@example.com", "en"), wall_clock(), how="code")
house.control.write_now(Unit((step,)))

def ready(addresses):
""",
)
OPEN = OPEN.replace('"addresses": addresses,', '"addresses": addresses, "pass": secret.reveal(),')
OPEN = OPEN.replace("ready=ready, limits=limits)", 'ready=ready, limits=limits, center=("127.0.0.1", 0))')


class Shop:
    """A served home with Ada's letters, its owner, its marketing people, and Ada with a pass."""

    def __init__(self, server: Running) -> None:
        self.url, self.center, self.secret = server.url, server.said["addresses"][-1], server.said["pass"]
        self.own = Client(self.url, server.key)
        self.own.vaults.create(name="shop", schema=SCHEMA)
        self.own.policies.save(vault="shop", policy=POLICY)
        self.own.policies.activate(vault="shop", version=1)
        [ada] = self.own.records.insert(vault="shop", table="people", records=[{"email": ADA}]).records
        letters = [{"person": ada.id, "text": f"{at:04}" + "x" * 1_000} for at in range(LETTERS)]
        self.own.records.insert(vault="shop", table="letters", records=letters)
        self.own.notices.put(notices=NOTICES)
        self.key = self.own.principals.create(name="mia", roles=["marketing"], purposes=["marketing"]).key

    def she(self, method: str, path: str, body: Any = None, *, gpc: bool = False) -> Any:
        """Return what Ada is answered in the privacy centre."""
        host, _, port = self.center.removeprefix("http://").rpartition(":")
        line = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            headers = {"Authorization": f"Bearer {self.secret}", **({"Sec-GPC": "1"} if gpc else {})}
            line.request(method, f"/v1/center{path}", None if body is None else json.dumps(body), headers)
            got = line.getresponse()
            told = json.loads(got.read())
        finally:
            line.close()
        assert got.status == 200, told
        return told

    def says(self, key: str, state: str) -> Any:
        said = {"choices": {key: state}, "versions": {key: 1}, "region": "US-CA"}
        return self.she("POST", "/choices", said)

    def seen(self, purpose: str) -> int:
        """Return how many people marketing sees."""
        with Client(self.url, self.key, purpose=purpose) as client:
            return len(client.records.list(vault="shop", table="people").records)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with servers(tmp_path_factory.mktemp("consent") / "home", OPEN) as begin:
        made = Shop(begin())
        yield made
        made.own.close()


class Reader(threading.Thread):
    """Reads over and over until it is shown nothing; `last`: when it was last shown something."""

    def __init__(self, shop: Shop, purpose: str) -> None:
        super().__init__(daemon=True)
        self.shop, self.purpose = shop, purpose
        self.began, self.last, self.stopped = threading.Event(), 0.0, False

    def run(self) -> None:
        end = time.monotonic() + 20
        with Client(self.shop.url, self.shop.key, purpose=self.purpose) as client:
            while time.monotonic() < end:
                if not client.records.list(vault="shop", table="people").records:
                    self.stopped = True
                    return
                self.last = time.monotonic()
                self.began.set()


def late(shop: Shop, purpose: str, end: Any) -> float:
    """Return how long after `end` a reader was last shown something."""
    reader = Reader(shop, purpose)
    reader.start()
    assert reader.began.wait(20)
    end()
    done = time.monotonic()
    reader.join(20)
    assert reader.stopped
    return reader.last - done


@pytest.mark.slow
def test_a_marketing_read_stops_within_a_second_of_a_withdrawal(shop: Shop) -> None:
    mail = "marketing.communications.email"
    assert shop.seen(mail) == 0
    shop.says("newsletter", "given")
    assert late(shop, mail, lambda: shop.says("newsletter", "withdrawn")) < SECOND
    shop.says("newsletter", "given")
    assert shop.seen(mail) == 1
    history = [one["state"] for one in shop.she("GET", "/choices")["history"] if one["notice"] == "newsletter"]
    assert history == ["given", "withdrawn", "given"]


@pytest.mark.slow
def test_a_marketing_read_stops_within_a_second_of_a_browsers_signal(shop: Shop) -> None:
    shop.says("ads", "given")
    assert late(shop, "marketing.advertising", lambda: shop.she("GET", "/choices?region=US-CA", gpc=True)) < SECOND
    last = shop.she("GET", "/choices")["history"][-1]
    assert (last["notice"], last["state"], last["source"]) == ("ads", "refused", "signal")


@pytest.mark.slow
def test_an_export_under_way_shows_nothing_more_after_a_withdrawal(shop: Shop) -> None:
    shop.says("newsletter", "given")

    def export() -> Any:
        return client.records.export(vault="shop", table="letters")

    with Client(shop.url, shop.key, purpose="marketing.communications.email", deadline_seconds=0) as client:
        assert sum(1 for _ in export()) == LETTERS
        lines = export()
        next(lines)
        shop.says("newsletter", "withdrawn")
        count = 1
        try:
            count += sum(1 for _ in lines)
        except PrivetError as error:
            assert error.code == "unavailable"
    assert count < LETTERS
