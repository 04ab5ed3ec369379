"""Each fake does what the documents of its vendor say: strict, paged, refused in the vendor's form, lying when told."""

from __future__ import annotations

import http.client
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from trials import TRIALS, Ask, Trial, asker

from fakes import FAKES, Running


@dataclass
class Desk:
    """One vendor in a test."""

    running: Running
    trial: Trial
    ask: Ask

    def erase(self) -> list[int]:
        return [self.ask(method, path, **more)[0] for method, path, more in self.trial.erase(self.running)]

    def left(self) -> set[str]:
        held = self.running.rows[self.trial.erased]
        return {id for id in self.running.hers[self.trial.erased] if id in held}


@pytest.fixture(params=TRIALS)
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    trial = TRIALS[request.param]
    with FAKES[request.param].start() as running:
        yield Desk(running, trial, asker(running, trial.auth))


def test_every_fake_is_tried() -> None:
    assert set(TRIALS) == set(FAKES)


def test_each_file_cites_pages_and_says_how_to_get_in(desk: Desk) -> None:
    words = inspect.getmodule(desk.running.vendor.plant).__doc__ or ""
    assert "Written from" in words and re.search(r"secrets:\s`", words)


def test_the_test_request_is_answered_and_recorded(desk: Desk) -> None:
    assert desk.ask("GET", desk.trial.test)[0] == 200
    assert [(call.method, call.path, call.status) for call in desk.running.calls] == [("GET", desk.trial.test, 200)]


def test_pages_give_everything_of_hers_once_and_nothing_else(desk: Desk) -> None:
    if desk.trial.walked == "lists":
        expected = list(desk.running.rows["lists"])
    else:
        expected = desk.running.hers[desk.trial.walked]
    before = len(desk.running.calls)
    assert sorted(desk.trial.walk(desk.ask, desk.running)) == sorted(expected)
    assert len(desk.running.calls) - before > 1


def test_an_unknown_parameter_is_refused(desk: Desk) -> None:
    status, body, _ = desk.ask("GET", desk.trial.test, {"favourite": "blue"})
    assert status == desk.trial.status and body


def test_an_unknown_field_is_refused_and_changes_nothing(desk: Desk) -> None:
    before = desk.running.dump()
    method, path, more = desk.trial.strange(desk.running)
    status, body, _ = desk.ask(method, path, **more)
    assert status == desk.trial.status and body
    assert desk.running.dump() == before and not desk.running.effects


def test_a_path_that_the_documents_do_not_name_is_refused(desk: Desk) -> None:
    status, body, _ = desk.ask("GET", "/v9/people/favourite")
    assert (status, body.get("ok") if isinstance(body, dict) else None) in ((404, None), (200, False))


def test_without_credentials_nothing_is_answered(desk: Desk) -> None:
    status, body, _ = asker(desk.running, lambda running: {})("GET", desk.trial.test)
    assert status == desk.trial.expired[0] and desk.running.person.email not in json.dumps(body)


def test_an_expired_token_is_refused_in_the_vendors_form(desk: Desk) -> None:
    desk.running.expire_tokens()
    status, body, _ = desk.ask("GET", desk.trial.test)
    assert status == desk.trial.expired[0] and desk.trial.expired[1] in json.dumps(body)
    desk.running.restore_tokens()
    assert desk.ask("GET", desk.trial.test)[0] == 200


def test_too_many_calls_are_refused_in_the_vendors_form(desk: Desk) -> None:
    desk.running.fail(429, times=2, retry_after=3)
    for _ in range(2):
        status, body, head = desk.ask("GET", desk.trial.test)
        assert status == 429 and float(head["Retry-After"]) == 3 and desk.trial.limited in json.dumps(body)
    assert desk.ask("GET", desk.trial.test)[0] == 200


def test_a_broken_server_answers_500_and_does_nothing(desk: Desk) -> None:
    desk.running.fail(500, times=len(desk.trial.erase(desk.running)))
    assert set(desk.erase()) == {500}
    assert desk.left() == set(desk.running.hers[desk.trial.erased])


def test_a_delete_deletes_hers_and_nothing_else(desk: Desk) -> None:
    before = {id for id in desk.running.rows[desk.trial.erased] if id not in desk.running.hers[desk.trial.erased]}
    assert all(200 <= status < 300 for status in desk.erase())
    assert desk.left() == set()
    assert before <= set(desk.running.rows[desk.trial.erased])


def test_a_lying_delete_answers_well_and_leaves_everything(desk: Desk) -> None:
    desk.running.lie_about_deletes()
    statuses = desk.erase()
    assert 200 <= statuses[0] < 300
    assert desk.left() == set(desk.running.hers[desk.trial.erased])
    assert not desk.running.deleted and not desk.running.changed


def test_an_answer_that_is_lost_has_taken_effect(desk: Desk) -> None:
    desk.running.lose()
    method, path, more = desk.trial.erase(desk.running)[0]
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        desk.ask(method, path, **more)
    assert desk.running.deleted or desk.running.changed


def test_others_look_like_her_and_are_not_her(desk: Desk) -> None:
    emails = [person.email.lower() for person in desk.running.others]
    assert len(set(emails)) == 20 and desk.running.person.email not in emails
    assert sum(email.startswith(desk.running.person.email) for email in emails) >= 2
    assert desk.running.finds() and len(desk.running.identifiers) == 4
