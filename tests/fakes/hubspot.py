"""HubSpot.

Written from developers.hubspot.com/docs: api-reference/crm-contacts-v3 (basic, search, gdpr-delete; the same of other
objects), crm-tickets-v3, crm-deals-v3, crm-notes-v3, the guide to CRM objects, associations v4, owners v3,
communication-preferences v3 and v4, auth/oauth tokens, guides/apps/private-apps, usage-details (limits),
error-handling. secrets: `access_token` (of a private app), or `client_id`, `client_secret`, `refresh_token`, `code`.

DELETE archives: the record stays and can be read with archived=true for 90 days. gdpr-delete removes a record, and with
a contact its notes and subscriptions; tickets and deals stay. What is read has only the default properties unless
`properties` asks for more.
"""

from __future__ import annotations

from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, bearer, demand, only, same, to_whole

PROPERTIES = {
    "contacts": "email firstname lastname phone address city zip company lifecyclestage hs_object_id createdate "
    "lastmodifieddate user_id",
    "tickets": "subject content hs_pipeline_stage hs_pipeline hs_object_id createdate hs_lastmodifieddate",
    "deals": "dealname amount dealstage hs_object_id createdate hs_lastmodifieddate",
    "notes": "hs_note_body hs_timestamp hs_object_id hs_createdate hs_lastmodifieddate",
}
DEFAULTS = {
    "contacts": "createdate email firstname hs_object_id lastmodifieddate lastname",
    "tickets": "subject content hs_pipeline_stage hs_pipeline hs_object_id createdate hs_lastmodifieddate",
    "deals": "dealname amount dealstage hs_object_id createdate hs_lastmodifieddate",
    "notes": "hs_object_id hs_createdate hs_lastmodifieddate",
}
READ_ONLY = {"hs_object_id", "createdate", "lastmodifieddate", "hs_lastmodifieddate", "hs_createdate"}
SAYS = {
    "unauthorized": ("INVALID_AUTHENTICATION", "Authentication credentials not found."),
    "expired": ("EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired."),
    "absent": ("OBJECT_NOT_FOUND", "Object not found. objectId are usually numeric."),
    "too_many": ("RATE_LIMITS", "You have reached your secondly limit."),
    "server": ("INTERNAL_ERROR", "internal error"),
}


def refuse(refusal: Refusal) -> Answer:
    category, says = SAYS.get(refusal.why, ("VALIDATION_ERROR", f"Invalid input: {refusal.what} ({refusal.why})"))
    body = {"status": "error", "message": says, "correlationId": "00000000-0000-0000-0000-000000000007"}
    body |= (
        {"errorType": "RATE_LIMIT", "policyName": "SECONDLY"} if refusal.why == "too_many" else {"category": category}
    )
    if refusal.why == "oauth":
        body["status"] = "BAD_" + refusal.what.upper()
    wait = refusal.more.get("retry_after")
    return Answer(body, refusal.status, {"Retry-After": f"{wait:g}"} if wait is not None else {})


def admit(running: Running, call: Call) -> None:
    demand(running, bearer(call))


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


def thing(id: int, properties: Row, contact: int | None = None) -> Row:
    when = "2024-01-02T03:04:05.000Z"
    return {
        "id": str(id),
        "properties": {**properties, "hs_object_id": str(id), "createdate": when},
        "createdAt": when,
        "updatedAt": when,
        "archived": False,
        "contact": contact and str(contact),
    }


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    contact = who.number(7001)
    running.seed("contacts", thing(contact, {"email": who.email, "firstname": who.first, "lastname": who.last,
                 "phone": who.phone, "address": who.street, "city": who.city, "zip": who.postcode,
                 "user_id": who.user_id, "lifecyclestage": "customer"}), of=who)
    for nth in range(rows):
        ticket = {
            "subject": "a question",
            "content": f"{who.name} asks, write to {who.email}",
            "hs_pipeline": "0",
        }
        running.seed("tickets", thing(running.fresh(), ticket, contact), of=who)
        running.seed("deals", thing(running.fresh(), {"dealname": f"{who.name} {nth}", "amount": "7"}, contact), of=who)
        note = {"hs_note_body": f"called {who.phone}", "hs_timestamp": "2024-01-02T03:04:05Z"}
        running.seed("notes", thing(running.fresh(), note, contact), of=who)
        running.seed("statuses", {"key": f"{who.email}#{nth}", "recipient": who.email, "id": str(900 + nth),
                     "name": f"List {nth}", "description": "mail", "status": "SUBSCRIBED",
                     "sourceOfStatus": "SUBSCRIPTION_STATUS", "legalBasis": None}, id="key", of=who)
    if who.place == 0:
        return  # owners are staff, and she is not
    running.seed("owners", {"id": str(who.number(81)), "email": who.email, "firstName": who.first, "lastName": who.last,
                 "userId": who.number(82), "archived": False}, of=who)
# fmt: on


HUBSPOT = Vendor(
    name="hubspot",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={
        "access_token": "pat-na1-fake-1007",
        "client_id": "client-1007",
        "client_secret": "secret-1007",
        "refresh_token": "refresh-1007",
        "code": "code-1007",
    },
    tokens=("access_token",),
)


