"""People's requests through the doors: who may open and follow them, what the audit says, what a certificate proves."""

from __future__ import annotations

import base64
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pypdf
import pytest
from staff import Staff

from privet.app import backup
from privet.app.services import connectors, handling, manifests, outcomes, records, requests, vaults
from privet.errors import Conflict, Damaged, Denied, InvalidInput, NotFound, UnknownName, WrongKey
from privet.rights.proof import certificate
from privet.store.port import Unit, Update

ADA, BOB = "ada@example.com", "bob@example.com"
VAULT = """
dataset:
  - fides_key: people_vault
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, data_categories: [user.name], fides_meta: {privet: {type: person.full_name}}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, index: [exact], token: stored}}
"""
SHOP = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - name: token
            data_categories: [user.contact.email]
            fides_meta:
              data_type: string
              references: [{dataset: vault_people, field: people.email, direction: from}]
          - {name: city, data_categories: [user.contact.address.city], fides_meta: {data_type: string}}
      - name: orders
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - name: customer_id
            data_categories: [user.unique_id]
            fides_meta:
              data_type: integer
              references: [{dataset: shop, field: customers.id, direction: from}]
          - {name: note, data_categories: [user.content], fides_meta: {data_type: string}}
"""
POLICY = "erase shop.orders by deletion\n"


class Office:
    """A home with a vault of people and a shop's database that holds their tokens."""

    def __init__(self, folder: Path) -> None:
        self.staff = Staff(folder / "home")
        self.path = folder / "shop.db"
        self.staff.run("vaults.create", vaults.CreateAsk(name="people", schema=VAULT))
        rows = [{"name": "Ada Invented", "email": ADA}, {"name": "Bob Invented", "email": BOB}]
        made = self.staff.run("records.insert", records.InsertAsk(vault="people", table="people", records=rows))
        tokens = [one.tokens["email"] for one in made.records]
        with sqlite3.connect(self.path) as shop:
            shop.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, token TEXT, city TEXT)")
            shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, note TEXT)")
            shop.executemany("INSERT INTO customers VALUES (?, ?, 'Springfield')", list(enumerate(tokens, 1)))
            shop.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(n, 1 + n % 2, f"order {n}") for n in range(6)])
        shop.close()
        files = {"shop.yml": SHOP, "erase.policy": POLICY}
        self.staff.run("manifests.push", manifests.PushAsk(files=files, base=0))
        ask = connectors.PutAsk(name="shop", kind="sqlite", datasets=["shop"], settings={"path": str(self.path)})
        self.staff.run("connectors.put", ask)

    def open(self, kind: str, email: str = ADA, **rest: Any) -> outcomes.RequestShown:
        self.staff.now += 1
        said = {"verified": "seen at the desk"} | rest
        found: outcomes.RequestShown = self.staff.run("requests.open", requests.OpenAsk(kind=kind, email=email, **said))
        return found

    def do(self, verb: str, id_: str, **rest: Any) -> Any:
        key = rest.pop("key", "")
        ask = {"deny": requests.DenyAsk, "cancel": requests.ReasonAsk, "retry": requests.RetryAsk}
        return self.staff.run(f"requests.{verb}", ask.get(verb, outcomes.IdAsk)(id=id_, **rest), key=key)

    def finished(self, kind: str, **rest: Any) -> outcomes.RequestShown:
        made = self.open(kind, **rest)
        self.do("approve", made.id)
        found: outcomes.RequestShown = self.do("run", made.id)
        return found

    def shop(self, question: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as shop:
            return shop.execute(question).fetchall()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.staff.close()


def test_an_access_gathers_what_the_vault_and_its_tokens_lead_to(office: Office) -> None:
    found = office.finished("access")
    assert found.state == "complete", found
    assert {one.dataset: one.read for one in found.systems} == {"vault_people": 1, "shop": 4}


def test_a_package_holds_hers_with_why_and_leaves_once_it_is_audited(office: Office) -> None:
    found = office.finished("access")
    answered = office.staff.ask("GET", f"/v1/requests/{found.id}/package")
    lines = [msgspec.json.decode(line) for line in answered.body.splitlines()]
    people = [line["values"] for line in lines if line["dataset"] == "vault_people"]
    assert [(one["name"], one["email"]) for one in people] == [("Ada Invented", ADA)]
    assert sorted(line["values"]["id"] for line in lines if line["collection"] == "orders") == [0, 2, 4]
    assert {line["bond"] for line in lines} == {"own"}
    assert BOB not in answered.body.decode()
    assert "requests.package" in [entry.get("verb") for entry in office.staff.notes()]
    office.do("forget", found.id)
    assert office.staff.ask("GET", f"/v1/requests/{found.id}/package").status == 410
    viewer = office.staff.add("vic", "viewer").key
    assert office.staff.ask("GET", f"/v1/requests/{found.id}/package", key=viewer).status == 403


def test_an_erasure_is_carried_out_everywhere_and_looked_at_again(office: Office) -> None:
    found = office.finished("erasure")
    assert (found.state, found.outcome, found.forgotten) == ("complete", "complete", True)
    by = {one.dataset: one for one in found.systems}
    assert (by["vault_people"].deleted, by["shop"].deleted, by["shop"].masked) == (1, 3, 1)
    assert office.shop("SELECT id, token IS NULL, city FROM customers") == [(1, 1, None), (2, 0, "Springfield")]
    assert office.shop("SELECT DISTINCT customer_id FROM orders") == [(2,)]
    assert {one.read for one in office.finished("access").systems} == {0}


def test_a_dry_run_counts_and_changes_nothing(office: Office) -> None:
    before = office.path.read_bytes()
    found = office.finished("erasure", dry=True)
    assert {one.dataset: (one.deleted, one.masked) for one in found.systems} == {
        "vault_people": (1, 0),
        "shop": (3, 1),
    }
    assert office.path.read_bytes() == before


def test_nothing_runs_before_it_is_approved_and_nothing_personal_stays_of_what_is_denied(office: Office) -> None:
    made = office.open("erasure")
    with pytest.raises(Conflict, match="approval"):
        office.do("run", made.id)
    denied = office.do("deny", made.id, reason="not_held")
    assert (denied.state, denied.reason, denied.forgotten) == ("denied", "not_held", True)
    with pytest.raises(Conflict):
        office.do("approve", made.id)


def test_who_is_not_granted_requests_sees_and_changes_none(office: Office) -> None:
    made = office.open("access")
    for role in ("editor", "viewer", "tokenizer"):
        key = office.staff.add(role, role).key
        for verb in ("get", "approve", "run", "tasks", "certificate"):
            with pytest.raises(Denied):
                office.do(verb, made.id, key=key)
    officer = office.staff.add("pat", "privacy_officer").key
    assert office.do("approve", made.id, key=officer).decided_by == "pat"
    assert office.do("run", made.id, key=officer).state == "complete"
    with pytest.raises(Denied):
        office.staff.run("connectors.remove", connectors.NameAsk(name="shop"), key=officer)


def test_an_auditor_sees_requests_and_opens_none(office: Office) -> None:
    auditor = office.staff.add("al", "auditor").key
    made = office.open("access")
    assert office.do("get", made.id, key=auditor).state == "received"
    with pytest.raises(Denied):
        office.staff.run("requests.open", requests.OpenAsk(kind="access", email=ADA), key=auditor)


def test_the_audit_tells_of_each_step_and_holds_no_value(office: Office) -> None:
    found = office.finished("erasure")
    said = [entry for entry in office.staff.notes() if str(entry.get("verb", "")).startswith("requests.")]
    verbs = [entry["verb"] for entry in said]
    assert {"requests.open", "requests.approve", "requests.run", "requests.erase", "requests.done"} <= set(verbs)
    text = msgspec.json.encode(office.staff.notes()).decode()
    assert found.id in text
    assert ADA not in text
    assert "Ada Invented" not in text


def test_a_certificate_is_proved_by_the_public_key_alone(office: Office) -> None:
    found = office.finished("erasure")
    shown = office.do("certificate", found.id)
    proved = certificate.verify(shown.file.encode(), shown.key)
    assert (proved["request"], proved["words"]) == (found.id, "complete")
    assert {one["dataset"] for one in proved["systems"]} == {"shop", "vault_people"}
    paper = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(base64.b64decode(shown.pdf))).pages)
    assert found.id in paper
    assert "Certificate of erasure" in paper
    for text in (shown.file, paper):
        assert ADA not in text and "Ada Invented" not in text
    with pytest.raises(Damaged):
        certificate.verify(shown.file.replace('"deleted": 3', '"deleted": 4').encode(), shown.key)
    with pytest.raises(WrongKey):
        certificate.verify(shown.file.encode(), office.staff.house.vault_log("people").verifier)
    assert office.do("certificate", found.id).file == shown.file


