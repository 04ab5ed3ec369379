"""Vendors and files with consent requests, services and people are told what a person chose, and about her alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from a_rest import FILE, Desk, Reply, Waits, desk, reply, setup
from saas_stages import Stage, stage
from test_webhook import hook

from privet.connectors.base import Choice, Setup, Untold, Waiting
from privet.connectors.rest.config import load
from privet.connectors.rest.connector import RestConnector, open_config
from privet.connectors.systems import SYSTEMS
from privet.connectors.systems.webhook import WebhookConnector
from privet.errors import InvalidInput, PrivetError, Refused, Unavailable
from privet.vocabulary.dataset import Dataset

NOW = 1_800_000_000_000
NO = Choice(
    kind="consent",
    state="withdrawn",
    key="newsletter",
    uses=("marketing.communications.email",),
    at_ms=NOW,
    source="center",
    text="v1 en 0a",
)
YES = replace(NO, state="given")
ADA = {"email": ["ada@example.com"]}


# --- vendors ------------------------------------------------------------------------------------------------------

Look = Callable[[Stage], set[str]]


def _subscribed(on: Stage) -> set[str]:
    return {row["email_address"] for row in on.running.rows["members"].values() if row["status"] == "subscribed"}


def _mailed(on: Stage) -> set[str]:
    return {row["email"] for row in on.running.rows["contacts"].values() if not row["unsubscribed_from_emails"]}


def _unsuppressed(on: Stage) -> set[str]:
    held = {row["email"] for row in on.running.rows["unsubscribes"].values()}
    return {row["email"] for row in on.running.rows["contacts"].values()} - held


def _statuses(on: Stage) -> set[str]:
    return {row["recipient"] for row in on.running.rows["statuses"].values() if row["status"] == "SUBSCRIBED"}


def _open(on: Stage) -> set[str]:
    held = [*on.running.rows["Contact"].values(), *on.running.rows["Lead"].values()]
    return {row["Email"] for row in held if not row.get("HasOptedOutOfEmail")}


def _offered(on: Stage) -> set[str]:
    held = on.running.rows["customers"].values()
    return {row["email"] for row in held if row["email_marketing_consent"]["state"] == "subscribed"}


VENDORS: dict[str, Look] = {
    "mailchimp": _subscribed,
    "intercom": _mailed,
    "sendgrid": _unsuppressed,
    "hubspot": _statuses,
    "salesforce": _open,
    "shopify": _offered,
}
EVERY = pytest.mark.parametrize("name", sorted(VENDORS))
ONE_WAY = {"hubspot"}
"""Vendors whose file lets people go, and brings nobody back."""


def _untimed(rows: Any) -> Any:
    """Return a vendor's state without the moment at which it was told."""
    if isinstance(rows, dict):
        return {name: _untimed(held) for name, held in rows.items() if name != "consent_updated_at"}
    return rows


def said(on: Stage, choice: Choice) -> int:
    if choice == YES and on.name in ONE_WAY:
        with pytest.raises(Untold):
            on.connector.tell(on.dataset, choice, on.identities, "once")
        return 1
    return on.connector.tell(on.dataset, choice, on.identities, "once")


@EVERY
def test_a_vendor_is_told_of_her_alone_and_back_again(name: str) -> None:
    with stage(name) as on:
        look, her = VENDORS[name], on.running.person.email
        assert said(on, YES) >= 1
        before = look(on)
        assert her in before
        assert said(on, NO) >= 1
        assert look(on) == before - {her}
        state = deepcopy(on.running.rows)
        assert said(on, NO) >= 1
        assert _untimed(on.running.rows) == _untimed(state)
        if name not in ONE_WAY:
            assert said(on, YES) >= 1
            assert look(on) == before


@EVERY
def test_an_objection_is_told_and_that_it_is_lifted_subscribes_nobody(name: str) -> None:
    with stage(name) as on:
        said(on, YES)
        objection = replace(NO, kind="objection", state="given", key="", uses=("marketing",))
        assert said(on, objection) >= 1
        after = VENDORS[name](on)
        assert on.running.person.email not in after
        assert said(on, replace(objection, state="withdrawn")) == 0
        assert VENDORS[name](on) == after


@EVERY
@pytest.mark.parametrize(
    "choice",
    [replace(NO, uses=("analytics",)), Choice(kind="restriction", state="given", at_ms=NOW)],
    ids=["another use", "restriction"],
)
def test_a_choice_that_the_file_has_no_request_for_changes_nothing(name: str, choice: Choice) -> None:
    with stage(name) as on:
        state = deepcopy(on.running.rows)
        with pytest.raises(Untold):
            said(on, choice)
        assert on.running.rows == state


@pytest.mark.parametrize("name", ["mailchimp", "intercom", "salesforce", "shopify"])
def test_a_person_whom_the_vendor_does_not_know_is_told_to_nobody(name: str) -> None:
    with stage(name) as on:
        on.sought = {"email": ["eve@example.com"]}
        state = deepcopy(on.running.rows)
        assert said(on, NO) == 0
        assert on.running.rows == state


def test_a_vendor_without_consent_requests_cannot_be_told() -> None:
    with stage("stripe") as on, pytest.raises(Untold):
        said(on, NO)


@EVERY
def test_an_identity_that_would_be_more_than_a_value_changes_nobody_else(name: str) -> None:
    with stage(name) as on:
        said(on, YES)
        before = VENDORS[name](on)
        for hostile in ("*", "../../lists", 'x", "y@example.com', "a@example.com/../b"):
            on.sought = {"email": [hostile]}
            try:
                said(on, NO)
            except PrivetError as error:
                assert hostile not in str(error)
        assert VENDORS[name](on) >= before - {on.running.person.email}


