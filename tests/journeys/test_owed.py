"""What a person is owed, from the code in her mail to the answer in her hand: real processes, real mail, a clock of
the tests' own.

Each test has people of its own, so that what one is given does not stand in another's way; the last looks at what all
of them left behind.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from bakery import ADA, BOB, CLEO, DORA, EVA, FINN, FORMULA, PEOPLE, SCRIPT, Person
from owing import Bakery, opened, verified

pytestmark = pytest.mark.slow

SUPPORT = ("support", "essential.service")
MARKETING = ("marketing", "marketing.advertising")


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bakery]:
    with opened(tmp_path_factory.mktemp("bakery")) as made:
        yield made


def others(text: str, who: Person) -> list[str]:
    """Return what a text holds that is somebody else's."""
    return [value for each in PEOPLE if each != who for value in each.alone if value in text.lower()]


def test_access_comes_by_code_due_date_approval_letter_and_zip(bakery: Bakery) -> None:
    key = bakery.enter(ADA, "de")
    id_ = bakery.ask(key, "access")
    assert "Aktenzeichen: " + id_ in bakery.box.letter(ADA, "eingegangen")
    [line] = [one for one in bakery.counter.told("GET", "/v1/requests?order=due")["requests"] if one["id"] == id_]
    assert (line["law"], line["late"], line["state"]) == ("gdpr", False, "received")
    assert 28 <= line["days_left"] <= 36  # a month, and on to the next working day
    assert line["opened_by"].startswith("person:") and line["verified"] == "code"
    assert bakery.done(id_)["state"] == "complete"
    letter = bakery.box.letter(ADA, "liegt bereit")
    assert "7-Zip" in letter and "höchstens 5" in letter

    key = bakery.enter(ADA, "de")
    held = bakery.fetch(key, id_)
    systems = json.loads(held["records.json"])["systems"]
    counts = {name: {of: len(rows) for of, rows in held_.items()} for name, held_ in systems.items()}
    assert counts == {
        "customers_vault": {"people": 1, "calls": 1},
        "newsletter": {"readers": 1},
        "shop_db": {"customers": 1, "orders": 2},
    }
    page = held["index.html"].decode()
    for said in (ADA.name, ADA.email, ADA.phone, "10 years, as tax law asks", "Sample Parcels Ltd", "Dora Sample"):
        assert said in page, said
    assert 'lang="de"' in page and "<script" not in page
    assert page.count("<h4>Der Dienst selbst</h4>") == 2, "what a policy permits and a manifest declares is told once"
    assert "Unsere Regeln erlauben diese Verwendung" in page, "what a policy alone permits is told, too"
    assert "SCCs (Standardvertragsklauseln" in page and "(UTC)" not in page
    whole = b"".join(held.values()).decode()
    assert others(whole, ADA) == []
    cells = [cell for name, text in held.items() if name.endswith(".csv") for row in _rows(text) for cell in row]
    assert not [cell for cell in cells if re.match(r"[=+@\t\r-](?!\d+$)", cell)]
    assert FORMULA in json.dumps(systems).replace('\\"', '"') and SCRIPT in json.dumps(systems)


def test_package_is_fetched_five_times_and_not_again(bakery: Bakery) -> None:
    id_ = _gathered(bakery, BOB)
    key = bakery.enter(BOB)
    told = [bakery.call("GET", f"/requests/{id_}/package.zip", None, key).status for _ in range(6)]
    assert told == [200] * 5 + [410]


def test_package_is_gone_after_72_hours_and_its_key_too(bakery: Bakery) -> None:
    id_ = _gathered(bakery, BOB)
    bakery.later(71.9)
    key = bakery.enter(BOB)
    assert bakery.call("GET", f"/requests/{id_}/package.zip", None, key).status == 200
    bakery.later(0.2)
    assert bakery.call("GET", f"/requests/{id_}/package.zip", None, key).status == 410
    assert bakery.call("POST", f"/requests/{id_}/package", None, key).status == 410
    assert bakery.counter.forgets(id_)
    assert bakery.counter.ask("GET", f"/v1/requests/{id_}/package")[0] == 410
    assert bakery.counter.ask("GET", f"/v1/requests/{id_}/passphrase")[0] == 410


def test_nobody_else_fetches_a_package(bakery: Bakery) -> None:
    id_ = _gathered(bakery, CLEO)
    key = bakery.enter(DORA)
    unknown = bakery.call("GET", f"/requests/{'0' * 32}/package.zip", None, key)
    for method, path in (("GET", "/package.zip"), ("POST", "/package"), ("GET", ""), ("POST", "/cancel")):
        got = bakery.call(method, f"/requests/{id_}{path}", None, key)
        assert (got.status, _untold(got.body)) == (404, _untold(unknown.body))


def test_correction_reaches_the_vault_and_the_database_and_is_read_back(bakery: Bakery) -> None:
    key = bakery.enter(CLEO)
    id_ = bakery.ask(key, "rectification", corrections=[{"what": "user.name", "value": "Cleo Newname"}])
    found = bakery.done(id_)
    assert found["outcome"] == "complete", found
    counts = bakery.call("GET", f"/requests/{id_}", None, key).json()["counts"]
    assert (counts["corrected"], counts["remaining"]) == (2, 0)
    assert sum(one["corrected"] for one in found["systems"]) == 2
    assert bakery.sql("SELECT name FROM customers WHERE id = ?", CLEO.number) == [("Cleo Newname",)]
    names = bakery.names(*SUPPORT)
    assert "Cleo Newname" in names and CLEO.name not in names
    bakery.box.letter(CLEO, "carried out$")