def test_a_dry_run_has_no_certificate(office: Office) -> None:
    found = office.finished("erasure", dry=True)
    assert (found.state, found.certificate) == ("complete", "")
    with pytest.raises(NotFound, match="dry run"):
        office.do("certificate", found.id)


def test_a_certificate_is_of_a_request_as_it_ended(office: Office) -> None:
    found = office.finished("erasure")
    store = office.staff.house.control
    store.write_now(Unit((Update("requests", ("decided_by",), ("id",), (("somebody", found.id),)),)))
    with pytest.raises(Damaged):
        office.do("certificate", found.id)


def test_what_is_left_out_is_a_declared_dataset(office: Office) -> None:
    office.staff.run("connectors.remove", connectors.NameAsk(name="shop"))
    found = office.finished("access")
    with pytest.raises(UnknownName):
        office.do("retry", found.id, without=["shop", "whoever@example.com"])
    assert office.do("retry", found.id, without=["shop"]).without == ["shop"]


def test_who_takes_a_package_or_looks_at_tasks_is_in_the_audit(office: Office) -> None:
    found = office.finished("access")
    office.staff.ask("GET", f"/v1/requests/{found.id}/package")
    office.do("tasks", found.id)
    owner = office.staff.caller().principal.id
    told = {one["verb"]: one for one in office.staff.notes() if one["verb"] in ("requests.package", "requests.tasks")}
    assert {one["who"] for one in told.values()} == {owner}
    assert all(found.id in one["note"] for one in told.values())
    assert len(told) == 2


