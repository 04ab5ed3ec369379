"""Stripe.

Written from docs.stripe.com/api: /authentication, /errors, /pagination, /idempotent_requests, /customers (list, search,
update, delete), /charges, /payment_intents, /payment_methods (list, customer_list, detach), /cards, /subscriptions
(list, cancel), /invoices (list, update, delete), /invoiceitems, /tax_ids/customer, /privacy/redaction-job, and
/rate-limits, /error-codes of docs.stripe.com. secrets: `api_key` (user of Basic, or a bearer).

Deleting a customer removes cards and payment methods and cancels subscriptions; charges, payment intents and invoices
stay with what they say of her. Redaction jobs (a preview, by the header Stripe-Version) overwrite those.
"""

from __future__ import annotations

import re
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, basic, bearer, demand

LISTED = "limit starting_after ending_before"
PERSONAL: tuple[str, ...] = (
    "email",
    "name",
    "phone",
    "address",
    "shipping",
    "description",
    "receipt_email",
    "billing_details",
)
PERSONAL += ("customer_email", "customer_name", "customer_phone", "customer_address", "metadata", "value")
SAYS = {
    "unknown_parameter": ("parameter_unknown", "Received unknown parameter: {}"),
    "unknown_field": ("parameter_unknown", "Received unknown parameter: {}"),
    "missing": ("parameter_missing", "Missing required param: {}."),
    "absent": ("resource_missing", "No such {}: '{id}'"),
    "malformed": ("parameter_invalid", "Invalid {}"),
    "expired": ("api_key_expired", "Expired API Key provided: sk_test_****fake"),
    "unauthorized": (None, "Invalid API Key provided: sk_test_****"),
    "too_many": ("rate_limit", "Request rate limit exceeded."),
    "no_route": (None, "Unrecognized request URL ({})."),
    "server": (None, "An unknown error occurred."),
}


def refuse(refusal: Refusal) -> Answer:
    code, says = SAYS.get(refusal.why, (refusal.why, "{}"))
    kind = "api_error" if refusal.status >= 500 else "invalid_request_error"
    kind = "idempotency_error" if refusal.why == "conflict" else kind
    error: Row = {"type": kind, "message": says.format(refusal.what.rstrip("s"), **refusal.more)}
    error |= {"code": code} if code and refusal.why != "conflict" else {}
    error |= {"param": "id" if refusal.why == "absent" else refusal.what} if refusal.what else {}
    wait = refusal.more.get("retry_after")
    return Answer({"error": error}, refusal.status, {"Retry-After": f"{wait:g}"} if wait is not None else {})


def admit(running: Running, call: Call) -> None:
    demand(running, (basic(call) or (bearer(call), ""))[0])


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    customer = who.code("cus_")
    address = {"line1": who.street, "city": who.city, "postal_code": who.postcode, "country": "US"}
    billing = {"name": who.name, "email": who.email, "phone": who.phone, "address": address}
    common = {"created": 1_700_000_000 + who.place, "livemode": False, "metadata": {}}

    def seed(collection: str, prefix: str, kind: str, nth: int, **more: Any) -> None:
        row = {"id": f"{who.code(prefix)}x{nth}", "object": kind, "customer": customer, **common, **more}
        running.seed(collection, row, of=who)

    running.seed("customers", {"id": customer, "object": "customer", **common, "email": who.email, "name": who.name,
                 "phone": who.phone, "address": address, "description": None, "balance": 0, "delinquent": False,
                 "shipping": {"name": who.name, "address": address}, "metadata": {"user_id": who.user_id}}, of=who)
    for nth in range(rows):
        money = {"amount": 100 * nth + 100, "currency": "usd"}
        seed("charges", "ch_", "charge", nth, **money, billing_details=billing, receipt_email=who.email, shipping=None,
             description="an order", status="succeeded", payment_intent=f"{who.code('pi_')}x{nth}", refunded=False)
        seed("payment_intents", "pi_", "payment_intent", nth, **money, receipt_email=who.email, description="an order",
             shipping={"name": who.name, "address": address}, status="succeeded")
        seed("payment_methods", "pm_", "payment_method", nth, type="card", billing_details=billing,
             card={"brand": "visa", "last4": f"{nth:04d}", "exp_month": 1, "exp_year": 2031})
        seed("sources", "card_", "card", nth, brand="Visa", last4=f"{nth:04d}", name=who.name, address_line1=who.street,
             exp_month=1, exp_year=2031)
        seed("subscriptions", "sub_", "subscription", nth, status="active", currency="usd", cancel_at_period_end=False)
        seed("invoices", "in_", "invoice", nth, status="draft" if nth % 2 else "paid", customer_email=who.email,
             customer_name=who.name, customer_phone=who.phone, customer_address=address, total=100)
        seed("invoiceitems", "ii_", "invoiceitem", nth, **money, description="a thing")
        seed("tax_ids", "txi_", "tax_id", nth, type="eu_vat", value=f"{who.user_id}-{nth}", country="DE")
