"""Twilio SendGrid.

Written from twilio.com/docs/sendgrid/api-reference: how-to-use-the-sendgrid-v3-api/{authentication,errors,responses,
rate-limits}, contacts/{get-contacts-by-emails,search-contacts,get-a-contact-by-id,add-or-update-a-contact,
delete-contacts}, lists/{get-all-lists,remove-contacts-from-a-list}, bounces-api, blocks-api, spam-reports-api,
invalid-emails-api, suppressions-global-suppressions, suppressions-suppressions, e-mail-activity,
recipients-data-erasure-api, api-key-permissions (scopes). secrets: `api_key` (bearer).

Deleting contacts and recipients' data is a job that is accepted (202) and done later; adding too. The job for
recipients takes suppressions and activity with it. Search by e-mails answers 404 where none is known.
Search is limited to 50.
"""

from __future__ import annotations

import re
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, bearer, demand, link, same

SUPPRESSIONS = ("bounces", "blocks", "spam_reports", "invalid_emails")
CONTACT = "email first_name last_name phone_number phone_number_id external_id anonymous_id address_line_1 city "
CONTACT += "postal_code country state_province_region address_line_2 alternate_emails custom_fields unique_name"


def refuse(refusal: Refusal) -> Answer:
    says = {
        "unauthorized": "The provided authorization grant is invalid, expired, or revoked",
        "expired": "The provided authorization grant is invalid, expired, or revoked",
        "absent": "not found",
        "no_route": "not found",
        "too_many": "too many requests",
        "server": "internal server error",
    }.get(refusal.why, f"invalid: {refusal.why}")
    wait = refusal.more.get("retry_after")
    head = {"Retry-After": f"{wait:g}", "X-RateLimit-Remaining": "0"} if wait is not None else {}
    return Answer({"errors": [{"field": refusal.what or None, "message": says}]}, refusal.status, head)


def admit(running: Running, call: Call) -> None:
    demand(running, bearer(call))


def plant(running: Running, rows: int) -> None:
    for nth in range(5):
        running.seed("lists", {"id": f"list-{nth}", "name": f"List {nth}", "contact_count": 21})
    for nth in range(5):
        running.seed("groups", {"id": nth + 100, "name": f"Group {nth}", "description": "mail", "is_default": not nth})
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    running.seed("contacts", {"id": who.code("contact-"), "email": who.email, "first_name": who.first,
                 "last_name": who.last, "phone_number": who.phone, "external_id": who.user_id, "custom_fields": {},
                 "address_line_1": who.street, "city": who.city, "postal_code": who.postcode, "alternate_emails": [],
                 "list_ids": ["list-0", "list-1"], "created_at": "2024-01-02T03:04:05Z"}, of=who)
    for name in SUPPRESSIONS:
        running.seed(name, {"email": who.email, "created": 1_700_000_000, "reason": f"refused {who.email}",
                     "ip": "192.0.2.7"}, id="email", of=who)
    running.seed("unsubscribes", {"email": who.email, "created": 1_700_000_000}, id="email", of=who)
    for nth in range(rows):
        running.seed("messages", {"msg_id": f"{who.code('msg')}.{nth}", "to_email": who.email, "status": "delivered",
                     "from_email": "shop@example.com", "subject": f"hello {who.name}", "opens_count": nth,
                     "clicks_count": 0, "last_event_time": "2024-01-02T03:04:05Z"}, id="msg_id", of=who)
        if nth < 5:
            running.seed("group_suppressions", {"key": f"{who.email}#{nth + 100}", "recipient_email": who.email,
                         "group": nth + 100}, id="key", of=who)
# fmt: on


SENDGRID = Vendor(
    name="sendgrid",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={"api_key": "SG.fake.1007"},
    tokens=("api_key",),
)


def job(running: Running, action: Any) -> Answer:
    running.later(action)
    return Answer({"job_id": f"job-{running.fresh()}"}, 202)


@SENDGRID.route("GET", "/v3/scopes")
def scopes(running: Running, call: Call) -> Any:
    return {"scopes": ["marketing.read", "recipients.erasejob.create", "suppression.read", "suppression.delete"]}