def test_what_is_not_over_has_no_certificate(office: Office) -> None:
    with pytest.raises(NotFound):
        office.do("certificate", office.open("access").id)


def test_a_dataset_without_a_connector_is_told_and_stands_in_the_way_of_complete(office: Office) -> None:
    office.staff.run("connectors.remove", connectors.NameAsk(name="shop"))
    found = office.finished("access")
    assert found.state == "partial"
    (left,) = next(one for one in found.systems if one.dataset == "shop").remaining
    assert "no connector is set up" in left.reason


def test_plans_come_in_every_form(office: Office) -> None:
    for form in outcomes.FORMS:
        found = office.staff.run("requests.plan", outcomes.PlanAsk(kind="erasure", form=form))
        assert "shop" in found.plan
    with pytest.raises(InvalidInput, match="text"):
        office.staff.run("requests.plan", outcomes.PlanAsk(form="png"))
    with pytest.raises(InvalidInput):
        office.staff.run("requests.plan", outcomes.PlanAsk(identities="shoe_size"))


@pytest.mark.parametrize(
    "ask",
    [
        {"kind": "fly", "email": ADA},
        {"kind": "consent", "email": ADA},
        {"kind": "objection", "email": ADA},
        {"kind": "restriction", "email": ADA, "uses": ["marketing"]},
        {"kind": "objection", "email": ADA, "uses": ["flying"]},
        {"kind": "rectification", "email": ADA},
        {"kind": "access", "email": ADA, "dry": True},
        {"kind": "access", "email": ADA, "received": "2099-01-01"},
        {"kind": "access", "email": ADA, "received": "yesterday"},
        {"kind": "access", "email": ADA, "law": "none"},
        {"kind": "access", "email": ADA, "region": "Bavaria"},
        {"kind": "access", "email": ADA, "language": "$x"},
        {"kind": "access", "email": ADA, "due_ms": 1},
        {"kind": "access", "email": ADA, "verified": "a\nb"},
        {"kind": "access"},
        {"kind": "access", "identities": {"shoe_size": "44"}},
        {"kind": "access", "email": "a\0b"},
        {"kind": "access", "email": ADA, "identities": {"x\n- name": "y"}},
    ],
    ids=str,
)
def test_what_is_no_request_is_not_written_down(office: Office, ask: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        office.staff.run("requests.open", requests.OpenAsk(**ask))
    assert office.staff.run("requests.list", handling.ListAsk()).requests == []


def test_a_list_pages_and_filters(office: Office) -> None:
    made = [office.open("access").id for _ in range(3)]
    office.do("cancel", made[1], reason="a mistake")
    first = office.staff.run("requests.list", handling.ListAsk(limit=2))
    rest = office.staff.run("requests.list", handling.ListAsk(limit=2, after=first.next))
    assert [one.id for one in (*first.requests, *rest.requests)] == made[::-1]
    assert rest.next == ""
    assert len(office.staff.run("requests.list", handling.ListAsk(state="open")).requests) == 2


# --- connectors -------------------------------------------------------------------------------------------------


def test_secrets_are_sealed_and_never_shown(office: Office) -> None:
    ask = connectors.PutAsk(
        name="crm",
        kind="postgres",
        datasets=["crm"],
        settings={"host": "db.example.com", "database": "crm", "user": "privet"},
        secrets={"password": "p4nther-invented"},
    )
    shown = office.staff.run("connectors.put", ask)
    assert shown.secrets == ["password"]
    text = msgspec.json.encode(office.staff.run("connectors.list", connectors.NoAsk())).decode()
    assert "p4nther" not in text
    for path in office.staff.home.rglob("*"):
        assert not path.is_file() or b"p4nther" not in path.read_bytes(), path
    assert office.staff.house.systems.setup("crm").secrets["password"].reveal() == "p4nther-invented"
    again = connectors.PutAsk(name="crm", kind="postgres", datasets=["crm", "more"], settings=ask.settings, seconds=30)
    office.staff.run("connectors.put", again)
    assert office.staff.house.systems.setup("crm").secrets["password"].reveal() == "p4nther-invented"


@pytest.mark.parametrize("change", [{"host": "elsewhere.example.com"}, {"port": 5433}], ids=str)
def test_secrets_are_not_sent_where_they_were_not_given_for(office: Office, change: dict[str, Any]) -> None:
    settings: dict[str, str | int | bool] = {"host": "db.example.com", "database": "crm", "user": "privet"}
    ask = connectors.PutAsk(name="crm", kind="postgres", datasets=["crm"], settings=settings, secrets={"password": "p"})
    office.staff.run("connectors.put", ask)
    known: dict[str, Any] = {"name": "crm", "kind": "postgres", "datasets": ["crm"], "settings": settings}
    for more in ({"settings": settings | change}, {"kind": "mysql"}, {"private": True}):
        moved = connectors.PutAsk(**known | more)
        with pytest.raises(InvalidInput, match="anew"):
            office.staff.run("connectors.put", moved)
    moved = connectors.PutAsk(
        name="crm", kind="postgres", datasets=["crm"], settings=settings | change, secrets={"password": "q"}
    )
    office.staff.run("connectors.put", moved)
    assert office.staff.house.systems.setup("crm").secrets["password"].reveal() == "q"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "No Name"},
        {"kind": "sqllite"},
        {"datasets": []},
        {"datasets": ["crm\nnote"]},
        {"datasets": ["shop"]},
        {"settings": {}},
        {"settings": {"path": "x", "colour": "red"}},
        {"seconds": -1.0},
    ],
    ids=str,
)
def test_a_connector_that_cannot_be_is_refused(office: Office, change: dict[str, Any]) -> None:
    said = {"name": "crm", "kind": "sqlite", "datasets": ["crm"], "settings": {"path": "x"}} | change
    with pytest.raises((InvalidInput, UnknownName)):
        office.staff.run("connectors.put", connectors.PutAsk(**said))
    assert [one.name for one in office.staff.run("connectors.list", connectors.NoAsk()).connectors] == ["shop"]