@HUBSPOT.route(
    "POST",
    "/oauth/v1/token",
    open=True,
    reads=True,
    kind="form",
    body="grant_type client_id client_secret refresh_token redirect_uri code",
)
def token(running: Running, call: Call) -> Any:
    made = running.grant(call, "refresh_token", "authorization_code", bad="refresh_token")
    return {"token_type": "bearer", "refresh_token": "refresh-1007", "access_token": made, "expires_in": 1800}


def shown(kind: str, row: Row, names: list[str]) -> Row:
    own = {"hs_object_id", "createdate", "lastmodifieddate", "hs_lastmodifieddate"} | set(names)
    wanted = own if names else set(DEFAULTS[kind].split())
    properties = {name: row["properties"].get(name) for name in sorted(wanted) if name in PROPERTIES[kind].split()}
    return {name: row[name] for name in ("id", "createdAt", "updatedAt", "archived")} | {"properties": properties}


def paged(running: Running, found: Any, call: Row, most: int, make: Any) -> Row:
    data, after = running.page(found, str(call.get("after") or ""), call.get("limit"), 10, most)
    made: Row = {"results": [make(row) for row in data]}
    if after:
        made["paging"] = {"next": {"after": after, "link": "?after=" + after}}
    return made


def live(archived: bool = False) -> Any:
    return lambda row: row["archived"] is archived


def matches(row: Row, one: Row) -> bool:
    only(one, "propertyName operator value values highValue", "filter")
    name, wanted = one.get("propertyName", ""), one.get("value")
    held = row["contact"] if name == "associations.contact" else row["properties"].get(name)
    if one.get("operator") in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return (held is not None) is (one["operator"] == "HAS_PROPERTY")
    if one.get("operator") == "IN":
        return any(same(held, value) for value in one.get("values", ()))
    if one.get("operator") == "CONTAINS_TOKEN":
        return str(wanted).strip("*").lower() in str(held).lower()
    if one.get("operator") not in ("EQ", "NEQ"):
        raise Refusal(400, "malformed", "operator")
    return same(held, wanted) is (one["operator"] == "EQ")


def known(kind: str, row: Row, names: Any) -> None:
    for name in names:
        if name not in PROPERTIES[kind].split() or name in READ_ONLY:
            raise Refusal(400, "unknown_field", f'Property "{name}" does not exist or is read only')


def objects(kind: str) -> None:
    path = f"/crm/v3/objects/{kind}"

    def one(running: Running, id: str, by: str = "", archived: bool = False) -> Row:
        if by and by != "hs_object_id":
            hit = [row for _, row in running.where(kind, live(archived)) if same(row["properties"].get(by), id)]
            id = hit[0]["id"] if hit else "-"
        row = running.find(kind, id)
        if row["archived"] is not archived:
            raise Refusal(404, "absent", kind)
        return row

    @HUBSPOT.route("GET", path, query="limit after properties archived associations")
    def listed(running: Running, call: Call) -> Any:
        found = running.where(kind, live(call.query.get("archived") == "true"))
        return paged(
            running, found, call.query, 100, lambda row: shown(kind, row, names(call)) | kin(running, call, kind, row)
        )

    @HUBSPOT.route("GET", f"{path}/*", query="properties archived idProperty associations")
    def got(running: Running, call: Call, id: str) -> Any:
        row = one(running, id, call.query.get("idProperty", ""), call.query.get("archived") == "true")
        return shown(kind, row, names(call)) | kin(running, call, kind, row)

    @HUBSPOT.route("POST", f"{path}/search", reads=True, body="filterGroups sorts query properties limit after")
    def search(running: Running, call: Call) -> Any:
        groups = [
            only(group, "filters", "filterGroups").get("filters", []) for group in call.body.get("filterGroups", [])
        ]
        words = str(call.body.get("query", "")).lower()
        found = running.where(
            kind,
            lambda row: (
                live()(row)
                and words in str(row["properties"]).lower()
                and (not groups or any(all(matches(row, one) for one in group) for group in groups))
            ),
        )
        wanted = list(call.body.get("properties") or [])
        made = paged(running, found, call.body, 200, lambda row: shown(kind, row, wanted))
        return {"total": len(found)} | made

    @HUBSPOT.route("PATCH", f"{path}/*", query="idProperty", body="properties", needs="properties")
    def edit(running: Running, call: Call, id: str) -> Any:
        row = one(running, id, call.query.get("idProperty", ""))
        known(kind, row, call.body["properties"])
        running.change(kind, row["id"], {"properties": row["properties"] | call.body["properties"]})
        return shown(kind, row, list(call.body["properties"]))

    @HUBSPOT.route("DELETE", f"{path}/*")
    def archive(running: Running, call: Call, id: str) -> Any:
        if id in running.rows[kind]:  # documented: 204 whether or not it is there
            running.change(kind, id, {"archived": True}, deletes=True)
        return Answer(None, 204)

    @HUBSPOT.route("GET", f"/crm/v4/objects/contacts/*/associations/{kind}", query="limit after")
    def associated(running: Running, call: Call, id: str) -> Any:
        running.find("contacts", id)
        types = [{"category": "HUBSPOT_DEFINED", "typeId": 15, "label": None}]
        return paged(
            running,
            running.where(kind, lambda row: live()(row) and row["contact"] == id),
            call.query,
            500,
            lambda row: {"toObjectId": int(row["id"]), "associationTypes": types},
        )

    @HUBSPOT.route("GET", f"/crm/v3/objects/contacts/*/associations/{kind}", query="limit after")
    def associated_v3(running: Running, call: Call, id: str) -> Any:
        running.find("contacts", id)
        return paged(
            running,
            running.where(kind, lambda row: live()(row) and row["contact"] == id),
            call.query,
            500,
            lambda row: {"id": row["id"], "type": f"contact_to_{kind[:-1]}"},
        )


