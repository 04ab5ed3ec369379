"""What one vendor does and no other: the rules of its documents that a connector must get right."""

from __future__ import annotations

from typing import Any

import pytest
from trials import TRIALS, asker, bearer, one


def test_effects_are_counted_for_each_key() -> None:
    with one("stripe") as running:
        ask = asker(running, TRIALS["stripe"].auth)
        path = f"/v1/customers/{running.hers['customers'][0]}"
        first = ask("POST", path, form={"name": "one"}, Idempotency_Key="k1")
        running.rows["customers"][running.hers["customers"][0]]["name"] = "changed since"
        again = ask("POST", path, form={"name": "one"}, Idempotency_Key="k1")
        assert first[1] == again[1] | {"name": "one"} and again[2]["Idempotent-Replayed"] == "true"
        assert running.effects == {"k1": 1}
        assert ask("POST", path, form={"name": "two"}, Idempotency_Key="k1")[1]["error"]["type"] == "idempotency_error"
        assert ask("POST", path, form={"name": "two"}, Idempotency_Key="k2")[0] == 200
        assert running.effects == {"k1": 1, "k2": 1}


def test_zendesk_makes_one_ticket_for_one_key() -> None:
    with one("zendesk") as running:
        ask, ticket = asker(running, TRIALS["zendesk"].auth), {"ticket": {"subject": "forget her"}}
        made = [ask("POST", "/api/v2/tickets.json", json_body=ticket, Idempotency_Key="k")[1] for _ in range(2)]
        assert made[0] == made[1] and running.effects == {"k": 1}


def test_where_a_vendor_has_no_keys_two_calls_are_two_effects() -> None:
    with one("intercom") as running:
        ask, id = asker(running, bearer("access_token")), running.hers["contacts"][0]
        statuses = [ask("DELETE", f"/contacts/{id}", Idempotency_Key="k")[0] for _ in range(2)]
        assert statuses == [200, 404] and running.effects == {"k": 1 + 5 + 5 + 2}  # her, notes, events, lists


@pytest.mark.parametrize(
    ("name", "path", "grant"),
    [
        ("hubspot", "/oauth/v1/token", "refresh_token"),
        ("salesforce", "/services/oauth2/token", "client_credentials"),
        ("salesforce", "/services/oauth2/token", "authorization_code"),
        ("zendesk", "/oauth/tokens", "client_credentials"),
        ("shopify", "/admin/oauth/access_token", "client_credentials"),
        ("slack", "/api/oauth.v2.access", "refresh_token"),
        ("jira", "/oauth/token", "refresh_token"),
    ],
)
def test_a_grant_gives_a_token_that_is_good_after_the_old_one_expired(name: str, path: str, grant: str) -> None:
    with one(name) as running:
        running.expire_tokens()
        form = {"grant_type": grant} | {key: running.secrets[key] for key in ("client_id", "client_secret")}
        form |= {"refresh_token": running.secrets["refresh_token"]} if grant == "refresh_token" else {}
        form |= {"code": running.secrets["code"]} if grant == "authorization_code" else {}
        send = {"json_body": form} if name == "zendesk" else {"form": form}
        ask = asker(running, lambda running: {})
        token = ask("POST", path, **send)[1]["access_token"]
        head = {"X_Shopify_Access_Token": token} if name == "shopify" else {"Authorization": f"Bearer {token}"}
        assert ask("GET", TRIALS[name].test, **head)[0] == 200
        bad = {key: {**value, "client_secret": "wrong"} for key, value in send.items()}
        refused = ask("POST", path, **bad)
        assert refused[0] >= 400 or refused[1]["ok"] is False


def test_stripe_keeps_charges_until_a_redaction_job_has_run() -> None:
    with one("stripe") as running:
        ask, customer = asker(running, TRIALS["stripe"].auth), running.hers["customers"][0]
        running.delay_jobs(2)
        preview = {"Stripe_Version": "2025-03-31.preview"}
        path = "/v1/privacy/redaction_jobs"
        job = ask("POST", path, form={"objects[customers][]": customer}, **preview)[1]["id"]
        assert ask("POST", f"{path}/{job}/run", **preview)[1]["status"] == "redacting"
        assert running.finds("charges")
        statuses = [ask("GET", f"{path}/{job}", **preview)[1]["status"] for _ in range(2)]
        assert statuses == ["redacting", "succeeded"]
        assert not running.finds("charges", "customers", "invoices", "payment_intents", "payment_methods")


