"""Salesforce.

Written from developer.salesforce.com/docs: atlas api_rest (resources_query, resources_queryall, headers_queryoptions,
resources_sobject_retrieve, dome_update_fields, dome_delete_record, resources_limits, errorcodes), soql_sosl (SELECT,
WHERE, quoted string escapes, FIELDS()), object_reference (Contact, Lead, Case, CaseComment, Task, CampaignMember,
EmailMessage) and help.salesforce.com (OAuth 2.0 client credentials, refresh token and web server flows). secrets:
`client_id`, `client_secret`, `refresh_token`, `code`, or a session's `access_token`. settings: `version`.

A deleted record goes to the recycle bin (here a collection of its own), where queryAll finds it for 15 days; REST
cannot empty it. Fields that the object does not have, or that cannot be written, are refused. SOQL compares without
case. What SOQL here understands: fields of one object, in WHERE also those of its parent (Contact.Email); = != LIKE IN,
AND, OR, NOT, brackets; ORDER BY (read and passed over), LIMIT.
"""

from __future__ import annotations

import re
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, bearer, demand

OBJECTS = {
    "Contact": "FirstName LastName Email Phone MobilePhone MailingStreet MailingCity MailingPostalCode Description "
    "Birthdate AccountId Title HasOptedOutOfEmail Salutation HomePhone OtherPhone Fax Department MailingState "
    "MailingCountry OtherStreet OtherCity OtherState OtherPostalCode OtherCountry AssistantName AssistantPhone "
    "LeadSource",
    "Lead": "FirstName LastName Email Phone Company Street City PostalCode Status Description Salutation MobilePhone "
    "Fax Title Website State Country LeadSource HasOptedOutOfEmail",
    "Case": "ContactId Subject Description Status Origin SuppliedEmail SuppliedName SuppliedPhone Comments "
    "CaseNumber SuppliedCompany Type Reason Priority",
    "CaseComment": "ParentId CommentBody IsPublished CreatedById",
    "Task": "WhoId WhatId Subject Description Status ActivityDate Priority Type CallType",
    "CampaignMember": "ContactId LeadId CampaignId Status FirstName LastName Email Phone HasResponded",
    "EmailMessage": "ParentId FromAddress FromName ToAddress Subject TextBody Status",
}
SYSTEM = "Id Name CreatedDate LastModifiedDate SystemModstamp IsDeleted OwnerId"
NEEDED = {"Contact": {"LastName"}, "Lead": {"LastName", "Company"}}
PREFIX = {"Contact": "003", "Lead": "00Q", "Case": "500", "Task": "00T", "CampaignMember": "00v", "EmailMessage": "02s"}
PREFIX |= {"CaseComment": "00a"}
PARENTS = {"Contact": "Contact", "Lead": "Lead", "Who": "Contact", "Parent": "Case"}
DATA = "/services/data/v*"


