"""Twilio: Programmable Messaging and Voice, and Conversations.

Written from twilio.com/docs: usage/{api,requests-to-twilio,twilios-response,rate-limits}, messaging/api/
{message-resource,media-resource}, voice/api/{call-resource,recording,outgoing-caller-ids-resource}, conversations/api/
{user-resource,participant-conversation-resource,conversation-resource,conversation-message-resource},
api/errors/{20003,20404,20429}, iam/access-tokens, glossary "redact a message body". secrets: `auth_token` with
setting `account_sid` (Basic), or `api_secret` with `api_key`. Bodies are forms, DELETE answers 204.

Messages are found by exact To and From. Deleting a message deletes its media; a body may be emptied by POST Body="" and
by no other value. Conversations has pages by meta.next_page_url (paths below /v1, in truth another host).
"""

from __future__ import annotations

from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, basic, link

API = "/2010-04-01/Accounts/*"
PAGED = "PageSize Page PageToken"


def refuse(refusal: Refusal) -> Answer:
    code, says = {
        "unauthorized": (20003, "Authenticate"),
        "expired": (20003, "Authenticate"),
        "absent": (20404, "The requested resource was not found"),
        "no_route": (20404, "The requested resource was not found"),
        "too_many": (20429, "Too Many Requests"),
        "server": (20500, "Internal Server Error"),
    }.get(refusal.why, (20001, f"Invalid parameter {refusal.what}: {refusal.why}"))
    body = {"code": code, "message": says, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    wait = refusal.more.get("retry_after")
    head = {"Retry-After": f"{wait:g}"} if wait is not None else {}
    return Answer(body | {"status": refusal.status}, refusal.status, head)


def admit(running: Running, call: Call) -> None:
    user, password = basic(call) or ("", "")
    if user not in (running.settings["account_sid"], running.settings["api_key"]) or password not in running.tokens:
        raise Refusal(401, "unauthorized")


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    account, shop = running.settings["account_sid"], "+12025550199"

    def seed(collection: str, prefix: str, **fields: Any) -> str:
        sid = f"{prefix}{running.fresh():032x}"
        running.seed(collection, {"sid": sid, "account_sid": account, "date_created": "Tue, 02 Jan 2024 03:04:05 +0000",
                     **fields}, id="sid", of=who)
        return sid

    for nth in range(rows):
        to, sender = (who.phone, shop) if nth % 2 else (shop, who.phone)
        message = seed("messages", "SM", to=to, body=f"hello from {who.name}", status="delivered", num_media="1",
                       direction="outbound-api" if nth % 2 else "inbound", **{"from": sender})
        seed("media_list", "ME", parent_sid=message, content_type="image/png")
        call = seed("calls", "CA", to=to, status="completed", duration="7", caller_name=who.name,
                    direction="outbound-api" if nth % 2 else "inbound", **{"from": sender})
        seed("recordings", "RE", call_sid=call, duration="7", status="completed")
        chat = seed("conversations", "CH", friendly_name=f"with {who.email}", unique_name=None, state="active")
        seed("participants", "MB", participant_identity=who.user_id, conversation_sid=chat, address=who.phone)
        seed("texts", "IM", conversation_sid=chat, author=who.user_id, body=f"I am {who.name}", index=0)
    seed("outgoing_caller_ids", "PN", phone_number=who.phone, friendly_name=who.name)
    seed("users", "US", identity=who.user_id, friendly_name=who.name, attributes=f'{{"email":"{who.email}"}}')
# fmt: on


TWILIO = Vendor(
    name="twilio",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={"auth_token": "auth-1007", "api_secret": "secret-1007"},
    tokens=("auth_token", "api_secret"),
    settings={"account_sid": "AC" + "7" * 32, "api_key": "SK" + "7" * 32},
    body="form",
)


def own(running: Running, account: str) -> None:
    if account != running.settings["account_sid"]:
        raise Refusal(404, "absent")


def listed(running: Running, call: Call, name: str, found: Any) -> Row:
    size = running.size(call.query.get("PageSize"), 50, 1000)
    rows, after = running.page(found, call.query.get("PageToken", ""), call.query.get("PageSize"), 50, 1000)
    page = call.whole("Page")
    asked = {key: value for key, value in call.query.items() if key not in ("Page", "PageToken", "PageSize")}
    more = link(call.path, asked | {"PageSize": size, "Page": page + 1, "PageToken": after}) if after else None
    return {
        name: rows,
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + len(rows) - 1,
        "uri": call.path,
        "first_page_uri": link(call.path, asked | {"PageSize": size, "Page": 0}),
        "next_page_uri": more,
        "previous_page_uri": None,
    }


@TWILIO.route("GET", f"{API}.json")
def account(running: Running, call: Call, account: str) -> Any:
    own(running, account)
    return {"sid": account, "friendly_name": "A shop", "status": "active", "type": "Full"}


def resource(name: str, path: str, filters: str, edits: str = "", kids: tuple[str, str] = ("", "")) -> None:
    names = {
        "To": "to",
        "From": "from",
        "CallSid": "call_sid",
        "PhoneNumber": "phone_number",
        "Status": "status",
        "FriendlyName": "friendly_name",
    }

    @TWILIO.route("GET", f"{API}/{path}.json", query=f"{PAGED} {filters}")
    def read(running: Running, call: Call, account: str) -> Any:
        own(running, account)
        asked = {names[key]: value for key, value in call.query.items() if key in names}
        found = running.where(name, lambda row: all(row.get(key) == value for key, value in asked.items()))
        return listed(running, call, name, found)

    @TWILIO.route("GET", f"{API}/{path}/*.json")
    def got(running: Running, call: Call, account: str, sid: str) -> Any:
        own(running, account)
        return running.find(name, sid)

    @TWILIO.route("DELETE", f"{API}/{path}/*.json")
    def delete(running: Running, call: Call, account: str, sid: str) -> Any:
        own(running, account)
        running.find(name, sid)
        for _, kid in running.where(kids[0], lambda kid: kid[kids[1]] == sid) if kids[0] else ():
            running.remove(kids[0], kid["sid"])
        running.remove(name, sid)
        return Answer(None, 204)

    if edits:

        @TWILIO.route("POST", f"{API}/{path}/*.json", body=edits)
        def edit(running: Running, call: Call, account: str, sid: str) -> Any:
            own(running, account)
            row = running.find(name, sid)
            if call.body.get("Body"):
                raise Refusal(400, "malformed", "Body")
            fields = {"Body": "body", "FriendlyName": "friendly_name"}
            running.change(name, sid, {fields[key]: value for key, value in call.body.items() if key in fields})
            return row


resource("messages", "Messages", "To From DateSent DateSent> DateSent<", "Body Status", ("media_list", "parent_sid"))
resource("calls", "Calls", "To From Status ParentCallSid StartTime")
resource("recordings", "Recordings", "CallSid DateCreated IncludeSoftDeleted")
resource("outgoing_caller_ids", "OutgoingCallerIds", "PhoneNumber FriendlyName", "FriendlyName")


def below(parent: str, path: str, name: str, kid: str, field: str) -> None:
    @TWILIO.route("GET", f"{API}/{path}/*/{kid}.json", query=f"{PAGED} DateCreated")
    def read(running: Running, call: Call, account: str, sid: str) -> Any:
        own(running, account)
        running.find(parent, sid)
        return listed(running, call, name, running.where(name, lambda row: row[field] == sid))

    @TWILIO.route("DELETE", f"{API}/{path}/*/{kid}/*.json")
    def delete(running: Running, call: Call, account: str, sid: str, one: str) -> Any:
        own(running, account)
        if running.find(name, one)[field] != sid:
            raise Refusal(404, "absent")
        running.remove(name, one)
        return Answer(None, 204)


below("messages", "Messages", "media_list", "Media", "parent_sid")
below("calls", "Calls", "recordings", "Recordings", "call_sid")


def meta(running: Running, call: Call, key: str, found: Any) -> Row:
    made = listed(running, call, key, found)
    more = made["next_page_uri"]
    return {
        key: made[key],
        "meta": {
            "key": key,
            "page": made["page"],
            "page_size": made["page_size"],
            "next_page_url": running.url + more if more else None,
            "previous_page_url": None,
        },
    }


@TWILIO.route("GET", "/v1/Users", query=PAGED)
def users(running: Running, call: Call) -> Any:
    return meta(running, call, "users", running.where("users"))


def known(running: Running, id: str) -> Row:
    """Return a user by SID or identity: the documents permit both in the path."""
    hit = [row for _, row in running.where("users", lambda row: id in (row["sid"], row["identity"]))]
    if not hit:
        raise Refusal(404, "absent")
    return hit[0]


@TWILIO.route("GET", "/v1/Users/*")
def user(running: Running, call: Call, id: str) -> Any:
    return known(running, id)


@TWILIO.route("POST", "/v1/Users/*", body="FriendlyName Attributes RoleSid")
def edit_user(running: Running, call: Call, id: str) -> Any:
    row, names = known(running, id), {"FriendlyName": "friendly_name", "Attributes": "attributes"}
    running.change("users", row["sid"], {names[key]: value for key, value in call.body.items() if key in names})
    return row


@TWILIO.route("DELETE", "/v1/Users/*")
def delete_user(running: Running, call: Call, id: str) -> Any:
    running.remove("users", known(running, id)["sid"])
    return Answer(None, 204)


@TWILIO.route("GET", "/v1/ParticipantConversations", query=f"{PAGED} Identity Address")
def participations(running: Running, call: Call) -> Any:
    identity, address = call.query.get("Identity"), call.query.get("Address")
    if (identity is None) == (address is None):
        raise Refusal(400, "missing", "Identity")
    return meta(
        running,
        call,
        "conversations",
        [
            (place, {**row, "participant_sid": row["sid"]})
            for place, row in running.where(
                "participants", lambda row: row["participant_identity"] == identity or row["address"] == address
            )
        ],
    )


@TWILIO.route("GET", "/v1/Conversations/*/Messages", query=f"{PAGED} Order")
def texts(running: Running, call: Call, sid: str) -> Any:
    running.find("conversations", sid)
    return meta(running, call, "messages", running.where("texts", lambda row: row["conversation_sid"] == sid))


@TWILIO.route("GET", "/v1/Conversations/*")
def conversation(running: Running, call: Call, sid: str) -> Any:
    return running.find("conversations", sid)


@TWILIO.route("DELETE", "/v1/Conversations/*/Messages/*")
def delete_text(running: Running, call: Call, sid: str, one: str) -> Any:
    if running.find("texts", one)["conversation_sid"] != sid:
        raise Refusal(404, "absent")
    running.remove("texts", one)
    return Answer(None, 204)


@TWILIO.route("DELETE", "/v1/Conversations/*")
def delete_conversation(running: Running, call: Call, sid: str) -> Any:
    running.find("conversations", sid)
    for name in ("participants", "texts"):
        for _, row in running.where(name, lambda row: row["conversation_sid"] == sid):
            running.remove(name, row["sid"])
    running.remove("conversations", sid)
    return Answer(None, 204)
