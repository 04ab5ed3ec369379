"""Who we are to a declared API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from a_rest import (
    BEARER,
    SEARCH,
    SECRET,
    Call,
    Desk,
    Reply,
    Waits,
    basic,
    desk,
    file,
    items,
    notes,
    opened,
    reply,
    setup,
)

from privet.connectors.base import Setup
from privet.connectors.rest.auth import authorize_url
from privet.connectors.rest.config import load
from privet.connectors.rest.connector import open_config
from privet.errors import InvalidInput, Refused
from privet.secret import Secret


@pytest.fixture
def api() -> Iterator[Desk]:
    with desk() as held:
        yield held


@pytest.mark.parametrize(
    ("auth", "header", "said"),
    [
        (BEARER, "authorization", f"Bearer {SECRET}"),
        ("{strategy: basic, configuration: {username: <api_key>}}", "authorization", basic(SECRET, "")),
        (
            "{strategy: basic, configuration: {username: u, password: <api_key>}}",
            "authorization",
            basic("u", SECRET),
        ),
        (
            "{strategy: api_key, configuration: {headers: [{name: X-Key, value: 'Token <api_key>'}]}}",
            "x-key",
            f"Token {SECRET}",
        ),
    ],
)
def test_who_we_are_goes_into_a_header(api: Desk, auth: str, header: str, said: str) -> None:
    api.script = [items()]
    notes(opened(api, file(SEARCH, auth=auth)))
    assert api.calls[0].headers[header] == said


def test_who_we_are_goes_into_a_query_or_a_body(api: Desk) -> None:
    api.script = [items(), items(), items()]
    notes(opened(api, file(SEARCH, auth="{strategy: query_param, configuration: {name: key, value: <api_key>}}")))
    pairs = "{strategy: api_key, configuration: {query_params: [{name: key, value: <api_key>}]}}"
    notes(opened(api, file(SEARCH, auth=pairs)))
    assert [call.query["key"] for call in api.calls] == [SECRET, SECRET]
    inside = '{strategy: api_key, configuration: {body: \'{"key": "<api_key>"}\'}}'
    notes(opened(api, file('method: POST\npath: /notes\nbody: \'{"q": "<email>"}\'\ndata_path: items', auth=inside)))
    assert api.calls[-1].json == {"q": "ada@example.com", "key": SECRET}


OAUTH = """
      strategy: oauth2_client_credentials
      configuration:
        token_request:
          method: POST
          path: /token
          headers: [{name: Content-Type, value: application/x-www-form-urlencoded}]
          body: '{"grant_type": "client_credentials", "client_id": "<client_id>", "client_secret": "<client_secret>"}'
"""

CODE = """
      strategy: oauth2_authorization_code
      configuration:
        authorization_request:
          method: GET
          path: /authorize
          query_params: [{name: client_id, value: <client_id>}, {name: state, value: <state>}]
        token_request:
          method: POST
          path: /token
          query_params: [{name: code, value: <code>}, {name: client_secret, value: <client_secret>}]
        refresh_request:
          method: POST
          path: /token
          query_params: [{name: refresh_token, value: <refresh_token>}]
"""


class Tokens:
    """An API that gives tokens and takes the last one."""

    def __init__(self, api: Desk, **more: Any) -> None:
        self.given = 0
        self.more = more
        api.route = self.answer

    def answer(self, call: Call) -> Reply:
        if call.path == "/token":
            self.given += 1
            return reply({"access_token": f"t{self.given}", "token_type": "bearer", **self.more})
        return items(1) if call.headers["authorization"] == f"Bearer t{self.given}" else reply({}, 401)


def test_a_token_is_fetched_once_and_renewed_before_its_end(api: Desk) -> None:
    waits, tokens = Waits(), Tokens(api, expires_in=3600)
    connector = opened(api, file(SEARCH, auth=OAUTH), waits)
    assert notes(connector) == notes(connector) == [1]
    assert tokens.given == 1
    assert api.calls[0].body == b"grant_type=client_credentials&client_id=me&client_secret=shh"
    waits.at += 3590
    assert notes(connector) == [1] and tokens.given == 2


def test_a_token_that_is_not_taken_is_renewed_once(api: Desk) -> None:
    tokens = Tokens(api)
    connector = opened(api, file(SEARCH, auth=OAUTH))
    assert notes(connector) == [1]
    tokens.given += 5
    assert notes(connector) == [1]
    api.calls.clear()
    api.route = lambda call: reply({"access_token": "x"}) if call.path == "/token" else reply({}, 401)
    with pytest.raises(Refused):
        notes(connector)
    assert [call.path for call in api.calls] == ["/notes", "/token", "/notes"]


def test_a_refresh_token_is_used_and_changed_for_another(api: Desk) -> None:
    text, kept = file(SEARCH, auth=CODE), []
    tokens = Tokens(api, refresh_token="r2", expires_in="60")
    said = setup(api.host, text)
    said = Setup(
        name="desk",
        kind="saas",
        settings=said.settings,
        secrets={**said.secrets, "refresh_token": Secret("r1"), "client_secret": Secret("shh")},
    )
    waits = Waits()
    connector = open_config(said, load(text), keep=lambda found: kept.append(dict(found)), clock=waits.clock)
    assert notes(connector) == [1]
    waits.at += 100
    assert notes(connector) == [1] and tokens.given == 2
    assert [call.query["refresh_token"] for call in api.calls if call.path == "/token"] == ["r1", "r2"]
    assert kept == [{"refresh_token": "r2"}]


def test_a_code_is_good_for_once_and_nobody_let_us_in_without(api: Desk) -> None:
    text = file(SEARCH, auth=CODE)
    Tokens(api)
    with pytest.raises(Refused):
        notes(opened(api, text))
    said = setup(api.host, text)
    said = Setup(name="desk", kind="saas", settings=said.settings, secrets={**said.secrets, "code": Secret("c1")})
    assert notes(open_config(said, load(text), clock=Waits().clock)) == [1]
    assert api.calls[0].query == {"code": "c1", "client_secret": "shh"}


def test_people_let_us_in_at_an_address_of_the_file() -> None:
    terms = {"domain": "api.example.com", "client_id": "a&b"}
    url = authorize_url(load(file(SEARCH, auth=CODE)).client, terms, state="s", redirect_uri="https://example.org/cb")
    assert url == "https://api.example.com/authorize?client_id=a%26b&state=s"
    with pytest.raises(InvalidInput):
        authorize_url(load(file(SEARCH)).client, terms, state="s", redirect_uri="")


@pytest.mark.parametrize("told", [{}, {"access_token": ""}, {"access_token": 7}, {"access_token": "a\nb"}, []])
def test_a_token_that_is_none_is_refused(api: Desk, told: Any) -> None:
    api.script = [reply(told)]
    with pytest.raises(Refused):
        notes(opened(api, file(SEARCH, auth=OAUTH)))