def test_a_test_says_what_the_system_lacks(office: Office) -> None:
    assert office.staff.run("connectors.test", connectors.NameAsk(name="shop")).sound
    office.shop("ALTER TABLE customers RENAME COLUMN city TO town")
    found = office.staff.run("connectors.test", connectors.NameAsk(name="shop"))
    assert (found.sound, found.faults) == (False, ["there is no `shop.customers.city`"])
    office.path.unlink()
    assert not office.staff.run("connectors.test", connectors.NameAsk(name="shop")).sound


def test_every_kind_shows_what_it_needs(office: Office) -> None:
    kinds = office.staff.run("connectors.kinds", connectors.NoAsk()).kinds
    assert {"postgres", "mysql", "sqlite", "mongo", "redis", "files", "s3", "saas", "webhook"} <= {
        k.name for k in kinds
    }
    for one in kinds:
        told = office.staff.run("connectors.kind", connectors.KindAsk(kind=one.name))
        assert told.settings
        assert told.mark or told.tried in ("server", "emulation")


# --- what stays forgotten ---------------------------------------------------------------------------------------


def test_a_restored_backup_forgets_the_requests_that_were_forgotten_since(office: Office, tmp_path: Path) -> None:
    found = office.finished("access")
    backup.make(office.staff.house, tmp_path / "copy")
    office.do("forget", found.id)
    office.staff.house.close()
    lost = office.staff.home
    for survivor, status in ((None, 200), (lost, 410)):
        home = tmp_path / f"restored-{status}"
        backup.restore(tmp_path / "copy", home, survivor=survivor)
        for name in ("root.key", "cli.key"):
            (home / name).write_bytes((lost / name).read_bytes())
            (home / name).chmod(0o600)
        office.staff.home = home
        office.staff.open()
        assert office.staff.ask("GET", f"/v1/requests/{found.id}/package").status == status
        office.staff.house.close()
    office.staff.home = lost
    office.staff.open()