# fmt: on


STRIPE = Vendor(
    name="stripe",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={"api_key": "sk_test_fake_1007"},
    tokens=("api_key",),
    headers={"Stripe-Version": r"\d{4}-\d\d-\d\d(\.\w+)?(;.*)??"},
    body="form",
    once=True,
)


def listing(running: Running, call: Call, collection: str, keep: Any, live: Any = lambda row: True) -> Row:
    found = [one for one in running.where(collection, lambda row: keep(row) and live(row))]
    size = running.size(call.query.get("limit"), 10, 100)
    if "starting_after" in call.query:
        running.find(collection, call.query["starting_after"])
        after = running.place(collection, call.query["starting_after"])
        found = [one for one in found if one[0] > after]
    if "ending_before" in call.query:
        running.find(collection, call.query["ending_before"])
        before = running.place(collection, call.query["ending_before"])
        found = [one for one in found if one[0] < before]
        data = [row for _, row in found[-size:]]
    else:
        data = [row for _, row in found[:size]]
    return {"object": "list", "url": call.path, "has_more": len(found) > size, "data": data}


@STRIPE.route("GET", "/v1/customers", query=f"{LISTED} email")
def customers(running: Running, call: Call) -> Any:
    email = call.query.get("email")  # documented: with case
    return listing(running, call, "customers", lambda row: not row.get("deleted") and email in (None, row.get("email")))


@STRIPE.route("GET", "/v1/customers/search", query="query limit page", needs="query")
def search(running: Running, call: Call) -> Any:
    asked = re.fullmatch(
        r"""\s*(email|name|phone|metadata\[.(\w+).\])\s*([:~])\s*(["'])(.*)\4\s*""", call.query["query"]
    )
    if asked is None:
        raise Refusal(400, "malformed", "query")
    value, loose = re.sub(r"\\(.)", r"\1", asked[5]).lower(), asked[3] == "~"

    def keep(row: Row) -> bool:
        held = str((row.get("metadata") or {}).get(asked[2]) if asked[2] else row.get(asked[1])).lower()
        return not row.get("deleted") and (value in held if loose else value == held)

    data, after = running.page(
        running.where("customers", keep), call.query.get("page", ""), call.query.get("limit"), 10, 100
    )
    more = {"has_more": bool(after), "next_page": after or None}
    return {"object": "search_result", "url": call.path, **more, "data": data}


@STRIPE.route("GET", "/v1/customers/*")
def customer(running: Running, call: Call, id: str) -> Any:
    return running.find("customers", id)


@STRIPE.route("DELETE", "/v1/customers/*")
def delete_customer(running: Running, call: Call, id: str) -> Any:
    gone = {"id": id, "object": "customer", "deleted": True}
    if running.find("customers", id).get("deleted"):
        raise Refusal(404, "absent", "customers", id=id)
    for name in ("sources", "payment_methods", "tax_ids"):
        for _, row in running.where(name, lambda row: row["customer"] == id):
            running.remove(name, row["id"])
    for _, row in running.where("subscriptions", lambda row: row["customer"] == id):
        running.change("subscriptions", row["id"], {"status": "canceled"}, deletes=True)
    count = len(running.deleted)
    running.remove("customers", id)
    if len(running.deleted) > count:  # it can still be asked for by its id
        running.seed("customers", dict(gone))
    return gone


def nested(row: Row, fields: dict[str, str]) -> Row:
    """Return what a form with brackets makes of a record; an empty text empties a field."""
    made: Row = {}
    for name, value in fields.items():
        first, *rest = re.findall(r"[^\[\]]+", name)
        if not rest:
            made[first] = value or ({} if first == "metadata" else None)
            continue
        spot = made.setdefault(first, dict(row.get(first) or {}))
        for part in rest[:-1]:
            spot[part] = dict(spot.get(part) or {})
            spot = spot[part]
        spot[rest[-1]] = value
        if value == "":
            del spot[rest[-1]]
    return made


def editable(collection: str, path: str, body: str, parent: bool = False) -> None:
    @STRIPE.route("POST", path, body=body)
    def edit(running: Running, call: Call, *ids: str) -> Any:
        row = running.find(collection, ids[-1])
        if row.get("deleted") or (parent and row["customer"] != ids[0]):
            raise Refusal(404, "absent", collection, id=ids[-1])
        running.change(collection, ids[-1], nested(row, call.body))
        return row


def deletable(collection: str, path: str) -> None:
    @STRIPE.route("DELETE", path)
    def delete(running: Running, call: Call, *ids: str) -> Any:
        row = running.find(collection, ids[-1])
        if len(ids) == 2 and row["customer"] != ids[0]:
            raise Refusal(404, "absent", collection, id=ids[-1])
        if collection == "invoices" and row["status"] != "draft":
            raise Refusal(400, "invoice_not_editable", "You can only delete draft invoices.")
        running.remove(collection, ids[-1])
        return {"id": ids[-1], "object": row["object"], "deleted": True}


