"""Segment (Twilio): the Profile API and the Public API.

Written from twilio.com/docs/segment: unify/profile-api (quickstart, errors, rate limits, traits, external_ids, events,
metadata, links), privacy/user-deletion-and-suppression; docs.segmentapis.com: tag/Deletion-and-Suppression (create,
get and list regulations, list suppressions), tag/Workspaces, tag/Pagination, tag/Error-handling, tag/Rate-Limits.
secrets: `access_token` (of the Profile API: user of Basic, no password), `api_token` (of the Public API: bearer).
settings: `space_id`, `workspace_id`. In truth two hosts: profiles.segment.com and api.segmentapis.com.

A profile is known by `id_type:value`. Nothing deletes at once: a regulation for user ids is a job, with the types
SUPPRESS_ONLY, SUPPRESS_WITH_DELETE, DELETE_ONLY and others; what is suppressed stays on a list.
"""

from __future__ import annotations

from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, basic, bearer, demand, link, same

PROFILE = "/v1/spaces/*/collections/users/profiles/*"
TYPES = (
    "SUPPRESS_ONLY",
    "UNSUPPRESS",
    "DELETE_ONLY",
    "SUPPRESS_WITH_DELETE",
    "DELETE_INTERNAL",
    "SUPPRESS_WITH_DELETE_INTERNAL",
    "DELETE_ARCHIVE_ONLY",
)
PAGED = "pagination.count pagination.cursor"


def refuse(refusal: Refusal) -> Answer:
    code, says = {
        "unauthorized": ("authentication_error", "The request isn't authorized"),
        "expired": ("authentication_error", "The request isn't authorized"),
        "absent": ("not_found", "Profile was not found."),
        "no_route": ("not_found", "The resource was not found"),
        "too_many": ("rate_limit_error", "Too many requests"),
        "server": ("internal_error", "Internal server error"),
    }.get(refusal.why, ("invalid_request_error", f"{refusal.what}: {refusal.why}"))
    wait = refusal.more.get("retry_after")
    head = {"Retry-After": f"{wait:g}", "X-RateLimit-Remaining": "0"} if wait is not None else {}
    if refusal.more.get("public"):
        return Answer({"errors": [{"type": code.replace("_", "-"), "message": says}]}, refusal.status, head)
    return Answer({"error": {"code": code, "message": says}}, refusal.status, head)


def admit(running: Running, call: Call) -> None:
    if call.path.startswith("/v1/spaces/"):
        token = (basic(call) or ("", ""))[0]
        if token != running.secrets["access_token"]:
            raise Refusal(401, "unauthorized")
    else:
        token = bearer(call)
        if token not in running.tokens or token == running.secrets["access_token"]:
            raise Refusal(401, "unauthorized", public=True)
    demand(running, token)


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    traits = {"email": who.email, "phone": who.phone, "first_name": who.first, "last_name": who.last,
              "street": who.street, "city": who.city, "plan": "basic"}
    running.seed("profiles", {"id": who.code("use_"), "user_id": who.user_id, "traits": traits}, of=who)
    for kind, value in (("user_id", who.user_id), ("email", who.email), ("anonymous_id", who.code("anon-")),
                        ("phone", who.phone)):
        running.seed("external_ids", {"key": f"{kind}:{value}", "id": value, "type": kind, "source_id": "src1",
                     "collection": "users", "created_at": "2024-01-02T03:04:05Z", "encoding": "none",
                     "profile": who.code("use_")}, id="key", of=who)
    for nth in range(rows):
        running.seed("events", {"external_ids": [], "context": {"ip": "192.0.2.7"}, "type": "track",
                     "source_id": "src1", "message_id": f"{who.code('msg')}-{nth}", "timestamp": "2024-01-02T03:04:05Z",
                     "event": "bought", "properties": {"ship_to": who.street}, "related": {},
                     "profile": who.code("use_")}, id="message_id", of=who)
# fmt: on


SEGMENT = Vendor(
    name="segment",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={"access_token": "profile-1007", "api_token": "sgp_public1007"},
    tokens=("access_token", "api_token"),
    settings={"space_id": "spa_1007", "workspace_id": "wsp1007"},
    headers={"Accept": r"(application/(vnd\.segment\.v1(alpha|beta)?\+)?json|\*/\*)(,.*)??"},
)


def profile(running: Running, space: str, id: str) -> Row:
    hit = running.rows["external_ids"].get(id) if space == running.settings["space_id"] else None
    if hit is None:
        raise Refusal(404, "absent")
    return running.find("profiles", hit["profile"])


def cursor(running: Running, call: Call, after: str, size: int) -> Row:
    url = running.url + link(call.path, call.query | {"next": after}) if after else call.path
    return {"url": url, "has_more": bool(after), "next": after, "limit": size}


