"""Packages through the doors: who gets one, how often, until when, what the audit says, and what is left afterwards."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyzipper
from shell import Shell
from test_requests import ADA, BOB, Office

from privet.app.client import Client
from privet.app.services import packages
from privet.errors import Gone, NotFound

HOUR_MS = 3_600_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.staff.close()


def word(office: Office, id_: str) -> packages.PassphraseShown:
    found: packages.PassphraseShown = office.do("passphrase", id_)
    return found


def fetch(office: Office, id_: str, key: str = "") -> tuple[int, bytes]:
    got = office.staff.ask("GET", f"/v1/requests/{id_}/package.zip", **({"key": key} if key else {}))
    return got.status, got.body


def opened(content: bytes, passphrase: str) -> dict[str, bytes]:
    with pyzipper.AESZipFile(io.BytesIO(content)) as found:
        found.setpassword(passphrase.encode())
        return {name: found.read(name) for name in found.namelist()}


def verbs(office: Office) -> list[str]:
    return [str(entry.get("verb")) for entry in office.staff.notes()]


def test_a_package_is_handed_out_as_a_zip_that_its_passphrase_opens(office: Office) -> None:
    found = office.finished("access")
    shown = word(office, found.id)
    assert (shown.downloads_left, shown.until_ms) == (5, office.staff.now + 72 * HOUR_MS)
    status, body = fetch(office, found.id)
    assert status == 200
    held = opened(body, shown.passphrase)
    [person] = json.loads(held["records.json"])["systems"]["vault_people"]["people"]
    assert (person["bond"], person["values"]["name"], person["values"]["email"]) == ("own", "Ada Invented", ADA)
    assert b"Ada Invented" in held["index.html"]
    assert not any(BOB.encode() in text for text in held.values())
    assert {"requests.package_file", "requests.passphrase"} <= set(verbs(office))


def test_a_package_speaks_the_language_of_the_person(office: Office) -> None:
    found = office.finished("access", language="de")
    page = opened(fetch(office, found.id)[1], word(office, found.id).passphrase)["index.html"].decode()
    assert '<html lang="de">' in page
    assert "Ihre personenbezogenen Daten" in page


def test_a_package_says_what_the_manifests_say(office: Office) -> None:
    from privet.app.services import manifests

    system = """
system:
  - fides_key: web_shop
    name: Web shop
    system_type: Service
    does_international_transfers: true
    legal_basis_for_transfers: [SCCs]
    uses_profiling: false
    ingress: [{fides_key: user, type: user}]
    egress: [{fides_key: parcels, type: system}]
    dataset_references: [shop]
    privacy_declarations:
      - name: Deliver orders
        data_categories: [user.contact, user.content]
        data_use: essential.service
        data_subjects: [customer]
        legal_basis_for_processing: Contract
        retention_period: ten years
  - fides_key: parcels
    name: Parcel service
    system_type: Service
    privacy_declarations: []
"""
    from test_requests import POLICY, SHOP

    files = {"shop.yml": SHOP, "erase.policy": POLICY, "systems.yml": system}
    office.staff.run("manifests.push", manifests.PushAsk(files=files, base=1))
    found = office.finished("access")
    page = opened(fetch(office, found.id)[1], word(office, found.id).passphrase)["index.html"].decode()
    for said in ("Web shop", "Deliver orders", "Needed for a contract with you", "ten years", "Parcel service", "SCCs"):
        assert said in page, said
    assert "From you" in page


def test_a_package_is_handed_out_five_times_and_not_again(office: Office) -> None:
    found = office.finished("access")
    assert [fetch(office, found.id)[0] for _ in range(6)] == [200] * 5 + [410]
    assert word(office, found.id).downloads_left == 0
    assert verbs(office).count("requests.package_file") == 5


def test_when_its_time_is_over_a_package_is_gone_and_its_key_too(office: Office) -> None:
    found = office.finished("access")
    passphrase = word(office, found.id).passphrase
    office.staff.now += 72 * HOUR_MS - 1
    assert packages.expire(office.staff.house, office.staff.now) == []
    assert fetch(office, found.id)[0] == 200
    office.staff.now += 1
    assert fetch(office, found.id)[0] == 410
    with pytest.raises(Gone):
        word(office, found.id)
    journal = office.staff.house.desk.journal
    assert packages.expire(office.staff.house, office.staff.now) == [found.id]
    assert packages.expire(office.staff.house, office.staff.now) == []
    with pytest.raises(Gone):
        journal.keys.open(found.id)
    assert journal.get(found.id).forgotten
    assert not list(journal.queue.parts(found.id, "records:shop.orders"))
    assert "requests.expire" in verbs(office)
    assert passphrase not in json.dumps(office.staff.notes())
    assert fetch(office, found.id)[0] == 410


def test_only_who_may_handle_requests_gets_a_package_or_its_passphrase(office: Office) -> None:
    found = office.finished("access")
    viewer = office.staff.add("vic", "viewer").key
    assert fetch(office, found.id, viewer)[0] == 403
    assert office.staff.ask("GET", f"/v1/requests/{found.id}/passphrase", key=viewer).status == 403
    assert office.staff.house.desk.journal.get(found.id).downloads == 0


def test_a_request_that_gathers_nothing_has_no_package(office: Office) -> None:
    made = office.open("access")
    erased = office.finished("erasure")
    for id_ in (made.id, erased.id):
        assert fetch(office, id_)[0] == 404
        with pytest.raises(NotFound):
            word(office, id_)


def test_a_copy_to_take_along_is_handed_out_the_same_way(office: Office) -> None:
    found = office.finished("portability")
    held = opened(fetch(office, found.id)[1], word(office, found.id).passphrase)
    assert "index.html" not in held
    assert json.loads(held["datapackage.json"])["resources"]


def test_a_client_in_the_same_process_gets_the_same_file(office: Office) -> None:
    found = office.finished("access")
    with Client.embedded(office.staff.house, office.staff.key) as client:
        content = b"".join(client.call("requests.package_file", {"id": found.id}))
        shown = client.call("requests.passphrase", {"id": found.id})
    assert "index.html" in opened(content, shown.passphrase)


def test_the_command_writes_the_zip_and_shows_its_passphrase(office: Office, tmp_path: Path) -> None:
    found = office.finished("access")
    office.staff.house.close()
    shell = Shell(office.staff.home)
    target = tmp_path / "ada.zip"
    told = shell.ok("requests", "package", found.id, "-o", str(target))
    office.staff.open()
    passphrase = word(office, found.id).passphrase
    assert passphrase in told
    assert "index.html" in opened(target.read_bytes(), passphrase)
    assert target.stat().st_mode & 0o777 == 0o600


def test_an_id_of_another_shape_is_refused(office: Office) -> None:
    assert fetch(office, "x")[0] in (400, 422)
    assert office.staff.ask("GET", "/v1/requests/y/passphrase").status in (400, 422)
