"""People and services: what is granted, what each key lets through, and that an end counts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from staff import NOW, Staff

from privet.app import worker
from privet.app.identity import issue
from privet.app.identity.callers import DAY_MS
from privet.app.services import credentials, principals, verbs
from privet.app.services.principals import NameAsk
from privet.errors import (
    Conflict,
    Denied,
    InvalidInput,
    NotFound,
    PrivetError,
    Unauthenticated,
    UnknownName,
)
from privet.store.port import Select
from privet.vocabulary.access import Principal


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    yield made
    made.close()


def who(staff: Staff, key: str) -> Principal:
    return staff.house.callers.principal(key, staff.now)


# --- what is granted ----------------------------------------------------------------------------------------


def test_a_principal_has_what_it_was_granted(staff: Staff) -> None:
    made = staff.add(
        "ann",
        "viewer",
        kind="person",
        purposes=["essential.service"],
        scopes=["read"],
        vaults=["v"],
        attributes={"region": "eu"},
    )
    found = who(staff, made.key)
    assert (found.kind, found.roles, found.purposes) == ("person", ("viewer",), ("essential.service",))
    assert (found.scopes, found.vaults, found.attributes) == (("read",), ("v",), {"region": "eu"})
    assert found.credential == made.credential


BAD_GRANTS: dict[str, tuple[dict[str, Any], type[PrivetError]]] = {
    "role without a name": ({"roles": [""]}, InvalidInput),
    "purpose": ({"purposes": ["no.such.use"]}, UnknownName),
    "category as purpose": ({"purposes": ["user.contact"]}, UnknownName),
    "action": ({"scopes": ["fly"]}, InvalidInput),
    "vault": ({"vaults": ["x"]}, UnknownName),
    "attribute with a dot": ({"attributes": {"ctx.region": "eu"}}, InvalidInput),
    "long attribute": ({"attributes": {"region": "e" * 257}}, InvalidInput),
    "many attributes": ({"attributes": {f"a{n}": "x" for n in range(33)}}, InvalidInput),
    "kind": ({"kind": "robot"}, InvalidInput),
    "credential": ({"credential": "password"}, InvalidInput),
    "algorithm": ({"credential": "key", "algorithm": "HS256"}, InvalidInput),
    "ttl": ({"ttl_seconds": -1}, InvalidInput),
    "name of a person who signs in": ({"name": "oidc:1234"}, InvalidInput),
    "unprintable name": ({"name": "a\nb"}, InvalidInput),
}


@pytest.mark.parametrize("what", BAD_GRANTS)
def test_a_grant_of_what_is_not_there_is_refused(staff: Staff, what: str) -> None:
    changes, kind = BAD_GRANTS[what]
    with pytest.raises(kind):
        staff.run("principals.create", principals.CreateAsk(**{"name": "ann", "roles": []} | changes))
    assert [item.name for item in staff.run("principals.list", principals.NoAsk()).principals] == ["owner"]


def test_a_change_of_grants_counts_for_every_key_at_once(staff: Staff) -> None:
    made, other = staff.add("ann", "viewer"), staff.add_key("ann")
    assert who(staff, made.key).roles == who(staff, other.key).roles == ("viewer",)
    staff.run("principals.update", principals.UpdateAsk(name="ann", roles=["tokenizer"], attributes={"region": "eu"}))
    for key in (made.key, other.key):
        assert who(staff, key).roles == ("tokenizer",)
        assert who(staff, key).attributes == {"region": "eu"}
    staff.run("principals.update", principals.UpdateAsk(name="ann", purposes=["essential"]))
    assert who(staff, made.key).roles == ("tokenizer",)


def test_names_are_taken_once(staff: Staff) -> None:
    staff.add("ann", "viewer")
    with pytest.raises(Conflict):
        staff.add("ann", "viewer")


# --- keys ---------------------------------------------------------------------------------------------------


def test_a_key_lets_through_less_than_its_principal_has(staff: Staff) -> None:
    staff.add("ann", "viewer", "tokenizer", purposes=["essential"], vaults=["v", "w"])
    made = staff.add_key("ann", roles=["viewer"], purposes=["essential.service"], scopes=["read"], vaults=["w"])
    found = who(staff, made.key)
    assert (found.roles, found.purposes) == (("viewer",), ("essential.service",))
    assert (found.scopes, found.vaults) == (("read",), ("w",))


@pytest.mark.parametrize(
    "more",
    [{"roles": ["owner"]}, {"purposes": ["marketing"]}, {"scopes": ["manage"]}, {"vaults": ["w"]}],
    ids=lambda more: next(iter(more)),
)
def test_a_key_lets_through_nothing_that_its_principal_lacks(staff: Staff, more: dict[str, list[str]]) -> None:
    staff.add("ann", "viewer", purposes=["essential"], scopes=["read"], vaults=["v"])
    with pytest.raises(InvalidInput):
        staff.add_key("ann", **more)


@pytest.mark.parametrize("grants", [{"scopes": ["tokenize"]}, {"vaults": ["w"]}], ids=["scopes", "vaults"])
def test_a_key_that_shares_nothing_with_its_principal_opens_nothing(staff: Staff, grants: dict[str, Any]) -> None:
    staff.add("ann", "viewer")
    made = staff.add_key("ann", scopes=["read"], vaults=["v"])
    assert staff.status(made.key) == 200
    # An empty intersection must not be read as `no narrowing`.
    staff.run("principals.update", principals.UpdateAsk(name="ann", **grants))
    assert staff.status(made.key) == 401


def test_a_role_that_the_principal_lost_is_lost_to_its_keys(staff: Staff) -> None:
    staff.add("ann", "viewer", "tokenizer")
    made = staff.add_key("ann", roles=["tokenizer"])
    staff.run("principals.update", principals.UpdateAsk(name="ann", roles=["viewer"]))
    assert who(staff, made.key).roles == ()


def test_one_key_ends_and_the_others_stay(staff: Staff) -> None:
    made, other = staff.add("ann", "viewer"), staff.add_key("ann")
    assert staff.status(made.key) == staff.status(other.key) == 200
    staff.run("credentials.revoke", credentials.KeyAsk(name="ann", id=other.id))
    assert (staff.status(made.key), staff.status(other.key)) == (200, 401)
    with pytest.raises(NotFound):
        staff.run("credentials.revoke", credentials.KeyAsk(name="ann", id=other.id))


def test_a_key_of_another_principal_is_not_revoked_by_name(staff: Staff) -> None:
    made = staff.add("ann", "viewer")
    staff.add("bob", "viewer")
    with pytest.raises(NotFound):
        staff.run("credentials.revoke", credentials.KeyAsk(name="bob", id=made.credential))


def test_the_end_of_a_principal_ends_all_its_keys(staff: Staff) -> None:
    made, other = staff.add("ann", "viewer"), staff.add_key("ann")
    staff.run("principals.revoke", NameAsk(name="ann"))
    assert staff.status(made.key) == staff.status(other.key) == 401
    staff.reopen()
    assert staff.status(made.key) == 401
    with pytest.raises(NotFound):
        staff.add_key("ann")


def test_a_key_ends_by_itself_in_the_very_millisecond(staff: Staff) -> None:
    made = staff.add("ann", "viewer", ttl_seconds=60)
    staff.now += 59_999
    assert staff.status(made.key) == 200
    staff.now += 1
    assert staff.status(made.key) == 401


def test_a_principal_has_so_many_keys_and_no_more(staff: Staff) -> None:
    staff.add("ann", "viewer")
    made = [staff.add_key("ann") for _ in range(issue.MOST_KEYS - 1)]
    with pytest.raises(Conflict):
        staff.add_key("ann")
    staff.run("credentials.revoke", credentials.KeyAsk(name="ann", id=made[0].id))
    staff.add_key("ann")


def test_the_list_shows_the_day_of_last_use_and_no_secret(staff: Staff) -> None:
    made = staff.add("ann", "viewer")
    idle = staff.add_key("ann")
    staff.now += 3 * DAY_MS
    staff.status(made.key)
    staff.reopen()
    shown = staff.run("credentials.list", credentials.NameAsk(name="ann"))
    assert {key.id: key.used_day for key in shown.keys} == {made.credential: NOW // DAY_MS + 3, idle.id: None}
    text = staff.ask("GET", "/v1/principals").body
    assert made.key.rpartition("_")[2].encode() not in text
    assert b"proof" not in text


def test_days_of_use_are_written_without_end_of_the_process(staff: Staff) -> None:
    made = staff.add("ann", "viewer")
    staff.status(made.key)
    staff.runner.run(worker.keep_callers(staff.house))
    rows = staff.house.control.select(Select(table="credentials", columns=("id", "used")))
    assert dict(rows)[made.credential] == NOW // DAY_MS


# --- the look-up --------------------------------------------------------------------------------------------


class Counted:
    """A store that counts its questions."""

    def __init__(self, store: Any) -> None:
        self.store, self.asked = store, 0

    def select(self, question: Select) -> Any:
        self.asked += 1
        return self.store.select(question)


def test_a_credential_is_looked_up_once_until_something_changes(staff: Staff) -> None:
    made = staff.add("ann", "viewer")
    counted = Counted(staff.house.callers.store)
    staff.house.callers.store = counted  # type: ignore[assignment]
    for _ in range(100):
        who(staff, made.key)
    assert counted.asked == 2  # its row, and its principal's
    staff.house.changed()
    who(staff, made.key)
    assert counted.asked == 4


BAD_KEYS: dict[str, Callable[[str], str]] = {
    "other secret": lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
    "other word": lambda key: key.replace("pvt_", "pvb_"),
    "session word": lambda key: key.replace("pvt_", "pvs_"),
    "no word": lambda key: key.removeprefix("pvt_"),
    "no secret": lambda key: key.rpartition("_")[0],
    "empty secret": lambda key: key.rpartition("_")[0] + "_",
    "empty": lambda key: "",
    "sql": lambda key: "pvt_' OR 1=1 --_x",
    "upper case": str.upper,
}


@pytest.mark.parametrize("what", BAD_KEYS)
def test_what_is_no_key_is_refused_in_the_same_words(staff: Staff, what: str) -> None:
    key = BAD_KEYS[what](staff.key)
    with pytest.raises(Unauthenticated) as caught:
        who(staff, key)
    assert str(caught.value) == "expected a valid credential"
    assert str(caught.value) == str(issue_of(staff, "pvt_nobody_x"))


def issue_of(staff: Staff, key: str) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        who(staff, key)
    return caught.value


# --- vaults -------------------------------------------------------------------------------------------------


def test_every_route_denies_a_key_that_is_scoped_for_another_vault(staff: Staff) -> None:
    """Each route of a vault, whoever adds it, and each that concerns no vault."""
    staff.add("ann", "owner")
    key = staff.add_key("ann", vaults=["w"]).key
    found = {}
    for (method, path), route in routes(staff).items():
        if route.open or route.name in ("openapi", "sessions.show", "sessions.end"):
            continue
        if route.name.startswith(("laws.", "types.", "connectors.kind")):  # what everybody may read
            continue
        target = path.replace("{vault}", "v").replace("{id}", "0" * 32).replace("{table}", "people")
        target = target.replace("{column}", "note").replace("{name}", "ann")
        target = target.replace("{seq}", "1").replace("{version}", "1").replace("{field}", "people.note")
        found[route.name] = (method, target)
    assert len(found) > 30
    for name, (method, target) in found.items():
        body = BODIES.get(name, b"{}") if method in ("POST", "PUT", "PATCH") else b""
        headers = [("privet-file-name", "a.pdf")] if name == "files.put" else []
        got = staff.ask(method, target, body, key=key, headers=headers)
        assert (name, got.status) == (name, 403), got.body
        assert got.json()["detail"] == "the credential is not scoped for this vault"


BODIES = {
    "policies.test": b'{"tests":""}',
    "policies.suggest": b'{"words":"x"}',
    "policies.explain": b'{"roles":["x"]}',
    "policies.diff": b'{"old":0,"new":0}',
    "honey.add": b'{"table":"people"}',
    "exports.ask": b'{"table":"people"}',
    "approvals.approve": b'{"subject":"x"}',
    "consents.set": b'{"state":"given"}',
    "flags.set": b"{}",
    "policies.activate": b'{"version":1}',
    "policies.save": b'{"policy":""}',
    "queues.put": b"",
    "notices.put": b'{"notices":""}',
    "preferences.set": b'{"verified":"x","choices":{}}',
    "promises.save": b'{"promises":""}',
    "records.insert": b'{"records":[{}]}',
    "records.upsert": b'{"records":[{}],"on":["note"]}',
    "records.update": b'{"values":{}}',
    "records.delete": b'{"ids":["x"]}',
    "tokens.detokenize": b'{"tokens":["x"]}',
    "tokens.tokenize": b'{"column":"note","values":["x"]}',
    "queries.run": b'{"sql":"select note from people"}',
    "queries.explain": b'{"sql":"select note from people"}',
    "vaults.create": b'{"name":"x"}',
    "vaults.plan": b'{"schema":""}',
    "vaults.apply": b'{"schema":""}',
    "subjects.erase": b'{"subject":"x"}',
    "keys.rotate": b'{"table":"people"}',
    "principals.create": b'{"name":"x","roles":[]}',
    "connectors.put": b'{"kind":"sqlite","datasets":["x"]}',
    "requests.open": b'{"kind":"access","email":"a@example.com"}',
    "requests.comment": b'{"text":"x"}',
    "requests.deny": b'{"reason":"x"}',
    "requests.extend": b'{"reason":"complex"}',
    "requests.identify": b'{"how":"x"}',
    "requests.cancel": b'{"reason":"x"}',
}


def routes(staff: Staff) -> dict[tuple[str, str], Any]:
    from privet.app.http.routes import make_routes
    from privet.app.services.streams import STREAMS

    return {(route.method, route.path): route for route in make_routes(staff.house, verbs(), STREAMS)}


def test_a_key_that_is_scoped_for_a_vault_serves_there(staff: Staff) -> None:
    staff.fill(1, "w")
    staff.add("ann", "owner")
    key = staff.add_key("ann", vaults=["w"]).key
    assert staff.ask("GET", "/v1/vaults/w/tables/people/records", key=key).status == 200
    assert staff.ask("GET", "/v1/session", key=key).json()["vaults"] == ["w"]


def test_a_key_that_is_scoped_for_an_action_does_no_other(staff: Staff) -> None:
    staff.fill(1)
    staff.add("ann", "owner")
    key = staff.add_key("ann", scopes=["read"]).key
    assert staff.ask("GET", "/v1/vaults/v/tables/people/records", key=key).status == 200
    assert staff.ask("GET", "/v1/vaults/v/tables/people/export", key=key).status == 403
    assert staff.ask("GET", "/v1/principals", key=key).status == 403


# --- the audit ----------------------------------------------------------------------------------------------


def test_the_audit_names_every_change_of_who_may_call(staff: Staff) -> None:
    made = staff.add("ann", "viewer")
    other = staff.add_key("ann")
    staff.run("principals.update", principals.UpdateAsk(name="ann", roles=["tokenizer"]))
    staff.run("credentials.revoke", credentials.KeyAsk(name="ann", id=other.id))
    staff.run("principals.revoke", NameAsk(name="ann"))
    said = [(entry["verb"], entry.get("note", "")) for entry in staff.notes()]
    key = f"principal {made.id} key {other.id}"
    assert said[-5:] == [
        ("principals.create", f"principal {made.id}"),
        ("credentials.create", key),
        ("principals.update", f"principal {made.id}"),
        ("credentials.revoke", key),
        ("principals.revoke", f"principal {made.id}"),
    ]


def test_only_who_manages_sees_or_changes_callers(staff: Staff) -> None:
    key = staff.add("ann", "editor").key
    asks: list[tuple[str, Any]] = [
        ("principals.list", principals.NoAsk()),
        ("principals.create", principals.CreateAsk(name="x", roles=[])),
        ("principals.update", principals.UpdateAsk(name="ann", roles=["owner"])),
        ("principals.revoke", NameAsk(name="owner")),
        ("credentials.create", credentials.CreateAsk(name="owner")),
        ("credentials.list", credentials.NameAsk(name="owner")),
        ("credentials.revoke", credentials.KeyAsk(name="owner", id="x")),
    ]
    for name, ask in asks:
        with pytest.raises(Denied):
            staff.run(name, ask, key=key)
