"""Jira Cloud, REST v3.

Written from developer.atlassian.com/cloud/jira/platform/rest/v3: intro (status codes, pagination, authentication),
api-group-users, api-group-user-search, api-group-issue-search (search/jql), api-group-issues, api-group-issue-comments,
api-group-issue-worklogs, api-group-issue-attachments, api-group-myself; basic-auth-for-rest-apis, oauth-2-3lo-apps,
rate-limiting; that /search is gone: changelog CHANGE-2046. secrets: `api_token` with setting `email` (Basic), or
`access_token` (bearer) with `client_id`, `client_secret`, `refresh_token` at /oauth/token. settings: `cloud_id`.

User search matches beginnings of address and name, so it finds others, too. JQL must be bounded and here understands
field = value, IN, ~ on text, AND, OR and ORDER BY. Only the fields that are asked for come with an issue; "id" alone by
default. An issue with subtasks is deleted only with deleteSubtasks. Paths may begin with /ex/jira/{cloud id}.
"""

from __future__ import annotations

import re
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, basic, bearer, demand, only, same

API = "/rest/api/3"
FIELDS = "summary description reporter assignee creator labels environment status comment attachment subtasks priority"
JQL = ("reporter", "assignee", "creator", "text", "summary", "id", "key", "issue", "project")
GONE = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."


def refuse(refusal: Refusal) -> Answer:
    wait = refusal.more.get("retry_after")
    head = {"Retry-After": f"{wait:g}"} if wait is not None else {}
    if refusal.why in ("unauthorized", "expired"):
        says = (
            "Unauthorized; scope does not match"
            if refusal.what == "bearer"
            else ("Client must be authenticated to access this resource.")
        )
        return Answer({"message": says, "status-code": 401}, 401, head)
    if refusal.why == "oauth":
        return Answer({"error": refusal.what, "error_description": "refused"}, 403, head)
    says = {
        "absent": f"{refusal.what.rstrip('s').capitalize()} does not exist or you have no permission to see it.",
        "no_route": "Not found",
        "too_many": "Rate limit exceeded",
        "server": "Internal server error",
        "gone": GONE,
    }.get(refusal.why, f"{refusal.what}: {refusal.why}")
    field = refusal.why in ("unknown_field", "missing")
    errors = {refusal.what: f"Field '{refusal.what}' cannot be set."} if field else {}
    return Answer({"errorMessages": [] if field else [says], "errors": errors}, refusal.status, head)


def admit(running: Running, call: Call) -> None:
    pair = basic(call)
    if pair:
        if not same(pair[0], running.settings["email"]):
            raise Refusal(401, "unauthorized")
        demand(running, pair[1])
        return
    if bearer(call) not in running.tokens:
        raise Refusal(401, "unauthorized", "bearer" if bearer(call) else "")


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


def text(words: str) -> Row:
    """Return a document of Atlassian's format."""
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    account = who.code("5b10ac")
    user = {"accountId": account, "accountType": "atlassian", "emailAddress": who.email, "displayName": who.name,
            "active": True, "timeZone": "Etc/UTC"}
    running.seed("users", dict(user), id="accountId", of=who)
    for nth in range(rows):
        number = str(running.fresh())
        running.seed("issues", {"id": number, "key": f"HELP-{number}", "fields": {
            "summary": f"from {who.email}", "description": text(f"{who.name}, {who.phone}"), "labels": [],
            "reporter": dict(user), "creator": dict(user), "assignee": None, "environment": None,
            "status": {"name": "Done"}, "priority": {"name": "Low"},
            "subtasks": [{"id": "1", "key": "HELP-1"}] if nth == 0 else []}}, of=who)
        for _ in range(2):
            running.seed("comments", {"id": str(running.fresh()), "issue": number, "author": dict(user),
                         "body": text(f"call {who.phone}"), "created": "2024-01-02T03:04:05.000+0000"}, of=who)
        running.seed("worklogs", {"id": str(running.fresh()), "issue": number, "author": dict(user),
                     "comment": text(who.street), "timeSpentSeconds": 60}, of=who)
        running.seed("attachments", {"id": str(running.fresh()), "issue": number, "author": dict(user), "size": 7,
                     "filename": f"{who.user_id}-{nth}.txt", "mimeType": "text/plain"}, of=who)
# fmt: on


JIRA = Vendor(
    name="jira",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={
        "api_token": "ATATTfake1007",
        "access_token": "oauth-1007",
        "client_id": "client-1007",
        "client_secret": "secret-1007",
        "refresh_token": "refresh-1007",
        "code": "code-1007",
    },
    tokens=("api_token", "access_token"),
    settings={"email": "staff@example.com", "cloud_id": "11111111-1007-4007-8007-111111111111"},
    tidy=lambda path: re.sub(r"^/ex/jira/[0-9a-f-]{36}(?=/)", "", path),
)


