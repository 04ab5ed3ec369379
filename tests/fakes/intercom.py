"""Intercom.

Written from developers.intercom.com/docs: build-an-integration/learn-more/{authentication,rest-apis/pagination-cursor,
rest-apis/error-codes,rest-apis/rate-limiting}, references/rest-api/api.intercom.io: contacts (search, list, update,
delete, archive), notes, conversations (search, delete, redact), tickets (search, delete), data-events, tags,
admins (me). secrets: `access_token` (bearer). A header Intercom-Version, where it is sent, must be a real one.

Search takes `query` with field, operator and value, or AND/OR of such, and answers by cursor (`pages.next`). Archiving
a contact keeps her; deleting removes her with notes and events; her conversations and tickets stay,
until they are deleted each, which versions below 2.13 do not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, bearer, demand, link, only, same

CONTACT = "role external_id email phone name avatar signed_up_at last_seen_at owner_id unsubscribed_from_emails "
CONTACT += "custom_attributes language_override"

OLD = tuple(f"2.{minor}" for minor in range(13))
SIGNS: dict[Any, Callable[[str, str], bool]] = {
    "=": str.__eq__,
    "!=": str.__ne__,
    "~": str.__contains__,
    "!~": lambda one, wanted: wanted not in one,
    "^": str.startswith,
    "$": str.endswith,
}


def refuse(refusal: Refusal) -> Answer:
    code, says = {
        "unauthorized": ("unauthorized", "Access Token Invalid"),
        "expired": ("token_revoked", "Access Token has been revoked"),
        "absent": ("not_found", f"{refusal.what.rstrip('s').capitalize()} Not Found"),
        "no_route": ("not_found", "The requested resource was not found"),
        "unknown_field": ("parameter_not_found", refusal.what),
        "unknown_parameter": ("parameter_not_found", refusal.what),
        "missing": ("parameter_not_found", f"{refusal.what} missing"),
        "too_many": ("rate_limit_exceeded", "Exceeded rate limit"),
        "server": ("server_error", "Server error"),
        "version": ("intercom_version_invalid", "The requested version could not be found"),
    }.get(refusal.why, ("parameter_invalid", refusal.what))
    body = {"type": "error.list", "request_id": "req1007", "errors": [{"code": code, "message": says}]}
    wait = refusal.more.get("retry_after")
    return Answer(
        body, refusal.status, {"Retry-After": f"{wait:g}", "X-RateLimit-Remaining": "0"} if wait is not None else {}
    )


def admit(running: Running, call: Call) -> None:
    demand(running, bearer(call))
    version = call.headers.get("intercom-version", "2.11")
    if version not in ("Unstable", "Preview", *(f"2.{minor}" for minor in range(17))):
        raise Refusal(400, "version", version)


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    contact = who.code("65a")
    running.seed("contacts", {"type": "contact", "id": contact, "external_id": who.user_id, "role": "user",
                 "email": who.email, "phone": who.phone, "name": who.name, "custom_attributes": {"street": who.street},
                 "location": {"type": "location", "city": who.city}, "archived": False, "created_at": 1_700_000_000,
                 "unsubscribed_from_emails": False, "owner_id": None}, of=who)
    author = {"type": "user", "id": contact, "name": who.name, "email": who.email}
    for nth in range(2):
        running.seed("subscriptions", {"key": f"{contact}#{nth + 1}", "contact": contact, "type": "subscription",
                     "id": str(nth + 1), "state": "live", "consent_type": "opt_in", "content_types": ["email"],
                     "default_translation": {"name": f"List {nth}", "locale": "en"}}, id="key", of=who)
    for _ in range(rows):
        running.seed("notes", {"type": "note", "id": str(running.fresh()), "body": f"<p>called {who.phone}</p>",
                     "created_at": 1_700_000_000, "contact": {"type": "contact", "id": contact},
                     "author": {"type": "admin", "id": "1", "name": "Staff"}}, of=who)
        contacts = {
            "type": "contact.list",
            "contacts": [{"type": "contact", "id": contact, "external_id": who.user_id}],
        }
        part = {"type": "conversation_part", "id": str(running.fresh()), "body": f"I live in {who.street}",
                "author": author, "part_type": "comment"}
        running.seed("conversations", {"type": "conversation", "id": str(running.fresh()), "title": None,
                     "source": {"type": "conversation", "id": str(running.fresh()), "body": f"mail {who.email}",
                                "author": author}, "contacts": contacts, "state": "closed", "open": False,
                     "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [part]}}, of=who)
        running.seed("tickets", {"type": "ticket", "id": str(running.fresh()), "contacts": contacts,
                     "category": "Customer", "ticket_attributes": {"_default_title_": "a question",
                                                                 "_default_description_": who.email}}, of=who)
        running.seed("events", {"type": "event", "id": str(running.fresh()), "event_name": "bought", "email": who.email,
                     "created_at": 1_700_000_000, "user_id": who.user_id, "intercom_user_id": contact,
                     "metadata": {}}, of=who)
# fmt: on


INTERCOM = Vendor(
    name="intercom",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={"access_token": "dG9rOmZha2UxMDA3"},
    tokens=("access_token",),
)


def paged(running: Running, call: Call, name: str, kind: str, found: Any, asked: Row, default: int) -> Row:
    size = running.size(asked.get("per_page"), default, 150)
    rows, after = running.page(found, str(asked.get("starting_after") or ""), asked.get("per_page"), default, 150)
    pages: Row = {"type": "pages", "page": 1, "per_page": size, "total_pages": -(-len(found) // size)}
    pages |= {"next": {"page": 2, "starting_after": after}} if after else {}
    return {"type": kind, name: rows, "total_count": len(found), "pages": pages}


def held(row: Row, field: str) -> list[Any]:
    """Return what a field of search stands for; contact_ids and dotted names reach inside."""
    if field == "contact_ids":
        return [one["id"] for one in row["contacts"]["contacts"]]
    value: Any = row
    for part in field.split("."):
        if not isinstance(value, dict) or part not in value:
            raise Refusal(400, "malformed", f"query.field {field}")
        value = value[part]
    return [value]


def fits(row: Row, query: Any) -> bool:
    asked = only(query, "field operator value", "query")
    sign, value = asked.get("operator"), asked.get("value") or ""
    if sign in ("AND", "OR"):
        return (all if sign == "AND" else any)([fits(row, one) for one in value])
    values = held(row, asked.get("field", ""))
    if sign in ("IN", "NIN"):
        return any(same(one, other) for one in values for other in value) is (sign == "IN")
    texts, wanted = [str(one).lower() for one in values], str(value).lower()
    if sign not in SIGNS:
        raise Refusal(400, "malformed", "query.operator")
    return any(SIGNS[sign](one, wanted) for one in texts)


def searchable(name: str, kind: str, key: str) -> None:
    @INTERCOM.route("POST", f"/{name}/search", reads=True, body="query pagination sort", needs="query")
    def search(running: Running, call: Call) -> Any:
        found = running.where(name, lambda row: not row.get("archived") and fits(row, call.body["query"]))
        asked = only(call.body.get("pagination") or {}, "per_page starting_after page", "pagination")
        made = paged(running, call, key, kind, found, asked, 20 if name != "contacts" else 50)
        made[key] = [{one: value for one, value in row.items() if one != "conversation_parts"} for row in made[key]]
        return made


searchable("contacts", "list", "data")
searchable("conversations", "conversation.list", "conversations")
searchable("tickets", "ticket.list", "tickets")


@INTERCOM.route("GET", "/me")
def me(running: Running, call: Call) -> Any:
    return {"type": "admin", "id": "1", "email": "staff@example.com", "name": "Staff"}


@INTERCOM.route("GET", "/contacts", query="per_page starting_after page email")
def contacts(running: Running, call: Call) -> Any:
    email = call.query.get("email")
    found = running.where("contacts", lambda row: not row["archived"] and (email is None or same(row["email"], email)))
    return paged(running, call, "data", "list", found, call.query, 50)


@INTERCOM.route("GET", "/contacts/*")
def contact(running: Running, call: Call, id: str) -> Any:
    return running.find("contacts", id)


@INTERCOM.route("PUT", "/contacts/*", body=CONTACT)
def edit(running: Running, call: Call, id: str) -> Any:
    row = running.find("contacts", id)
    fields = dict(call.body)
    if isinstance(fields.get("custom_attributes"), dict):
        fields["custom_attributes"] = row["custom_attributes"] | fields["custom_attributes"]
    running.change("contacts", id, fields)
    return row


@INTERCOM.route("DELETE", "/contacts/*")
def delete(running: Running, call: Call, id: str) -> Any:
    row = running.find("contacts", id)
    for _, note in running.where("notes", lambda note: note["contact"]["id"] == id):
        running.remove("notes", note["id"])
    for _, event in running.where("events", lambda event: event["intercom_user_id"] == id):
        running.remove("events", event["id"])
    for _, kept in running.where("subscriptions", lambda kept: kept["contact"] == id):
        running.remove("subscriptions", kept["key"])
    running.remove("contacts", id)
    return {"type": "contact", "id": id, "external_id": row["external_id"], "deleted": True}


@INTERCOM.route("POST", "/contacts/*/archive", body="")
def archive(running: Running, call: Call, id: str) -> Any:
    row = running.find("contacts", id)
    running.change("contacts", id, {"archived": True}, deletes=True)
    return {"type": "contact", "id": id, "external_id": row["external_id"], "archived": True}


@INTERCOM.route("GET", "/contacts/*/notes")
def notes(running: Running, call: Call, id: str) -> Any:
    running.find("contacts", id)
    found = [row for _, row in running.where("notes", lambda row: row["contact"]["id"] == id)]
    pages = {"type": "pages", "page": 1, "per_page": len(found), "total_pages": 1}
    return {"type": "list", "data": found, "total_count": len(found), "pages": pages}


@INTERCOM.route("GET", "/contacts/*/subscriptions")
def subscriptions(running: Running, call: Call, id: str) -> Any:
    running.find("contacts", id)
    found = running.where("subscriptions", lambda row: row["contact"] == id)
    data = [{name: value for name, value in row.items() if name not in ("contact", "key")} for _, row in found]
    return {"type": "list", "data": data}


@INTERCOM.route("DELETE", "/contacts/*/subscriptions/*")
def unsubscribe(running: Running, call: Call, id: str, one: str) -> Any:
    row = running.find("subscriptions", f"{id}#{one}")
    running.remove("subscriptions", f"{id}#{one}")
    return {name: value for name, value in row.items() if name not in ("contact", "key")}


@INTERCOM.route("GET", "/contacts/*/tags")
def tags(running: Running, call: Call, id: str) -> Any:
    running.find("contacts", id)
    return {"type": "list", "data": []}


@INTERCOM.route("GET", "/conversations", query="per_page starting_after")
def conversations(running: Running, call: Call) -> Any:
    return paged(running, call, "conversations", "conversation.list", running.where("conversations"), call.query, 20)


def removable(name: str, query: str = "") -> None:
    @INTERCOM.route("GET", f"/{name}/*", query="display_as")
    def got(running: Running, call: Call, id: str) -> Any:
        return running.find(name, id)

    @INTERCOM.route("DELETE", f"/{name}/*", query=query)
    def remove(running: Running, call: Call, id: str) -> Any:
        if call.headers.get("intercom-version", "2.13") in OLD:
            raise Refusal(404, "no_route")
        running.find(name, id)
        running.remove(name, id)
        return {"id": id, "object": name[:-1], "deleted": True}


removable("conversations", "retain_metrics")
removable("tickets")


@INTERCOM.route(
    "POST",
    "/conversations/redact",
    body="type conversation_id conversation_part_id source_id",
    needs="type conversation_id",
)
def redact(running: Running, call: Call) -> Any:
    row = running.find("conversations", str(call.body["conversation_id"]))
    blank = "<p><i>This message was deleted</i></p>"
    if call.body["type"] == "source":
        if str(call.body.get("source_id")) != row["source"]["id"]:
            raise Refusal(404, "absent", "sources")
        running.change("conversations", row["id"], {"source": row["source"] | {"body": blank}}, deletes=True)
        return row
    parts = row["conversation_parts"]["conversation_parts"]
    made = [
        part | {"body": blank} if part["id"] == str(call.body.get("conversation_part_id")) else part for part in parts
    ]
    running.change(
        "conversations",
        row["id"],
        {"conversation_parts": row["conversation_parts"] | {"conversation_parts": made}},
        deletes=True,
    )
    return row


@INTERCOM.route("GET", "/events", query="type email user_id intercom_user_id summary per_page before", needs="type")
def events(running: Running, call: Call) -> Any:
    asked = [name for name in ("email", "user_id", "intercom_user_id") if name in call.query]
    if len(asked) != 1 or call.query["type"] != "user":
        raise Refusal(400, "missing", "user_id")
    found = running.where("events", lambda row: same(row[asked[0]], call.query[asked[0]]))
    rows, after = running.page(found, call.query.get("before", ""), call.query.get("per_page"), 50, 150)
    more = running.url + link(call.path, call.query | {"before": after}) if after else None
    return {"type": "event.list", "events": rows, "pages": {"next": more} if more else {}}