def test_stripe_gives_a_deleted_customer_as_deleted() -> None:
    with one("stripe") as running:
        ask, path = asker(running, TRIALS["stripe"].auth), f"/v1/customers/{running.hers['customers'][0]}"
        assert ask("DELETE", path)[1]["deleted"] is True
        assert ask("GET", path)[1] == {"id": running.hers["customers"][0], "object": "customer", "deleted": True}
        assert ask("GET", "/v1/customers", {"email": running.person.email})[1]["data"] == []
        assert ask("DELETE", path)[1]["error"]["code"] == "resource_missing"


def test_zendesk_deletes_no_requester_of_a_ticket_that_is_not_closed() -> None:
    with one("zendesk") as running:
        ask, id = asker(running, TRIALS["zendesk"].auth), running.hers["users"][0]
        status, body, _ = ask("DELETE", f"/api/v2/users/{id}.json")
        assert status == 422 and body["error"] == "RecordInvalid"


def test_zendesk_pages_by_number_where_no_cursor_is_asked() -> None:
    with one("zendesk") as running:
        ask, there, ids = asker(running, TRIALS["zendesk"].auth), "/api/v2/users.json?per_page=2", []
        while there:
            made = ask("GET", there)[1]
            ids += [str(row["id"]) for row in made["users"]]
            there = made["next_page"]
        assert ids == list(running.rows["users"])


def test_shopify_keeps_customers_with_orders_and_orders_of_a_gateway() -> None:
    with one("shopify") as running:
        ask = asker(running, TRIALS["shopify"].auth)
        assert ask("DELETE", f"/admin/api/2024-10/customers/{running.hers['customers'][0]}.json")[0] == 422
        statuses = [ask("DELETE", f"/admin/api/2024-10/orders/{id}.json")[0] for id in running.hers["orders"]]
        assert statuses == [200, 200, 200, 200, 422]


def test_shopify_erases_by_request_what_is_personal() -> None:
    with one("shopify") as running:
        ask = asker(running, TRIALS["shopify"].auth)
        words = "mutation($id: ID!) { customerRequestDataErasure(customerId: $id) { customerId userErrors { code } } }"
        variables = {"id": f"gid://shopify/Customer/{running.hers['customers'][0]}"}
        path, sent = "/admin/api/2024-10/graphql.json", {"query": words, "variables": variables}
        assert ask("POST", path, json_body=sent)[1]["data"]["customerRequestDataErasure"]["userErrors"] == []
        assert not running.finds()


def test_salesforce_keeps_what_was_deleted_in_the_recycle_bin() -> None:
    with one("salesforce") as running:
        ask, id = asker(running, bearer("access_token")), running.hers["Contact"][0]
        path, asked = f"/services/data/v60.0/sobjects/Contact/{id}", f"SELECT Id, Email FROM Contact WHERE Id = '{id}'"
        assert ask("DELETE", path)[0] == 204
        assert ask("DELETE", path)[1][0]["errorCode"] == "ENTITY_IS_DELETED"
        assert ask("GET", "/services/data/v60.0/query", {"q": asked})[1]["totalSize"] == 0
        assert ask("GET", "/services/data/v60.0/queryAll", {"q": asked})[1]["totalSize"] == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("SELECT Favourite FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Favourite", "INVALID_TYPE"),
        ("SELECT Id FROM Contact WHERE Email = 'x' OR", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Email = 'x'' OR Email != ''", "MALFORMED_QUERY"),
        ("DELETE FROM Contact", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Contact", "MALFORMED_QUERY"),
    ],
)
def test_salesforce_refuses_what_is_not_soql(asked: str, code: str) -> None:
    with one("salesforce") as running:
        status, body, _ = asker(running, bearer("access_token"))("GET", "/services/data/v60.0/query", {"q": asked})
        assert (status, body[0]["errorCode"]) == (400, code)


def test_salesforce_reads_escapes_brackets_and_lists() -> None:
    with one("salesforce") as running:
        odd = next(person.email for person in running.others if "'" in person.email).replace("'", "\\'")
        asked = f"SELECT Email FROM Lead WHERE (Email IN ('{odd}', '{running.person.email}') AND City != null)"
        body = asker(running, bearer("access_token"))("GET", "/services/data/v60.0/query", {"q": asked})[1]
        assert body["totalSize"] == 2


def test_salesforce_asks_by_fields_of_the_parent() -> None:
    with one("salesforce") as running:
        ask = asker(running, bearer("access_token"))
        asked = f"SELECT Id FROM Case WHERE Contact.Email = '{running.person.email}'"
        assert ask("GET", "/services/data/v60.0/query", {"q": asked})[1]["totalSize"] == 5
        asked = "SELECT Id FROM Case WHERE Contact.Favourite = 'blue'"
        assert ask("GET", "/services/data/v60.0/query", {"q": asked})[1][0]["errorCode"] == "INVALID_FIELD"


