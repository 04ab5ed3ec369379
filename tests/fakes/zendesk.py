"""Zendesk Support.

Written from developer.zendesk.com/api-reference: introduction/{pagination,rate-limits,security-and-auth,requests},
ticketing/users/users (list, search, update, delete, deleted users), ticketing/users/user_identities,
ticketing/tickets/{tickets,ticket_comments}, ticketing/ticket-management/{search,job_statuses}, ticketing/oauth/grant
type tokens; support.zendesk.com: "Deleting users", "Forgetting a user in Zendesk". secrets: `api_token` with `email`
(Basic, user `email/token`), or `access_token` (bearer), or `client_id`, `client_secret` for client credentials.

Deleting a user who is the requester of a ticket that is not closed is refused. DELETE /users keeps everything among the
deleted users until DELETE /deleted_users empties it; tickets likewise, where emptying is a job. Paths are taken with
and without ".json". Pages: by cursor where page[size] is sent, else by next_page. An idempotency key counts for POST.
"""

from __future__ import annotations

import re
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, basic, bearer, link, only

LISTED = "page[size] page[after] page[before] per_page page sort include"
USER = "name email phone notes details external_id alias role tags user_fields organization_id suspended locale"
TICKET = "subject comment status priority tags external_id custom_fields requester_id assignee_id fields"


def refuse(refusal: Refusal) -> Answer:
    wait = refusal.more.get("retry_after")
    head = {"Retry-After": f"{wait:g}"} if wait is not None else {}
    why = refusal.why
    body: Row = {
        "error": {"title": "Invalid attribute", "message": f"You passed an invalid value: {refusal.what} ({why})"}
    }
    if why in ("unauthorized", "expired"):
        body = {"error": "Couldn't authenticate you"}
        if refusal.what == "bearer":
            body = {
                "error": "invalid_token",
                "error_description": "The access token provided is expired, revoked, "
                "malformed or invalid for other reasons.",
            }
    elif why in ("absent", "no_route"):
        body = {"error": "RecordNotFound", "description": "Not found"}
    elif why == "unprocessable":
        body = {
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {"base": [{"description": refusal.what, "error": "InvalidValue"}]},
        }
    elif why == "too_many":
        body = {"error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded"}
    elif why == "server":
        body = {"error": "InternalError", "description": "internal error"}
    elif why == "oauth":
        body = {"error": refusal.what, "error_description": "The grant is not good."}
    return Answer(body, refusal.status, head)


def admit(running: Running, call: Call) -> None:
    pair = basic(call)
    token = pair[1] if pair and pair[0] == f"{running.settings['email']}/token" else bearer(call)
    if token not in running.tokens:
        raise Refusal(401, "unauthorized", "" if pair else "bearer")


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    user = who.number(9001)
    running.seed("users", {"id": user, "name": who.name, "email": who.email, "phone": who.phone, "role": "end-user",
                 "external_id": who.user_id, "notes": f"lives in {who.street}", "details": "", "active": True,
                 "alias": None, "tags": [], "user_fields": {}, "verified": True, "locale": "en-US",
                 "organization_id": None, "suspended": False}, of=who)
    for kind, value in (("email", who.email), ("phone_number", who.phone)):
        running.seed("identities", {"id": running.fresh(), "user_id": user, "type": kind, "value": value,
                     "verified": True, "primary": True}, of=who)
    for nth in range(rows):
        ticket = running.seed("tickets", {"id": running.fresh(), "requester_id": user, "submitter_id": user, "tags": [],
                              "subject": "a question", "description": f"{who.name}, {who.phone}", "priority": None,
                              "status": "closed" if nth else "solved", "assignee_id": 1, "external_id": None}, of=who)
        for _ in range(2):
            running.seed("comments", {"id": running.fresh(), "ticket_id": ticket["id"], "author_id": user,
                         "type": "Comment", "public": True, "body": f"write to {who.email}",
                         "plain_body": f"write to {who.email}", "attachments": []}, of=who)
# fmt: on


ZENDESK = Vendor(
    name="zendesk",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={
        "api_token": "token-1007",
        "access_token": "oauth-1007",
        "client_id": "client-1007",
        "client_secret": "secret-1007",
        "refresh_token": "refresh-1007",
        "code": "code-1007",
    },
    tokens=("api_token", "access_token"),
    settings={"email": "staff@example.com", "subdomain": "example"},
    once=True,
    tidy=lambda path: path.removesuffix(".json"),
)


@ZENDESK.route(
    "POST",
    "/oauth/tokens",
    open=True,
    reads=True,
    body="grant_type client_id client_secret scope code redirect_uri refresh_token expires_in",
)
def token(running: Running, call: Call) -> Any:
    made = running.grant(call, "client_credentials", "refresh_token", "authorization_code")
    return {
        "access_token": made,
        "token_type": "bearer",
        "scope": call.body.get("scope", "read write"),
        "refresh_token": "refresh-1007",
        "expires_in": 172800,
    }