@SENDGRID.route(
    "POST",
    "/v3/marketing/contacts/search/emails",
    reads=True,
    body="emails phone_number_id external_id anonymous_id",
    needs="emails",
)
def by_emails(running: Running, call: Call) -> Any:
    if not isinstance(call.body["emails"], list) or not 0 < len(call.body["emails"]) <= 100:
        raise Refusal(400, "malformed", "emails")
    result = {}
    for email in call.body["emails"]:
        hit = [row for _, row in running.where("contacts", lambda row: same(row["email"], email))]  # noqa: B023
        if hit:
            result[email] = {"contact": hit[0]}
    if not result:
        raise Refusal(404, "absent")
    return {"result": result}


@SENDGRID.route("POST", "/v3/marketing/contacts/search", reads=True, body="query", needs="query")
def search(running: Running, call: Call) -> Any:
    asked = re.fullmatch(r"\s*(?:lower\()?(\w+)\)?\s*(=|LIKE)\s*(['\"])(.*)\3\s*", call.body["query"], re.I)
    if asked is None:
        raise Refusal(400, "malformed", "query")
    name, loose, value = asked[1], asked[2].upper() == "LIKE", asked[4].replace("''", "'").lower()
    shape = re.compile(".*".join(re.escape(part) for part in value.split("%")) if loose else re.escape(value))
    found = running.where("contacts", lambda row: shape.fullmatch(str(row.get(name)).lower()))
    return {
        "result": [row for _, row in found[:50]],
        "contact_count": len(found),
        "_metadata": {"self": f"{running.url}{call.path}"},
    }


@SENDGRID.route("GET", "/v3/marketing/contacts")
def contacts(running: Running, call: Call) -> Any:
    found = running.where("contacts")
    return {"result": [row for _, row in found[-50:]], "contact_count": len(found), "_metadata": {}}


@SENDGRID.route("GET", "/v3/marketing/contacts/*")
def contact(running: Running, call: Call, id: str) -> Any:
    return running.find("contacts", id)


@SENDGRID.route("PUT", "/v3/marketing/contacts", body="list_ids contacts", needs="contacts")
def upsert(running: Running, call: Call) -> Any:
    for one in call.body["contacts"]:
        for name in one:
            if name not in CONTACT.split():
                raise Refusal(400, "unknown_field", f"contacts.{name}")

    def work() -> None:
        for one in call.body["contacts"]:
            for _, row in running.where("contacts", lambda row: same(row["email"], one.get("email"))):  # noqa: B023
                running.change("contacts", row["id"], {k: v for k, v in one.items() if k != "email"})

    return job(running, work)


@SENDGRID.route("DELETE", "/v3/marketing/contacts", query="ids delete_all_contacts")
def delete_contacts(running: Running, call: Call) -> Any:
    everyone = call.query.get("delete_all_contacts") == "true"
    if everyone == ("ids" in call.query):
        raise Refusal(400, "missing", "ids")
    ids = [row["id"] for _, row in running.where("contacts")] if everyone else call.query["ids"].split(",")

    def work() -> None:
        for id in ids:
            running.remove("contacts", id.strip())

    return job(running, work)


@SENDGRID.route("GET", "/v3/marketing/lists", query="page_size page_token")
def lists(running: Running, call: Call) -> Any:
    rows, after = running.page(
        running.where("lists"), call.query.get("page_token", ""), call.query.get("page_size"), 100, 1000
    )
    size = call.query.get("page_size", "100")
    here = running.url + call.path
    made: Row = {"self": here, "count": len(running.rows["lists"])}
    made |= {"next": running.url + link(call.path, {"page_size": size, "page_token": after})} if after else {}
    return {"result": rows, "_metadata": made}


@SENDGRID.route("DELETE", "/v3/marketing/lists/*/contacts", query="contact_ids", needs="contact_ids")
def leave_list(running: Running, call: Call, id: str) -> Any:
    running.find("lists", id)

    def work() -> None:
        for contact in call.query["contact_ids"].split(","):
            held = running.rows["contacts"].get(contact, {"list_ids": []})["list_ids"]
            if id in held:
                running.change("contacts", contact, {"list_ids": [one for one in held if one != id]})

    return job(running, work)


