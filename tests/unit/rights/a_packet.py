"""Packages opened again, for tests: the zip's files, a company with people's data in every place, and traps."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyzipper
from a_request import NOW, SHOP, Place, column

from privet.rights import letters
from privet.rights.asked import Request
from privet.rights.packet import about
from privet.rights.packet.about import Disclosure, Use, Words
from privet.rights.packet.whole import packet, passphrase
from privet.vocabulary.dataset import Collection, Link
from privet.vocabulary.plain import plain

SELLERS = Collection(
    name="sellers",
    fields=(
        column("id", type_="integer", primary_key=True),
        column("name", "user.name"),
        column("mail", "user.contact.email"),
        column("remark"),
        column("shard", "system.operations"),
    ),
)
GOODS = Collection(
    name="goods", fields=(column("id", type_="integer", primary_key=True), column("title"), column("text"))
)
ORDERS = replace(
    SHOP.collections[1],
    fields=(
        *SHOP.collections[1].fields,
        column("seller_id", type_="integer", links=(Link("shop", "sellers.id"),)),
        column("good_id", type_="integer", links=(Link("shop", "goods.id"),)),
        column("note"),
        column("flag", "system.operations"),
    ),
)
MARKET = replace(SHOP, name="Market", collections=(SHOP.collections[0], ORDERS, SHOP.collections[2], SELLERS, GOODS))
USES = (
    Use(
        system="Web shop",
        use="essential.service",
        name="Orders",
        categories=("user.contact", "user.name"),
        basis="Contract",
        retention="10 years",
        recipients=("Parcel service",),
        sources=("",),
        transfers="",
        automated="",
    ),
    Use(
        system="Web shop",
        use="marketing.advertising",
        categories=("user.device.ip_address",),
        basis="Consent",
        transfers="yes",
        automated=None,
    ),
)
DISCLOSURE = Disclosure(
    organization="Example Market",
    contact="privacy@example.com",
    controller="Example Market Ltd, 1 Sample Street",
    places={"shop": about.Place(title="Web shop", about="What you buy and how you log in.", uses=USES)},
    datasets={"shop": MARKET},
)
BOB = "bob@example.com"


def words(language: str = "en") -> Words:
    """Return the words of a language as a house has them."""
    return Words(
        language=language,
        texts=letters.words("page", language),
        plain=lambda kind, key: plain("use" if kind == "use" else "category", key, language).name,
        moment=lambda at: letters.moment(datetime.fromtimestamp(at / 1000, UTC), language),
    )


def market(**rows: list[dict[str, Any]]) -> Place:
    """Return a company whose orders refer to sellers and goods. `rows`: in place of what it holds."""
    place = Place()
    place.datasets = {"shop": MARKET}
    held = place.systems["shop"].rows
    held["orders"] = [order()]
    held["sellers"] = [{"id": 5, "name": "Bob Example", "mail": BOB, "remark": f"Bob, {BOB}", "shard": 7}]
    held["goods"] = [{"id": 9, "title": "Lamp", "text": f"ask {BOB}"}]
    held.update(rows)
    return place


def order(**more: Any) -> dict[str, Any]:
    """Return an order of Ada's."""
    plain_ = {"id": 10, "customer_id": 1, "address": "1 Lane", "status": "paid", "seller_id": 5, "good_id": 9}
    return {**plain_, "note": "by the door", "flag": "x1", **more}


def gathered(place: Place, kind: str = "access", **more: Any) -> Request:
    """Carry out a request."""
    request = place.open(kind, verified="passport seen", **more)
    found = place.run()
    assert found.id == request.id
    assert found.state == "complete", found.reason
    return found


def files(place: Place, request: Request, language: str = "en", told: Disclosure = DISCLOSURE) -> dict[str, bytes]:
    """Return the files of a request's package."""
    content = b"".join(packet(place.journal, request.id, told, words(language), now_ms=NOW))
    with pyzipper.AESZipFile(io.BytesIO(content)) as found:
        found.setpassword(passphrase(place.journal, request.id).reveal().encode())
        return {name: found.read(name) for name in found.namelist()}


def records(held: dict[str, bytes], collection: str, dataset: str = "shop") -> list[dict[str, Any]]:
    """Return the records of a collection out of records.json."""
    found: list[dict[str, Any]] = json.loads(held["records.json"])["systems"][dataset][collection]
    return found


def table(held: dict[str, bytes], collection: str, dataset: str = "shop") -> list[dict[str, str]]:
    """Return the lines of a collection's table."""
    text = held[f"csv/{dataset}.{collection}.csv"].decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