@SEGMENT.route("GET", f"{PROFILE}/traits", query="limit include class verbose next")
def traits(running: Running, call: Call, space: str, id: str) -> Any:
    held = profile(running, space, id)["traits"]
    names = call.query["include"].split(",") if "include" in call.query else list(held)
    found = [(nth + 1, {"name": name}) for nth, name in enumerate(held) if name in names]
    rows, after = running.page(found, call.query.get("next", ""), call.query.get("limit"), 10, 200)
    shown = {row["name"]: held[row["name"]] for row in rows}
    return {"traits": shown, "cursor": cursor(running, call, after, running.size(call.query.get("limit"), 10, 200))}


def below(name: str, query: str, fields: str) -> None:
    @SEGMENT.route("GET", f"{PROFILE}/{name}", query=f"limit next {query}")
    def read(running: Running, call: Call, space: str, id: str) -> Any:
        known = profile(running, space, id)["id"]
        found = running.where(name, lambda row: row["profile"] == known)
        rows, after = running.page(found, call.query.get("next", ""), call.query.get("limit"), 10, 100)
        data = [{one: row[one] for one in fields.split()} for row in rows]
        return {"data": data, "cursor": cursor(running, call, after, running.size(call.query.get("limit"), 10, 100))}


below("external_ids", "include verbose", "id type source_id collection created_at encoding")
below(
    "events",
    "include exclude start end sort",
    "external_ids context type source_id message_id timestamp properties event related",
)


@SEGMENT.route("GET", f"{PROFILE}/metadata", query="verbose")
def metadata(running: Running, call: Call, space: str, id: str) -> Any:
    profile(running, space, id)
    when = "2024-01-02T03:04:05Z"
    return {"metadata": {"created_at": when, "updated_at": when, "expires_at": None, "first_source_id": "src1"}}


@SEGMENT.route("GET", f"{PROFILE}/links", query="limit")
def links(running: Running, call: Call, space: str, id: str) -> Any:
    profile(running, space, id)
    return {"data": [], "cursor": cursor(running, call, "", 20)}


@SEGMENT.route("GET", "/")
def workspace(running: Running, call: Call) -> Any:
    return {"data": {"workspace": {"id": running.settings["workspace_id"], "name": "A shop", "slug": "shop"}}}


def paged(running: Running, call: Call, name: str) -> Row:
    found, here = running.where(name), call.query.get("pagination.cursor", "")
    rows, after = running.page(found, here, call.query.get("pagination.count"), 200, 1000)
    page = {"current": here or "MA==", "next": after or None, "previous": None, "totalEntries": len(found)}
    return {"data": {name: rows, "pagination": page}}


@SEGMENT.route(
    "POST", "/regulations", body="regulationType subjectType subjectIds", needs="regulationType subjectType subjectIds"
)
def regulate(running: Running, call: Call) -> Any:
    return start(running, call.body)


@SEGMENT.route(
    "POST",
    "/regulations/sources/*",
    body="regulationType subjectType subjectIds",
    needs="regulationType subjectType subjectIds",
)
def regulate_source(running: Running, call: Call, source: str) -> Any:
    return start(running, call.body)


def start(running: Running, body: Row) -> Row:
    kind, ids = body["regulationType"], body["subjectIds"]
    if kind not in TYPES or body["subjectType"] not in ("USER_ID", "ANONYMOUS_ID"):
        raise Refusal(400, "malformed", "regulationType", public=True)
    if not isinstance(ids, list) or not 0 < len(ids) <= 5000 or not all(isinstance(one, str) for one in ids):
        raise Refusal(400, "malformed", "subjectIds", public=True)
    row = running.seed(
        "regulations",
        {
            "id": f"reg_{running.fresh()}",
            "overallStatus": "RUNNING",
            "finishedAt": None,
            "workspaceId": running.settings["workspace_id"],
            "createdAt": "2024-01-02T03:04:05Z",
            "regulationType": kind,
            "streamStatus": [],
        },
    )
    by = "user_id" if body["subjectType"] == "USER_ID" else "anonymous_id"

    def work() -> None:
        for id in ids:
            if kind.startswith("SUPPRESS"):
                running.seed(
                    "suppressions",
                    {"subjectId": id, "subjectType": body["subjectType"], "status": "ACTIVE"},
                    id="subjectId",
                )
            hit = running.rows["external_ids"].get(f"{by}:{id}")
            if hit is None or "DELETE" not in kind:
                continue
            for name, key in (("events", "message_id"), ("external_ids", "key")):
                for _, one in running.where(name, lambda one: same(one["profile"], hit["profile"])):  # noqa: B023
                    running.remove(name, one[key])
            running.remove("profiles", hit["profile"])
        row.update(overallStatus="FINISHED", finishedAt="2024-01-02T03:04:06Z")

    running.later(work)
    return {"data": {"regulateId": row["id"]}}


@SEGMENT.route("GET", "/regulations/*")
def regulation(running: Running, call: Call, id: str) -> Any:
    return {"data": {"regulation": running.find("regulations", id)}}


@SEGMENT.route("GET", "/regulations", query=f"status regulationTypes[] regulationTypes {PAGED}")
def regulations(running: Running, call: Call) -> Any:
    return paged(running, call, "regulations")


@SEGMENT.route("GET", "/suppressions", query=PAGED)
def suppressions(running: Running, call: Call) -> Any:
    return paged(running, call, "suppressions")