def test_hubspot_names_what_belongs_to_a_contact_when_asked() -> None:
    with one("hubspot") as running:
        path = f"/crm/v3/objects/contacts/{running.hers['contacts'][0]}"
        body = asker(running, bearer("access_token"))("GET", path, {"associations": "tickets"})[1]
        assert [row["id"] for row in body["associations"]["tickets"]["results"]] == running.hers["tickets"]


def test_slack_overwrites_whom_it_cannot_delete() -> None:
    with one("slack") as running:
        ask, id = asker(running, bearer("access_token")), running.hers["users"][0]
        blank = dict.fromkeys(("email", "phone", "title", "first_name", "last_name", "real_name"), "gone")
        assert ask("POST", "/api/users.profile.set", json_body={"user": id, "profile": blank})[1]["ok"] is True
        assert ask("PATCH", f"/scim/v1/Users/{id}", json_body={"userName": "gone", "active": False})[0] == 200
        assert ask("DELETE", f"/scim/v2/Users/{id}")[0] == 204
        assert not running.finds("users")
        assert ask("GET", "/api/users.lookupByEmail", {"email": running.person.email})[1]["error"] == "users_not_found"


def test_jira_leaves_what_a_deleted_user_wrote_to_a_former_user() -> None:
    with one("jira") as running:
        ask, id = asker(running, TRIALS["jira"].auth), running.hers["users"][0]
        assert ask("DELETE", "/rest/api/3/user", {"accountId": id})[0] == 204
        reporter = ask("GET", f"/rest/api/3/issue/{running.hers['issues'][0]}")[1]["fields"]["reporter"]
        assert reporter == {"accountId": id, "displayName": "Former user", "active": False}


def test_hubspot_archives_what_is_deleted_and_can_still_be_read() -> None:
    with one("hubspot") as running:
        ask, id = asker(running, bearer("access_token")), running.hers["contacts"][0]
        assert ask("DELETE", f"/crm/v3/objects/contacts/{id}")[0] == 204
        assert ask("GET", f"/crm/v3/objects/contacts/{id}")[0] == 404
        assert ask("GET", f"/crm/v3/objects/contacts/{id}", {"archived": "true"})[0] == 200


def test_hubspot_shows_only_the_properties_that_are_asked_for() -> None:
    with one("hubspot") as running:
        ask, path = asker(running, bearer("access_token")), f"/crm/v3/objects/contacts/{running.hers['contacts'][0]}"
        assert "phone" not in ask("GET", path)[1]["properties"]
        assert ask("GET", path, {"properties": "phone,city"})[1]["properties"]["phone"] == running.person.phone


def test_mailchimp_archives_first_and_deletes_for_good_when_asked() -> None:
    with one("mailchimp", rows=2) as running:
        ask, path = asker(running, TRIALS["mailchimp"].auth), f"/3.0/lists/list0/members/{running.person.email}"
        assert ask("DELETE", path)[0] == 204 and ask("GET", path)[1]["status"] == "archived"
        assert ask("POST", f"{path}/actions/delete-permanent")[0] == 204 and ask("GET", path)[0] == 404


def test_sendgrid_accepts_deletion_and_does_it_later() -> None:
    with one("sendgrid") as running:
        ask = asker(running, bearer("api_key"))
        running.delay_jobs(1)
        sent = {"email_addresses": [running.person.email]}
        assert ask("POST", "/v3/recipients/erasejob", json_body=sent)[0] == 202
        assert running.finds()
        ask("GET", "/v3/scopes")
        assert not running.finds()


def test_segment_suppresses_on_a_list_that_stays() -> None:
    with one("segment") as running:
        ask = asker(running, lambda running: {"Authorization": f"Bearer {running.secrets['api_token']}"})
        sent = {"regulationType": "SUPPRESS_WITH_DELETE", "subjectType": "USER_ID", "subjectIds": ["u1007"]}
        id = ask("POST", "/regulations", json_body=sent)[1]["data"]["regulateId"]
        assert ask("GET", f"/regulations/{id}")[1]["data"]["regulation"]["overallStatus"] == "FINISHED"
        assert ask("GET", "/suppressions", {"pagination.count": 5})[1]["data"]["pagination"]["totalEntries"] == 1
        assert not running.finds("profiles", "events", "external_ids")


def test_jira_finds_others_whose_address_begins_alike() -> None:
    with one("jira") as running:
        body = asker(running, TRIALS["jira"].auth)("GET", "/rest/api/3/user/search", {"query": running.person.email})[1]
        assert len(body) == 3 and running.person.email in [row["emailAddress"] for row in body]


def test_jira_has_no_search_by_offset_any_more() -> None:
    with one("jira") as running:
        assert asker(running, TRIALS["jira"].auth)("GET", "/rest/api/3/search", {"jql": "id = 1"})[0] == 410


