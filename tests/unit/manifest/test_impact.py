"""What depends on a field."""

from __future__ import annotations

from pathlib import Path

import pytest

from privet.errors import InvalidInput, UnknownName
from privet.manifest.atlas.impact import Impact, impact, text
from privet.manifest.atlas.lineage import Edge, Lineage, Spot
from privet.manifest.load import load, read_texts
from privet.policy.parse import parse

SHOP = Path(__file__).parents[3] / "examples" / "shop"

BAKERY = """
dataset:
  - fides_key: orders_db
    collections:
      - name: users
        fields:
          - name: id
            data_categories: [user.unique_id]
            fides_meta: {primary_key: true}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email, read_only: true}
          - name: notes
            data_categories: [user.content]
            fides_meta: {masking_strategy_override: {strategy: hash}}
      - name: orders
        fides_meta: {erase_after: [orders_db.users]}
        fields:
          - name: user_id
            fides_meta: {references: [{dataset: orders_db, field: users.id, direction: from}]}
          - name: id
            data_categories: [system.operations]
  - fides_key: parcels_db
    collections:
      - name: parcels
        fields:
          - name: order_id
            fides_meta: {references: [{dataset: orders_db, field: orders.id, direction: from}]}
          - name: email
            data_categories: [user.contact.email]
system:
  - fides_key: letters
    system_type: Service
    egress: [{fides_key: printer, type: system, data_categories: [user.contact]}]
    privacy_declarations:
      - name: Send letters
        data_categories: [user.contact]
        data_use: marketing.communications.email
        data_subjects: [customer]
        dataset_references: [orders_db]
      - name: Count orders
        data_categories: [user.behavior]
        data_use: analytics
        dataset_references: [orders_db]
  - fides_key: elsewhere
    system_type: Service
    privacy_declarations:
      - {name: Other data, data_categories: [user.contact.email], data_use: sales, dataset_references: [parcels_db]}
policy:
  - fides_key: rules
    rules:
      - name: No contact data for adverts
        data_categories: {matches: ANY, values: [user.contact]}
        data_uses: {matches: ANY, values: [marketing.advertising]}
        data_subjects: {matches: ANY, values: [customer]}
      - name: No health data for adverts
        data_categories: {matches: ANY, values: [user.health_and_medical]}
        data_uses: {matches: ANY, values: [marketing.advertising]}
        data_subjects: {matches: ANY, values: [customer]}
"""
POLICY = """role clerk
allow read on users.email with redaction = masked
allow read on users.notes with redaction = plain_text

deny use of user.contact for marketing.advertising
deny use of user.financial for sales
limit plain_text of user.contact.email to connections
"""


def of(field: str, lineage: Lineage | None = None) -> Impact:
    manifest, faults = read_texts({"bakery.yml": BAKERY})
    assert not [fault for fault in faults if fault.severity == "error"]
    policies = {"bakery.policy": parse(POLICY)}
    return impact(manifest, field, policies=policies, **({"lineage": lineage} if lineage else {}))


def named(found: Impact, kind: str) -> set[str]:
    return {touch.what for touch in found.touches if touch.kind == kind}


def test_a_key_names_what_points_to_it_and_what_is_found_through_it() -> None:
    found = of("orders_db.users.id")
    assert named(found, "reference") == {"orders_db.orders.user_id"}
    assert named(found, "reach") == {"orders_db.orders", "parcels_db.parcels"}
    assert named(found, "order") == {"orders_db.orders"}
    assert named(found, "key") == {"primary key of users"}
    assert str(found.at) == "bakery.yml:7:13"


def test_a_plain_field_reaches_nothing() -> None:
    assert named(of("users.notes"), "reach") == set()


def test_an_identity_reaches_what_hangs_on_its_table() -> None:
    assert named(of("users.email"), "reach") == {"orders_db.orders", "parcels_db.parcels"}