def kin(running: Running, call: Call, kind: str, row: Row) -> Row:
    """Return what `associations` asks for beside the properties."""
    made: Row = {}
    for other in filter(None, call.query.get("associations", "").split(",")):
        if other not in PROPERTIES:
            raise Refusal(400, "malformed", "associations")
        ids = [row["contact"]] if kind != "contacts" and other == "contacts" else []
        if kind == "contacts" != other:
            ids = [one["id"] for _, one in running.where(other, lambda one: one["contact"] == row["id"])]
        type = f"{kind[:-1]}_to_{other[:-1]}"
        made |= {other: {"results": [{"id": id, "type": type} for id in ids]}} if ids else {}
    return {"associations": made} if made else {}


def names(call: Call) -> list[str]:
    return [name for name in call.query.get("properties", "").split(",") if name]


def forget(running: Running, kind: str, row: Row) -> None:
    if kind == "contacts":
        for _, note in running.where("notes", lambda note: note["contact"] == row["id"]):
            running.remove("notes", note["id"])
        for _, status in running.where("statuses", lambda one: same(one["recipient"], row["properties"].get("email"))):
            running.remove("statuses", status["key"])
    running.remove(kind, row["id"])


def gdpr(kind: str, path: str) -> None:
    @HUBSPOT.route("POST", path, body="objectId idProperty", needs="objectId")
    def gdpr_delete(running: Running, call: Call) -> Any:
        id, by = str(call.body["objectId"]), call.body.get("idProperty", "hs_object_id")
        hit = [row for _, row in running.where(kind) if same(row["properties"].get(by), id)]
        if not hit and by != "email":  # an e-mail that is not there is put on a list of those not to be taken
            raise Refusal(404, "absent", kind)
        for row in hit:
            forget(running, kind, row)
        return Answer(None, 204)


for _kind in PROPERTIES:
    objects(_kind)
    gdpr(_kind, f"/crm/v3/objects/{_kind}/gdpr-delete")
    gdpr(_kind, f"/crm/objects/2026-03/{_kind}/gdpr-delete")


@HUBSPOT.route("GET", "/crm/v3/owners", query="email limit after archived")
def owners(running: Running, call: Call) -> Any:
    email = call.query.get("email")
    return paged(
        running, running.where("owners", lambda row: email is None or same(row["email"], email)), call.query, 500, dict
    )


@HUBSPOT.route("GET", "/communication-preferences/v3/status/email/*")
def status(running: Running, call: Call, email: str) -> Any:
    found = running.where("statuses", lambda row: same(row["recipient"], email))
    cut = [{name: value for name, value in row.items() if name not in ("key", "recipient")} for _, row in found]
    return {"recipient": email, "subscriptionStatuses": cut}


@HUBSPOT.route(
    "POST",
    "/communication-preferences/v3/unsubscribe",
    needs="emailAddress subscriptionId",
    body="emailAddress subscriptionId legalBasis legalBasisExplanation",
)
def unsubscribe(running: Running, call: Call) -> Any:
    key = f"{call.body['emailAddress'].lower()}#{to_whole(call.body['subscriptionId'], 'subscriptionId') - 900}"
    row = running.find("statuses", key)
    running.change("statuses", key, {"status": "NOT_SUBSCRIBED"})
    return {name: value for name, value in row.items() if name != "key"}


@HUBSPOT.route("GET", "/communication-preferences/v4/statuses/*", query="channel businessUnitId", needs="channel")
def status_v4(running: Running, call: Call, email: str) -> Any:
    found = running.where("statuses", lambda row: same(row["recipient"], email))
    results = [
        {
            "channel": "EMAIL",
            "subscriberIdString": row["recipient"],
            "subscriptionId": int(row["id"]),
            "status": row["status"].replace("NOT_", "UN"),
            "subscriptionName": row["name"],
        }
        for _, row in found
    ]
    return {"status": "COMPLETE", "results": results}


@HUBSPOT.route(
    "POST", "/communication-preferences/v4/statuses/*/unsubscribe-all", query="channel verbose", needs="channel"
)
def unsubscribe_all(running: Running, call: Call, email: str) -> Any:
    for _, row in running.where("statuses", lambda row: same(row["recipient"], email)):
        running.change("statuses", row["key"], {"status": "NOT_SUBSCRIBED"})
    return {"status": "COMPLETE", "results": []}