def suppression(name: str, listing: bool = True) -> None:
    @SENDGRID.route("GET", f"/v3/suppression/{name}", query="limit offset start_time end_time email")
    def read(running: Running, call: Call) -> Any:
        email = call.query.get("email")
        found = running.where(name, lambda row: email is None or same(row["email"], email))
        return running.span(found, call.whole("offset"), call.query.get("limit"), 500, 500)

    if not listing:
        return

    @SENDGRID.route("GET", f"/v3/suppression/{name}/*")
    def got(running: Running, call: Call, email: str) -> Any:
        return [row for _, row in running.where(name, lambda row: same(row["email"], email))]

    @SENDGRID.route("DELETE", f"/v3/suppression/{name}/*", query="email_address")
    def delete(running: Running, call: Call, email: str) -> Any:
        hit = [row["email"] for _, row in running.where(name, lambda row: same(row["email"], email))]
        if not hit:
            raise Refusal(404, "absent")
        running.remove(name, hit[0])
        return Answer(None, 204)

    @SENDGRID.route("DELETE", f"/v3/suppression/{name}", body="delete_all emails")
    def delete_some(running: Running, call: Call) -> Any:
        if not call.body.get("emails") and call.body.get("delete_all") is not True:
            raise Refusal(400, "missing", "emails")
        for _, row in running.where(name):
            if call.body.get("delete_all") or any(same(row["email"], one) for one in call.body["emails"]):
                running.remove(name, row["email"])
        return Answer(None, 204)


for _name in SUPPRESSIONS:
    suppression(_name)
suppression("unsubscribes", listing=False)


@SENDGRID.route("GET", "/v3/asm/suppressions/global/*")
def unsubscribed(running: Running, call: Call, email: str) -> Any:
    hit = [row["email"] for _, row in running.where("unsubscribes", lambda row: same(row["email"], email))]
    return {"recipient_email": hit[0]} if hit else {}


@SENDGRID.route("POST", "/v3/asm/suppressions/global", body="recipient_emails", needs="recipient_emails")
def unsubscribe(running: Running, call: Call) -> Any:
    emails = call.body["recipient_emails"]
    if not isinstance(emails, list) or not all(isinstance(one, str) and "@" in one for one in emails):
        raise Refusal(400, "malformed", "recipient_emails")
    for email in emails:
        if not running.where("unsubscribes", lambda row: same(row["email"], email)):  # noqa: B023
            running.seed("unsubscribes", {"email": email, "created": 1_700_000_001}, id="email")
    return Answer({"recipient_emails": emails}, 201)


@SENDGRID.route("DELETE", "/v3/asm/suppressions/global/*")
def resubscribe(running: Running, call: Call, email: str) -> Any:
    for _, row in running.where("unsubscribes", lambda row: same(row["email"], email)):
        running.remove("unsubscribes", row["email"])
    return Answer(None, 204)


@SENDGRID.route("GET", "/v3/asm/suppressions/*")
def groups(running: Running, call: Call, email: str) -> Any:
    held = {
        row["group"] for _, row in running.where("group_suppressions", lambda one: same(one["recipient_email"], email))
    }
    return {"suppressions": [row | {"suppressed": row["id"] in held} for _, row in running.where("groups")]}


@SENDGRID.route("DELETE", "/v3/asm/groups/*/suppressions/*")
def leave_group(running: Running, call: Call, group: str, email: str) -> Any:
    running.find("groups", group)
    for _, row in running.where("group_suppressions", lambda row: same(row["key"], f"{email}#{group}")):
        running.remove("group_suppressions", row["key"])
    return Answer(None, 204)


@SENDGRID.route("GET", "/v3/messages", query="query limit", needs="query limit")
def messages(running: Running, call: Call) -> Any:
    asked = re.fullmatch(r"""\s*\(?\s*to_email\s*=\s*(["'])(.*)\1\s*\)?\s*""", call.query["query"])
    if asked is None or not 1 <= call.whole("limit") <= 1000:
        raise Refusal(400, "malformed", "query")
    found = running.where("messages", lambda row: same(row["to_email"], asked[2]))
    return {"messages": [row for _, row in found[: call.whole("limit")]]}


@SENDGRID.route("POST", "/v3/recipients/erasejob", body="email_addresses", needs="email_addresses")
def erase(running: Running, call: Call) -> Any:
    emails = call.body["email_addresses"]
    if not isinstance(emails, list) or not 0 < len(emails) <= 5000:
        raise Refusal(400, "malformed", "email_addresses")

    def work() -> None:
        fields = {
            "contacts": ("id", "email"),
            "unsubscribes": ("email", "email"),
            "messages": ("msg_id", "to_email"),
            "group_suppressions": ("key", "recipient_email"),
        }
        for name, (id, field) in (fields | {name: ("email", "email") for name in SUPPRESSIONS}).items():
            for _, row in running.where(name, lambda row: any(same(row[field], one) for one in emails)):  # noqa: B023
                running.remove(name, row[id])

    return job(running, work)