def listed(running: Running, call: Call, name: str, found: Any) -> Row:
    """Return a page by cursor or by number, as was asked."""
    if "page[size]" in call.query or "page[after]" in call.query:
        rows, after = running.page(found, call.query.get("page[after]", ""), call.query.get("page[size]"), 100, 100)
        asked = {key: value for key, value in call.query.items() if key != "page[after]"} | {"page[after]": after}
        links = {"prev": None, "next": running.url + link(call.path, asked) if after else None}
        meta = {"has_more": bool(after), "after_cursor": after or None, "before_cursor": None}
        return {name: rows, "meta": meta, "links": links}
    size = running.size(call.query.get("per_page"), 100, 100)
    page = call.whole("page", 1)
    if page < 1:
        raise Refusal(400, "malformed", "page")
    rows = [row for _, row in found[(page - 1) * size : page * size]]
    more = running.url + link(call.path, call.query | {"page": page + 1}) if len(found) > page * size else None
    return {name: rows, "next_page": more, "previous_page": None, "count": len(found)}


@ZENDESK.route("GET", "/api/v2/users/me")
def me(running: Running, call: Call) -> Any:
    return {"user": {"id": 1, "name": "Staff", "email": running.settings["email"], "role": "admin"}}


@ZENDESK.route("GET", "/api/v2/users", query=f"{LISTED} role external_id")
def users(running: Running, call: Call) -> Any:
    external = call.query.get("external_id")
    return listed(running, call, "users", running.where("users", lambda row: external in (None, row["external_id"])))


def wanted(query: str, row: Row) -> bool:
    """Words are looked for in all fields; `field:value` compares, and a value without quotes matches beginnings."""
    for field, quoted, plain in re.findall(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))', query):
        value = (quoted or plain).lower()
        if field in ("type", "role"):
            if field == "role" and row.get("role") != value:
                return False
            continue
        if field in ("requester", "requester_id"):
            if str(row.get("requester_id")) != value:
                return False
            continue
        texts = [str(row.get(field) or "").lower()] if field else [str(one).lower() for one in row.values()]
        if not any(text == value if quoted and field else text.startswith(value) for text in texts):
            return False
    return True


@ZENDESK.route("GET", "/api/v2/users/search", query=f"query external_id {LISTED}")
def search_users(running: Running, call: Call) -> Any:
    external, query = call.query.get("external_id"), call.query.get("query", "")
    return listed(
        running,
        call,
        "users",
        running.where("users", lambda row: external in (None, row["external_id"]) and wanted(query, row)),
    )


@ZENDESK.route("GET", "/api/v2/search", query=f"query sort_by sort_order {LISTED}", needs="query")
def search(running: Running, call: Call) -> Any:
    query = call.query["query"]
    kinds = re.findall(r"type:(\w+)", query) or ["user", "ticket"]
    found = [
        (place, row | {"result_type": kind})
        for kind in kinds
        for place, row in running.where(f"{kind}s")
        if wanted(query, row)
    ]
    return listed(running, call, "results", sorted(found, key=lambda one: one[0]))


@ZENDESK.route("GET", "/api/v2/users/*")
def user(running: Running, call: Call, id: str) -> Any:
    return {"user": running.find("users", id)}


@ZENDESK.route("PUT", "/api/v2/users/*", body="user", needs="user")
def edit_user(running: Running, call: Call, id: str) -> Any:
    row = running.find("users", id)
    fields = only(call.body["user"], USER, "user")
    if not fields.get("name", "x"):
        raise Refusal(422, "unprocessable", "Name: is too short (minimum one character)")
    # Documented: on update an e-mail becomes a secondary address and does not replace the primary one.
    email = fields.pop("email", None)
    if email and not running.where("identities", lambda one: str(one["user_id"]) == id and one["value"] == email):
        running.seed(
            "identities",
            {
                "id": running.fresh(),
                "user_id": int(id),
                "type": "email",
                "value": email,
                "verified": False,
                "primary": False,
            },
        )
    running.change("users", id, fields)
    return {"user": row}


def move(running: Running, name: str, id: str) -> None:
    row = running.find(name, id)
    count = len(running.deleted)
    running.remove(name, id)
    if len(running.deleted) > count:
        running.seed(f"deleted_{name}", row)


@ZENDESK.route("DELETE", "/api/v2/users/*")
def delete_user(running: Running, call: Call, id: str) -> Any:
    row = running.find("users", id)
    open_ones = running.where("tickets", lambda one: str(one["requester_id"]) == id and one["status"] != "closed")
    if open_ones:
        raise Refusal(422, "unprocessable", f"User is requester on {len(open_ones)} ticket(s) that are not closed.")
    move(running, "users", id)
    return {"user": row | {"active": False}}


