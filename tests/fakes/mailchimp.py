"""Mailchimp Marketing.

Written from mailchimp.com/developer/marketing: docs/fundamentals (authentication, pagination), docs/errors, api/ping,
api/search-members, api/lists, api/list-members (get, update, archive, delete-permanent), api/list-member-notes,
api/list-members/list-member-tags, api/list-activity-feed, api/ecommerce-customers, api/ecommerce-orders. secrets:
`api_key` (password of Basic with any user, or a bearer). settings: `data_center`.

A member is known by the MD5 of the lower-case address, by the address or by contact_id. DELETE archives and keeps all;
actions/delete-permanent removes her from the audience with notes and feed. `fields` and `exclude_fields` are taken and
passed over: more comes than was asked. Pages are as long as asked, 10 by default and at most
1000; she has more notes, feed and orders than that.
"""

from __future__ import annotations

import hashlib
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, basic, bearer, demand, same

PAGED = "fields exclude_fields count offset"
MEMBER = "email_address status merge_fields language vip interests location email_type"
TITLES = {
    "unauthorized": ("API Key Invalid", "Your API key may be invalid, or you've attempted the wrong datacenter."),
    "expired": ("API Key Invalid", "This API key has been disabled."),
    "absent": ("Resource Not Found", "The requested resource could not be found."),
    "no_route": ("Resource Not Found", "The requested resource could not be found."),
    "too_many": ("Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."),
    "server": ("Internal Server Error", "An unexpected internal error occurred."),
}


def refuse(refusal: Refusal) -> Answer:
    title, detail = TITLES.get(refusal.why, ("Invalid Resource", "The resource submitted could not be validated."))
    body: Row = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": title,
        "status": refusal.status,
        "detail": detail,
        "instance": "00000000-0000-0000-0000-000000000007",
    }
    if refusal.status == 400:
        body["errors"] = [{"field": refusal.what, "message": f"Schema describes no such thing ({refusal.why})"}]
    wait = refusal.more.get("retry_after")
    head = {"Content-Type": "application/problem+json; charset=utf-8"}
    return Answer(body, refusal.status, head | ({"Retry-After": f"{wait:g}"} if wait is not None else {}))


def admit(running: Running, call: Call) -> None:
    demand(running, (basic(call) or ("", bearer(call)))[1])


def hashed(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def plant(running: Running, rows: int) -> None:
    for nth in range(3):
        running.seed("lists", {"id": f"list{nth}", "name": f"Audience {nth}", "stats": {"member_count": 21}})
    running.seed("stores", {"id": "store1", "list_id": "list0", "name": "A shop", "currency_code": "USD"})
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    address = {"addr1": who.street, "city": who.city, "zip": who.postcode, "state": "ST", "country": "US"}
    for nth in range(2):
        known = hashed(who.email)
        running.seed("members", {"key": f"list{nth}/{known}", "id": known, "email_address": who.email, "vip": False,
                     "unique_email_id": who.code("ue"), "contact_id": who.code("co"), "full_name": who.name,
                     "status": "subscribed", "email_type": "html", "language": "en", "ip_signup": "192.0.2.7",
                     "merge_fields": {"FNAME": who.first, "LNAME": who.last, "PHONE": who.phone, "ADDRESS": address},
                     "list_id": f"list{nth}", "tags": [], "interests": {}, "location": {"country_code": "US"}},
                     id="key", of=who)
        for _ in range(rows if nth == 0 else 2):
            mine = {"list_id": f"list{nth}", "email_id": known}
            running.seed("notes", {"id": running.fresh(), **mine, "contact_id": who.code("co"), "created_by": "staff",
                         "note": f"called {who.phone}"}, of=who)
            running.seed("activity", {"key": running.fresh(), **mine, "activity_type": "open", "campaign_id": "c1",
                         "created_at_timestamp": "2024-01-02T03:04:05+00:00"}, id="key", of=who)
    store = {"store_id": "store1"}
    running.seed("customers", {"id": who.user_id, "email_address": who.email, "first_name": who.first, **store,
                 "last_name": who.last, "opt_in_status": True, "address": {"address1": who.street}}, of=who)
    for _ in range(rows):
        customer = {"id": who.user_id, "email_address": who.email, "first_name": who.first}
        running.seed("orders", {"id": f"o{running.fresh()}", **store, "customer": customer, "order_total": 7,
                     "shipping_address": {"name": who.name, "address1": who.street}}, of=who)
# fmt: on


MAILCHIMP = Vendor(
    name="mailchimp",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={"api_key": "fake1007-us7"},
    tokens=("api_key",),
    settings={"data_center": "us7"},
    rows=1005,
)


def listed(running: Running, call: Call, collection: str, found: Any, **more: Any) -> Row:
    data = running.span(found, call.whole("offset"), call.query.get("count"), 10, 1000)
    hidden = ("key", "email_id") if collection == "activity" else ("key", "store_id")
    shown = [{name: value for name, value in row.items() if name not in hidden} for row in data]
    return {collection: shown, "total_items": len(found), **more, "_links": []}


def member(running: Running, list_id: str, known: str, live: bool = False) -> Row:
    running.find("lists", list_id)
    hit = [
        row
        for _, row in running.where(
            "members",
            lambda row: (
                row["list_id"] == list_id
                and (same(row["id"], known) or same(row["email_address"], known) or row["contact_id"] == known)
            ),
        )
    ]
    if not hit or (live and hit[0]["status"] == "archived"):
        raise Refusal(404, "absent", "member")
    return hit[0]


def shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "key"} | {"_links": []}


