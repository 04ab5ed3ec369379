"""Shopify Admin, REST (and the one GraphQL mutation that erases).

Written from shopify.dev/docs: api/admin-rest/{customer,customer-address,order,draftorder,metafield,abandoned-checkouts,
shop}, api/usage/{authentication,pagination-rest,rate-limits,response-codes,search-syntax}, apps/build/authentication
(client credentials grant), api/admin-graphql/mutations/customerRequestDataErasure; that a customer with orders is not
deleted: 422, Shopify/shopify-api-ruby issue 394; that orders of an online gateway are not: nozzlegear/Gearworks issue
7. secrets: `access_token` (X-Shopify-Access-Token) or `client_id`, `client_secret`. settings: `api_version`.

Her last order went through an online gateway and cannot be deleted. Her default address cannot be deleted. With
page_info only limit and fields may be sent. An erasure that was requested is done later, and then deletes nothing of
orders but empties what is personal.
"""

from __future__ import annotations

import re
from typing import Any

from .fake import Answer, Call, Person, Refusal, Row, Running, Vendor, demand, link, only

API = "/admin/api/*"
CUSTOMER = "id email phone first_name last_name note tags addresses metafields email_marketing_consent"
CUSTOMER += " sms_marketing_consent tax_exempt verified_email"
ORDER = "id email phone note note_attributes shipping_address tags metafields buyer_accepts_marketing customer"
ADDRESS = "id address1 address2 city company country first_name last_name name phone province zip"
LISTED = "limit page_info fields since_id ids created_at_min created_at_max updated_at_min updated_at_max"


def refuse(refusal: Refusal) -> Answer:
    errors: Any = {
        "unauthorized": "[API] Invalid API key or access token (unrecognized login or wrong password)",
        "expired": "[API] Invalid API key or access token (unrecognized login or wrong password)",
        "absent": "Not Found",
        "no_route": "Not Found",
        "too_many": "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.",
        "server": "Internal Server Error",
        "unprocessable": {"base": [refusal.what]},
        "missing": {refusal.what: "Required parameter missing or invalid"},
    }.get(refusal.why, {refusal.what: f"Invalid value ({refusal.why})"})
    wait = refusal.more.get("retry_after")
    body = {"error": refusal.what} if refusal.why == "oauth" else {"errors": errors}
    return Answer(body, refusal.status, {"Retry-After": f"{float(wait):.1f}"} if wait is not None else {})


def admit(running: Running, call: Call) -> None:
    demand(running, call.headers.get("x-shopify-access-token", ""))


def plant(running: Running, rows: int) -> None:
    for who in running.everyone:
        plant_one(running, who, rows if who.place == 0 else 2)


# fmt: off
def plant_one(running: Running, who: Person, rows: int) -> None:
    customer = who.number(6001)
    names = {"first_name": who.first, "last_name": who.last}
    street = {"address1": who.street, "city": who.city, "zip": who.postcode, "phone": who.phone, "name": who.name}
    running.seed("customers", {"id": customer, "email": who.email, "phone": who.phone, **names, "note": who.user_id,
                 "state": "enabled", "tags": "", "verified_email": True, "tax_exempt": False, "currency": "USD",
                 "orders_count": rows, "email_marketing_consent": {"state": "subscribed"}}, of=who)
    for nth in range(rows):
        running.seed("addresses", {"id": running.fresh(), "customer_id": customer, **names, **street, "company": None,
                     "address2": None, "country": "US", "province": "ST", "default": nth == 0}, of=who)
        common = {"email": who.email, "phone": who.phone, "customer": {"id": customer, "email": who.email, **names},
                  "shipping_address": {**names, **street}, "billing_address": {**names, **street}}
        running.seed("orders", {"id": running.fresh(), **common, "name": f"#{running.fresh()}", "total_price": "7.00",
                     "note": None, "tags": "", "browser_ip": "192.0.2.7", "note_attributes": [], "status": "open",
                     "gateway": "online" if nth == rows - 1 else "manual"}, of=who)
        running.seed("draft_orders", {"id": running.fresh(), **common, "status": "open", "note": None}, of=who)
        running.seed("checkouts", {"id": running.fresh(), **common, "token": who.code("tk")}, of=who)
        running.seed("metafields", {"id": running.fresh(), "owner_id": customer, "namespace": "crm", "key": f"k{nth}",
                     "value": who.user_id, "type": "single_line_text_field", "owner_resource": "customer"}, of=who)
# fmt: on


SHOPIFY = Vendor(
    name="shopify",
    refuse=refuse,
    admit=admit,
    plant=plant,
    secrets={"access_token": "shpat_fake1007", "client_id": "client-1007", "client_secret": "secret-1007"},
    tokens=("access_token",),
    settings={"api_version": "2024-10"},
)


