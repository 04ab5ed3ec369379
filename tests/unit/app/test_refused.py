"""An assertion that is not taken is in the audit: whose key it names, nothing of what it says, and not without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from staff import NOW, Staff, claims, exchange, signed

from privet.app.denials import MORE, MORE_REFUSED, MOST, REFUSED, WINDOW_MS, flush
from privet.app.services import credentials, principals
from privet.app.services.principals import PrivateKey
from privet.app.services.records import ListAsk
from privet.errors import Denied, Unauthenticated
from privet.store.port import Select

CANARY = "canary-5550199"


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    yield made
    made.close()


def refuse(staff: Staff, text: str) -> None:
    with pytest.raises(Unauthenticated):
        exchange(staff, text)


def told(staff: Staff) -> list[tuple[object, object, object]]:
    """Return who, verb and count of the entries that tell of refusals."""
    verbs = (REFUSED, MORE_REFUSED)
    return [(said["who"], said["verb"], said["count"]) for said in staff.notes() if said["verb"] in verbs]


def twice(staff: Staff, key: PrivateKey) -> str:
    text = signed(key, claims(key))
    exchange(staff, text)
    return text


def revoked(staff: Staff, key: PrivateKey) -> str:
    staff.run("credentials.revoke", credentials.KeyAsk(name="worker", id=key.key_id))
    return signed(key, claims(key))


WRONG: dict[str, Callable[[Staff, PrivateKey], str]] = {
    "audience": lambda staff, key: signed(key, claims(key, aud=CANARY)),
    "over": lambda staff, key: signed(key, claims(key, exp=NOW // 1000 - 3_600)),
    "issuer": lambda staff, key: signed(key, claims(key, iss=CANARY, sub=CANARY)),
    "signature": lambda staff, key: signed(key, claims(key))[:-8] + "AAAAAAAA",
    "used before": twice,
    "revoked": revoked,
}


@pytest.mark.parametrize("what", WRONG)
def test_a_refused_assertion_of_a_known_key_names_its_principal(staff: Staff, what: str) -> None:
    key = staff.worker()
    refuse(staff, WRONG[what](staff, key))
    assert told(staff) == [(key.principal, REFUSED, 1)]


def test_an_assertion_of_no_key_names_nobody(staff: Staff) -> None:
    key = staff.worker()
    other = PrivateKey(key.private_key, key.algorithm, "a" * 16, CANARY, key.audience, key.grant_type)
    for text in (CANARY, "", f"{CANARY}.e30.e30", signed(other, claims(other))):
        refuse(staff, text)
    assert told(staff) == [("", REFUSED, 1)] * 4


def test_nothing_that_a_refused_assertion_says_is_written(staff: Staff) -> None:
    key = staff.worker()
    said = claims(key, aud=CANARY, iss=CANARY, jti=CANARY, ctx={"region": CANARY}, sub=CANARY)
    refuse(staff, signed(key, said))
    refuse(staff, CANARY)
    rows = staff.house.control.select(Select(table="audit", columns=("body", "records")))
    assert not any(CANARY.encode() in (cell or b"") for row in rows for cell in row)


def test_a_good_assertion_leaves_no_such_entry(staff: Staff) -> None:
    key = staff.worker()
    exchange(staff, signed(key, claims(key)))
    assert told(staff) == []


def test_many_refusals_are_counted_in_one_entry(staff: Staff) -> None:
    for _ in range(MOST + 5):
        refuse(staff, CANARY)
    assert told(staff) == [("", REFUSED, 1)] * MOST
    staff.now += WINDOW_MS
    staff.runner.run(flush(staff.house))
    assert told(staff)[MOST:] == [("", MORE_REFUSED, 5)]
    refuse(staff, CANARY)
    assert told(staff)[MOST + 1 :] == [("", REFUSED, 1)]


def test_who_names_somebody_elses_key_uses_up_none_of_its_entries(staff: Staff) -> None:
    """The id of a key is no secret: it stands in the head of every assertion."""
    key = staff.worker()
    text = signed(key, claims(key, aud=CANARY))
    for _ in range(MOST + 1):
        refuse(staff, text)
    token = exchange(staff, signed(key, claims(key))).access_token
    with pytest.raises(Denied):
        staff.run("principals.list", principals.NoAsk(), key=token)
    last = staff.notes()[-1]
    assert (last["who"], last["verb"], last["denied"]) == (key.principal, "principals.list", True)
    assert MORE not in {said["verb"] for said in staff.notes()}
    assert staff.run("records.list", ListAsk(vault="v", table="people"), key=token).records == []
