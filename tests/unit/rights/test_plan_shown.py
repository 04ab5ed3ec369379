"""A plan is shown as text, JSON, Mermaid and a picture; nothing in a name becomes markup or moves a terminal."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

from a_shop import DESK, SHOP, field, table, to

from privet.rights.plans.picture import picture
from privet.rights.plans.shown import as_json, mermaid, shown
from privet.rights.plans.whole import plan
from privet.vocabulary.dataset import Dataset

PLAN = plan("erasure", [SHOP, DESK], ["email"])
BAD = 'x"]<script>&\x1b[31m\u202e'
NASTY = plan("erasure", [Dataset(key=BAD, collections=(table(BAD, field(BAD, identity=BAD)),))], [BAD])
SVG = "{http://www.w3.org/2000/svg}"


def test_the_text_tells_what_is_read_erased_and_missed_in_order() -> None:
    text = shown(PLAN)
    heads = ["What is hers, read", "What hers refers to", "What is hers, erased", "Not reached", "To know"]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert "by customer_id = shop.customers.id" in text
    assert "first orders.invoice_id becomes null where records are deleted" in text
    assert "→ add `identity: email` to the `fides_meta` of `shop.newsletter.mail`" in text


def test_an_access_erases_nothing_in_any_form() -> None:
    made = plan("access", [SHOP], ["email"])
    assert "erased in" not in shown(made)
    assert "erased 1." in picture(PLAN) and "erased 1." not in picture(made)


def test_the_json_is_the_plan() -> None:
    read = json.loads(as_json(PLAN))
    assert read["kind"] == "erasure"
    assert read["turns"][0] == {
        "number": 0,
        "bond": "own",
        "members": [{"dataset": "desk", "collection": "tickets"}],
        "again": False,
        "after": [],
    }
    assert as_json(PLAN) == as_json(plan("erasure", [DESK, SHOP], ["email"]))


def test_the_flowchart_holds_every_collection_and_draws_a_reference_once() -> None:
    text = mermaid(PLAN)
    for name in ("customers", "items", "newsletter", "agents"):
        assert f'["{name}"]' in text
    assert text.count("customer_id #8594; id") == 0
    assert text.count("id #8594; customer_id") == 2


def test_the_picture_is_xml_with_a_box_for_every_collection() -> None:
    root = ElementTree.fromstring(picture(PLAN))
    boxes = [one.get("class") for one in root.iter(f"{SVG}g") if one.find(f"{SVG}title") is not None]
    assert sorted(boxes, key=str) == ["identity", *["own"] * 7, *["referred"] * 2, *["unreached"] * 3]


def test_no_name_is_read_as_markup_or_moves_a_terminal() -> None:
    assert "\x1b" not in shown(NASTY) and "\u202e" not in shown(NASTY)
    assert "<script" not in picture(NASTY)
    ElementTree.fromstring(picture(NASTY))
    assert "<" not in mermaid(NASTY) and BAD not in mermaid(NASTY)
    assert json.loads(as_json(NASTY))["identities"] == [BAD]


def test_arrows_do_not_run_behind_boxes() -> None:
    far = table("far", field("near", to("d.near.id")), field("person", to("d.people.id")))
    near = table("near", field("person", to("d.people.id")))
    people = table("people", field("email", identity="email"))
    made = plan("access", [Dataset(key="d", collections=(far, near, people))], ["email"])
    root = ElementTree.fromstring(picture(made))
    long = [one for one in root.iter(f"{SVG}path") if one.get("d", "").count("M") > 1]
    assert long and all(one.get("d", "").count("H") == one.get("d", "").count("M") - 1 for one in long)