@SHOPIFY.route(
    "POST", "/admin/oauth/access_token", open=True, reads=True, kind="any", body="grant_type client_id client_secret"
)
def token(running: Running, call: Call) -> Any:
    return {"access_token": running.grant(call, "client_credentials"), "scope": "read_customers", "expires_in": 86399}


def checked(version: str) -> None:
    if not re.fullmatch(r"20\d\d-(01|04|07|10)|unstable", version):
        raise Refusal(404, "no_route")


def listed(running: Running, call: Call, version: str, name: str, found: Any) -> Answer:
    checked(version)
    if "page_info" in call.query and set(call.query) - {"page_info", "limit", "fields"}:
        raise Refusal(400, "malformed", "page_info")
    if "since_id" in call.query:
        found = [one for one in found if one[1]["id"] > call.whole("since_id")]
    if "ids" in call.query:
        found = [one for one in found if str(one[1]["id"]) in call.query["ids"].split(",")]
    cursor, _, known = call.query.get("page_info", "").partition(".")
    if known:
        kept = running.memo.get(f"page_info {known}", "").split(",")
        found = [one for one in running.where(name) if str(one[1]["id"]) in kept]
    rows, after = running.page(found, cursor, call.query.get("limit"), 50, 250)
    head = {"X-Shopify-Shop-Api-Call-Limit": "1/40"}
    if after:  # page_info remembers the filters
        mark = known or str(running.fresh())
        running.memo[f"page_info {mark}"] = ",".join(str(row["id"]) for _, row in found)
        asked = {one: call.query[one] for one in ("limit", "fields") if one in call.query}
        there = running.url + link(call.path, asked | {"page_info": f"{after}.{mark}"})
        head["Link"] = f'<{there}>; rel="next"'
    names = call.query["fields"].split(",") if "fields" in call.query else None
    cut = [
        {one: value for one, value in shown(running, name, row).items() if not names or one in names} for row in rows
    ]
    return Answer({name: cut}, 200, head)


def shown(running: Running, name: str, row: Row) -> Row:
    hidden = ("gateway", "status") if name == "orders" else ()
    made = {one: value for one, value in row.items() if one not in hidden}
    if name == "customers":
        addresses = [one for _, one in running.where("addresses", lambda one: one["customer_id"] == row["id"])]
        made |= {"addresses": addresses[:10], "default_address": next((a for a in addresses if a["default"]), None)}
    return made


@SHOPIFY.route("GET", f"{API}/shop.json", query="fields")
def shop(running: Running, call: Call, version: str) -> Any:
    checked(version)
    return {"shop": {"id": 1, "name": "A shop", "email": "shop@example.com"}}


@SHOPIFY.route("GET", f"{API}/customers.json", query=LISTED)
def customers(running: Running, call: Call, version: str) -> Any:
    return listed(running, call, version, "customers", running.where("customers"))


def looked_for(query: str, row: Row) -> bool:
    """`field:value` compares without case, `value*` matches beginnings, a bare word is looked for everywhere."""
    for field, quoted, plain in re.findall(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))', query):
        value = (quoted or plain).lower()
        held = [str(row.get(field) or "").lower()] if field else [str(one).lower() for one in row.values()]
        if value.endswith("*") and not quoted:
            if not any(one.startswith(value[:-1]) for one in held):
                return False
        elif not any(value == one if field else value in one for one in held):
            return False
    return True


@SHOPIFY.route("GET", f"{API}/customers/search.json", query="query limit page_info fields order")
def search(running: Running, call: Call, version: str) -> Any:
    found = running.where("customers", lambda row: looked_for(call.query.get("query", ""), row))
    return listed(running, call, version, "customers", found)


def entity(one: str, many: str, edits: str) -> None:
    @SHOPIFY.route("GET", f"{API}/{many}/*.json", query="fields")
    def got(running: Running, call: Call, version: str, id: str) -> Any:
        return {one: shown(running, many, running.find(many, id))}

    @SHOPIFY.route("PUT", f"{API}/{many}/*.json", body=one, needs=one)
    def edit(running: Running, call: Call, version: str, id: str) -> Any:
        row = running.find(many, id)
        fields = {k: v for k, v in only(call.body[one], edits, one).items() if k != "id"}
        if one == "customer" and not any(
            (row | fields).get(name) for name in ("email", "phone", "first_name", "last_name")
        ):
            raise Refusal(422, "unprocessable", "Customer must have a name, phone number or email address")
        running.change(many, id, fields)
        return {one: shown(running, many, row)}

    @SHOPIFY.route("DELETE", f"{API}/{many}/*.json")
    def delete(running: Running, call: Call, version: str, id: str) -> Any:
        row = running.find(many, id)
        if many == "customers" and running.where("orders", lambda order: order["customer"].get("id") == row["id"]):
            raise Refusal(422, "unprocessable", "Cannot delete a customer that has orders")
        if row.get("gateway") == "online":
            raise Refusal(422, "unprocessable", "Cannot delete orders brokered by Shopify")
        kin = [("addresses", "customer_id"), ("metafields", "owner_id")] if many == "customers" else []
        for name, field in kin:
            for _, kid in running.where(name, lambda kid: kid[field] == row["id"]):  # noqa: B023
                running.remove(name, str(kid["id"]))
        running.remove(many, id)
        return {}