@MAILCHIMP.route("GET", "/3.0/ping")
def ping(running: Running, call: Call) -> Any:
    return {"health_status": "Everything's Chimpy!"}


@MAILCHIMP.route("GET", "/3.0/search-members", query="query list_id fields exclude_fields", needs="query")
def search(running: Running, call: Call) -> Any:
    asked, of = call.query["query"].lower(), call.query.get("list_id")
    live = [
        row
        for _, row in running.where("members", lambda row: of in (None, row["list_id"]) and row["status"] != "archived")
    ]
    exact = [shown(row) for row in live if same(row["email_address"], asked)]
    full = [shown(row) for row in live if asked in f"{row['email_address']} {row['full_name']}".lower()]
    return {
        "exact_matches": {"members": exact, "total_items": len(exact)},
        "full_search": {"members": full, "total_items": len(full)},
        "_links": [],
    }


@MAILCHIMP.route("GET", "/3.0/lists", query=f"{PAGED} email sort_field sort_dir include_total_contacts")
def lists(running: Running, call: Call) -> Any:
    email = call.query.get("email")
    holds = {row["list_id"] for _, row in running.where("members", lambda row: same(row["email_address"], email))}
    return listed(running, call, "lists", running.where("lists", lambda row: email is None or row["id"] in holds))


@MAILCHIMP.route("GET", "/3.0/lists/*/members", query=f"{PAGED} status email_type unique_email_id")
def members(running: Running, call: Call, list_id: str) -> Any:
    running.find("lists", list_id)
    status, unique = call.query.get("status"), call.query.get("unique_email_id")
    found = running.where(
        "members",
        lambda row: (
            row["list_id"] == list_id
            and unique in (None, row["unique_email_id"])
            and (row["status"] == status if status else row["status"] != "archived")
        ),
    )
    return listed(running, call, "members", found, list_id=list_id)


@MAILCHIMP.route("GET", "/3.0/lists/*/members/*", query="fields exclude_fields")
def got(running: Running, call: Call, list_id: str, known: str) -> Any:
    return shown(member(running, list_id, known))


def edit(running: Running, call: Call, list_id: str, known: str) -> Any:
    row = member(running, list_id, known)
    fields = only_merge(call.body)
    if "merge_fields" in fields:
        fields["merge_fields"] = row["merge_fields"] | fields["merge_fields"]
    if "email_address" in fields:
        fields["id"] = hashed(fields["email_address"])
    running.change("members", row["key"], fields)
    return shown(row)


def only_merge(body: Row) -> Row:
    for name in body.get("merge_fields", {}):
        if name not in ("FNAME", "LNAME", "PHONE", "ADDRESS"):
            raise Refusal(400, "unknown_field", f"merge_fields.{name}")
    return dict(body)