def refuse(refusal: Refusal) -> Answer:
    code, says = {
        "unauthorized": ("INVALID_SESSION_ID", "Session expired or invalid"),
        "expired": ("INVALID_SESSION_ID", "Session expired or invalid"),
        "absent": ("NOT_FOUND", "The requested resource does not exist"),
        "no_route": ("NOT_FOUND", "The requested resource does not exist"),
        "deleted": ("ENTITY_IS_DELETED", "entity is deleted"),
        "no_field": ("INVALID_FIELD", f"No such column '{refusal.what}' on entity"),
        "unknown_field": ("INVALID_FIELD", f"No such column '{refusal.what}' on sobject"),
        "read_only": ("INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {refusal.what}."),
        "required": ("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{refusal.what}]"),
        "no_object": ("INVALID_TYPE", f"sObject type '{refusal.what}' is not supported."),
        "query": ("MALFORMED_QUERY", "unexpected token: query"),
        "too_many": ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        "server": ("UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    }.get(refusal.why, ("JSON_PARSER_ERROR", f"{refusal.why}: {refusal.what}"))
    wait = refusal.more.get("retry_after")
    head = {"Retry-After": f"{wait:g}"} if wait is not None else {}
    if refusal.why == "oauth":
        return Answer({"error": refusal.what, "error_description": "authentication failure"}, 400, head)
    return Answer([{"message": says, "errorCode": code}], refusal.status, head)


def admit(running: Running, call: Call) -> None:
    demand(running, bearer(call))


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    def seed(kind: str, id: str = "", **fields: Any) -> str:
        row: Row = dict.fromkeys(OBJECTS[kind].split()) | fields
        when = "2024-01-02T03:04:05.000+0000"
        row |= {"Id": id or f"{PREFIX[kind]}{running.fresh():012d}AAA", "CreatedDate": when, "LastModifiedDate": when,
                "SystemModstamp": when, "IsDeleted": False, "OwnerId": "005000000000001AAA"}
        row["Name"] = f"{fields['FirstName']} {fields['LastName']}" if "LastName" in fields else fields.get("Subject")
        running.seed(kind, row, id="Id", of=who)
        return str(row["Id"])

    person = {"FirstName": who.first, "LastName": who.last, "Email": who.email, "Phone": who.phone}
    contact = seed("Contact", f"{who.code('003A')}{who.place:02d}".ljust(18, "A"), **person, MobilePhone=who.phone,
                   MailingStreet=who.street, MailingCity=who.city, MailingPostalCode=who.postcode,
                   HasOptedOutOfEmail=False, Description=who.user_id)
    seed("Lead", **person, Company="None", Street=who.street, City=who.city, Status="Open")
    for _ in range(rows):
        case = seed("Case", ContactId=contact, Subject="a question", Description=f"call {who.phone}", Status="New",
                    SuppliedEmail=who.email, SuppliedName=who.name)
        seed("CaseComment", ParentId=case, CommentBody=f"write to {who.email}", IsPublished=True)
        seed("Task", WhoId=contact, Subject="call her", Description=who.email, Status="Not Started")
        seed("CampaignMember", ContactId=contact, CampaignId="701000000000001AAA", Status="Sent")
        seed("EmailMessage", ParentId=case, FromAddress=who.email, FromName=who.name, Subject="hello",
             ToAddress="support@example.com", TextBody=f"I live in {who.street}", Status="0")
# fmt: on


SALESFORCE = Vendor(
    name="salesforce",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={
        "client_id": "client-1007",
        "client_secret": "secret-1007",
        "refresh_token": "refresh-1007",
        "code": "code-1007",
        "access_token": "00Dfake!session1007",
    },
    tokens=("access_token",),
    settings={"version": "60.0"},
    headers={"Sforce-Query-Options": r"batchSize=\d+?"},
)


@SALESFORCE.route(
    "POST",
    "/services/oauth2/token",
    open=True,
    reads=True,
    kind="form",
    query="grant_type client_id client_secret refresh_token code redirect_uri",
    body="grant_type client_id client_secret refresh_token code redirect_uri format",
)
def token(running: Running, call: Call) -> Any:
    made = running.grant(call, "client_credentials", "refresh_token", "authorization_code")
    return {
        "access_token": made,
        "instance_url": running.url,
        "token_type": "Bearer",
        "issued_at": "1700000000000",
        "id": f"{running.url}/id/00Dfake/005fake",
        "signature": "fake",
        "scope": "api",
    }


@SALESFORCE.route("GET", f"{DATA}")
@SALESFORCE.route("GET", f"{DATA}/")
def resources(running: Running, call: Call, version: str) -> Any:
    return {name: f"/services/data/v{version}/{name}" for name in ("sobjects", "query", "queryAll", "limits")}


@SALESFORCE.route("GET", f"{DATA}/limits")
def limits(running: Running, call: Call, version: str) -> Any:
    return {"DailyApiRequests": {"Max": 15000, "Remaining": 14998}}


WORD = re.compile(r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<mark><=|>=|!=|[=<>(),])|(?P<word>[\w.:+-]+))""")


class Soql:
    """A question in SOQL, as far as this fake understands it. Raises Refusal where it does not."""

    def __init__(self, text: str, running: Running) -> None:
        self.running = running
        self.words: list[str] = []
        end = 0
        while text[end:].strip():
            found = WORD.match(text, end)
            if found is None:
                raise Refusal(400, "query")
            self.words.append(found.group().strip())
            end = found.end()
        self.take("SELECT")
        self.fields = [self.next()]
        while self.peek() == ",":
            self.next()
            self.fields.append(self.next())
        if self.fields == ["FIELDS"]:
            self.take("(")
            self.fields = [f"FIELDS({self.next().upper()})"]
            self.take(")")
        self.take("FROM")
        self.kind = next((name for name in OBJECTS if name.lower() == self.peek().lower()), "")
        if not self.kind:
            raise Refusal(400, "no_object", self.next())
        self.next()
        known = {name.lower(): name for name in f"{SYSTEM} {OBJECTS[self.kind]}".split()}
        self.known = known
        self.test: Any = lambda row: True
        if self.peek().upper() == "WHERE":
            self.next()
            self.test = self.any()
        if self.peek().upper() == "ORDER":
            self.take("ORDER")
            self.take("BY")
            self.name(self.next())
            while self.peek().upper() in ("ASC", "DESC", "NULLS", "FIRST", "LAST"):
                self.next()
        self.limit = None
        if self.peek().upper() == "LIMIT":
            self.next()
            self.limit = int(self.next())
        if self.words:
            raise Refusal(400, "query")
        if self.fields[0].startswith("FIELDS("):
            if self.fields != ["FIELDS(STANDARD)"] and (self.limit is None or self.limit > 200):
                raise Refusal(400, "query")
            self.fields = list(known.values())
        self.fields = [self.name(one) for one in self.fields]

    def peek(self) -> str:
        return self.words[0] if self.words else ""

    def next(self) -> str:
        if not self.words:
            raise Refusal(400, "query")
        return self.words.pop(0)

    def take(self, word: str) -> None:
        if self.next().upper() != word:
            raise Refusal(400, "query")

    def name(self, word: str) -> str:
        if word.lower() not in self.known:
            raise Refusal(400, "no_field", word)
        return str(self.known[word.lower()])

    def reader(self, word: str) -> Any:
        """Return what gives a field, or one of the record that a reference leads to."""
        parent, _, name = word.partition(".")
        if not name:
            own = self.name(word)
            return lambda row: row[own]
        kind, field = PARENTS.get(parent.capitalize(), ""), self.known.get(f"{parent}id".lower())
        known = {one.lower(): one for one in f"{SYSTEM} {OBJECTS.get(kind, '')}".split()}
        if field is None or name.lower() not in known:
            raise Refusal(400, "no_field", word)
        rows = self.running.rows[kind]
        return lambda row: rows.get(row[field], {}).get(known[name.lower()])

    def any(self) -> Any:
        made = self.all()
        while self.peek().upper() == "OR":
            self.next()
            made = (lambda left, right: lambda row: left(row) or right(row))(made, self.all())
        return made

    def all(self) -> Any:
        made = self.one()
        while self.peek().upper() == "AND":
            self.next()
            made = (lambda left, right: lambda row: left(row) and right(row))(made, self.one())
        return made

    def one(self) -> Any:
        if self.peek() == "(":
            self.next()
            made = self.any()
            self.take(")")
            return made
        if self.peek().upper() == "NOT":
            self.next()
            inner = self.one()
            return lambda row: not inner(row)
        read, sign = self.reader(self.next()), self.next().upper()
        if sign == "IN":
            self.take("(")
            values = [self.value()]
            while self.peek() == ",":
                self.next()
                values.append(self.value())
            self.take(")")
            return lambda row: low(read(row)) in values
        value = self.value()
        if sign == "LIKE":
            shape = re.compile("".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in str(value)), re.S)
            return lambda row: bool(shape.fullmatch(str(low(read(row)))))
        if sign not in ("=", "!="):
            raise Refusal(400, "query")
        return lambda row: (low(read(row)) == value) is (sign == "=")

    def value(self) -> Any:
        word = self.next()
        if word.startswith("'"):
            return re.sub(r"\\(.)", r"\1", word[1:-1]).lower()
        known = {"null": None, "true": True, "false": False}
        if word.lower() not in known and not re.fullmatch(r"[\d.:TZ+-]+", word):
            raise Refusal(400, "query")
        return known.get(word.lower(), word)


def low(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def answer(running: Running, call: Call, version: str, text: str, deleted: bool, cursor: str = "") -> Row:
    asked = Soql(text, running)
    found = running.where(asked.kind, asked.test)
    if deleted:
        bin_ = running.where("recycle_bin", lambda row: row["kind"] == asked.kind and asked.test(row["row"]))
        found += [(place, row["row"]) for place, row in bin_]
    found = found[: asked.limit]
    rows, after = running.page(found, cursor, None, 2000, 2000)
    base = f"/services/data/v{version}"
    made: Row = {"totalSize": len(found), "done": not after}
    if after:
        locator = f"01g{running.fresh()}-{len(rows)}"
        running.memo[f"locator {locator}"] = f"{int(deleted)}{after} {text}"
        made["nextRecordsUrl"] = f"{base}/{'queryAll' if deleted else 'query'}/{locator}"
    shape = {"type": asked.kind}
    made["records"] = [
        {
            "attributes": shape | {"url": f"{base}/sobjects/{asked.kind}/{row['Id']}"},
            **{name: row[name] for name in asked.fields},
        }
        for row in rows
    ]
    return made


@SALESFORCE.route("GET", f"{DATA}/query", query="q", needs="q")
@SALESFORCE.route("GET", f"{DATA}/query/", query="q", needs="q")
def query(running: Running, call: Call, version: str) -> Any:
    return answer(running, call, version, call.query["q"], False)


@SALESFORCE.route("GET", f"{DATA}/queryAll", query="q", needs="q")
@SALESFORCE.route("GET", f"{DATA}/queryAll/", query="q", needs="q")
def query_all(running: Running, call: Call, version: str) -> Any:
    return answer(running, call, version, call.query["q"], True)


@SALESFORCE.route("GET", f"{DATA}/query/*")
@SALESFORCE.route("GET", f"{DATA}/queryAll/*")
def more(running: Running, call: Call, version: str, locator: str) -> Any:
    kept = running.memo.get(f"locator {locator}")
    if kept is None:
        raise Refusal(400, "query")
    after, _, text = kept.partition(" ")
    return answer(running, call, version, text, kept[0] == "1", after[1:])


def known(running: Running, kind: str, id: str) -> Row:
    if kind not in OBJECTS:
        raise Refusal(404, "absent")
    if f"{kind} {id}" in running.rows.get("recycle_bin", {}):
        raise Refusal(404, "deleted")
    return running.find(kind, id)


@SALESFORCE.route("GET", f"{DATA}/sobjects/*/*", query="fields")
def got(running: Running, call: Call, version: str, kind: str, id: str) -> Any:
    row = known(running, kind, id)
    names = call.query["fields"].split(",") if "fields" in call.query else list(row)
    for name in names:
        if name not in row:
            raise Refusal(400, "no_field", name)
    return {"attributes": {"type": kind, "url": call.path}, **{name: row[name] for name in names}}


@SALESFORCE.route("PATCH", f"{DATA}/sobjects/*/*", body=" ".join([SYSTEM, *OBJECTS.values()]))
def edit(running: Running, call: Call, version: str, kind: str, id: str) -> Any:
    row = known(running, kind, id)
    for name, value in call.body.items():
        if name in SYSTEM.split() and name != "OwnerId":
            raise Refusal(400, "read_only", name)
        if name not in row:
            raise Refusal(400, "unknown_field", name)
        if value in (None, "") and name in NEEDED.get(kind, ()):
            raise Refusal(400, "required", name)
    fields = {name: value if value != "" else None for name, value in call.body.items()}
    if "LastName" in row:
        both = row | fields
        fields["Name"] = " ".join(str(one) for one in (both["FirstName"], both["LastName"]) if one)
    running.change(kind, id, fields)
    return Answer(None, 204)


@SALESFORCE.route("DELETE", f"{DATA}/sobjects/*/*")
def delete(running: Running, call: Call, version: str, kind: str, id: str) -> Any:
    row = known(running, kind, id)
    count = len(running.deleted)
    running.remove(kind, id)
    if len(running.deleted) > count:
        running.seed("recycle_bin", {"key": f"{kind} {id}", "kind": kind, "row": row | {"IsDeleted": True}}, id="key")
    return Answer(None, 204)
