"""Our connector files against fakes of the vendors' APIs that another hand wrote from the same documents."""

from __future__ import annotations

from contextlib import suppress

import pytest
from saas_stages import TERMS, Found, Stage, plain, stage

from privet.connectors.rest.words import at_path
from privet.errors import PrivetError, Refused

# Collection of the file → collection of the fake, where each record has an id of its own in both.
SAME = {
    "stripe": {
        one: one for one in ["customers", "payment_methods", "charges", "payment_intents", "subscriptions", "invoices"]
    },
    "hubspot": {"contacts": "contacts", "tickets": "tickets", "notes": "notes"},
    "mailchimp": {"store_customers": "customers", "member_notes": "notes"},
    "zendesk": {
        "users": "users",
        "user_identities": "identities",
        "tickets": "tickets",
        "ticket_comments": "comments",
    },
    "salesforce": {
        "contacts": "Contact",
        "leads": "Lead",
        "cases": "Case",
        "case_comments": "CaseComment",
        "email_messages": "EmailMessage",
        "tasks": "Task",
        "campaign_members": "CampaignMember",
    },
    "shopify": {one: one for one in ["customers", "addresses", "orders", "draft_orders", "checkouts", "metafields"]},
    "twilio": {
        "messages": "messages",
        "media": "media_list",
        "calls": "calls",
        "recordings": "recordings",
        "caller_ids": "outgoing_caller_ids",
        "conversations": "conversations",
        "conversation_messages": "texts",
        "chat_users": "users",
    },
    "sendgrid": {"contacts": "contacts", "bounces": "bounces", "messages": "messages", "unsubscribes": "unsubscribes"},
    "intercom": {one: one for one in ["contacts", "notes", "conversations", "tickets", "events"]},
    "segment": {"events": "events"},
    "slack": {"users": "users", "files": "files"},
    "jira": {"users": "users", "issues": "issues", "comments": "comments", "worklogs": "worklogs"},
}
COUNTS = {
    "hubspot": {"subscriptions": "statuses"},
    "mailchimp": {"members": "members", "member_activity": "activity", "store_orders": "orders"},
    "sendgrid": {"group_suppressions": "group_suppressions", "blocks": "blocks", "spam_reports": "spam_reports"},
    "intercom": {"subscriptions": "subscriptions", "conversation_parts": "conversations"},
    "segment": {"external_ids": "external_ids"},
    "slack": {"messages": "messages"},
}
IDS = {"members": "id", "accountId": "accountId"}

# What the vendor keeps, as the file says at its top; each but the last two stands in fields that are read-only there.
KEPT = {
    "stripe": {
        "charges.billing_details.email",
        "charges.billing_details.phone",
        "charges.billing_details.address.line1",
        "invoices.customer_email",
        "invoices.customer_phone",
        "invoices.customer_address.line1",
    },
    "slack": {"users.name"},
    "salesforce": {"recycle_bin.row.FromAddress", "recycle_bin.row.TextBody"},
    "segment": {"suppressions.subjectId"},
}
OAUTH = {"salesforce"}
EVERY = pytest.mark.parametrize("name", sorted(TERMS))


def ids(on: Stage, collection: str, found: Found) -> set[str]:
    declared = on.dataset.collection(collection)
    assert declared is not None
    keys = [one.name for one in declared.fields if one.native.primary_key]
    first = next((key for key in ("id", "sid", "Id", "email", "conversation_sid") if key in keys), keys[0])
    return {str(at_path(dict(record.values), (first,))) for record in found[collection]}


@EVERY
def test_a_system_that_lets_us_in_is_probed_and_described(name: str) -> None:
    with stage(name) as on:
        on.connector.probe()
        assert on.dataset.key == name
        assert {one.name for one in on.dataset.collections} >= set(SAME[name])


@EVERY
def test_access_gathers_her_records_over_pages_and_those_of_nobody_else(name: str) -> None:
    with stage(name) as on:
        found = on.gather()
        for mine, theirs in SAME[name].items():
            assert ids(on, mine, found) == set(on.running.hers[theirs]), mine
        for mine, theirs in COUNTS.get(name, {}).items():
            assert len(found[mine]) == len(on.running.hers[theirs]), mine
        text = plain(found)
        for other in on.running.others:
            assert f'"{other.email}"' not in text and f'"{other.phone}"' not in text and other.street not in text


@EVERY
def test_erasure_leaves_none_of_her_identifiers_and_everybody_elses_records(name: str) -> None:
    with stage(name) as on:
        state = {kind: set(rows) - set(on.running.hers.get(kind, ())) for kind, rows in on.running.rows.items()}
        on.erase(on.gather())
        assert on.left() == KEPT.get(name, set())
        for kind, others in state.items():
            assert others <= set(on.running.rows[kind]), kind
        assert [kind for kind, records in on.gather().items() if records and kind != "stores"] == []


