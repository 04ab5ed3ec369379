"""A policy's way through the doors: saved, put into force, felt by who calls, taken back."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from shell import Shell
from staff import Staff

from privet.app.services import export, policies, principals, vaults, verbs
from privet.app.services.verb import Caller, Verb
from privet.errors import Denied, InvalidInput, PolicyDamaged, Unavailable
from privet.store.port import Delete, Put, Select, Step, Unit, Update
from privet.vault.log.verify import verify

SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: persons
        fides_meta: {privet: {subject: self}}
        fields:
          - name: name
            data_categories: [user.name]
            fides_meta: {privet: {type: person.full_name, keep: sealed}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact]}}
"""
RENAMED = SCHEMA.replace("- name: email", "- name: mail").replace(
    "{type: contact.email", "{was: email, type: contact.email"
)
TEXT = "role desk\nallow read on persons.email with redaction = masked\nallow export on persons.email\n"
BOSS = "role boss\nallow manage, audit\nallow read on *\n"


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    made.run("vaults.create", vaults.CreateAsk(name="shop", schema=SCHEMA))
    yield made
    made.close()


def ask(staff: Staff, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
    raw = b"" if body is None else json.dumps(body).encode()
    rest = {"headers": [("content-type", "application/json")]} if raw else {}
    return staff.ask(method, "/v1/vaults/shop" + path, raw, **({"key": key} if key else {}), **rest)


def save(staff: Staff, text: str = TEXT) -> int:
    found = ask(staff, "POST", "/policies", {"policy": text, "file": "desk.policy"})
    assert found.status == 201, found.body
    return int(found.json()["version"])


def insert(staff: Staff) -> str:
    record = {"name": "Ann Example", "email": "ann@example.com"}
    return str(ask(staff, "POST", "/tables/persons/records", {"records": [record]}).json()["records"][0]["id"])


def test_from_saving_to_taking_back_by_http(staff: Staff) -> None:
    kim = staff.add("kim", "desk")
    assert kim.unknown_roles == ["desk"]
    record = f"/tables/persons/records/{insert(staff)}"
    assert ask(staff, "GET", record, key=kim.key).status == 403
    version = save(staff)
    assert ask(staff, "GET", record, key=kim.key).status == 403
    done = ask(staff, "PUT", "/policy", {"version": version})
    assert (done.status, done.json()["state"], done.json()["name"]) == (200, "active", "built-in/1+1")
    seen = ask(staff, "GET", record + "?columns=email", key=kim.key)
    assert seen.json()["values"] == {"email": "a***@example.com"}
    assert ask(staff, "PUT", "/schema", {"schema": RENAMED}).status == 200
    seen = ask(staff, "GET", record + "?columns=mail", key=kim.key)
    assert seen.json()["values"] == {"mail": "a***@example.com"}
    assert "persons.mail" in ask(staff, "GET", "/policy").json()["text"]
    assert staff.ask("GET", "/v1/vaults", key=kim.key).json() == {"vaults": ["shop"]}
    assert ask(staff, "DELETE", "/policy").json()["policy"] == 0
    assert ask(staff, "GET", record + "?columns=mail", key=kim.key).status == 403
    verbs = [(change["policy"], change["by"]) for change in ask(staff, "GET", "/policy/history").json()["changes"]]
    assert verbs == [(1, "owner"), (0, "owner")]


def test_a_role_of_one_vault_grants_nothing_in_another(staff: Staff) -> None:
    save(staff)
    ask(staff, "PUT", "/policy", {"version": 1})
    kim = staff.add("kim", "desk", "viewer")
    assert kim.unknown_roles == []
    assert ask(staff, "GET", "/tables/persons/records", key=kim.key).status == 200
    staff.fill(1)
    assert staff.ask("GET", "/v1/vaults/v/tables/people/records", key=kim.key).status == 200
    ann = staff.add("ann", "desk")
    assert staff.ask("GET", "/v1/vaults/v/tables/people/records", key=ann.key).status == 403


def test_faults_are_told_with_their_places(staff: Staff) -> None:
    found = ask(
        staff, "POST", "/policies", {"policy": "role r\nallow read on x.y\nallow fly on *\n", "file": "a.policy"}
    )
    assert (found.status, found.json()["code"]) == (422, "invalid_policy")
    found = ask(staff, "POST", "/policies", {"policy": "role r\nallow read on x.y, persons.z\n", "file": "a.policy"})
    assert [fault["at"] for fault in found.json()["faults"]] == ["a.policy:2:15", "a.policy:2:20"]


def test_who_only_reads_may_not_touch_policies(staff: Staff) -> None:
    save(staff)
    kim, eve = staff.add("kim", "viewer"), staff.add("eve", "auditor")
    for method, path, body in (
        ("POST", "/policies", {"policy": TEXT}),
        ("PUT", "/policy", {"version": 1}),
        ("DELETE", "/policy", None),
        ("PUT", "/settings", {"two_person": True}),
        ("GET", "/approvals", None),
    ):
        assert ask(staff, method, path, body, key=kim.key).status == 403
        assert ask(staff, method, path, body, key=eve.key).status == 403
    for path in ("/policies", "/policy", "/policy/history", "/settings"):
        assert ask(staff, "GET", path, key=kim.key).status == 403
        assert ask(staff, "GET", path, key=eve.key).status == 200


def test_a_role_of_the_policy_may_manage_its_vault_until_its_time_is_over(staff: Staff) -> None:
    save(staff, BOSS.replace("allow manage, audit", "allow manage until 2027-01-16"))
    ask(staff, "PUT", "/policy", {"version": 1})
    kim = staff.add("kim", "boss")
    assert ask(staff, "GET", "/settings", key=kim.key).status == 200
    staff.now += 86_400_000
    assert ask(staff, "GET", "/settings", key=kim.key).status == 403


def test_a_cached_permit_ends_with_its_rule(staff: Staff) -> None:
    save(staff, "role desk\nallow read on persons.email until 2027-01-16\n")
    ask(staff, "PUT", "/policy", {"version": 1})
    kim = staff.add("kim", "desk")
    path = "/tables/persons/records?columns=email"
    assert ask(staff, "GET", path, key=kim.key).status == 200
    staff.now += 86_400_000
    assert ask(staff, "GET", path, key=kim.key).status == 403


@pytest.mark.parametrize("method", ["activate", "retire"])
def test_another_policy_stops_an_export_that_runs(staff: Staff, method: str) -> None:
    save(staff), save(staff, TEXT.replace("allow export on persons.email\n", ""))
    ask(staff, "PUT", "/policy", {"version": 1})
    kim = staff.add("kim", "desk")
    rows = [{"name": "Ann Example", "email": f"ann{n}@example.com"} for n in range(1_200)]
    ask(staff, "POST", "/tables/persons/records", {"records": rows})

    async def run() -> int:
        who = Caller(staff.house.callers.principal(kim.key, staff.now))
        lines = export.lines(staff.house, who, export.ExportAsk(vault="shop", table="persons", columns="email"))
        count = len(await anext(lines))
        owner = staff.caller()
        if method == "activate":
            await policies.activate(staff.house, owner, policies.ActivateAsk(vault="shop", version=2))
        else:
            await policies.retire(staff.house, owner, policies.VaultAsk(vault="shop"))
        with pytest.raises((Denied, Unavailable)):
            async for chunk in lines:
                count += len(chunk)
        return count

    assert 0 < staff.runner.run(run()) < 1_200


def test_a_dropped_column_that_a_rule_needs_is_refused_by_plan_and_apply(staff: Staff) -> None:
    save(staff)
    ask(staff, "PUT", "/policy", {"version": 1})
    without = SCHEMA[: SCHEMA.index("          - name: email")]
    for method, path in (("POST", "/schema/plan"), ("PUT", "/schema")):
        found = ask(staff, method, path, {"schema": without, "allow_loss": True})
        assert (found.status, found.json()["code"]) == (422, "invalid_policy")
        assert "policy 1:2:15" in {found.json()["at"], *(fault["at"] for fault in found.json()["faults"])}


def test_two_persons_by_http(staff: Staff) -> None:
    version = save(staff)
    assert ask(staff, "PUT", "/settings", {"two_person": True}).json()["two_person"] is True
    ann, bea = staff.add("ann", "owner"), staff.add("bea", "owner")
    waits = ask(staff, "PUT", "/policy", {"version": version}, key=ann.key).json()
    assert (waits["state"], waits["policy"]) == ("waiting", 0)
    [seen] = ask(staff, "GET", "/approvals", key=bea.key).json()["approvals"]
    assert (seen["id"], seen["asked_by"], seen["about"]) == (waits["approval"], "ann", "policy 1 in place of none")
    place, subject = f"/approvals/{seen['id']}", {"subject": seen["subject"]}
    assert ask(staff, "PUT", place, subject, key=ann.key).status == 403
    assert ask(staff, "PUT", place, {"subject": "00" * 32}, key=bea.key).status == 409
    assert ask(staff, "PUT", place, subject, key=bea.key).status == 200
    assert ask(staff, "PUT", "/policy", {"version": version}, key=ann.key).json()["state"] == "active"
    [_, change] = ask(staff, "GET", "/policy/history").json()["changes"]
    assert (change["by"], change["approved_by"]) == ("ann", "bea")


def test_who_was_revoked_approves_nothing_any_more(staff: Staff) -> None:
    version = save(staff)
    ask(staff, "PUT", "/settings", {"two_person": True})
    ann, bea = staff.add("ann", "owner"), staff.add("bea", "owner")
    waits = ask(staff, "PUT", "/policy", {"version": version}, key=ann.key).json()
    ask(staff, "PUT", f"/approvals/{waits['approval']}", {"subject": waits["subject"]}, key=bea.key)
    staff.run("principals.revoke", principals.NameAsk(name="bea"))
    assert ask(staff, "PUT", "/policy", {"version": version}, key=ann.key).status == 403


def test_promises_bind_a_vault_from_its_next_activation_and_a_new_vault_at_once(staff: Staff) -> None:
    said = {"promises": "deny use of user.contact for marketing\n"}
    found = staff.ask("POST", "/v1/promises", json.dumps(said).encode(), headers=[("content-type", "application/json")])
    assert (found.status, sorted(found.json()["behind"])) == (201, ["shop", "v", "w"])
    kim = staff.add("kim", "viewer", purposes=["marketing"])
    path = "/tables/persons/records?columns=email"
    assert ask(staff, "GET", path, key=kim.key).status == 200
    ask(staff, "PUT", "/policy", {"version": 0})
    assert ask(staff, "GET", path, key=kim.key).status == 403
    staff.run("vaults.create", vaults.CreateAsk(name="new", schema=SCHEMA))
    shown = staff.ask("GET", "/v1/promises").json()
    assert shown["vaults"] == {"new": 1, "shop": 1, "v": 0, "w": 0}
    assert staff.ask("GET", "/v1/vaults/new/tables/persons/records?columns=email", key=kim.key).status == 403
    assert staff.ask("GET", "/v1/vaults/new/tables/persons/records?columns=name", key=kim.key).status == 200


def spoiled(table: str, key: str) -> Step:
    """Return the step that empties the body of the first row."""
    return Update(table, ("body",), (key,), ((b"x", 1),))


DAMAGES: dict[str, Step] = {
    "no activation": Delete("activations", ("seq",), ((1,),)),
    "activation": spoiled("activations", "seq"),
    "text": spoiled("policies", "version"),
    "no text": Delete("policies", ("version",), ((1,),)),
    "no head": Delete("meta", ("name",), (("activations",),)),
}


def damage(staff: Staff, how: str) -> None:
    """Change the stored policy behind the back of the vault, and open it anew."""
    save(staff)
    ask(staff, "PUT", "/policy", {"version": 1})
    staff.house.vault("shop").store.write_now(Unit((DAMAGES[how],)))
    staff.reopen()


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_policy_shuts_its_vault_and_no_other(staff: Staff, how: str) -> None:
    damage(staff, how)
    paths = (("GET", ""), ("GET", "/policy"), ("GET", "/tables/persons/records"), ("GET", "/tables/persons/export"))
    for method, path in paths:
        found = ask(staff, method, path)
        assert (found.status, found.json()["code"]) == (503, "policy_damaged")
    assert staff.ask("GET", "/v1/vaults/v").status == 200
    assert staff.ask("GET", "/v1/principals").status == 200


def test_a_policy_that_is_damaged_while_the_vault_serves_shuts_it_within_a_second(staff: Staff) -> None:
    save(staff)
    ask(staff, "PUT", "/policy", {"version": 1})
    staff.house.vault("shop").store.write_now(Unit((DAMAGES["no activation"],)))
    staff.now += 1_000
    assert ask(staff, "GET", "/tables/persons/records").json()["code"] == "policy_damaged"


@pytest.mark.parametrize("how", DAMAGES)
def test_verify_names_a_damaged_policy(staff: Staff, how: str) -> None:
    damage(staff, how)
    found = ask(staff, "POST", "/verify", {})
    assert found.status == 200
    assert "policy" in {fault["rule"] for fault in found.json()["faults"]}
    viewer = staff.add("vic", "viewer")
    assert ask(staff, "POST", "/verify", {}, key=viewer.key).status == 403


def test_verify_names_a_saved_policy_that_was_changed_and_is_not_in_force(staff: Staff) -> None:
    save(staff), save(staff, BOSS)
    ask(staff, "PUT", "/policy", {"version": 2})
    vault = staff.house.vault("shop")
    vault.store.write_now(Unit((DAMAGES["text"],)))
    assert "policy" in {fault.rule for fault in verify(vault, staff.house.vault_log("shop")).faults}


@pytest.mark.parametrize("verb", [verb for verb in verbs() if "{vault}" in verb.path], ids=lambda verb: verb.name)
def test_no_verb_of_a_vault_answers_under_a_damaged_policy(staff: Staff, verb: Verb) -> None:
    damage(staff, "text")
    blank: dict[object, object] = {str: "", int: 1, bool: False, list: [], dict: {}}
    fields = {field.name: field for field in msgspec.structs.fields(verb.ask)}
    needed = {
        name: blank.get(typing.get_origin(field.type) or field.type) for name, field in fields.items() if field.required
    }
    known = {"vault": "shop", "table": "persons", "id": "00000000-0000-7000-8000-000000000000", "principal": "owner"}
    asked = verb.ask(**needed | {name: value for name, value in known.items() if name in fields})
    if verb.name == "audit.verify":
        assert not staff.run(verb.name, asked).sound
        return
    with pytest.raises((PolicyDamaged, InvalidInput)):
        staff.run(verb.name, asked)


def test_an_older_chain_that_was_put_back_whole_is_found_by_verify(staff: Staff) -> None:
    save(staff), save(staff, BOSS)
    ask(staff, "PUT", "/policy", {"version": 2})
    vault = staff.house.vault("shop")
    head = Select(table="meta", columns=("name", "value"))
    old = [row for row in vault.store.select(head) if row[0] == "activations"]
    ask(staff, "PUT", "/policy", {"version": 1})
    log = staff.house.vault_log("shop")
    log.advance()
    assert verify(vault, log).faults == ()
    vault.store.write_now(Unit((Delete("activations", ("seq",), ((2,),)), Put("meta", ("name", "value"), old))))
    assert [fault.rule for fault in verify(vault, log).faults] == ["policy.old"]


# --- the command line ---------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Shell:
    made = Shell(tmp_path / "home")
    made.ok("init")
    (tmp_path / "shop.yml").write_text(SCHEMA, encoding="utf-8")
    (tmp_path / "desk.policy").write_text(TEXT, encoding="utf-8")
    made.ok("vaults", "create", "shop", "--schema", str(tmp_path / "shop.yml"))
    return made


def test_show_prints_what_can_be_saved_again(shop: Shell, tmp_path: Path) -> None:
    shop.ok("policy", "save", str(tmp_path / "desk.policy"), "--vault", "shop")
    shop.ok("policy", "activate", "1", "--vault", "shop")
    assert shop.ok("policy", "show", "--vault", "shop") == TEXT
    assert shop.json("policy", "show", "--vault", "shop")["version"] == 1


def test_a_change_that_waits_says_what_the_second_person_runs(shop: Shell, tmp_path: Path) -> None:
    shop.ok("policy", "save", str(tmp_path / "desk.policy"), "--vault", "shop")
    shop.ok("settings", "set", "--vault", "shop", "--two-person")
    keys = [shop.json("principals", "create", name, "--role", "owner")["key"] for name in ("ann", "bea")]
    first, second = Shell(shop.home), Shell(shop.home)
    first.env["PRIVET_API_KEY"], second.env["PRIVET_API_KEY"] = keys
    done = first.run("policy", "activate", "1", "--vault", "shop")
    assert done.exit_code == 0
    [line] = [line.strip() for line in done.stderr.splitlines() if "privet approvals" in line]
    second.ok(*line.split()[1:])
    assert "active" in first.ok("policy", "activate", "1", "--vault", "shop")


def test_faults_name_the_file(shop: Shell, tmp_path: Path) -> None:
    path = tmp_path / "bad.policy"
    path.write_text("role r\nallow read on persons.nam\n", encoding="utf-8")
    done = shop.run("policy", "save", str(path), "--vault", "shop")
    assert done.exit_code == 1
    assert f"{path}:2:15" in done.stderr


def test_fmt_writes_the_canonical_form_in_place(tmp_path: Path) -> None:
    home, path = Shell(tmp_path / "none"), tmp_path / "a.policy"
    path.write_text("ROLE r\nALLOW   READ ON a.b; # why\n", encoding="utf-8")
    path.chmod(0o640)
    assert home.run("policy", "fmt", "--check", str(path)).exit_code == 1
    home.ok("policy", "fmt", str(path))
    assert path.read_text(encoding="utf-8") == "role r\nallow read on a.b  # why\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert home.ok("policy", "fmt", "--check", str(path)) == ""
    assert home.ok("policy", "fmt", "-", text="role   r allow read on a.b") == "role r\nallow read on a.b\n"


@pytest.mark.parametrize("place", ["own.yml", ".fides/own.yml"])
def test_fmt_knows_labels_of_manifests_beside_the_policy(tmp_path: Path, place: str) -> None:
    home, path, own = Shell(tmp_path / "none"), tmp_path / "a.policy", tmp_path / place
    path.write_text("limit  masked of user.loyalty to connections\n", encoding="utf-8")
    assert home.run("policy", "fmt", str(path)).exit_code == 1
    own.parent.mkdir(exist_ok=True)
    own.write_text("data_category:\n  - {fides_key: user.loyalty, parent_key: user}\n", encoding="utf-8")
    home.ok("policy", "fmt", str(path))
    assert path.read_text(encoding="utf-8") == "limit masked of user.loyalty to connections\n"


def test_fmt_leaves_what_is_no_policy(tmp_path: Path) -> None:
    home, good, bad = Shell(tmp_path / "none"), tmp_path / "good", tmp_path / "bad"
    good.write_text("role   r allow read on a.b", encoding="utf-8")
    bad.write_text("allow nonsense", encoding="utf-8")
    assert home.run("policy", "fmt", str(good), str(bad)).exit_code == 1
    assert (good.read_text(encoding="utf-8"), bad.read_text(encoding="utf-8")) == (
        "role   r allow read on a.b",
        "allow nonsense",
    )