MAILCHIMP.route("PATCH", "/3.0/lists/*/members/*", query="skip_merge_validation", body=MEMBER)(edit)
MAILCHIMP.route(
    "PUT",
    "/3.0/lists/*/members/*",
    query="skip_merge_validation",
    body=f"{MEMBER} status_if_new",
    needs="email_address status_if_new",
)(edit)


@MAILCHIMP.route("DELETE", "/3.0/lists/*/members/*")
def archive(running: Running, call: Call, list_id: str, known: str) -> Any:
    row = member(running, list_id, known, live=True)
    running.change("members", row["key"], {"status": "archived"}, deletes=True)
    return Answer(None, 204)


@MAILCHIMP.route("POST", "/3.0/lists/*/members/*/actions/delete-permanent", body="")
def delete_permanent(running: Running, call: Call, list_id: str, known: str) -> Any:
    row = member(running, list_id, known)
    for name, id in (("notes", "id"), ("activity", "key")):
        for _, one in running.where(name, lambda one: (one["list_id"], one["email_id"]) == (list_id, row["id"])):
            running.remove(name, str(one[id]))
    running.remove("members", row["key"])
    return Answer(None, 204)


@MAILCHIMP.route("GET", "/3.0/lists/*/members/*/tags", query=PAGED)
def tags(running: Running, call: Call, list_id: str, known: str) -> Any:
    return {"tags": member(running, list_id, known)["tags"], "total_items": 0, "_links": []}


def of_member(running: Running, name: str, list_id: str, known: str) -> Any:
    row = member(running, list_id, known)
    return running.where(name, lambda one: (one["list_id"], one["email_id"]) == (list_id, row["id"]))


@MAILCHIMP.route("GET", "/3.0/lists/*/members/*/notes", query=f"{PAGED} sort_field sort_dir")
def notes(running: Running, call: Call, list_id: str, known: str) -> Any:
    return listed(running, call, "notes", of_member(running, "notes", list_id, known), list_id=list_id, email_id=known)


@MAILCHIMP.route("DELETE", "/3.0/lists/*/members/*/notes/*")
def delete_note(running: Running, call: Call, list_id: str, known: str, id: str) -> Any:
    if all(str(row["id"]) != id for _, row in of_member(running, "notes", list_id, known)):
        raise Refusal(404, "absent", "note")
    running.remove("notes", id)
    return Answer(None, 204)


@MAILCHIMP.route("GET", "/3.0/lists/*/members/*/activity-feed", query=f"{PAGED} activity_filters")
def feed(running: Running, call: Call, list_id: str, known: str) -> Any:
    found = of_member(running, "activity", list_id, known)
    return listed(running, call, "activity", found, list_id=list_id, email_id=known)


@MAILCHIMP.route("GET", "/3.0/ecommerce/stores", query=PAGED)
def stores(running: Running, call: Call) -> Any:
    return listed(running, call, "stores", running.where("stores"))


def of_store(name: str, more: str, asked: str, keep: Any, edits: str) -> None:
    @MAILCHIMP.route("GET", f"/3.0/ecommerce/stores/*/{name}", query=f"{PAGED} {more}")
    def read(running: Running, call: Call, store: str) -> Any:
        running.find("stores", store)
        value = call.query.get(asked)
        found = running.where(name, lambda row: row["store_id"] == store and (value is None or same(keep(row), value)))
        return listed(running, call, name, found, store_id=store)

    @MAILCHIMP.route("PATCH", f"/3.0/ecommerce/stores/*/{name}/*", body=edits)
    def change(running: Running, call: Call, store: str, id: str) -> Any:
        row = running.find(name, id)
        running.change(name, id, call.body)
        return row

    @MAILCHIMP.route("DELETE", f"/3.0/ecommerce/stores/*/{name}/*")
    def delete(running: Running, call: Call, store: str, id: str) -> Any:
        running.find("stores", store)
        running.find(name, id)
        running.remove(name, id)
        return Answer(None, 204)


of_store(
    "customers",
    "email_address",
    "email_address",
    lambda row: row["email_address"],
    "opt_in_status company first_name last_name address",
)
of_store(
    "orders",
    "customer_id has_outreach campaign_id",
    "customer_id",
    lambda row: row["customer"]["id"],
    "customer shipping_address billing_address order_total",
)
