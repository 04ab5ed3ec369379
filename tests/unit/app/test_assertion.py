"""Assertions and the bearer tokens that they are exchanged for: what is taken, and every way of not being taken.

The attacks are those of RFC 8725 and of RFC 7523, section 3.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey, import_key
from staff import NOW, Staff, claims, exchange, signed

from privet import digest
from privet.app import worker
from privet.app.identity import assertion
from privet.app.identity.assertion import GRANT
from privet.app.services import credentials, principals
from privet.app.services.principals import PrivateKey
from privet.errors import InvalidInput, Unauthenticated
from privet.store.port import Select

TOKEN = "/v1/oauth/token"
NOW_S = NOW // 1000


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home", config="public_url: https://vault.example.com\n")
    yield made
    made.close()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def by_hand(key: PrivateKey, header: dict[str, Any], said: dict[str, Any] | bytes) -> str:
    """Return an assertion whose header and payload are just so, signed by the right key."""
    kind = {"ES256": "EC", "RS256": "RSA", "EdDSA": "OKP"}[key.algorithm]
    private: Any = import_key(key.private_key, kind)  # type: ignore[call-overload]
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    signing = f"{b64(json.dumps(header).encode())}.{b64(body)}".encode()
    algorithm = jws.JWSRegistry.algorithms[key.algorithm]
    return f"{signing.decode()}.{b64(algorithm.sign(signing, private))}"


def header(key: PrivateKey, **changes: Any) -> dict[str, Any]:
    said = {"alg": key.algorithm, "kid": key.key_id, "typ": "JWT"} | changes
    return {name: value for name, value in said.items() if value is not None}


# --- what is taken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_an_assertion_is_exchanged_for_a_token_of_its_principal(staff: Staff, algorithm: str) -> None:
    key = staff.worker(algorithm, purposes=["essential"], attributes={"region": "eu"})
    said = claims(key, ctx={"region": "us", "desk": "7"})
    token = exchange(staff, signed(key, said))
    found = staff.house.callers.principal(token.access_token, NOW)
    assert (token.token_type, token.expires_in) == ("Bearer", 900)
    assert (found.id, found.roles, found.purposes) == (key.principal, ("viewer", "tokenizer"), ("essential",))
    assert found.attributes == {"region": "eu", "ctx.region": "us", "ctx.desk": "7"}
    assert staff.status(token.access_token) == 200


def test_the_assertion_that_the_tests_write_by_hand_is_a_good_one(staff: Staff) -> None:
    key = staff.worker()
    assert exchange(staff, by_hand(key, header(key), claims(key)))


def test_ed25519_goes_by_its_newer_name_too(staff: Staff) -> None:
    key = staff.worker("EdDSA")
    assert exchange(staff, by_hand(key, header(key, alg="Ed25519"), claims(key)))


def test_a_token_is_narrowed_by_its_scope(staff: Staff) -> None:
    key = staff.worker(purposes=["essential"])
    scope = "role:viewer purpose:essential.service action:read vault:w"
    token = exchange(staff, signed(key, claims(key)), scope=scope, ttl_seconds=60)
    found = staff.house.callers.principal(token.access_token, NOW)
    assert (found.roles, found.purposes) == (("viewer",), ("essential.service",))
    assert (found.scopes, found.vaults) == (("read",), ("w",))
    assert token.scope == scope
    assert token.expires_in == 60


@pytest.mark.parametrize(
    "scope",
    ["role:owner", "purpose:marketing", "vault:w", "action:manage", "action:fly", "owner", "role:", "x" * 2_001],
)
def test_a_scope_adds_nothing(staff: Staff, scope: str) -> None:
    staff.add("other", "viewer")
    key = staff.worker(purposes=["essential"], vaults=["v"], scopes=["read"])
    with pytest.raises(InvalidInput) as caught:
        exchange(staff, signed(key, claims(key)), scope=scope)
    assert caught.value.at == "scope"


def test_a_narrowed_key_narrows_its_tokens(staff: Staff) -> None:
    staff.worker()
    made = staff.add_key("worker", kind="key", roles=["viewer"], vaults=["v"])
    assert made.private_key is not None
    found = staff.house.callers.principal(
        exchange(staff, signed(made.private_key, claims(made.private_key))).access_token, NOW
    )
    assert (found.roles, found.vaults) == (("viewer",), ("v",))
    with pytest.raises(InvalidInput):
        exchange(staff, signed(made.private_key, claims(made.private_key)), scope="role:tokenizer")


@pytest.mark.parametrize("audience", ["urn", "endpoint", "list"])
def test_an_assertion_may_aim_at_each_name_of_the_home(staff: Staff, audience: str) -> None:
    key = staff.worker()
    public = "https://vault.example.com/v1/oauth/token"
    aim = {"urn": key.audience, "endpoint": public, "list": ["https://other.example.com", public]}[audience]
    assert exchange(staff, signed(key, claims(key, aud=aim)))


def test_a_granted_attribute_is_never_overridden_by_a_claim(staff: Staff) -> None:
    key = staff.worker(attributes={"region": "eu"})
    token = exchange(staff, signed(key, claims(key, ctx={"region": "us"})))
    assert staff.house.callers.principal(token.access_token, NOW).attributes["region"] == "eu"


# --- what is not taken: the header --------------------------------------------------------------------------

HEADERS: dict[str, dict[str, Any]] = {
    "alg none": {"alg": "none"},
    "alg missing": {"alg": None},
    "alg of another kind": {"alg": 5},
    "alg of another key": {"alg": "RS256"},
    "alg in lower case": {"alg": "es256"},
    "kid missing": {"kid": None},
    "kid unknown": {"kid": "a" * 16},
    "kid a path": {"kid": "../../root.key"},
    "kid a device": {"kid": "/dev/null"},
    "kid sql": {"kid": "' OR '1'='1' --"},
    "kid a URL": {"kid": "https://evil.example.com/key"},
    "kid a list": {"kid": ["x"]},
    "kid with NUL": {"kid": "aaaaaaaa\u0000aaaaaaa"},
    "kid of an api key": {"kid": "OWNER"},
    "jku": {"jku": "https://evil.example.com/jwks"},
    "x5u": {"x5u": "https://evil.example.com/cert"},
    "x5c": {"x5c": ["MIIB"]},
    "crit": {"crit": ["exp"], "exp": 1},
    "crit empty": {"crit": []},
    "b64": {"b64": False},
    "zip": {"zip": "DEF"},
    "typ": {"typ": "at+jwt"},
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_says_more_than_which_key_is_refused(staff: Staff, what: str) -> None:
    key = staff.worker()
    said = header(key, **HEADERS[what])
    if said.get("kid") == "OWNER":
        said["kid"] = staff.key.split("_")[1]
    refused(staff, by_hand(key, said, claims(key)))


def test_a_key_in_the_header_is_not_looked_at(staff: Staff) -> None:
    key, mine = staff.worker(), ECKey.generate_key("P-256")
    evil = PrivateKey(
        private_key=mine.as_pem(private=True).decode(),
        algorithm="ES256",
        key_id=key.key_id,
        principal=key.principal,
        audience=key.audience,
        grant_type=GRANT,
    )
    refused(staff, by_hand(evil, header(evil), claims(key)))
    refused(staff, by_hand(evil, header(evil, jwk=mine.as_dict(private=False)), claims(key)))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
@pytest.mark.parametrize("form", ["pem", "jwk", "stored"])
def test_a_public_key_is_no_secret_of_hs256(staff: Staff, algorithm: str, form: str) -> None:
    key = staff.worker(algorithm)
    stored = staff.house.callers.chain(key.key_id)[0].proof
    public: Any = import_key({k: v for k, v in json.loads(stored).items() if k != "alg"})
    raw = {"pem": public.as_pem(private=False), "jwk": json.dumps(public.as_dict(private=False)).encode()}
    signing = f"{b64(json.dumps(header(key, alg='HS256')).encode())}.{b64(json.dumps(claims(key)).encode())}"
    mac = digest.mac(raw.get(form, stored), signing.encode())
    refused(staff, f"{signing}.{b64(mac)}")


def test_a_key_of_one_algorithm_proves_nothing_by_another(staff: Staff) -> None:
    rsa = staff.worker("RS256")
    private: Any = RSAKey.import_key(rsa.private_key)
    for name in ("PS256", "RS512", "RS384"):
        registry = jws.JWSRegistry(algorithms=[name])
        text = jws.serialize_compact(header(rsa, alg=name), json.dumps(claims(rsa)), private, registry=registry)
        refused(staff, text)
    refused(staff, by_hand(rsa, header(rsa, alg="ES256"), claims(rsa)))
    refused(staff, by_hand(rsa, header(rsa, alg="EdDSA"), claims(rsa)))


def test_a_signature_is_needed(staff: Staff) -> None:
    key = staff.worker()
    good = signed(key, claims(key))
    head, body, proof = good.split(".")
    zero = b64(bytes(64))  # CVE-2022-21449: r = s = 0 passed for ECDSA
    tries = [f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{zero}", f"{head}.{body}.{proof}.{proof}"]
    tries += [f"{head}.{body}.{proof[:-4]}", f"{head}.{body}.{proof}=", f" {good}", f"{good}\n", ""]
    tries += [f"{head}.{b64(json.dumps(claims(key, ctx={'a': 'b'})).encode())}.{proof}"]
    for text in tries:
        refused(staff, text)
    assert exchange(staff, good)


def test_an_oversized_assertion_is_refused_before_it_is_read(staff: Staff) -> None:
    key = staff.worker()
    refused(staff, signed(key, claims(key, more="x" * assertion.MOST_BYTES)))


# --- what is not taken: the claims --------------------------------------------------------------------------

CLAIMS: dict[str, dict[str, Any]] = {
    "iss missing": {"iss": None},
    "iss of another": {"iss": "OTHER"},
    "iss a list": {"iss": ["x"]},
    "sub of another": {"sub": "somebody"},
    "aud missing": {"aud": None},
    "aud of another home": {"aud": "urn:uuid:00000000-0000-0000-0000-000000000000"},
    "aud a prefix": {"aud": "https://vault.example.com"},
    "aud a longer one": {"aud": "https://vault.example.com/v1/oauth/token/more"},
    "aud empty list": {"aud": []},
    "aud of numbers": {"aud": [1]},
    "exp missing": {"exp": None},
    "exp a text": {"exp": "9999999999"},
    "exp true": {"exp": True},
    "exp too far": {"exp": NOW_S + 3_600 + 61},
    "exp huge": {"exp": 1e300},
    "exp over": {"exp": NOW_S - 60},
    "nbf in the future": {"nbf": NOW_S + 61},
    "iat in the future": {"iat": NOW_S + 61},
    "iat long ago": {"iat": NOW_S - 3_661},
    "jti missing": {"jti": None},
    "jti empty": {"jti": ""},
    "jti long": {"jti": "j" * 129},
    "jti a number": {"jti": 7},
    "ctx a list": {"ctx": ["a"]},
    "ctx of numbers": {"ctx": {"a": 1}},
    "ctx nested": {"ctx": {"a": {"b": "c"}}},
    "ctx with a dot": {"ctx": {"a.b": "c"}},
    "ctx too long": {"ctx": {"a": "x" * 257}},
    "ctx too many": {"ctx": {f"a{n}": "x" for n in range(33)}},
}


@pytest.mark.parametrize("what", CLAIMS)
def test_claims_that_are_not_for_us_now_are_refused(staff: Staff, what: str) -> None:
    other = staff.add("other", "owner")
    key = staff.worker()
    changes = {name: other.id if value == "OTHER" else value for name, value in CLAIMS[what].items()}
    refused(staff, signed(key, claims(key, **changes) | ({"sub": other.id} if what == "iss of another" else {})))


@pytest.mark.parametrize(
    "changes",
    [{"exp": NOW_S - 59}, {"exp": NOW_S + 3_600}, {"nbf": NOW_S + 60}, {"iat": NOW_S + 60}, {"exp": NOW_S + 10.5}],
    ids=["just over", "an hour", "nbf", "iat", "a fraction"],
)
def test_a_minute_of_skew_is_borne(staff: Staff, changes: dict[str, Any]) -> None:
    key = staff.worker()
    assert exchange(staff, signed(key, claims(key, **changes)))


PAYLOADS: dict[str, bytes] = {
    "duplicate claim": b'{"iss":"a","iss":"b"}',
    "no object": b"[]",
    "not JSON": b"{",
    "NaN": b'{"exp":NaN}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "surrogate": b'{"iss":"\\ud800"}',
    "deep": b"[" * 500 + b"]" * 500,
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_a_payload_that_can_be_read_in_two_ways_is_refused(staff: Staff, what: str) -> None:
    key = staff.worker()
    refused(staff, by_hand(key, header(key), PAYLOADS[what]))


def test_a_claim_that_stands_twice_is_refused_though_all_else_is_good(staff: Staff) -> None:
    key = staff.worker()
    body = json.dumps(claims(key)).encode()
    refused(staff, by_hand(key, header(key), body[:-1] + b',"aud":"urn:other"}'))
    twice = '{"alg":"ES256","alg":"ES256","kid":"%s"}' % key.key_id  # noqa: UP031  # JSON with a name twice
    good = by_hand(key, header(key), body)
    refused(staff, f"{b64(twice.encode())}.{good.partition('.')[2]}")


# --- once, and at an end ------------------------------------------------------------------------------------


def test_an_assertion_works_once_even_across_a_restart(staff: Staff) -> None:
    key = staff.worker()
    text = signed(key, claims(key))
    exchange(staff, text)
    refused(staff, text)
    staff.reopen()
    refused(staff, text)
    other = signed(key, claims(key) | {"jti": json.loads(base64.b64decode(text.split(".")[1] + "=="))["jti"]})
    refused(staff, other)


def test_the_same_id_of_another_key_is_another_assertion(staff: Staff) -> None:
    key = staff.worker()
    other = staff.add_key("worker", kind="key").private_key
    assert other is not None
    assert exchange(staff, signed(key, claims(key, jti="same")))
    assert exchange(staff, signed(other, claims(other, jti="same")))


def test_a_token_ends_by_itself(staff: Staff) -> None:
    key = staff.worker()
    token = exchange(staff, signed(key, claims(key)), ttl_seconds=60).access_token
    staff.now += 59_999
    assert staff.status(token) == 200
    staff.now += 1
    assert staff.status(token) == 401


@pytest.mark.parametrize("seconds", [0, 29, 3_601, -1])
def test_a_token_lives_from_half_a_minute_to_an_hour(staff: Staff, seconds: int) -> None:
    key = staff.worker()
    with pytest.raises(InvalidInput):
        exchange(staff, signed(key, claims(key)), ttl_seconds=seconds)


def end_key(staff: Staff, key: PrivateKey) -> None:
    staff.run("credentials.revoke", credentials.KeyAsk(name="worker", id=key.key_id))


def end_principal(staff: Staff, key: PrivateKey) -> None:
    staff.run("principals.revoke", principals.NameAsk(name="worker"))


@pytest.mark.parametrize("end", [end_key, end_principal])
def test_a_token_ends_with_what_it_was_exchanged_for(staff: Staff, end: Callable[[Staff, PrivateKey], None]) -> None:
    key = staff.worker()
    token = exchange(staff, signed(key, claims(key))).access_token
    assert staff.status(token) == 200
    end(staff, key)
    assert staff.status(token) == 401
    refused(staff, signed(key, claims(key)))


def test_a_token_ends_no_later_than_its_key(staff: Staff) -> None:
    key = staff.worker(ttl_seconds=60)
    token = exchange(staff, signed(key, claims(key)), ttl_seconds=3_600).access_token
    staff.now += 60_000
    assert staff.status(token) == 401


def test_a_caller_ends_its_own_token(staff: Staff) -> None:
    key = staff.worker()
    token, other = (exchange(staff, signed(key, claims(key))).access_token for _ in range(2))
    assert staff.ask("DELETE", "/v1/session", key=token).json() == {"ended": True}
    assert (staff.status(token), staff.status(other)) == (401, 200)
    assert staff.ask("DELETE", "/v1/session", key=staff.key).status == 404


def test_a_token_gets_no_further_token(staff: Staff) -> None:
    key = staff.worker()
    token = exchange(staff, signed(key, claims(key))).access_token
    refused(staff, token)
    said = header(key, kid=token.split("_")[1])
    refused(staff, by_hand(key, said, claims(key)))


def test_what_is_over_is_swept(staff: Staff) -> None:
    key = staff.worker()
    exchange(staff, signed(key, claims(key)))
    assert counts(staff) == (1, 3)
    staff.now += 3_600_000
    staff.runner.run(worker.keep_callers(staff.house))
    assert counts(staff) == (0, 2)


def counts(staff: Staff) -> tuple[int, int]:
    store = staff.house.control
    found = [len(store.select(Select(table=table, columns=("id",)))) for table in ("assertions", "credentials")]
    return found[0], found[1]


def test_the_audit_names_the_key_of_each_token_and_no_token(staff: Staff) -> None:
    key = staff.worker()
    token = exchange(staff, signed(key, claims(key))).access_token
    said = staff.notes()[-1]
    assert (said["who"], said["verb"], said["note"]) == (key.principal, "sessions.exchange", f"key {key.key_id}")
    assert token.rpartition("_")[2] not in json.dumps(staff.notes())


# --- the wire -----------------------------------------------------------------------------------------------


def form(staff: Staff, said: Any, **rest: Any) -> Any:
    lines = [("content-type", "application/x-www-form-urlencoded")]
    return staff.ask("POST", TOKEN, urlencode(said).encode(), **{"key": None, "headers": lines} | rest)


def test_the_token_endpoint_takes_a_form_and_answers_as_oauth_does(staff: Staff) -> None:
    key = staff.worker()
    got = form(staff, {"grant_type": GRANT, "assertion": signed(key, claims(key)), "scope": "role:viewer", "x": "y"})
    assert got.status == 200
    assert got.headers["cache-control"] == "no-store"
    said = got.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 900, "role:viewer")
    assert staff.status(said["access_token"]) == 200


def test_the_token_endpoint_takes_json(staff: Staff) -> None:
    key = staff.worker()
    body = json.dumps({"grant_type": GRANT, "assertion": signed(key, claims(key))}).encode()
    got = staff.ask("POST", TOKEN, body, key=None, headers=[("content-type", "application/json")])
    assert got.status == 200


WIRE: dict[str, tuple[Any, str]] = {
    "other grant": ({"grant_type": "client_credentials", "assertion": "x"}, "unsupported_grant_type"),
    "no grant": ({"assertion": "x"}, "invalid_request"),
    "no assertion": ({"grant_type": GRANT}, "invalid_request"),
    "bad assertion": ({"grant_type": GRANT, "assertion": "a.b.c"}, "invalid_grant"),
    "twice": ([("grant_type", GRANT), ("assertion", "a"), ("assertion", "b")], "invalid_request"),
    "ttl": ({"grant_type": GRANT, "assertion": "x", "ttl_seconds": "long"}, "invalid_request"),
}


@pytest.mark.parametrize("what", WIRE)
def test_refusals_are_those_of_oauth(staff: Staff, what: str) -> None:
    said, expected = WIRE[what]
    got = form(staff, said)
    assert (got.status, got.json()["error"]) == (400, expected)


def test_a_scope_that_is_too_wide_is_an_invalid_scope(staff: Staff) -> None:
    key = staff.worker()
    got = form(staff, {"grant_type": GRANT, "assertion": signed(key, claims(key)), "scope": "role:owner"})
    assert (got.status, got.json()["error"]) == (400, "invalid_scope")


def test_the_token_endpoint_takes_no_more_than_it_needs(staff: Staff) -> None:
    assert form(staff, {"assertion": "a" * (33 << 10)}).status == 413
    lines = [("content-type", "text/plain")]
    assert staff.ask("POST", TOKEN, b"a=b", key=None, headers=lines).status == 400
    assert form(staff, {"a": "b"}, headers=[("content-encoding", "gzip")]).status == 415


def test_what_is_told_of_a_bad_signature_is_always_the_same(staff: Staff) -> None:
    key = staff.worker()
    head, body, _ = signed(key, claims(key)).split(".")
    tries = [f"{head}.{body}.{b64(bytes(64))}", by_hand(key, header(key, kid="a" * 16), claims(key)), "x"]
    said = {form(staff, {"grant_type": GRANT, "assertion": text}).body for text in tries}
    assert len(said) == 1


def test_only_the_public_half_of_a_key_is_stored(staff: Staff) -> None:
    for algorithm in ("ES256", "EdDSA", "RS256"):
        made = staff.add(f"w-{algorithm}", "viewer", credential="key", algorithm=algorithm)
        proof = json.loads(staff.house.callers.chain(made.credential)[0].proof)
        assert set(proof) <= {"alg", "kty", "crv", "x", "y", "n", "e"}


def test_a_secret_key_is_no_key_of_assertions() -> None:
    with pytest.raises(InvalidInput):
        assertion.new_pair("HS256")
    assert OctKey.key_type not in {"EC", "RSA", "OKP"}


def refused(staff: Staff, text: str) -> None:
    before = counts(staff)
    with pytest.raises(Unauthenticated):
        exchange(staff, text)
    assert counts(staff) == before