@EVERY
def test_what_is_kept_is_in_fields_that_the_file_calls_read_only(name: str) -> None:
    with stage(name) as on:
        for place in KEPT.get(name, set()):
            kind, *path = place.split(".")
            collection = on.dataset.collection(kind)
            if collection is None:  # no collection of the API's: the comment at the top of the file tells of it
                assert kind in ("recycle_bin", "suppressions")
                continue
            fields, shut = collection.fields, False
            for part in path:
                one = next((one for one in fields if one.name == part), None)
                shut = shut or (one is not None and one.native.read_only)
                fields = one.fields if one is not None else ()
            assert shut, place


@EVERY
def test_an_erasure_that_is_asked_for_again_changes_nothing_more(name: str) -> None:
    with stage(name) as on:
        found = on.gather()
        on.erase(found)
        deleted, changed = list(on.running.deleted), list(on.running.changed)
        on.erase(found)
        assert on.running.deleted == deleted and on.left() == KEPT.get(name, set())
        # What Shopify itself emptied since, after its own fashion, is masked again.
        assert on.running.changed == changed or name == "shopify"


@EVERY
def test_expired_tokens_are_renewed_or_refused_without_a_word_of_hers(name: str) -> None:
    with stage(name) as on:
        found = on.gather()
        on.running.expire_tokens()
        if name in OAUTH:
            assert plain(on.gather()) == plain(found)
            return
        with pytest.raises(Refused) as caught:
            on.gather()
        said = f"{caught.value} {caught.value.hint} {caught.value!r}"
        assert not any(one in said for one in (*on.running.identifiers, *on.running.secrets.values()))
        on.running.restore_tokens()
        assert plain(on.gather()) == plain(found)


@EVERY
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_system_that_is_busy_or_broken_for_a_moment_is_asked_again(name: str, status: int) -> None:
    with stage(name) as on:
        found = on.gather()
        on.running.fail(status, times=2, retry_after=1)
        assert plain(on.gather()) == plain(found)


@EVERY
def test_a_system_that_stays_broken_is_an_error_and_no_empty_answer(name: str) -> None:
    with stage(name) as on:
        on.running.fail(500, times=1_000)
        with pytest.raises(PrivetError) as caught:
            on.gather()
        assert not any(one in str(caught.value) for one in on.running.identifiers)


@EVERY
def test_a_delete_that_lies_is_seen_by_reading_back(name: str) -> None:
    with stage(name) as on:
        found = on.gather()
        on.running.lie_about_deletes()
        on.running.lie_about_updates()
        with suppress(Refused):  # some notice by themselves: what was not deleted cannot be deleted for good
            on.erase(found)
        again = on.gather()
        assert {kind for kind, records in again.items() if records} == {kind for kind in found if found[kind]}


@EVERY
@pytest.mark.parametrize(
    "hostile",
    [
        "x' OR Email LIKE '%",
        "x\\' OR Email != null OR Email = '",
        'x" OR role:"end-user',
        'ada@example.com" OR "a" = "a',
        "../../../users",
        "*",
        "%",
        "+1\r\nX-Admin: yes",
        '{"$gt": ""}',
        "ada@example.com\x00",
    ],
)
def test_an_identity_that_would_be_more_than_a_value_finds_nobody_and_changes_nothing(name: str, hostile: str) -> None:
    with stage(name) as on:
        on.sought = {"email": [hostile], "phone_number": [hostile]}
        try:
            found = on.gather()
        except PrivetError as error:
            assert hostile not in str(error)
            found = {}
        assert [kind for kind, records in found.items() if records and kind != "stores"] == []
        assert on.running.deleted == on.running.changed == []


@EVERY
def test_an_answer_that_is_lost_is_made_good_by_asking_again(name: str) -> None:
    with stage(name) as on:
        found = on.gather()
        on.running.lose()
        with suppress(PrivetError):
            on.erase(found)
        on.erase(on.gather())
        assert on.left() == KEPT.get(name, set())


@pytest.mark.parametrize(("name", "kind"), [("segment", "traits"), ("sendgrid", "contacts"), ("shopify", "customers")])
def test_a_job_that_the_vendor_has_not_done_yet_is_seen_by_reading_back(name: str, kind: str) -> None:
    with stage(name) as on:
        found = on.gather()
        on.running.delay_jobs(1_000)
        on.erase(found)
        assert on.gather()[kind]


def test_a_write_whose_answer_was_lost_is_sent_to_stripe_with_the_same_key_and_takes_effect_once() -> None:
    with stage("stripe") as on:
        found = on.gather()
        before = len(on.running.calls)
        on.running.lose(2)
        on.erase(found)
        first, *_ = calls = on.running.calls[before:]
        assert [call.key for call in calls].count(first.key) == 3 and first.key
        assert on.running.effects[first.key] == 1