def test_records_of_other_people_that_come_up_are_left_alone_and_counted(office: Office) -> None:
    with sqlite3.connect(office.path) as shop:
        shop.execute("CREATE TABLE gifts (id INTEGER PRIMARY KEY, giver INTEGER, email TEXT)")
        shop.executemany("INSERT INTO gifts VALUES (?, 1, ?)", [(1, ADA), (2, BOB), (3, None)])
    shop.close()
    more = """
      - name: gifts
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - name: giver
            data_categories: [user.unique_id]
            fides_meta: {data_type: integer, references: [{dataset: shop, field: customers.id}]}
          - {name: email, data_categories: [user.contact.email], fides_meta: {data_type: string, identity: email}}
"""
    office.staff.run("manifests.push", manifests.PushAsk(files={"shop.yml": SHOP.rstrip("\n") + more}, base=1))
    found = next(one for one in office.finished("erasure").systems if one.dataset == "shop")
    assert (found.others, found.remaining) == (1, [])
    assert office.shop("SELECT id, email FROM gifts") == [(1, None), (2, BOB), (3, None)]


def test_what_changed_after_approval_waits_for_another_look(office: Office) -> None:
    made = office.open("erasure")
    office.do("approve", made.id)
    city = "user.contact.address.city], fides_meta: {data_type: string"
    link = "references: [{dataset: shop, field: customers.city, direction: from}]"
    wider = SHOP.replace(city, f"{city}, {link}")
    before = office.path.read_bytes()
    office.staff.run("manifests.push", manifests.PushAsk(files={"shop.yml": wider, "erase.policy": POLICY}, base=1))
    found = office.do("run", made.id)
    assert (found.state, found.reason.partition(":")[0]) == ("failed", "plan_changed")
    assert office.path.read_bytes() == before
    office.staff.run("manifests.push", manifests.PushAsk(files={"shop.yml": SHOP, "erase.policy": POLICY}, base=2))
    office.do("retry", made.id)
    assert office.do("run", made.id).state == "complete"


def test_what_no_way_leads_to_stands_in_the_certificate(office: Office) -> None:
    letters = """
      - name: letters
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - {name: sent_to, data_categories: [user.contact.email], fides_meta: {data_type: string}}
"""
    office.staff.run("manifests.push", manifests.PushAsk(files={"shop.yml": SHOP.rstrip("\n") + letters}, base=1))
    found = office.finished("access")
    assert "shop.letters" in [text.partition(":")[0] for text in found.not_reached]
    told = msgspec.json.decode(office.do("certificate", found.id).file)
    assert told["certificate"]["not_reached"] == found.not_reached
