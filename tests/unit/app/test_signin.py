"""People sign in at a trusted issuer; the session is a cookie that no other site can use for a change."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from issuer import FakeIssuer, issuer
from staff import NOW, Staff
from wire import Answered

from privet.app.identity import cookie, oidc
from privet.app.services import principals
from privet.app.settings import load
from privet.errors import InvalidInput, PrivetError, Refused

CONFIG = """
public_url: https://vault.example.com
oidc:
  issuer: {url}
  client_id: privet
  client_secret_file: oidc.secret
  roles_claim: groups
  roles:
    admins: [owner]
    desk: [viewer, tokenizer]
  purposes: [essential]
  attributes: {{region: address.region}}
"""


class Desk:
    """A home, its issuer, and a browser that keeps cookies."""

    def __init__(self, home: Path, fake: FakeIssuer) -> None:
        self.issuer = fake
        fake.now_s = NOW // 1000
        home.mkdir(mode=0o700)
        secret = home / "oidc.secret"
        secret.touch(mode=0o600)
        secret.write_text("s3cret & more\n", encoding="utf-8")
        self.staff = Staff(home, config=CONFIG.format(url=fake.url))
        self.jar: dict[str, str] = {}
        self.csrf = ""

    def get(self, target: str, method: str = "GET", **rest: Any) -> Answered:
        """Ask as the browser does, and keep what it is given."""
        lines = [*rest.pop("headers", ()), ("cookie", "; ".join(f"{k}={v}" for k, v in self.jar.items()))]
        got = self.staff.runner.run(
            self.staff.world.ask(method, target, key=None, headers=lines, scheme="https", **rest)
        )
        for line in got.cookies:
            name, _, value = line.partition(";")[0].partition("=")
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)
        return got

    def begin(self) -> tuple[str, str]:
        """Return (state, code) of a person who signed in at the issuer."""
        got = self.get("/v1/sign-in")
        assert got.status == 302
        address = got.headers["location"]
        return parse_qs(urlsplit(address).query)["state"][0], self.issuer.sign_in(address)

    def sign_in(self) -> Answered:
        state, code = self.begin()
        got = self.get(f"/v1/sign-in/done?state={state}&code={code}")
        if got.status == 200:
            self.csrf = got.json()["csrf"]
        return got


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with issuer() as fake:
        made = Desk(tmp_path / "home", fake)
        yield made
        made.staff.close()


# --- signing in ---------------------------------------------------------------------------------------------


def test_a_person_who_signs_in_has_the_roles_of_her_claims(desk: Desk) -> None:
    desk.issuer.claims = {"sub": "u-7", "groups": ["desk", "other"], "address": {"region": "eu"}}
    assert desk.sign_in().status == 200
    said = desk.get("/v1/session").json()
    assert (said["name"], said["kind"], said["roles"]) == ("oidc:u-7", "person", ["viewer", "tokenizer"])
    assert (said["purposes"], said["attributes"]) == (["essential"], {"region": "eu"})
    assert said["csrf"] == desk.csrf


def test_the_session_is_a_cookie_that_only_this_host_gets_and_no_script_reads(desk: Desk) -> None:
    got = desk.sign_in()
    line = next(line for line in got.cookies if line.startswith(cookie.SESSION + "=pvs_"))
    assert line.endswith("; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=28800")
    assert "Domain" not in line
    begun = desk.get("/v1/sign-in").cookies[0]
    assert begun.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600")
    assert desk.jar[cookie.SESSION].rpartition("_")[2] not in got.body.decode()


def test_claims_of_the_next_sign_in_count_for_every_session(desk: Desk) -> None:
    desk.sign_in()
    first = dict(desk.jar)
    assert desk.get("/v1/principals").status == 200
    desk.issuer.claims = {"sub": "u-1", "groups": ["desk"]}
    desk.sign_in()
    desk.jar = first
    assert desk.get("/v1/session").json()["roles"] == ["viewer", "tokenizer"]
    assert desk.get("/v1/principals").status == 403
    assert len(desk.staff.house.callers.accounts()) == 2


def test_a_person_to_whom_nothing_is_given_does_not_get_in(desk: Desk) -> None:
    desk.issuer.claims = {"sub": "u-2", "groups": ["strangers"]}
    assert desk.sign_in().status == 403
    assert cookie.SESSION not in desk.jar
    assert len(desk.staff.house.callers.accounts()) == 1


def test_a_person_who_is_revoked_here_does_not_get_in_again(desk: Desk) -> None:
    desk.sign_in()
    desk.staff.run("principals.revoke", principals.NameAsk(name="oidc:u-1"))
    assert desk.get("/v1/session").status == 401
    assert desk.sign_in().status == 403


def test_a_session_ends_by_itself_and_by_its_owner(desk: Desk) -> None:
    desk.sign_in()
    desk.staff.now += 8 * 3_600_000 - 1
    assert desk.get("/v1/session").status == 200
    desk.staff.now += 1
    assert desk.get("/v1/session").status == 401
    desk.issuer.now_s = desk.staff.now // 1000
    desk.sign_in()
    assert desk.get("/v1/session", "DELETE", headers=[("privet-csrf", desk.csrf)]).json() == {"ended": True}
    assert desk.get("/v1/session").status == 401


def test_a_session_outlives_a_restart(desk: Desk) -> None:
    desk.sign_in()
    desk.staff.reopen()
    assert desk.get("/v1/session").status == 200


def test_a_home_without_an_issuer_has_no_sign_in(tmp_path: Path) -> None:
    staff = Staff(tmp_path / "home")
    assert staff.ask("GET", "/v1/sign-in", key=None).status == 404
    assert staff.ask("GET", "/v1/sign-in/done?code=x&state=y", key=None).status == 404
    staff.close()


# --- other people's answers ---------------------------------------------------------------------------------


def test_an_answer_to_a_sign_in_of_another_browser_is_refused(desk: Desk) -> None:
    state, code = desk.begin()
    desk.jar.clear()  # the victim's browser, which the attacker sends to the end of his own sign-in
    assert desk.get(f"/v1/sign-in/done?state={state}&code={code}").status == 401
    desk.begin()
    assert desk.get(f"/v1/sign-in/done?state={state}&code={code}").status == 401
    assert "/token" not in desk.issuer.asked


@pytest.mark.parametrize("change", ["state", "cookie", "end", "late", "no code", "error", "other issuer", "twice"])
def test_an_answer_that_is_not_to_our_question_is_refused(desk: Desk, change: str) -> None:
    state, code = desk.begin()
    query = f"state={state}&code={code}"
    if change == "state":
        query = f"state={state[:-1]}&code={code}"
    elif change == "cookie":
        value = desk.jar[cookie.ATTEMPT]
        desk.jar[cookie.ATTEMPT] = ("A" if value[0] != "A" else "B") + value[1:]
    elif change == "end":
        raw = base64.urlsafe_b64decode(desk.jar[cookie.ATTEMPT] + "==")
        later_end = (int.from_bytes(raw[32:40], "big") + 3_600).to_bytes(8, "big")
        desk.jar[cookie.ATTEMPT] = base64.urlsafe_b64encode(raw[:32] + later_end + raw[40:]).decode().rstrip("=")
    elif change == "late":
        desk.staff.now += 601_000
    elif change == "no code":
        query = f"state={state}"
    elif change == "error":
        query = f"state={state}&error=access_denied"
    elif change == "other issuer":
        query += "&iss=https%3A%2F%2Fevil.example.com"
    else:
        query += f"&state={state}"
    assert desk.get(f"/v1/sign-in/done?{query}").status in (400, 401)
    assert "/token" not in desk.issuer.asked
    assert cookie.SESSION not in desk.jar


def test_a_code_is_worth_nothing_without_the_verifier_of_its_attempt(desk: Desk) -> None:
    _, stolen = desk.begin()
    state, _ = desk.begin()
    assert desk.get(f"/v1/sign-in/done?state={state}&code={stolen}").status == 401


def test_a_cookie_tells_neither_state_nor_verifier(desk: Desk) -> None:
    told, attempt = cookie.begin(b"k" * 32, NOW)
    assert len({attempt.state, attempt.nonce, attempt.verifier}) == 3
    assert all(text not in told for text in (attempt.state, attempt.nonce, attempt.verifier))
    assert len(attempt.verifier) == 43  # RFC 7636, section 4.1: 43 to 128 characters


# --- ID tokens ----------------------------------------------------------------------------------------------

LIES: dict[str, dict[str, Any]] = {
    "iss": {"iss": "https://evil.example.com"},
    "aud": {"aud": "other"},
    "aud missing": {"aud": None},
    "azp": {"azp": "other"},
    "several aud without azp": {"aud": ["privet", "other"]},
    "nonce": {"nonce": "other"},
    "nonce missing": {"nonce": None},
    "exp over": {"exp": NOW // 1000 - 61},
    "exp missing": {"exp": None},
    "exp a text": {"exp": "9999999999"},
    "iat missing": {"iat": None},
    "iat long ago": {"iat": NOW // 1000 - 3_600},
    "iat in the future": {"iat": NOW // 1000 + 3_600},
    "sub missing": {"sub": None},
    "sub empty": {"sub": ""},
    "sub a number": {"sub": 7},
    "sub with a line end": {"sub": "a\nb"},
}


@pytest.mark.parametrize("what", LIES)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(desk: Desk, what: str) -> None:
    desk.issuer.change = LIES[what]
    assert desk.sign_in().status == 401
    assert cookie.SESSION not in desk.jar


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": "HS256", "kid": "shared"}, {"kid": "shared"}, {"kid": "unknown"}],
    ids=str,
)
def test_an_id_token_that_none_of_the_issuers_keys_signed_is_refused(desk: Desk, header: dict[str, Any]) -> None:
    desk.issuer.header = header
    assert desk.sign_in().status == 401


def test_an_id_token_for_several_readers_passes_with_its_party_named(desk: Desk) -> None:
    desk.issuer.change = {"aud": ["privet", "other"], "azp": "privet"}
    assert desk.sign_in().status == 200


def test_keys_are_asked_for_again_when_the_issuer_rotates_and_not_each_time(desk: Desk) -> None:
    assert desk.sign_in().status == 200
    desk.issuer.rotate("k2")
    assert desk.sign_in().status == 401  # within half a minute of the last look
    later(desk, oidc.REFETCH_MS)
    assert desk.sign_in().status == 200
    desk.issuer.header = {"kid": "unknown"}
    for _ in range(3):
        assert desk.sign_in().status == 401
    assert desk.issuer.asked.count("/jwks") == 2
    assert desk.issuer.asked.count("/.well-known/openid-configuration") == 1


def test_a_key_that_the_issuer_took_back_is_forgotten_within_the_hour(desk: Desk) -> None:
    assert desk.sign_in().status == 200
    old = dict(desk.issuer.keys)
    desk.issuer.rotate("k2")
    later(desk, oidc.FRESH_MS)
    desk.issuer.keys, shown = old, desk.issuer.keys
    desk.issuer.answers["/jwks"] = keys_answer(shown)
    assert desk.sign_in().status == 401


def keys_answer(shown: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    keys = [{**key.as_dict(private=False), "kid": name} for name, key in shown.items()]
    return 200, {}, json.dumps({"keys": keys}).encode()


def later(desk: Desk, milliseconds: int) -> None:
    desk.staff.now += milliseconds
    desk.issuer.now_s = desk.staff.now // 1000


# --- the way to the issuer ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example.com"},
        {"token_endpoint": "https://evil.example.com/token"},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"authorization_endpoint": "https://evil.example.com/"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": None},
        {"authorization_endpoint": "LINE"},
    ],
    ids=str,
)
def test_an_address_on_a_host_that_is_not_allowed_is_not_asked(desk: Desk, discovery: dict[str, Any]) -> None:
    if "LINE" in discovery.values():
        discovery = {"authorization_endpoint": f"{desk.issuer.url}/a\r\nset-cookie: x=y"}
    desk.issuer.discovery = discovery
    got = desk.get("/v1/sign-in")
    assert got.status == 503
    assert desk.issuer.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize("answer", ["redirect", "huge", "no JSON", "list", "fault"])
def test_an_issuer_that_answers_oddly_lets_nobody_in(desk: Desk, path: str, answer: str) -> None:
    odd: dict[str, tuple[int, dict[str, str], bytes]] = {
        "redirect": (302, {"location": f"{desk.issuer.url}/elsewhere"}, b""),
        "huge": (200, {}, b'{"a":"' + b"x" * (oidc.MOST_BYTES + 1) + b'"}'),
        "no JSON": (200, {}, b"<html>"),
        "list": (200, {}, b"[]"),
        "fault": (500, {}, b"{}"),
    }
    desk.issuer.answers[path] = odd[answer]
    got = desk.get("/v1/sign-in") if path.startswith("/.well") else desk.sign_in()
    assert got.status == 503
    assert "/elsewhere" not in desk.issuer.asked
    assert cookie.SESSION not in desk.jar


# --- changes by cookie --------------------------------------------------------------------------------------


def test_a_change_by_cookie_needs_the_token_of_its_session(desk: Desk) -> None:
    desk.sign_in()
    body = b'{"name":"x","roles":[]}'
    for lines in ([], [("privet-csrf", "")], [("privet-csrf", "x" * 43)], [("origin", "https://vault.example.com")]):
        assert desk.get("/v1/principals", "POST", body=body, headers=lines).status == 403
    other = cookie.csrf_token("pvs_a_b")
    assert desk.get("/v1/principals", "POST", body=body, headers=[("privet-csrf", other)]).status == 403
    assert desk.get("/v1/principals", "POST", body=body, headers=[("privet-csrf", desk.csrf)]).status == 201


def test_an_api_key_in_a_cookie_is_nobody(desk: Desk) -> None:
    desk.jar[cookie.SESSION] = desk.staff.key
    assert desk.get("/v1/session").status == 401


@pytest.mark.parametrize("name", ["privet", "__Secure-privet", "__host-privet"])
def test_a_cookie_that_another_host_could_set_is_not_looked_at(desk: Desk, name: str) -> None:
    desk.sign_in()
    desk.jar = {name: desk.jar[cookie.SESSION]}
    assert desk.get("/v1/session").status == 401


def test_two_sessions_in_one_request_are_none(desk: Desk) -> None:
    desk.sign_in()
    desk.jar["a"] = f"b; {cookie.SESSION}={desk.jar[cookie.SESSION]}"
    assert desk.get("/v1/session").status == 401


def test_a_credential_in_the_line_counts_and_the_cookie_does_not(desk: Desk) -> None:
    desk.sign_in()
    got = desk.get("/v1/session", headers=[("authorization", f"Bearer {desk.staff.key}")])
    assert got.json()["name"] == "owner"
    assert desk.get("/v1/session", headers=[("authorization", "Bearer nonsense")]).status == 401


# --- the settings -------------------------------------------------------------------------------------------

BAD: dict[str, tuple[str, type[PrivetError]]] = {
    "issuer over http": ("issuer: http://id.example.com\n  client_id: a", Refused),
    "issuer missing": ("client_id: a", InvalidInput),
    "client missing": ("issuer: https://id.example.com", InvalidInput),
    "unknown key": ("issuer: https://id.example.com\n  client_id: a\n  secret: b", InvalidInput),
    "secret missing": ("issuer: https://id.example.com\n  client_id: a\n  client_secret_file: none", Refused),
    "secret for all": ("issuer: https://id.example.com\n  client_id: a\n  client_secret_file: open", Refused),
    "roles a list": ("issuer: https://id.example.com\n  client_id: a\n  roles: [owner]", InvalidInput),
    "hours": ("issuer: https://id.example.com\n  client_id: a\n  session_hours: 0", InvalidInput),
    "purposes": ("issuer: https://id.example.com\n  client_id: a\n  purposes: essential", InvalidInput),
}


@pytest.mark.parametrize("what", BAD)
def test_a_section_that_is_unsafe_or_unclear_is_refused_at_the_start(tmp_path: Path, what: str) -> None:
    text, kind = BAD[what]
    (tmp_path / "open").write_text("x", encoding="utf-8")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "privet.yaml").write_text(f"public_url: https://v.example.com\noidc:\n  {text}\n", encoding="utf-8")
    with pytest.raises(kind):
        load(tmp_path)


@pytest.mark.parametrize(
    "url", ["http://v.example.com", "v.example.com", "https://", "ftp://v.example.com", "https://u:p@v.example.com"]
)
def test_people_come_back_over_tls_or_loopback_only(tmp_path: Path, url: str) -> None:
    (tmp_path / "privet.yaml").write_text(f"public_url: {url}\n", encoding="utf-8")
    with pytest.raises(Refused):
        load(tmp_path)


def test_an_issuer_without_an_address_to_come_back_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "privet.yaml").write_text("oidc: {issuer: https://id.example.com, client_id: a}\n", encoding="utf-8")
    with pytest.raises(InvalidInput):
        load(tmp_path)