@JIRA.route(
    "POST",
    "/oauth/token",
    open=True,
    reads=True,
    kind="any",
    body="grant_type client_id client_secret refresh_token code redirect_uri",
)
def token(running: Running, call: Call) -> Any:
    made = running.grant(call, "refresh_token", "authorization_code")
    return {"access_token": made, "refresh_token": "refresh-1007", "expires_in": 3600, "scope": "read:jira-user"}


@JIRA.route("GET", f"{API}/myself", query="expand")
def myself(running: Running, call: Call) -> Any:
    return {"accountId": "1", "emailAddress": running.settings["email"], "displayName": "Staff", "active": True}


@JIRA.route("GET", f"{API}/user/search", query="query accountId startAt maxResults property username")
def search_users(running: Running, call: Call) -> Any:
    account, words = call.query.get("accountId"), call.query.get("query", "").lower()
    if account is None and not words:
        raise Refusal(400, "malformed", "query")
    found = running.where(
        "users",
        lambda row: (
            account == row["accountId"]
            if account
            else (row["emailAddress"].lower().startswith(words) or row["displayName"].lower().startswith(words))
        ),
    )
    return running.span(found, call.whole("startAt"), call.query.get("maxResults"), 50, 1000)


@JIRA.route("GET", f"{API}/user", query="accountId expand", needs="accountId")
def user(running: Running, call: Call) -> Any:
    return running.find("users", call.query["accountId"])


@JIRA.route("DELETE", f"{API}/user", query="accountId", needs="accountId")
def delete_user(running: Running, call: Call) -> Any:
    account = running.find("users", call.query["accountId"])["accountId"]
    count = len(running.deleted)
    running.remove("users", account)
    if len(running.deleted) > count:  # what she wrote stays, by a former user
        former = {"accountId": account, "displayName": "Former user", "active": False}
        for name in ("issues", "comments", "worklogs", "attachments"):
            for _, row in running.where(name):
                held = row["fields"] if name == "issues" else row
                held.update({key: dict(former) for key, one in held.items() if of_account(one, account)})
    return Answer(None, 204)


def of_account(value: Any, account: str) -> bool:
    return isinstance(value, dict) and value.get("accountId") == account