def readable(collection: str, more: str = "") -> None:
    @STRIPE.route("GET", f"/v1/{collection}", query=f"{LISTED} customer {more}")
    def read(running: Running, call: Call) -> Any:
        asked = {name: call.query[name] for name in ("customer", *more.split()) if name in call.query}
        live: Any = lambda row: True  # noqa: E731
        if collection == "subscriptions" and asked.get("status") in (None, "all"):
            live = lambda row: row["status"] != "canceled" or "status" in call.query  # noqa: E731
            asked.pop("status", None)
        return listing(running, call, collection, lambda row: all(row.get(k) == v for k, v in asked.items()), live)

    @STRIPE.route("GET", f"/v1/{collection}/*")
    def one(running: Running, call: Call, id: str) -> Any:
        return running.find(collection, id)


def below(collection: str) -> None:
    @STRIPE.route("GET", f"/v1/customers/*/{collection}", query=f"{LISTED} object type")
    def read(running: Running, call: Call, id: str) -> Any:
        running.find("customers", id)
        kind = call.query.get("object") or call.query.get("type")
        return listing(
            running,
            call,
            collection,
            lambda row: row["customer"] == id and kind in (None, row["object"], row.get("type")),
        )


readable("charges", "payment_intent")
readable("payment_intents")
readable("payment_methods", "type")
readable("subscriptions", "status")
readable("invoices", "status subscription")
readable("invoiceitems", "invoice")
below("payment_methods")
below("sources")
below("tax_ids")
editable("customers", "/v1/customers/*", "email name phone description address shipping metadata")
editable("charges", "/v1/charges/*", "description receipt_email shipping metadata")
editable("payment_intents", "/v1/payment_intents/*", "description receipt_email shipping metadata")
editable("payment_methods", "/v1/payment_methods/*", "billing_details metadata")
editable("sources", "/v1/customers/*/sources/*", "name address_line1 exp_month exp_year metadata", parent=True)
editable("subscriptions", "/v1/subscriptions/*", "description metadata cancel_at_period_end")
editable("invoices", "/v1/invoices/*", "description metadata footer")
editable("invoiceitems", "/v1/invoiceitems/*", "description metadata")
deletable("sources", "/v1/customers/*/sources/*")
deletable("tax_ids", "/v1/customers/*/tax_ids/*")
deletable("invoices", "/v1/invoices/*")
deletable("invoiceitems", "/v1/invoiceitems/*")


@STRIPE.route("DELETE", "/v1/subscriptions/*")
def cancel(running: Running, call: Call, id: str) -> Any:
    row = running.find("subscriptions", id)
    if row["status"] == "canceled":
        raise Refusal(404, "absent", "subscriptions", id=id)
    running.change("subscriptions", id, {"status": "canceled"}, deletes=True)
    return row | {"status": "canceled"}


@STRIPE.route("POST", "/v1/payment_methods/*/detach")
def detach(running: Running, call: Call, id: str) -> Any:
    row = running.find("payment_methods", id)
    running.change("payment_methods", id, {"customer": None}, deletes=True)
    return row | {"customer": None}


@STRIPE.route("POST", "/v1/privacy/redaction_jobs", body="objects validation_behavior", needs="objects")
def redaction(running: Running, call: Call) -> Any:
    if "preview" not in call.headers.get("stripe-version", ""):
        raise Refusal(404, "no_route", call.path)
    objects = [(name.split("[")[1].rstrip("]"), value) for name, value in call.body.items() if name.startswith("obj")]
    for collection, id in objects:
        running.find(collection, id)
    job = {
        "id": f"prj_{running.fresh()}",
        "object": "privacy.redaction_job",
        "status": "ready",
        "validation_behavior": call.body.get("validation_behavior", "error"),
        "livemode": False,
    }
    return running.seed("redaction_jobs", job | {"objects": [list(one) for one in objects]})


@STRIPE.route("GET", "/v1/privacy/redaction_jobs/*")
def job(running: Running, call: Call, id: str) -> Any:
    return running.find("redaction_jobs", id)


@STRIPE.route("POST", "/v1/privacy/redaction_jobs/*/run")
def run(running: Running, call: Call, id: str) -> Any:
    row = running.find("redaction_jobs", id)

    def redact() -> None:
        for collection, root in row["objects"]:
            kin = [
                (name, one)
                for name in running.rows
                for _, one in running.where(name)
                if (name, one["id"]) == (collection, root)
                or collection == "customers" == one.get("customer")
                or (collection == "customers" and one.get("customer") == root)
            ]
            for name, one in kin:
                running.change(name, one["id"], {p: None for p in PERSONAL if p in one}, deletes=True)
        row["status"] = "succeeded"

    row["status"] = "redacting"
    running.later(redact)
    return row | {"status": "redacting"}
