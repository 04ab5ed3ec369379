"""Server and workers are killed in the middle of people's requests: the next one takes over, and each ends complete."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from counter import SEEN, Counter
from members import KEY, Asked, Club, served

from fakes import FAKES, Running

EMAIL = "ada@example.com"
SHOP = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {data_type: string, identity: email}}
      - name: orders
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - name: customer_id
            data_categories: [user.unique_id]
            fides_meta: {data_type: integer, references: [{dataset: shop, field: customers.id, direction: from}]}
          - {name: note, data_categories: [user.content], fides_meta: {data_type: string}}
  - fides_key: club
    collections:
      - name: members
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {data_type: string, identity: email}}
"""
POLICY = "erase shop.orders, club.members, zendesk.users, zendesk.tickets by deletion\n"
HOLDS = {"shop.customers": 1, "shop.orders": 2, "club.members": 1, "zendesk.users": 1, "zendesk.user_identities": 2}


@dataclass
class Scene:
    """A home, its systems, and the processes that carry its requests out, the first of which holds it."""

    counter: Counter
    club: Club
    zendesk: Running
    shop: Path
    took: list[float]

    def stand_by(self) -> subprocess.Popen[str]:
        """Start a worker that waits until the home is free."""
        process = self.counter.start("worker")
        assert process.stdout is not None
        assert process.stdout.readline().startswith("waiting")
        return process

    def kill(self, process: subprocess.Popen[str], following: subprocess.Popen[str]) -> None:
        """Kill what holds the home, and wait until the next one works on what it left."""
        process.kill()
        process.wait()
        since = time.monotonic()
        self.counter.address = ""  # a worker listens on the home's socket alone
        self.club.go_on()
        assert following.stdout is not None
        assert following.stdout.readline().startswith("serving")
        seen = self.calls()
        self.until(lambda: self.calls() > seen)
        self.took.append(time.monotonic() - since)

    def calls(self) -> int:
        return len(self.zendesk.calls) + self.club.calls

    def until(self, true: Callable[[], bool], seconds: float = 40.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.counter.log.read_text()
            time.sleep(0.01)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    counter = Counter(tmp_path / "home", tmp_path / "log")
    with ExitStack() as stack:
        zendesk = stack.enter_context(FAKES["zendesk"].start(EMAIL))
        everyone = [who.email for who in zendesk.everyone]
        club = stack.enter_context(served(Club(everyone)))
        shop = tmp_path / "shop.db"
        with closing(sqlite3.connect(shop)) as raw, raw:
            raw.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT)")
            raw.execute(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id REFERENCES customers (id), note TEXT)"
            )
            raw.executemany("INSERT INTO customers VALUES (?, ?)", enumerate(everyone))
            notes = [(n, n // 2, f"for {everyone[n // 2]}") for n in range(2 * len(everyone))]
            raw.executemany("INSERT INTO orders VALUES (?, ?, ?)", notes)
        made = Scene(counter, club, zendesk, shop, [])
        counter.ok("init")
        _connect(made, tmp_path)
        try:
            yield made
        finally:
            for process in counter.running:
                process.kill()
                process.wait()
                assert process.stdout is not None
                process.stdout.close()


def _connect(scene: Scene, folder: Path) -> None:
    manifests = folder / "manifests"
    manifests.mkdir()
    (manifests / "shop.yml").write_text(SHOP, encoding="utf-8")
    (manifests / "erase.policy").write_text(POLICY, encoding="utf-8")
    scene.counter.ok("push", str(manifests))
    # A fake has no rate of calls.
    vendor = Path(__file__).parents[2] / "src/privet/connectors/saas/zendesk.yml"
    (folder / "zendesk.yml").write_text(re.sub(r"rate: \d+", "rate: 10000", vendor.read_text(encoding="utf-8")))
    said = {"domain": "example.zendesk.com", "username": scene.zendesk.settings["email"]}
    host = {"config": str(folder / "zendesk.yml"), "host": scene.zendesk.host, "protocol": "http"}
    secrets = {"api_key": scene.zendesk.secrets["api_token"]}
    put = scene.counter.put
    put("shop", {"kind": "sqlite", "datasets": ["shop"], "settings": {"path": str(scene.shop)}})
    put("zendesk", {"kind": "saas", "datasets": ["zendesk"], "settings": {**said, **host}, "secrets": secrets})
    club = {"kind": "webhook", "datasets": ["club"], "settings": {"url": scene.club.url}, "seconds": 60}
    put("club", {**club, "secrets": {"signing_key": KEY}})


def hers(asked: Asked) -> bool:
    return EMAIL in asked.get("matches", {}).get("email", ())


def reads(club: Club, asked: Asked) -> bool:
    """Ada's erasure has begun to read."""
    return asked["verb"] == "read" and hers(asked)


def has_erased(club: Club, asked: Asked) -> bool:
    """Ada is erased in the club, and nobody was told."""
    return asked["verb"] == "erase"


def reads_back(club: Club, asked: Asked) -> bool:
    """Everything of Ada's is erased, and is looked at again."""
    return asked["verb"] == "read" and bool(club.effects)


@pytest.mark.slow
def test_whoever_is_killed_the_next_takes_over_and_every_effect_is_made_once(scene: Scene) -> None:
    counter, club, zendesk = scene.counter, scene.club, scene.zendesk
    zendesk.slow(0.05)
    with counter.serving() as server:
        holds = server
        erasure = counter.told("POST", "/v1/requests", {"kind": "erasure", "email": EMAIL, "verified": SEEN})["id"]
        accesses = [
            counter.told("POST", "/v1/requests", {"kind": "access", "email": who.email, "verified": SEEN})["id"]
            for who in zendesk.others[:3]
        ]
        club.hang_when(reads)
        counter.told("POST", f"/v1/requests/{erasure}/approve")
        for at, moment in enumerate((has_erased, reads_back, None)):
            following = scene.stand_by()
            counter.told("POST", f"/v1/requests/{accesses[at]}/approve")
            scene.until(club.reached.is_set)
            if moment is not None:
                club.hang_when(moment)
                club.reached.clear()
            scene.kill(holds, following)
            holds = following
        found = counter.wait(erasure)
        assert (found["state"], counter.forgets(erasure)) == ("complete", True), found
        for id_ in accesses:
            assert counter.wait(id_)["state"] == "complete"
            records = counter.package(id_)
            assert Counts(f"{one['dataset']}.{one['collection']}" for one in records) == Counts(
                {**HOLDS, "zendesk.tickets": 2, "zendesk.ticket_comments": 4}
            )
            assert EMAIL not in [value for one in records for value in one["values"].values()]
    print(f"took over within {max(scene.took):.1f} s")
    _check_effects(scene)


def _check_effects(scene: Scene) -> None:
    """Demand that all of hers went, once, and nothing of anybody else."""
    club, zendesk = scene.club, scene.zendesk
    assert set(club.effects.values()) == {1} and club.letters == {0: 1}
    assert max(club.asked.values()) > 1  # teeth: the one that was killed had asked, and its key came again
    assert len(club.members) == 20
    assert max(Counts(zendesk.deleted).values()) == 1
    assert zendesk.finds() == []
    assert len(json.loads(zendesk.dump())["users"]) == 20
    with closing(sqlite3.connect(scene.shop)) as raw:
        rows: list[Any] = raw.execute("SELECT id, email FROM customers WHERE email IS NULL OR id = 0").fetchall()
        assert rows == [(0, None)]
        assert raw.execute("SELECT COUNT(*), MIN(id) FROM orders").fetchone() == (40, 2)