def term(text: str) -> Any:
    asked = re.fullmatch(r"""\s*(\w+)\s*(=|~|in)\s*(.+?)\s*""", text, re.I | re.S)
    if asked is None:
        raise Refusal(400, "malformed", "jql")
    field, sign = asked[1].lower(), asked[2].lower()
    values = [
        (a or b or c) for a, b, c in re.findall(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([\w:@.+-]+)""", asked[3])
    ]
    values = [re.sub(r"\\(.)", r"\1", one).lower() for one in values]
    if not values or field not in (
        "reporter",
        "assignee",
        "creator",
        "text",
        "summary",
        "id",
        "key",
        "issue",
        "project",
    ):
        raise Refusal(400, "malformed", "jql")

    def test(row: Row) -> bool:
        fields = row["fields"]
        if field in ("reporter", "assignee", "creator"):
            return str((fields[field] or {}).get("accountId")).lower() in values
        if sign == "~":
            return values[0] in str(fields["summary"] if field == "summary" else fields).lower()
        return "help" in values if field == "project" else row["id"] in values or row["key"].lower() in values

    return test


def jql(text: str) -> Any:
    bare = re.split(r"\border\s+by\b", text, flags=re.I)[0].strip().replace("(", " ( ").replace(")", " ) ")
    if not bare:
        raise Refusal(400, "malformed", "jql: unbounded queries are not allowed")
    bare = re.sub(r"\bin\s*\(([^()]*)\)", r"in \1", bare, flags=re.I)
    either = [re.split(r"\s+and\s+", part.strip(" ()"), flags=re.I) for part in re.split(r"\s+or\s+", bare, flags=re.I)]
    tests = [[term(one.strip(" ()")) for one in part] for part in either]
    return lambda row: any(all(test(row) for test in part) for part in tests)


def shown(running: Running, row: Row, wanted: list[str]) -> Row:
    everything = "*all" in wanted or "*navigable" in wanted

    def of(name: str) -> list[Row]:
        return [one for _, one in running.where(name, lambda one: one["issue"] == row["id"])]

    fields = {**row["fields"], "attachment": of("attachments"), "comment": {"comments": of("comments")}}
    kept = {name: value for name, value in fields.items() if everything or name in wanted}
    return {"id": row["id"], "key": row["key"], "self": f"{API}/issue/{row['id']}"} | ({"fields": kept} if kept else {})


def search(running: Running, asked: Row) -> Any:
    fields = asked.get("fields") or []
    wanted = fields.split(",") if isinstance(fields, str) else list(fields)
    found = running.where("issues", jql(str(asked["jql"])))
    rows, after = running.page(found, asked.get("nextPageToken") or "", asked.get("maxResults"), 50, 5000)
    made: Row = {"issues": [shown(running, row, wanted) for row in rows], "isLast": not after}
    return made | ({"nextPageToken": after} if after else {})


SEARCH = "jql nextPageToken maxResults fields expand properties fieldsByKeys failFast reconcileIssues"


@JIRA.route("GET", f"{API}/search/jql", query=SEARCH, needs="jql")
def search_get(running: Running, call: Call) -> Any:
    return search(running, call.query)


@JIRA.route("POST", f"{API}/search/jql", reads=True, body=SEARCH, needs="jql")
def search_post(running: Running, call: Call) -> Any:
    return search(running, call.body)


@JIRA.route("GET", f"{API}/search", query=f"{SEARCH} startAt")
@JIRA.route("POST", f"{API}/search", reads=True, body=f"{SEARCH} startAt")
def search_old(running: Running, call: Call) -> Any:
    raise Refusal(410, "gone")


def issue(running: Running, id: str) -> Row:
    hit = [row for _, row in running.where("issues", lambda row: id in (row["id"], row["key"]))]
    if not hit:
        raise Refusal(404, "absent", "issues")
    return hit[0]


@JIRA.route("GET", f"{API}/issue/*", query="fields expand properties fieldsByKeys updateHistory failFast")
def got(running: Running, call: Call, id: str) -> Any:
    return shown(running, issue(running, id), call.query.get("fields", "*all").split(","))


@JIRA.route(
    "PUT",
    f"{API}/issue/*",
    query="notifyUsers overrideScreenSecurity overrideEditableFlag returnIssue",
    body="fields update",
)
def edit(running: Running, call: Call, id: str) -> Any:
    row = issue(running, id)
    fields = only(call.body.get("fields") or {}, "summary description reporter assignee labels environment priority")
    if not fields.get("summary", "x"):
        raise Refusal(400, "missing", "summary")
    for name in ("reporter", "assignee"):
        if fields.get(name):
            account = fields[name].get("accountId", fields[name].get("id"))
            fields[name] = dict(running.find("users", str(account)))
    running.change("issues", row["id"], {"fields": row["fields"] | fields})
    return Answer(None, 204)


@JIRA.route("DELETE", f"{API}/issue/*", query="deleteSubtasks")
def delete(running: Running, call: Call, id: str) -> Any:
    row = issue(running, id)
    if row["fields"]["subtasks"] and call.query.get("deleteSubtasks") != "true":
        raise Refusal(400, "malformed", "The issue has subtasks; deleteSubtasks must be set")
    for name in ("comments", "worklogs", "attachments"):
        for _, one in running.where(name, lambda one: one["issue"] == row["id"]):
            running.remove(name, one["id"])
    running.remove("issues", row["id"])
    return Answer(None, 204)


def below(path: str, name: str, fields: str, query: str) -> None:
    def mine(running: Running, id: str, one: str) -> Row:
        row = running.find(name, one)
        if row["issue"] != issue(running, id)["id"]:
            raise Refusal(404, "absent", name)
        return row

    @JIRA.route("GET", f"{API}/issue/*/{path}", query="startAt maxResults orderBy expand startedAfter")
    def read(running: Running, call: Call, id: str) -> Any:
        known = issue(running, id)["id"]
        found = running.where(name, lambda row: row["issue"] == known)
        rows = running.span(found, call.whole("startAt"), call.query.get("maxResults"), 5000, 5000)
        cut = [{key: value for key, value in row.items() if key != "issue"} for row in rows]
        size = running.offset_page_size or int(call.query.get("maxResults") or 5000)
        return {name: cut, "startAt": call.whole("startAt"), "maxResults": size, "total": len(found)}

    @JIRA.route("PUT", f"{API}/issue/*/{path}/*", query=query, body=fields)
    def change(running: Running, call: Call, id: str, one: str) -> Any:
        row = mine(running, id, one)
        running.change(name, one, call.body)
        return {key: value for key, value in row.items() if key != "issue"}

    @JIRA.route("DELETE", f"{API}/issue/*/{path}/*", query=query if name == "worklogs" else "")
    def remove(running: Running, call: Call, id: str, one: str) -> Any:
        mine(running, id, one)
        running.remove(name, one)
        return Answer(None, 204)


below("comment", "comments", "body visibility properties", "notifyUsers expand overrideEditableFlag")
below(
    "worklog",
    "worklogs",
    "comment started timeSpent timeSpentSeconds visibility properties",
    "notifyUsers adjustEstimate newEstimate increaseBy overrideEditableFlag expand",
)


@JIRA.route("GET", f"{API}/attachment/*")
def attachment(running: Running, call: Call, id: str) -> Any:
    return {key: value for key, value in running.find("attachments", id).items() if key != "issue"}


@JIRA.route("DELETE", f"{API}/attachment/*")
def delete_attachment(running: Running, call: Call, id: str) -> Any:
    running.find("attachments", id)
    running.remove("attachments", id)
    return Answer(None, 204)