def test_intercom_deletes_conversations_from_the_version_that_knows_it() -> None:
    with one("intercom") as running:
        ask, path = asker(running, bearer("access_token")), f"/conversations/{running.hers['conversations'][0]}"
        assert ask("DELETE", path, Intercom_Version="2.12")[0] == 404
        assert ask("DELETE", path, Intercom_Version="2.13")[1]["deleted"] is True
        assert ask("GET", "/me", Intercom_Version="9.9")[1]["errors"][0]["code"] == "intercom_version_invalid"


def test_twilio_empties_a_body_and_takes_no_other() -> None:
    with one("twilio") as running:
        ask, id = asker(running, TRIALS["twilio"].auth), running.hers["messages"][0]
        path = f"/2010-04-01/Accounts/{running.settings['account_sid']}/Messages/{id}.json"
        assert ask("POST", path, form={"Body": "new"})[0] == 400
        assert ask("POST", path, form={"Body": ""})[1]["body"] == ""


def test_a_slow_vendor_answers_late_and_ends_at_once() -> None:
    with one("intercom") as running:
        running.slow(0.05)
        assert asker(running, bearer("access_token"))("GET", "/me")[0] == 200
        running.slow(60)


def test_a_page_is_never_longer_than_the_vendor_permits() -> None:
    with one("stripe") as running:
        ask = asker(running, TRIALS["stripe"].auth)
        assert ask("GET", "/v1/charges", {"limit": 101})[0] == 400
        running.page_size = None
        assert len(ask("GET", "/v1/charges", {"limit": 100})[1]["data"]) == 45


TWILIO = "/2010-04-01/Accounts/AC" + "7" * 32
BLANK = {
    "Contact": {"FirstName": "", "LastName": "x", "Email": None, "Phone": None, "MobilePhone": None}
    | {"MailingStreet": None, "Description": None},
    "Lead": {"LastName": "x", "Email": None, "Phone": None, "Street": None},
    "Case": {"SuppliedEmail": None, "SuppliedName": None, "Description": None},
    "CaseComment": {"CommentBody": None},
    "Task": {"Description": None},
    "EmailMessage": {"FromAddress": None, "TextBody": None},
}
WAYS: dict[str, list[tuple[str, str, str, Any]]] = {
    "hubspot": [
        (kind, "POST", f"/crm/v3/objects/{kind}/gdpr-delete", {"objectId": "{}"})
        for kind in ("contacts", "tickets", "deals")
    ],
    "mailchimp": [
        ("members", "POST", "/3.0/lists/{list}/members/{id}/actions/delete-permanent", None),
        ("orders", "DELETE", "/3.0/ecommerce/stores/store1/orders/{}", None),
        ("customers", "DELETE", "/3.0/ecommerce/stores/store1/customers/{}", None),
    ],
    "zendesk": [
        (kind, "DELETE", f"/api/v2/{state}{kind}/{{}}.json", None)
        for kind in ("tickets", "users")
        for state in ("", "deleted_")
    ],
    "salesforce": [
        (kind, "PATCH", f"/services/data/v60.0/sobjects/{kind}/{{}}", blank) for kind, blank in BLANK.items()
    ],
    "twilio": [
        ("messages", "DELETE", TWILIO + "/Messages/{}.json", None),
        ("calls", "DELETE", TWILIO + "/Calls/{}.json", None),
        ("outgoing_caller_ids", "DELETE", TWILIO + "/OutgoingCallerIds/{}.json", None),
        ("conversations", "DELETE", "/v1/Conversations/{}", None),
        ("users", "DELETE", "/v1/Users/{}", None),
    ],
    "intercom": [(kind, "DELETE", f"/{kind}/{{}}", None) for kind in ("contacts", "conversations", "tickets")],
    "jira": [
        ("issues", "DELETE", "/rest/api/3/issue/{}?deleteSubtasks=true", None),
        ("users", "DELETE", "/rest/api/3/user?accountId={}", None),
    ],
}


@pytest.mark.parametrize("name", WAYS)
def test_what_the_vendor_lets_us_erase_leaves_nothing_of_hers_and_all_of_the_others(name: str) -> None:
    with one(name, rows=3) as running:
        ask = asker(running, TRIALS[name].auth)
        others = {
            (kind, id) for kind, rows in running.rows.items() for id in set(rows) - set(running.hers.get(kind, []))
        }
        for kind, method, path, body in WAYS[name]:
            for id in running.hers[kind]:
                audience, _, known = id.partition("/")
                sent = body and {key: id if value == "{}" else value for key, value in body.items()}
                assert ask(method, path.format(id, list=audience, id=known), json_body=sent)[0] < 300
        assert running.finds() == []
        assert all(id in running.rows[kind] for kind, id in others)
