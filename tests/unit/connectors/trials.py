"""How each fake is asked: a client, and for each vendor how it is entered, paged, refused and made to delete."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from fakes import FAKES, Running

Body = Any
Ask = Callable[..., tuple[int, Body, dict[str, str]]]


def asker(running: Running, auth: Callable[[Running], dict[str, str]]) -> Ask:
    """Return a client: method, path or address, query, json, form, headers → status, body, headers."""

    def ask(
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        json_body: Any = None,
        form: dict[str, Any] | None = None,
        **headers: str,
    ) -> tuple[int, Body, dict[str, str]]:
        split = urlsplit(path)
        target = split.path + ("?" + split.query if split.query else "")
        if query:
            target += ("&" if split.query else "?") + urlencode(query)
        sent = auth(running) | {name.replace("_", "-"): value for name, value in headers.items()}
        raw = None
        if json_body is not None:
            raw, sent["Content-Type"] = json.dumps(json_body), "application/json"
        if form is not None:
            raw, sent["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
        line = http.client.HTTPConnection(running.host, timeout=10)
        try:
            line.request(method, target, raw, sent)
            answer = line.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None, dict(answer.getheaders())
        finally:
            line.close()

    return ask


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(name: str) -> Callable[[Running], dict[str, str]]:
    return lambda running: {"Authorization": f"Bearer {running.secrets[name]}"}


def of_segment(running: Running) -> dict[str, str]:
    return basic(running.secrets["access_token"], "")


def by_stripe(ask: Ask, running: Running) -> Iterator[str]:
    query: dict[str, Any] = {"customer": running.hers["customers"][0], "limit": 2}
    while True:
        made = ask("GET", "/v1/charges", query)[1]
        yield from (row["id"] for row in made["data"])
        if not made["has_more"]:
            return
        query["starting_after"] = made["data"][-1]["id"]


def by_hubspot(ask: Ask, running: Running) -> Iterator[str]:
    query: dict[str, Any] = {"limit": 2}
    while True:
        path = f"/crm/v4/objects/contacts/{running.hers['contacts'][0]}/associations/tickets"
        made = ask("GET", path, query)[1]
        yield from (str(row["toObjectId"]) for row in made["results"])
        if "paging" not in made:
            return
        query["after"] = made["paging"]["next"]["after"]


def by_mailchimp(ask: Ask, running: Running) -> Iterator[str]:
    known = hashlib.md5(running.person.email.encode(), usedforsecurity=False).hexdigest()
    for audience in ("list0", "list1"):
        path, seen = f"/3.0/lists/{audience}/members/{known}/notes", 0
        while made := ask("GET", path, {"count": 300, "offset": seen})[1]["notes"]:
            yield from (str(row["id"]) for row in made)
            seen += len(made)


def by_zendesk(ask: Ask, running: Running) -> Iterator[str]:
    there = f"/api/v2/users/{running.hers['users'][0]}/tickets/requested.json?page%5Bsize%5D=2"
    while there:
        made = ask("GET", there)[1]
        yield from (str(row["id"]) for row in made["tickets"])
        there = made["links"]["next"]


def by_salesforce(ask: Ask, running: Running) -> Iterator[str]:
    asked = f"SELECT Id, Subject FROM Case WHERE SuppliedEmail = '{running.person.email}' ORDER BY Id LIMIT 100"
    made = ask("GET", "/services/data/v60.0/query", {"q": asked})[1]
    while True:
        yield from (row["Id"] for row in made["records"])
        if made["done"]:
            return
        made = ask("GET", made["nextRecordsUrl"])[1]


def by_shopify(ask: Ask, running: Running) -> Iterator[str]:
    there = f"/admin/api/2024-10/customers/{running.hers['customers'][0]}/orders.json?status=any&limit=2"
    while there:
        _, made, head = ask("GET", there)
        yield from (str(row["id"]) for row in made["orders"])
        found = re.fullmatch(r'<(.*)>; rel="next"', head.get("Link", ""))
        there = found[1] if found else ""


def by_twilio(ask: Ask, running: Running) -> Iterator[str]:
    for side in ("To", "From"):
        there = f"/2010-04-01/Accounts/{running.settings['account_sid']}/Messages.json?PageSize=1&" + urlencode(
            {side: running.person.phone}
        )
        while there:
            made = ask("GET", there)[1]
            yield from (row["sid"] for row in made["messages"])
            there = made["next_page_uri"]


def by_sendgrid(ask: Ask, running: Running) -> Iterator[str]:
    there = "/v3/marketing/lists?page_size=2"
    while there:
        made = ask("GET", there)[1]
        yield from (row["id"] for row in made["result"])
        there = made["_metadata"].get("next")


def by_intercom(ask: Ask, running: Running) -> Iterator[str]:
    page: dict[str, Any] = {"per_page": 2}
    while True:
        query = {"field": "contact_ids", "operator": "=", "value": running.hers["contacts"][0]}
        made = ask("POST", "/conversations/search", json_body={"query": query, "pagination": page})[1]
        yield from (row["id"] for row in made["conversations"])
        if "next" not in made["pages"]:
            return
        page["starting_after"] = made["pages"]["next"]["starting_after"]


def by_segment(ask: Ask, running: Running) -> Iterator[str]:
    query: dict[str, Any] = {"limit": 2}
    while True:
        path = f"/v1/spaces/spa_1007/collections/users/profiles/user_id:{running.person.user_id}/events"
        made = ask("GET", path, query)[1]
        yield from (row["message_id"] for row in made["data"])
        if not made["cursor"]["has_more"]:
            return
        query["next"] = made["cursor"]["next"]


def by_slack(ask: Ask, running: Running) -> Iterator[str]:
    query: dict[str, Any] = {"user": running.hers["users"][0], "limit": 2}
    while True:
        made = ask("GET", "/api/users.conversations", query)[1]
        for room in made["channels"]:
            yield from in_room(ask, room["id"], running.hers["users"][0])
        query["cursor"] = made["response_metadata"]["next_cursor"]
        if not query["cursor"]:
            return


def in_room(ask: Ask, room: str, user: str) -> Iterator[str]:
    query: dict[str, Any] = {"channel": room, "limit": 2}
    while True:
        made = ask("GET", "/api/conversations.history", query)[1]
        for row in made["messages"]:
            thread = ask("GET", "/api/conversations.replies", {"channel": room, "ts": row["ts"]})[1]["messages"]
            yield from (f"{room} {one['ts']}" for one in thread if one["user"] == user)
        query["cursor"] = made["response_metadata"]["next_cursor"]
        if not query["cursor"]:
            return


def by_jira(ask: Ask, running: Running) -> Iterator[str]:
    asked: dict[str, Any] = {"jql": f'reporter = "{running.hers["users"][0]}" ORDER BY created', "maxResults": 2}
    while True:
        made = ask("POST", "/rest/api/3/search/jql", json_body=asked)[1]
        for row in made["issues"]:
            query: dict[str, Any] = {"startAt": 0, "maxResults": 1}
            while comments := ask("GET", f"/rest/api/3/issue/{row['id']}/comment", query)[1]["comments"]:
                yield from (one["id"] for one in comments)
                query["startAt"] += 1
        if made["isLast"]:
            return
        asked["nextPageToken"] = made["nextPageToken"]


Request = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class Trial:
    """How one vendor is tried. `walk` gathers `walked` over pages. `strange`: a write with a field that is none.
    `erase`: requests, in order, after which nothing of `erased` is hers. `expired`, `limited`: status, and words that
    the vendor's error holds."""

    auth: Callable[[Running], dict[str, str]]
    test: str
    walk: Callable[[Ask, Running], Iterator[str]]
    walked: str
    strange: Callable[[Running], Request]
    erase: Callable[[Running], list[Request]]
    erased: str
    expired: tuple[int, str]
    limited: str
    status: int = 400