@ZENDESK.route("GET", "/api/v2/deleted_users", query=LISTED)
def deleted_users(running: Running, call: Call) -> Any:
    return listed(running, call, "deleted_users", running.where("deleted_users"))


@ZENDESK.route("GET", "/api/v2/deleted_users/*")
def deleted_user(running: Running, call: Call, id: str) -> Any:
    return {"deleted_user": running.find("deleted_users", id) | {"active": False}}


@ZENDESK.route("DELETE", "/api/v2/deleted_users/*")
def forget_user(running: Running, call: Call, id: str) -> Any:
    row = running.find("deleted_users", id)
    running.change(
        "deleted_users",
        id,
        {name: None for name in row if name not in ("id", "role", "active")}
        | {"name": "Permanently Deleted User", "active": False},
        deletes=True,
    )
    for _, one in running.where("identities", lambda one: str(one["user_id"]) == id):
        running.remove("identities", str(one["id"]))
    return {"deleted_user": row}


@ZENDESK.route("GET", "/api/v2/users/*/identities", query=LISTED)
def identities(running: Running, call: Call, id: str) -> Any:
    running.find("users", id)
    return listed(running, call, "identities", running.where("identities", lambda row: str(row["user_id"]) == id))


@ZENDESK.route("DELETE", "/api/v2/users/*/identities/*")
def delete_identity(running: Running, call: Call, id: str, identity: str) -> Any:
    if str(running.find("identities", identity)["user_id"]) != id:
        raise Refusal(404, "absent", "identities")
    running.remove("identities", identity)
    return Answer(None, 204)


@ZENDESK.route("GET", "/api/v2/users/*/tickets/requested", query=LISTED)
def requested(running: Running, call: Call, id: str) -> Any:
    running.find("users", id)
    return listed(running, call, "tickets", running.where("tickets", lambda row: str(row["requester_id"]) == id))


@ZENDESK.route("GET", "/api/v2/tickets", query=f"{LISTED} external_id")
def tickets(running: Running, call: Call) -> Any:
    return listed(running, call, "tickets", running.where("tickets"))


@ZENDESK.route("POST", "/api/v2/tickets", body="ticket", needs="ticket")
def make_ticket(running: Running, call: Call) -> Any:
    fields = only(call.body["ticket"], TICKET, "ticket")
    running.effects[call.key] += 1
    row = {"id": running.fresh(), "requester_id": None, "status": "new", **fields}
    return Answer({"ticket": running.seed("tickets", row)}, 201)


@ZENDESK.route("GET", "/api/v2/tickets/*")
def ticket(running: Running, call: Call, id: str) -> Any:
    return {"ticket": running.find("tickets", id)}


@ZENDESK.route("PUT", "/api/v2/tickets/*", body="ticket", needs="ticket")
def edit_ticket(running: Running, call: Call, id: str) -> Any:
    row = running.find("tickets", id)
    fields = only(call.body["ticket"], TICKET, "ticket")
    if row["status"] == "closed" and set(fields) - {"tags"}:
        raise Refusal(422, "unprocessable", "Status: closed prevents ticket update")
    running.change("tickets", id, fields)
    return {"ticket": row, "audit": {}}


@ZENDESK.route("DELETE", "/api/v2/tickets/*")
def delete_ticket(running: Running, call: Call, id: str) -> Any:
    move(running, "tickets", id)
    return Answer(None, 204)


@ZENDESK.route("GET", "/api/v2/deleted_tickets", query=LISTED)
def deleted_tickets(running: Running, call: Call) -> Any:
    return listed(running, call, "deleted_tickets", running.where("deleted_tickets"))


@ZENDESK.route("DELETE", "/api/v2/deleted_tickets/*")
def forget_ticket(running: Running, call: Call, id: str) -> Any:
    running.find("deleted_tickets", id)
    job = running.seed("jobs", {"id": f"job{running.fresh()}", "status": "queued", "total": 1, "progress": None})

    def work() -> None:
        for _, one in running.where("comments", lambda one: str(one["ticket_id"]) == id):
            running.remove("comments", str(one["id"]))
        running.remove("deleted_tickets", id)
        job["status"] = "completed"

    running.later(work)
    return {"job_status": job | {"url": f"{running.url}/api/v2/job_statuses/{job['id']}"}}


@ZENDESK.route("GET", "/api/v2/job_statuses/*")
def job(running: Running, call: Call, id: str) -> Any:
    return {"job_status": running.find("jobs", id)}


@ZENDESK.route("GET", "/api/v2/tickets/*/comments", query=f"{LISTED} sort_order include_inline_images")
def comments(running: Running, call: Call, id: str) -> Any:
    running.find("tickets", id)
    return listed(running, call, "comments", running.where("comments", lambda row: str(row["ticket_id"]) == id))
