"""Slack: the Web API and SCIM.

Written from docs.slack.dev: apis/web-api (calling methods, pagination, rate-limits), authentication (tokens,
using-token-rotation), reference/methods/{auth.test, users.lookupByEmail, users.info, users.list, users.profile.get,
users.profile.set, users.conversations, conversations.list, conversations.history, conversations.replies, chat.update,
chat.delete, files.list, files.delete, search.messages, oauth.v2.access}, reference/scim-api. secrets: `access_token`
(bearer); `client_id`, `client_secret`, `refresh_token` where tokens rotate.

A refusal is HTTP 200 with ok false, save 429 and 5xx: an old token is `token_expired`. Methods take a query, a form or
JSON. Users are never deleted: SCIM's DELETE deactivates, users.profile.set and SCIM's PATCH (here of version 1)
overwrite. Files page by number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .fake import Answer, Call, Handler, Person, Refusal, Row, Running, Vendor, bearer, demand, only, same

PROFILE = "email first_name last_name real_name display_name phone title status_text status_emoji fields pronouns"


def refuse(refusal: Refusal) -> Answer:
    wait = refusal.more.get("retry_after")
    head = {"Retry-After": f"{wait:g}"} if wait is not None else {}
    if refusal.more.get("scim"):
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(refusal.status)}
        return Answer({"Errors": {"description": refusal.why, "code": refusal.status}, **body}, refusal.status, head)
    code = {
        "unauthorized": "invalid_auth",
        "expired": "token_expired",
        "too_many": "ratelimited",
        "oauth": refusal.what,
        "server": "internal_error",
        "no_route": "unknown_method",
        "unknown_parameter": "invalid_arguments",
        "unknown_field": "invalid_arguments",
        "missing": "invalid_arguments",
        "malformed": "invalid_arguments",
    }
    made: Row = {"ok": False, "error": code.get(refusal.why, refusal.why)}
    if made["error"] == "invalid_arguments":
        made["response_metadata"] = {"messages": [f"[ERROR] {refusal.why} [json-pointer:/{refusal.what}]"]}
    return Answer(made, refusal.status if refusal.status == 429 or refusal.status >= 500 else 200, head)


def admit(running: Running, call: Call) -> None:
    token = bearer(call)
    if not token:
        raise Refusal(401, "not_authed")
    if "/scim/" in call.path and token not in running.tokens:
        raise Refusal(401, "invalid_authentication", scim=True)
    demand(running, token)


def plant(running: Running, rows: int) -> None:
    for nth in range(5):
        running.seed("channels", {"id": f"C100{nth}", "name": f"room-{nth}", "is_channel": True, "members": []})
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    user = who.code("U0").upper()
    profile = {"email": who.email, "real_name": who.name, "first_name": who.first, "last_name": who.last,
               "display_name": who.first.lower(), "phone": who.phone, "title": who.street, "status_text": ""}
    running.seed("users", {"id": user, "team_id": "T1007", "name": who.user_id, "deleted": False, "profile": profile,
                 "real_name": who.name, "is_bot": False}, of=who)
    for nth in range(rows):
        room = f"C100{nth % 5}"
        running.rows["channels"][room]["members"].append(user)
        stamp = f"17000{running.fresh()}.000{who.place:03d}"
        running.seed("messages", {"key": f"{room} {stamp}", "channel": room, "type": "message", "user": user,
                     "ts": stamp, "text": f"write to {who.email}"}, id="key", of=who)
        reply = f"17000{running.fresh()}.000{who.place:03d}"
        running.seed("messages", {"key": f"{room} {reply}", "channel": room, "type": "message", "user": user,
                     "ts": reply, "text": "and thanks", "thread_ts": stamp}, id="key", of=who)
        running.seed("files", {"id": f"F{running.fresh()}", "user": user, "name": f"{who.last}-{nth}.txt",
                     "title": f"from {who.email}", "channels": [room], "created": 1_700_000_000}, of=who)
# fmt: on


SLACK = Vendor(
    name="slack",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={
        "access_token": "xoxp-fake-1007",
        "client_id": "client-1007",
        "client_secret": "secret-1007",
        "refresh_token": "xoxe-fake-1007",
        "code": "code-1007",
    },
    tokens=("access_token",),
    body="any",
)


def method(
    name: str, fields: str = "", needs: str = "", *, reads: bool = True, open: bool = False
) -> Callable[[Handler], Handler]:
    """Put a method of the Web API into the table: handler(running, arguments)."""

    def put(handler: Handler) -> Handler:
        def taken(running: Running, call: Call) -> Any:
            asked = call.query | call.body
            for one in needs.split():
                if asked.get(one) in (None, ""):
                    raise Refusal(400, "missing", one)
            made = handler(running, asked) if not open else handler(running, call)
            return {"ok": True} | made

        path = f"/api/{name}"
        if reads:
            SLACK.route("GET", path, query=fields, open=open)(taken)
        SLACK.route("POST", path, query=fields, body=fields, reads=reads, open=open)(taken)
        return handler

    return put


@method("oauth.v2.access", "client_id client_secret grant_type refresh_token code redirect_uri", open=True)
def token(running: Running, call: Call) -> Any:
    made = running.grant(call, "refresh_token", "authorization_code", bad="invalid_refresh_token")
    return {"access_token": made, "refresh_token": "xoxe-fake-1007", "expires_in": 43200, "token_type": "bot"}


@method("auth.test")
def test(running: Running, asked: Row) -> Any:
    return {"url": "https://shop.slack.com/", "team": "shop", "user": "privacy", "team_id": "T1007", "user_id": "U1"}


@method("users.lookupByEmail", "email", "email")
def lookup(running: Running, asked: Row) -> Any:
    hit = running.where("users", lambda row: not row["deleted"] and same(row["profile"].get("email"), asked["email"]))
    if not hit:
        raise Refusal(404, "users_not_found")
    return {"user": hit[0][1]}


def known(running: Running, id: Any) -> Row:
    row = running.rows["users"].get(str(id))
    if row is None:
        raise Refusal(404, "user_not_found")
    return row


@method("users.info", "user include_locale", "user")
def info(running: Running, asked: Row) -> Any:
    return {"user": known(running, asked["user"])}


@method("users.profile.get", "user include_labels")
def profile(running: Running, asked: Row) -> Any:
    return {"profile": known(running, asked.get("user"))["profile"]}


@method("users.profile.set", "user profile name value", reads=False)
def set_profile(running: Running, asked: Row) -> Any:
    row = known(running, asked.get("user"))
    fields = {asked["name"]: asked.get("value")} if "name" in asked else asked.get("profile")
    if isinstance(fields, str):  # a form holds it as JSON text
        try:
            fields = json.loads(fields)
        except ValueError:
            raise Refusal(400, "invalid_profile") from None
    made = row["profile"] | only(fields, PROFILE, "profile")
    running.change("users", row["id"], {"profile": made, "real_name": made.get("real_name")})
    return {"profile": row["profile"]}


def paged(running: Running, asked: Row, name: str, found: Any, default: int = 100) -> Row:
    rows, after = running.page(found, str(asked.get("cursor") or ""), asked.get("limit"), default, 1000)
    return {name: rows, "has_more": bool(after), "response_metadata": {"next_cursor": after}}


@method("users.list", "cursor limit include_locale team_id")
def users(running: Running, asked: Row) -> Any:
    return paged(running, asked, "members", running.where("users"))


def rooms(running: Running, asked: Row, found: Any) -> Row:
    made = paged(running, asked, "channels", found)
    made["channels"] = [{key: value for key, value in row.items() if key != "members"} for row in made["channels"]]
    return made


@method("users.conversations", "user types limit cursor exclude_archived team_id")
def her_rooms(running: Running, asked: Row) -> Any:
    user = known(running, asked.get("user"))["id"]
    return rooms(running, asked, running.where("channels", lambda row: user in row["members"]))


@method("conversations.list", "types limit cursor exclude_archived team_id")
def channels(running: Running, asked: Row) -> Any:
    return rooms(running, asked, running.where("channels"))


def said(running: Running, asked: Row, keep: Any) -> Row:
    if asked["channel"] not in running.rows["channels"]:
        raise Refusal(404, "channel_not_found")
    low, high = asked.get("oldest") or "0", asked.get("latest") or "9"
    found = running.where(
        "messages", lambda row: row["channel"] == asked["channel"] and low < row["ts"] < high and keep(row)
    )
    made = paged(running, asked, "messages", found)
    made["messages"] = [{key: row[key] for key in row if key not in ("key", "channel")} for row in made["messages"]]
    return made


@method("conversations.history", "channel cursor limit oldest latest inclusive include_all_metadata", "channel")
def history(running: Running, asked: Row) -> Any:
    return said(running, asked, lambda row: "thread_ts" not in row)


@method("conversations.replies", "channel ts cursor limit oldest latest inclusive", "channel ts")
def replies(running: Running, asked: Row) -> Any:
    return said(running, asked, lambda row: asked["ts"] in (row["ts"], row.get("thread_ts")))


def message(running: Running, asked: Row) -> Row:
    row = running.rows["messages"].get(f"{asked['channel']} {asked['ts']}")
    if row is None:
        raise Refusal(404, "message_not_found")
    return row


@method("chat.delete", "channel ts as_user", "channel ts", reads=False)
def delete(running: Running, asked: Row) -> Any:
    running.remove("messages", message(running, asked)["key"])
    return {"channel": asked["channel"], "ts": asked["ts"]}


@method("chat.update", "channel ts text as_user blocks attachments", "channel ts text", reads=False)
def update(running: Running, asked: Row) -> Any:
    running.change("messages", message(running, asked)["key"], {"text": asked["text"]})
    return {"channel": asked["channel"], "ts": asked["ts"], "text": asked["text"]}


def numbered(running: Running, asked: Row, found: Any, default: int) -> tuple[list[Row], Row]:
    size, page = running.size(asked.get("count"), default, 1000), int(asked.get("page") or 1)
    rows = [row for _, row in found[(page - 1) * size : page * size]]
    return rows, {"count": size, "total": len(found), "page": page, "pages": -(-len(found) // size)}


@method("files.list", "user channel count page types ts_from ts_to show_files_hidden_by_limit team_id")
def files(running: Running, asked: Row) -> Any:
    user, room = asked.get("user"), asked.get("channel")
    rows, paging = numbered(
        running,
        asked,
        running.where("files", lambda row: user in (None, row["user"]) and (room is None or room in row["channels"])),
        100,
    )
    return {"files": rows, "paging": paging}


@method("files.delete", "file", "file", reads=False)
def delete_file(running: Running, asked: Row) -> Any:
    if asked["file"] not in running.rows["files"]:
        raise Refusal(404, "file_not_found")
    running.remove("files", asked["file"])
    return {}


@method("search.messages", "query count page sort sort_dir cursor highlight team_id", "query")
def search(running: Running, asked: Row) -> Any:
    who = re.fullmatch(r"\s*from:<?@?(\w+)>?\s*", asked["query"])
    found = running.where("messages", lambda row: row["user"] == who[1] if who else asked["query"] in row["text"])
    rows, paging = numbered(running, asked, found, 20)
    matches = [{**row, "channel": {"id": row["channel"]}} for row in rows]
    return {"query": asked["query"], "messages": {"matches": matches, "paging": paging, "total": len(found)}}


def scim(row: Row) -> Row:
    profile = row["profile"]
    return {
        "id": row["id"],
        "userName": row["name"],
        "active": not row["deleted"],
        "name": {"givenName": profile.get("first_name"), "familyName": profile.get("last_name")},
        "emails": [{"value": profile.get("email"), "primary": True}],
        "displayName": row["real_name"],
    }


@SLACK.route("GET", "/scim/v2/Users", query="filter startIndex count")
@SLACK.route("GET", "/scim/v1/Users", query="filter startIndex count")
def provisioned(running: Running, call: Call) -> Any:
    asked = re.fullmatch(r'(email|userName)\s+eq\s+"([^"]*)"', call.query.get("filter", 'email eq ""'), re.I)
    if asked is None:
        raise Refusal(400, "bad_filter", scim=True)
    by_email = asked[1].lower() == "email"
    found = running.where(
        "users", lambda row: not asked[2] or same(row["profile"].get("email") if by_email else row["name"], asked[2])
    )
    start = call.whole("startIndex", 1)
    rows = running.span(found, start - 1, call.query.get("count"), 10, 1000)
    return {"totalResults": len(found), "itemsPerPage": len(rows), "startIndex": start, "Resources": [*map(scim, rows)]}


def provided(running: Running, id: str) -> Row:
    if id not in running.rows["users"]:
        raise Refusal(404, "user_not_found", scim=True)
    return running.rows["users"][id]


@SLACK.route("GET", "/scim/v2/Users/*")
@SLACK.route("GET", "/scim/v1/Users/*")
def one_provided(running: Running, call: Call, id: str) -> Any:
    return scim(provided(running, id))


@SLACK.route("PATCH", "/scim/v1/Users/*", body="schemas userName name emails displayName nickName title active")
def overwrite(running: Running, call: Call, id: str) -> Any:
    row, body = provided(running, id), call.body
    profile = dict(row["profile"])
    profile |= {"email": body["emails"][0]["value"]} if body.get("emails") else {}
    profile |= {"title": body["title"]} if "title" in body else {}
    names = only(body.get("name") or {}, "givenName familyName honorificPrefix", "name")
    fields = {"givenName": "first_name", "familyName": "last_name"}
    profile |= {fields[key]: value for key, value in names.items() if key in fields}
    profile |= {"real_name": body["displayName"]} if "displayName" in body else {}
    made = {"profile": profile, "name": body.get("userName", row["name"]), "real_name": profile["real_name"]}
    running.change("users", id, made | {"deleted": not body.get("active", not row["deleted"])})
    return scim(row)


@SLACK.route("DELETE", "/scim/v2/Users/*")
@SLACK.route("DELETE", "/scim/v1/Users/*")
def deactivate(running: Running, call: Call, id: str) -> Any:
    provided(running, id)
    running.change("users", id, {"deleted": True}, deletes=True)
    return Answer(None, 204)