def test_restriction_hides_her_from_support_and_not_from_herself(bakery: Bakery) -> None:
    assert DORA.name in bakery.names(*SUPPORT)
    found = bakery.served(DORA, "restriction")
    # A database cannot be told, so the answer says that a part is not done, and where.
    remaining = {one["dataset"] for one in found["systems"] if one["remaining"]}
    assert (found["state"], remaining) == ("partial", {"shop_db"})
    bakery.box.letter(DORA, "in part")
    assert DORA.name not in bakery.names(*SUPPORT)
    assert BOB.name in bakery.names(*SUPPORT)
    held = bakery.fetch(bakery.enter(DORA), _gathered(bakery, DORA))
    assert DORA.name in json.dumps(json.loads(held["records.json"])["systems"]["customers_vault"])
    bakery.later(1)  # no more than three codes an hour
    bakery.served(DORA, "restriction", lift=True)
    assert DORA.name in bakery.names(*SUPPORT)
    told = [(one["kind"], one["state"]) for one in bakery.service.told if DORA.email in one["identities"]["email"]]
    assert told == [("restriction", "given"), ("restriction", "withdrawn")]


def test_objection_hides_her_from_marketing_alone(bakery: Bakery) -> None:
    assert EVA.name in bakery.names(*MARKETING)
    found = bakery.served(EVA, "objection", uses=["marketing.advertising"])
    assert found["outcome"] == "complete", found
    assert "passed on" in bakery.box.letter(EVA, "passed on")
    assert EVA.name not in bakery.names(*MARKETING)
    assert EVA.name in bakery.names(*SUPPORT)
    [said] = [one for one in bakery.service.told if EVA.email in one["identities"]["email"]]
    assert (said["kind"], said["state"], said["uses"]) == ("objection", "given", ["marketing.advertising"])


def test_portable_copy_holds_what_she_gave_and_its_description(bakery: Bakery) -> None:
    held = bakery.fetch(bakery.enter(EVA), _gathered(bakery, EVA, "portability"))
    assert "index.html" not in held
    tables = {one["path"]: one["schema"]["fields"] for one in json.loads(held["datapackage.json"])["resources"]}
    assert tables.keys() == {name for name in held if name.startswith("csv/")}
    for name, fields in tables.items():
        assert _rows(held[name])[0] == [one["name"] for one in fields]
    assert EVA.name in held["csv/customers_vault.people.csv"].decode()
    assert others(b"".join(held.values()).decode(), EVA) == []


def test_second_erasure_is_denied_with_reason_and_authority(bakery: Bakery) -> None:
    assert bakery.served(FINN, "erasure")["outcome"] == "complete"
    assert bakery.sql("SELECT email, name FROM customers WHERE id = ?", FINN.number) == [(None, None)]
    assert FINN.name not in bakery.names(*SUPPORT)
    bakery.box.letter(FINN, "carried out$")
    id_ = bakery.ask(bakery.enter(FINN), "erasure")
    bakery.counter.told("POST", f"/v1/requests/{id_}/deny", {"reason": "not_held"})
    letter = bakery.box.letter(FINN, "decision")
    assert "We hold no data about you." in letter
    assert "data protection authority" in letter and "court" in letter


def test_extension_is_told_within_the_month(bakery: Bakery) -> None:
    id_ = bakery.ask(bakery.enter(BOB), "erasure")
    before = bakery.counter.show(id_)
    bakery.counter.told("POST", f"/v1/requests/{id_}/extend", {"reason": "complex"})
    after = bakery.counter.show(id_)
    letter = bakery.box.letter(BOB, "takes longer")
    assert "complex" in letter and "data protection authority" in letter
    assert after["due_ms"] - before["due_ms"] > 55 * 86_400_000
    assert bakery.counter.ask("POST", f"/v1/requests/{id_}/extend", {"reason": "complex"})[0] == 409


def test_figures_audit_files_and_letters_say_what_happened_and_of_nobody(bakery: Bakery) -> None:
    """Last: it stops the server, which alone may hold the home."""
    listed = bakery.counter.told("GET", "/v1/requests?limit=200")["requests"]
    figures = bakery.counter.told("GET", "/v1/request-figures?form=csv")
    total = figures["total"]
    ended = [one["state"] for one in listed]
    assert (total["received"], total["complete"], total["partial"]) == (
        len(listed),
        ended.count("complete"),
        ended.count("partial"),
    )
    assert (total["denied"], total["extended"], total["late"]) == ({"not_held": 1}, 1, 0)
    assert bakery.counter.told("POST", "/v1/verify", {})["sound"]
    for process in bakery.counter.running:
        process.terminate()
        process.wait(30)
    assert "sound" in verified(bakery)
    content = bakery.counter.bytes().lower()
    for who in PEOPLE:
        for value in who.alone:
            assert value.encode() not in content, who.first
    for word in (*bakery.codes, *bakery.secrets):
        assert word.lower().encode() not in content
    letters = " ".join([*bakery.box.seen, *(str(one.get_content()) for one in bakery.box.letters)]).lower()
    for who in PEOPLE:
        assert who.mark.lower() not in letters and who.phone not in letters
    assert not [word for word in bakery.secrets if word.lower() in letters]
    assert listed[0]["id"].encode() in content, "the search finds what is there"


def _gathered(bakery: Bakery, who: Person, kind: str = "access") -> str:
    """Return the id of a request of hers whose package lies ready. Staff wrote it down."""
    said = {"kind": kind, "email": who.email, "verified": "passport seen at the desk", "approve": True}
    id_ = str(bakery.counter.told("POST", "/v1/requests", said)["id"])
    assert bakery.counter.wait(id_)["state"] == "complete"
    bakery.box.letter(who, "is ready")
    return id_


def _rows(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))


def _untold(body: bytes) -> bytes:
    """Return an error without what numbers the call."""
    return re.sub(rb'"request":"[^"]*"', b"", body)