def each(collection: str, method: str, path: str, **more: Any) -> Callable[[Running], list[Request]]:
    return lambda running: [(method, path.format(id), more) for id in running.hers[collection]]


TRIALS = {
    "stripe": Trial(
        auth=lambda running: basic(running.secrets["api_key"], ""),
        test="/v1/customers",
        walk=by_stripe,
        walked="charges",
        strange=lambda running: (
            "POST",
            f"/v1/customers/{running.hers['customers'][0]}",
            {"form": {"name": "x", "favourite": "blue"}},
        ),
        erase=each("customers", "DELETE", "/v1/customers/{}"),
        erased="sources",
        expired=(401, "api_key_expired"),
        limited="rate_limit",
    ),
    "hubspot": Trial(
        auth=bearer("access_token"),
        test="/crm/v3/objects/contacts",
        walk=by_hubspot,
        walked="tickets",
        strange=lambda running: (
            "PATCH",
            f"/crm/v3/objects/contacts/{running.hers['contacts'][0]}",
            {"json_body": {"properties": {"favourite": "blue"}}},
        ),
        erase=lambda running: [
            (
                "POST",
                "/crm/v3/objects/contacts/gdpr-delete",
                {"json_body": {"objectId": running.person.email, "idProperty": "email"}},
            )
        ],
        erased="contacts",
        expired=(401, "EXPIRED_AUTHENTICATION"),
        limited="RATE_LIMIT",
    ),
    "mailchimp": Trial(
        auth=lambda running: basic("anyone", running.secrets["api_key"]),
        test="/3.0/ping",
        walk=by_mailchimp,
        walked="notes",
        strange=lambda running: (
            "PATCH",
            f"/3.0/lists/list0/members/{running.person.email}",
            {"json_body": {"favourite": "blue"}},
        ),
        erase=lambda running: [
            ("POST", f"/3.0/lists/{one}/members/{running.person.email}/actions/delete-permanent", {})
            for one in ("list0", "list1")
        ],
        erased="members",
        expired=(401, "API Key Invalid"),
        limited="Too Many Requests",
    ),
    "zendesk": Trial(
        auth=lambda running: basic("staff@example.com/token", running.secrets["api_token"]),
        test="/api/v2/users/me.json",
        walk=by_zendesk,
        walked="tickets",
        strange=lambda running: (
            "PUT",
            f"/api/v2/users/{running.hers['users'][0]}",
            {"json_body": {"user": {"favourite": "blue"}}},
        ),
        erase=lambda running: [
            *each("tickets", "DELETE", "/api/v2/tickets/{}")(running),
            *each("users", "DELETE", "/api/v2/users/{}")(running),
            *each("users", "DELETE", "/api/v2/deleted_users/{}")(running),
        ],
        erased="users",
        expired=(401, "Couldn't authenticate you"),
        limited="APIRateLimitExceeded",
    ),
    "salesforce": Trial(
        auth=bearer("access_token"),
        test="/services/data/v60.0/limits",
        walk=by_salesforce,
        walked="Case",
        strange=lambda running: (
            "PATCH",
            f"/services/data/v60.0/sobjects/Contact/{running.hers['Contact'][0]}",
            {"json_body": {"SuppliedEmail": "blue"}},
        ),
        erase=each("Contact", "DELETE", "/services/data/v60.0/sobjects/Contact/{}"),
        erased="Contact",
        expired=(401, "INVALID_SESSION_ID"),
        limited="REQUEST_LIMIT_EXCEEDED",
    ),
    "shopify": Trial(
        auth=lambda running: {"X-Shopify-Access-Token": running.secrets["access_token"]},
        test="/admin/api/2024-10/shop.json",
        walk=by_shopify,
        walked="orders",
        strange=lambda running: (
            "PUT",
            f"/admin/api/2024-10/customers/{running.hers['customers'][0]}.json",
            {"json_body": {"customer": {"favourite": "blue"}}},
        ),
        erase=each("draft_orders", "DELETE", "/admin/api/2024-10/draft_orders/{}.json"),
        erased="draft_orders",
        expired=(401, "Invalid API key"),
        limited="Exceeded 2 calls per second",
    ),
    "twilio": Trial(
        auth=lambda running: basic(running.settings["account_sid"], running.secrets["auth_token"]),
        test="/v1/Users",
        walk=by_twilio,
        walked="messages",
        strange=lambda running: (
            "POST",
            f"/2010-04-01/Accounts/{running.settings['account_sid']}/Messages/{running.hers['messages'][0]}.json",
            {"form": {"Body": "", "Favourite": "blue"}},
        ),
        erase=each("messages", "DELETE", "/2010-04-01/Accounts/AC" + "7" * 32 + "/Messages/{}.json"),
        erased="messages",
        expired=(401, "20003"),
        limited="20429",
    ),
    "sendgrid": Trial(
        auth=bearer("api_key"),
        test="/v3/scopes",
        walk=by_sendgrid,
        walked="lists",
        strange=lambda running: (
            "POST",
            "/v3/marketing/contacts/search/emails",
            {"json_body": {"emails": ["ada@example.com"], "favourite": "blue"}},
        ),
        erase=lambda running: [
            ("DELETE", "/v3/marketing/contacts", {"query": {"ids": ",".join(running.hers["contacts"])}})
        ],
        erased="contacts",
        expired=(401, "invalid, expired, or revoked"),
        limited="too many requests",
    ),
    "intercom": Trial(
        auth=bearer("access_token"),
        test="/me",
        walk=by_intercom,
        walked="conversations",
        strange=lambda running: ("PUT", f"/contacts/{running.hers['contacts'][0]}", {"json_body": {"favourite": "x"}}),
        erase=each("contacts", "DELETE", "/contacts/{}"),
        erased="contacts",
        expired=(401, "token_revoked"),
        limited="rate_limit_exceeded",
    ),
    "segment": Trial(
        auth=of_segment,
        test="/v1/spaces/spa_1007/collections/users/profiles/user_id:u1007/metadata",
        walk=by_segment,
        walked="events",
        strange=lambda running: (
            "POST",
            "/regulations",
            {
                "json_body": {"regulationType": "DELETE_ONLY", "subjectType": "USER_ID", "subjectIds": ["x"], "to": 1},
                "Authorization": f"Bearer {running.secrets['api_token']}",
            },
        ),
        erase=lambda running: [
            (
                "POST",
                "/regulations",
                {
                    "json_body": {
                        "regulationType": "DELETE_ONLY",
                        "subjectType": "USER_ID",
                        "subjectIds": [running.person.user_id],
                    },
                    "Authorization": f"Bearer {running.secrets['api_token']}",
                },
            )
        ],
        erased="profiles",
        expired=(401, "authentication_error"),
        limited="rate_limit_error",
    ),
    "slack": Trial(
        auth=bearer("access_token"),
        test="/api/auth.test",
        walk=by_slack,
        walked="messages",
        strange=lambda running: (
            "POST",
            "/api/users.profile.set",
            {"json_body": {"user": running.hers["users"][0], "profile": {"favourite": "blue"}}},
        ),
        erase=lambda running: [
            ("POST", "/api/chat.delete", {"form": dict(zip(("channel", "ts"), id.split(), strict=True))})
            for id in running.hers["messages"]
        ],
        erased="messages",
        expired=(200, "token_expired"),
        limited="ratelimited",
        status=200,
    ),
    "jira": Trial(
        auth=lambda running: basic("staff@example.com", running.secrets["api_token"]),
        test="/rest/api/3/myself",
        walk=by_jira,
        walked="comments",
        strange=lambda running: (
            "PUT",
            f"/rest/api/3/issue/{running.hers['issues'][0]}",
            {"json_body": {"fields": {"favourite": "blue"}}},
        ),
        erase=lambda running: [
            ("DELETE", f"/rest/api/3/issue/{id}", {"query": {"deleteSubtasks": "true"}})
            for id in running.hers["issues"]
        ],
        erased="comments",
        expired=(401, "Client must be authenticated"),
        limited="Rate limit exceeded",
    ),
}


def one(name: str, **start: Any) -> Any:
    """Return a fake of one vendor, to be entered."""
    return FAKES[name].start(**start)