def test_uses_are_those_of_its_dataset_and_its_categories() -> None:
    found = of("users.email")
    uses = [touch for touch in found.touches if touch.kind == "use"]
    assert [(touch.what, touch.how, touch.sure) for touch in uses] == [
        ("system letters, Send letters", "for marketing.communications.email about customer", True)
    ]
    line = BAKERY[: BAKERY.index("- name: Send letters")].count("\n") + 1
    assert str(uses[0].at) == f"bakery.yml:{line}:9"
    assert named(found, "recipient") == {"system printer"}


def test_a_use_stands_at_its_own_line_though_one_before_it_cannot_be_read() -> None:
    broken = BAKERY.replace("      - name: Send letters\n", "      - name: Nothing said\n      - name: Send letters\n")
    line = broken.split("\n").index("      - name: Send letters") + 1
    uses = [touch for touch in impact(read_texts({"bakery.yml": broken})[0], "orders_db.users.email").touches]
    assert [touch.at.line for touch in uses if touch.kind == "use"] == [line]


def test_rules_promises_and_roles_are_those_about_its_categories_and_its_column() -> None:
    found = of("users.email")
    assert named(found, "rule") == {"rules: No contact data for adverts"}
    assert named(found, "promise") == {"user.contact", "user.contact.email"}
    roles = [(touch.what, touch.how, str(touch.at)) for touch in found.touches if touch.kind == "role"]
    assert roles == [("clerk", "allow read with masked", "bakery.policy:2:1")]


def test_how_an_erasure_treats_it() -> None:
    assert named(of("users.email"), "erasure") == {"read only"}
    assert named(of("users.notes"), "erasure") == {"hash"}


def test_what_jobs_make_of_it_is_followed_through_every_job_and_ends_in_circles() -> None:
    spots = [Spot("orders_db", "users", "email"), Spot("", "lake letters", "to"), Spot("", "lake report", "to")]
    edges = [Edge(spots[0], spots[1], "nightly"), Edge(spots[1], spots[2], masked=True), Edge(spots[2], spots[0])]
    touches = of("users.email", Lineage(tuple(edges))).touches
    assert [(touch.what, touch.how) for touch in touches if touch.kind == "derived"] == [
        ("lake letters.to", "by nightly"),
        ("lake report.to", "by a job, masked"),
    ]


def test_a_field_that_several_datasets_have_needs_its_dataset() -> None:
    manifest, _ = read_texts({"a.yml": BAKERY, "b.yml": BAKERY.replace("orders_db", "copy_db").split("system:")[0]})
    with pytest.raises(InvalidInput) as told:
        impact(manifest, "users.email")
    assert "orders_db.users.email" in told.value.hint
    assert impact(manifest, "copy_db.users.email").dataset == "copy_db"


def test_an_unknown_field_names_near_ones() -> None:
    with pytest.raises(UnknownName) as told:
        of("users.emial")
    assert "users.email" in told.value.hint


def test_the_text_tells_every_kind_under_its_heading() -> None:
    told = text(of("users.email"))
    assert told.startswith(
        "orders_db.users.email (user.contact.email)  bakery.yml:10:13\n\npeople are looked up by it:\n"
    )
    assert "declared uses:\n  system letters, Send letters: for marketing" in told
    assert text(of("parcels.email")).count(":\n") == 3


def test_a_field_that_nothing_depends_on_says_so() -> None:
    manifest, _ = read_texts({"a.yml": "dataset: [{fides_key: d, collections: [{name: t, fields: [{name: f}]}]}]"})
    assert text(impact(manifest, "t.f")).endswith("nothing that is declared depends on it\n")


def test_the_example_company_knows_what_its_customers_hang_on() -> None:
    manifest, _ = load([SHOP], root=SHOP)
    found = impact(manifest, "shop_db.customers.id")
    assert {"parcels_db.parcels", "shop_db.order_lines"} <= named(found, "reach")
    assert "staff_db.staff" not in named(found, "reach")