@SHOPIFY.route("GET", f"{API}/orders.json", query=f"{LISTED} status financial_status fulfillment_status name")
def orders(running: Running, call: Call, version: str) -> Any:
    status = call.query.get("status", "open")
    return listed(
        running, call, version, "orders", running.where("orders", lambda row: status in ("any", row["status"]))
    )


@SHOPIFY.route("GET", f"{API}/customers/*/orders.json", query=f"{LISTED} status")
def her_orders(running: Running, call: Call, version: str, id: str) -> Any:
    running.find("customers", id)
    status = call.query.get("status", "open")
    return listed(
        running,
        call,
        version,
        "orders",
        running.where("orders", lambda row: status in ("any", row["status"]) and str(row["customer"].get("id")) == id),
    )


@SHOPIFY.route("GET", f"{API}/draft_orders.json", query=f"{LISTED} status")
def drafts(running: Running, call: Call, version: str) -> Any:
    return listed(running, call, version, "draft_orders", running.where("draft_orders"))


@SHOPIFY.route("GET", f"{API}/checkouts.json", query=f"{LISTED} status")
def checkouts(running: Running, call: Call, version: str) -> Any:
    return listed(running, call, version, "checkouts", running.where("checkouts"))


def owned(one: str, many: str, field: str, edits: str) -> None:
    @SHOPIFY.route("GET", f"{API}/customers/*/{many}.json", query="limit page_info fields since_id")
    def read(running: Running, call: Call, version: str, id: str) -> Any:
        running.find("customers", id)
        return listed(running, call, version, many, running.where(many, lambda row: str(row[field]) == id))

    def mine(running: Running, id: str, kid: str) -> Row:
        row = running.find(many, kid)
        if str(row[field]) != id:
            raise Refusal(404, "absent")
        return row

    @SHOPIFY.route("PUT", f"{API}/customers/*/{many}/*.json", body=one, needs=one)
    def edit(running: Running, call: Call, version: str, id: str, kid: str) -> Any:
        row = mine(running, id, kid)
        running.change(many, kid, {k: v for k, v in only(call.body[one], edits, one).items() if k != "id"})
        return {"customer_address" if one == "address" else one: row}

    @SHOPIFY.route("DELETE", f"{API}/customers/*/{many}/*.json")
    def delete(running: Running, call: Call, version: str, id: str, kid: str) -> Any:
        if mine(running, id, kid).get("default"):
            raise Refusal(422, "unprocessable", "Cannot delete the customer’s default address")
        running.remove(many, kid)
        return {}


owned("address", "addresses", "customer_id", ADDRESS)
owned("metafield", "metafields", "owner_id", "id value type")
entity("customer", "customers", CUSTOMER)
entity("order", "orders", ORDER)
entity("draft_order", "draft_orders", ORDER)


@SHOPIFY.route("POST", f"{API}/graphql.json", body="query variables operationName", needs="query")
def graphql(running: Running, call: Call, version: str) -> Any:
    checked(version)
    if "customerRequestDataErasure" not in call.body["query"]:
        return {"errors": [{"message": "Field doesn't exist on type 'Mutation'"}]}
    text = call.body["query"] + str(call.body.get("variables") or "")
    found = re.search(r"gid://shopify/Customer/(\d+)", text)
    id = found[1] if found and found[1] in running.rows["customers"] else None
    if id is None:
        problem = {"field": ["customerId"], "message": "Customer does not exist", "code": "DOES_NOT_EXIST"}
        return {"data": {"customerRequestDataErasure": {"customerId": None, "userErrors": [problem]}}}

    def erase() -> None:
        for name in ("orders", "draft_orders", "checkouts"):
            for _, row in running.where(name, lambda row: str(row["customer"].get("id")) == id):
                running.change(
                    name,
                    str(row["id"]),
                    {
                        "email": "",
                        "phone": None,
                        "customer": {},
                        "shipping_address": None,
                        "billing_address": None,
                        "note": None,
                        "browser_ip": None,
                    },
                    deletes=True,
                )
        for name, field in (("addresses", "customer_id"), ("metafields", "owner_id"), ("customers", "id")):
            for _, row in running.where(name, lambda row: str(row[field]) == id):  # noqa: B023
                running.remove(name, str(row["id"]))

    running.later(erase)
    done = {"customerId": f"gid://shopify/Customer/{id}", "userErrors": []}
    return {"data": {"customerRequestDataErasure": done}}