# --- files --------------------------------------------------------------------------------------------------------

REQUESTS = """  consent_requests:
    opt_in:
      method: POST
      path: /allowed
      headers: [{name: Content-Type, value: application/json}]
      param_values: [{name: email, identity: email}]
      body: '{"email": "<email>"}'
    opt_out:
      - method: DELETE
        path: /allowed/<email>
        param_values: [{name: email, identity: email}]
      - method: POST
        path: /blocked
        headers: [{name: Content-Type, value: application/json}]
        param_values: [{name: email, identity: email}]
        body: '{"email": "<email>"}'
"""


def asked(api: Desk) -> list[tuple[str, str]]:
    return [(call.method, call.path) for call in api.calls]


def opened(api: Desk, more: str = REQUESTS) -> RestConnector:
    text = FILE.replace("saas_config:\n", f"saas_config:\n{more}", 1)
    return open_config(setup(api.host, text), load(text, key="stage"), clock=Waits().clock)


def test_a_file_of_the_format_is_carried_out_request_by_request() -> None:
    with desk() as api:
        api.route = lambda call: reply({})
        connector = opened(api)
        assert connector.tell(connector.describe(), YES, ADA, "once") == 1
        assert connector.tell(connector.describe(), NO, ADA, "once") == 1
    assert asked(api) == [("POST", "/allowed"), ("DELETE", "/allowed/ada%40example%2Ecom"), ("POST", "/blocked")]
    assert [call.json for call in api.calls if call.body] == [{"email": "ada@example.com"}] * 2


def test_a_file_without_a_word_of_uses_is_about_marketing_alone() -> None:
    with desk() as api:
        connector = opened(api)
        with pytest.raises(Untold):
            connector.tell(connector.describe(), replace(NO, uses=("analytics",)), ADA, "once")
        wide = opened(api, "  consent_uses: [analytics]\n" + REQUESTS)
        api.route = lambda call: reply({})
        assert wide.tell(wide.describe(), replace(NO, uses=("analytics.reporting",)), ADA, "once") == 1


def test_whom_the_system_does_not_know_by_its_path_is_no_fault() -> None:
    with desk() as api:
        api.route = lambda call: reply({}, 404)
        connector = opened(api)
        assert connector.tell(connector.describe(), YES, ADA, "once") == 0
        assert connector.tell(connector.describe(), NO, {"phone_number": ["+12015550101"]}, "once") == 0


def test_a_system_that_is_busy_is_told_again() -> None:
    with desk() as api:
        api.script = [reply({}, 503), None]
        api.route = lambda call: reply({})
        connector = opened(api)
        assert connector.tell(connector.describe(), YES, ADA, "once") == 1
        assert len(api.calls) == 3


def test_a_file_that_names_another_kind_of_consent_request_is_refused() -> None:
    with pytest.raises(InvalidInput):
        load(FILE.replace("saas_config:\n", "saas_config:\n  consent_requests: {opt_over: []}\n", 1), key="stage")


# --- services and people ------------------------------------------------------------------------------------------


def test_a_service_is_told_in_the_words_of_the_protocol_under_one_key() -> None:
    with desk() as api:
        api.route = lambda call: reply({"changed": 2})
        connector = WebhookConnector(hook(api.host))
        assert [connector.tell(Dataset(key="crm", collections=()), NO, ADA, "once") for _ in range(2)] == [2, 2]
    assert api.calls[0].json == {
        "verb": "tell",
        "dataset": "crm",
        "kind": "consent",
        "state": "withdrawn",
        "key": "newsletter",
        "uses": ["marketing.communications.email"],
        "at": "2027-01-15T08:00:00.000Z",
        "source": "center",
        "text": "v1 en 0a",
        "identities": ADA,
    }
    keys = {call.headers["idempotency-key"] for call in api.calls}
    assert len(keys) == 1 and api.calls[0].headers["privet-signature"].startswith("v1=")


@pytest.mark.parametrize(
    ("answer", "error"),
    [(reply({}, 404), Untold), (reply({}), Untold), (reply({}, 422), Refused), (reply({}, 500), Unavailable)],
    ids=["no such verb", "an older service", "refused", "broken"],
)
def test_a_service_that_does_not_do_it_says_which_way(answer: Reply, error: type[Exception]) -> None:
    with desk() as api:
        api.route = lambda call: answer
        connector = WebhookConnector(hook(api.host), clock=Waits().clock)
        with pytest.raises(error) as raised:
            connector.tell(Dataset(key="crm", collections=()), NO, ADA, "once")
    assert type(raised.value) is error
    assert "ada@example.com" not in str(raised.value)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (YES, 'she agrees by the notice "newsletter" to the use of her data for "marketing.communications.email"'),
        (NO, 'she does not agree (any more) by the notice "newsletter" to the use of her data'),
        (Choice(kind="objection", state="given", uses=("marketing",), at_ms=NOW), "no longer used for"),
        (Choice(kind="restriction", state="given", at_ms=NOW), "her data are kept and used for nothing else"),
        (Choice(kind="restriction", state="withdrawn", at_ms=NOW), "her data are no longer restricted"),
    ],
    ids=["agrees", "does not", "objects", "restricts", "lifts"],
)
def test_people_are_asked_in_words_in_which_no_value_is_a_line(choice: Choice, words: str) -> None:
    connector: Any = SYSTEMS.get("manual").open(Setup(name="paper", kind="manual"))
    hostile = 'a@example.com"\nSend all to eve'
    with pytest.raises(Waiting) as raised:
        connector.tell(Dataset(key="paper", collections=()), choice, {"email": [hostile]}, "once")
    text = raised.value.task.reveal()
    assert words in text
    assert "\nSend" not in text
