"""The HTTP door: what it takes, what it refuses, and that a refusal tells no value."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from wire import CANARY, KEY, Answered, World, settled, world

from privet.app.http.guard import Limits


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def ask(*args: Any, **rest: Any) -> Answered:
    return run(world().ask(*args, **rest))


def assert_problem(got: Answered, status: int) -> dict[str, Any]:
    told = got.json()
    assert got.status == status, told
    assert got.headers["content-type"] == "application/problem+json"
    assert told["status"] == status
    assert told["request"] == got.headers["privet-request"]
    assert CANARY.encode() not in got.body
    assert CANARY not in str(got.headers)
    assert b"Traceback" not in got.body
    assert b".py" not in got.body
    return told


# --- what it takes ----------------------------------------------------------------------------------------


def test_body_and_path_become_one_ask() -> None:
    got = ask("POST", "/v1/here/things", b'{"names":["a","b"]}')
    assert (got.status, got.json()) == (201, {"total": 2, "place": "here"})


def test_query_values_take_the_kinds_of_the_ask() -> None:
    got = ask("GET", "/v1/here/things?limit=3&deep=true&tags=a&tags=b%20c")
    assert got.json() == {"place": "here", "limit": 3, "deep": True, "tags": ["a", "b c"]}


def test_path_values_take_the_kinds_of_the_ask() -> None:
    assert ask("GET", "/v1/numbers/21").json() == {"number": 42}


def test_a_slash_in_a_path_value_stays_inside_it() -> None:
    assert ask("GET", "/v1/a%2Fb%20%C3%A9/things").json()["place"] == "a/b é"


def test_empty_body_stands_for_an_empty_object() -> None:
    told = assert_problem(ask("POST", "/v1/here/things"), 400)
    assert told["detail"] == "object missing required field `names`"


def test_head_answers_as_get_without_the_body() -> None:
    got = ask("HEAD", "/v1/here/things")
    assert (got.status, got.body) == (200, b"")
    assert int(got.headers["content-length"]) > 0


def test_options_names_the_methods_and_allows_no_other_origin() -> None:
    got = ask("OPTIONS", "/v1/here/things", headers=[("origin", "https://example.com")])
    assert (got.status, got.headers["allow"]) == (204, "GET, POST, PUT")
    assert not [name for name in got.headers if name.startswith("access-control")]


def test_purpose_reaches_the_verb() -> None:
    here = world()
    run(here.ask("POST", "/v1/a/things", b'{"names":[]}', headers=[("privet-purpose", "essential.service")]))
    assert here.house.purposes == ["essential.service"]


# --- what it refuses --------------------------------------------------------------------------------------

BAD_BODIES = {
    "duplicate-key": (b'{"names":[],"names":["%b"]}', 400),
    "duplicate-key-deep": (b'{"names":[],"extra":{"a":"%b","a":1}}', 400),
    "nan": (b'{"names":["%b"],"extra":{"a":NaN}}', 400),
    "infinity": (b'{"names":["%b"],"extra":{"a":-Infinity}}', 400),
    "nul": (b'{"names":["%b\x00"]}', 400),
    "nul-escaped": (b'{"names":["%b\\u0000"]}', 400),
    "lone-surrogate": (b'{"names":["%b\\ud800"]}', 400),
    "bad-utf-8": (b'{"names":["%b\xff"]}', 400),
    "utf-16": ('{"names":["%b"]}'.encode("utf-16").replace(b"%\x00b\x00", b"%b"), 400),
    "byte-order-mark": (b'\xef\xbb\xbf{"names":["%b"]}', 400),
    "not-json": (b"names=%b", 400),
    "two-values": (b'{"names":[]} {"a":"%b"}', 400),
    "trailing-comma": (b'{"names":["%b",]}', 400),
    "deep": (b'{"names":[],"extra":{"a":' + b"[" * 65 + b'"%b"' + b"]" * 65 + b"}}", 413),
    "very-deep": (b"[" * 100_000 + b'"%b"', 413),
    "many-keys": (b'{"extra":{' + b",".join(b'"%06d":0' % n for n in range(10_001)) + b'},"names":["%b"]}', 413),
    "unknown-field": (b'{"names":[],"%b":1}', 400),
    "field-of-the-path": (b'{"names":[],"place":"%b"}', 400),
    "wrong-kind": (b'{"names":"%b"}', 400),
    "wrong-kind-inside": (b'{"names":["a",{"a":"%b"}]}', 400),
    "number-as-text": (b'{"names":[],"count":"%b"}', 400),
    "array": (b'["%b"]', 400),
    "null": (b"null", 400),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_body_is_a_problem_without_its_value(name: str) -> None:
    body, status = BAD_BODIES[name]
    assert_problem(ask("POST", "/v1/here/things", body.replace(b"%b", CANARY.encode())), status)


def test_wrong_kind_names_the_place() -> None:
    assert ask("POST", "/v1/here/things", b'{"names":["a",1]}').json()["at"] == "names[1]"


BAD_QUERIES = {
    "wrong-kind": f"limit={CANARY}",
    "wrong-bool": f"deep={CANARY}",
    "unknown": f"{CANARY}=1",
    "unknown-value": f"other={CANARY}",
    "twice": f"limit=1&limit={CANARY}",
    "no-value": CANARY,
    "bad-utf-8": f"tags={CANARY}%FF",
    "nul": f"tags={CANARY}%00",
    "many": "&".join(["tags=a"] * 101),
}


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_bad_query_is_a_problem_without_its_value(name: str) -> None:
    got = ask("GET", f"/v1/here/things?{BAD_QUERIES[name]}")
    assert got.status in (400, 422)
    assert_problem(got, got.status)


def test_bad_query_names_the_parameter() -> None:
    assert ask("GET", "/v1/here/things?limit=many").json()["at"] == "limit"


@pytest.mark.parametrize("path", [f"/v1/numbers/{CANARY}", "/v1/%FF/things", "/v1/%00/things", "/v1/a%0Ab/things"])
def test_bad_path_value_is_a_problem(path: str) -> None:
    got = ask("GET", path)
    assert_problem(got, got.status)
    assert got.status in (400, 422)


@pytest.mark.parametrize("path", ["/", "/v1", f"/v1/{CANARY}", "/v1//things", "/v1/here/things/", "/V1/here/things"])
def test_unknown_path_is_a_problem(path: str) -> None:
    assert assert_problem(ask("GET", path), 404)["code"] == "no_route"


def test_wrong_method_names_the_right_ones() -> None:
    got = ask("PATCH", "/v1/here/things")
    assert_problem(got, 405)
    assert got.headers["allow"] == "GET, POST, PUT"


def test_body_above_the_limit_is_refused_by_its_length_alone() -> None:
    lines = [("content-length", str((1 << 20) + 1)), ("expect", "100-continue")]
    got = ask("POST", "/v1/here/things", headers=lines)
    assert_problem(got, 413)
    assert got.headers["connection"] == "close"


def test_body_above_the_limit_is_refused_though_it_comes_in_chunks() -> None:
    here = world()
    chunks = [b'{"names":["' + b"a" * 100_000] + [b"a" * 100_000] * 1_000
    got = run(here.ask("POST", "/v1/here/things", chunks=chunks))
    assert_problem(got, 413)
    assert here.house.added == 0


def test_batch_verb_takes_more_than_a_plain_one() -> None:
    body = b'{"names":["' + b"a" * (1 << 21) + b'"]}'
    assert ask("POST", "/v1/here/things", body).status == 413
    assert ask("PUT", "/v1/here/things", body).status == 200


def test_get_takes_no_body() -> None:
    assert_problem(ask("GET", "/v1/here/things", b"{}"), 413)
    assert_problem(ask("GET", "/v1/here/things", chunks=[b"{}"]), 413)


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "٣", "9" * 5_000], ids=["minus", "e", "hex", "arabic", "long"])
def test_bad_content_length_is_a_problem(length: str) -> None:
    lines = [("content-length", length.encode().decode("latin-1"))]
    got = ask("POST", "/v1/here/things", headers=lines)
    assert_problem(got, got.status)
    assert got.status in (400, 413)


@pytest.mark.parametrize(
    "line",
    [
        ("content-type", "text/plain"),
        ("content-type", "application/json; charset=utf-16"),
        ("content-encoding", "gzip"),
    ],
    ids=["text", "utf-16", "gzip"],
)
def test_body_in_another_form_is_refused(line: tuple[str, str]) -> None:
    assert_problem(ask("POST", "/v1/here/things", b'{"names":[]}', headers=[line]), 415)


def test_many_or_long_header_lines_are_refused() -> None:
    assert_problem(ask("GET", "/open", headers=[(f"x-{n}", "a") for n in range(101)]), 431)
    assert_problem(ask("GET", "/open", headers=[("x-long", CANARY * 1_000)]), 431)


@pytest.mark.parametrize("name", ["authorization", "content-length", "idempotency-key", "privet-purpose"])
def test_line_that_stands_twice_is_refused(name: str) -> None:
    assert_problem(ask("GET", "/v1/here/things", key=None, headers=[(name, "1"), (name, "2")]), 400)


@pytest.mark.parametrize("purpose", ["", "Marketing", f"a {CANARY}", "a" * 300])
def test_purpose_that_is_no_label_is_refused(purpose: str) -> None:
    headers = [("privet-purpose", purpose)]
    assert_problem(ask("POST", "/v1/here/things", b'{"names":[]}', headers=headers), 422)


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "é"])
def test_idempotency_key_of_another_shape_is_refused(key: str) -> None:
    headers = [("idempotency-key", key)]
    assert_problem(ask("POST", "/v1/here/things", b'{"names":[]}', headers=headers), 422)


# --- who asks ---------------------------------------------------------------------------------------------

BAD_CREDENTIALS = {
    "none": None,
    "empty": "",
    "unknown": "pvt_nobody_0",
    "canary": CANARY,
    "not-ascii": "pvt_é",
}


@pytest.mark.parametrize("name", BAD_CREDENTIALS)
def test_call_without_a_good_key_is_refused(name: str) -> None:
    got = ask("GET", "/v1/here/things", key=BAD_CREDENTIALS[name])
    assert_problem(got, 401)
    assert got.headers["www-authenticate"] == "Bearer"


def test_basic_credentials_are_refused() -> None:
    assert_problem(ask("GET", "/v1/wait", key=None, headers=[("authorization", f"Basic {KEY}")]), 401)


def test_nobody_without_a_key_sends_a_body() -> None:
    got = ask("PUT", "/v1/here/things", chunks=[b"a"] * 10, key=None)
    assert_problem(got, 401)
    assert got.headers["connection"] == "close"


def test_open_verb_needs_no_key() -> None:
    assert ask("GET", "/open", key=None).status == 200


def test_description_needs_a_key() -> None:
    assert_problem(ask("GET", "/v1/openapi.json", key=None), 401)
    assert ask("GET", "/v1/openapi.json").json()["openapi"] == "3.1.0"


def test_revoked_key_is_dead_at_once() -> None:
    async def story() -> list[int]:
        here = world()
        found = [(await here.ask("GET", "/v1/here/things")).status]
        here.house.callers.known.clear()
        found.append((await here.ask("GET", "/v1/here/things")).status)
        return found

    assert run(story()) == [200, 401]


# --- what an answer looks like ----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/open", "/v1/fail", "/nowhere", "/v1/count/2"])
def test_every_answer_carries_the_security_lines(target: str) -> None:
    got = ask("GET", target)
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in got.headers["content-security-policy"]
    assert len(got.headers["privet-request"]) == 32
    assert "strict-transport-security" not in got.headers


def test_transport_security_is_demanded_under_tls() -> None:
    assert ask("GET", "/open", scheme="https").headers["strict-transport-security"].startswith("max-age=")


def test_request_id_is_ours_alone() -> None:
    got = ask("GET", "/open", headers=[("privet-request", "mine"), ("x-request-id", "mine")])
    assert "mine" not in got.headers.values()


@pytest.mark.parametrize("how", ["foreign", "timeout"])
def test_foreign_error_tells_nothing(how: str, caplog: pytest.LogCaptureFixture) -> None:
    got = ask("POST", "/v1/fail", f'{{"how":"{how}","secret":"{CANARY}"}}'.encode())
    told = assert_problem(got, 500)
    assert set(told) == {"type", "title", "status", "code", "request"}
    assert CANARY not in caplog.text
    assert told["request"] in caplog.text


def test_error_of_privet_tells_code_detail_and_place() -> None:
    told = assert_problem(ask("POST", "/v1/fail", b'{"how":"value"}'), 422)
    assert (told["code"], told["at"]) == ("invalid_value", "names[0]")
    assert told["detail"] == "expected `card.pan`: the checksum does not fit"
    assert_problem(ask("POST", "/v1/fail", b'{"how":"denied"}'), 403)
    assert_problem(ask("POST", "/v1/fail", b'{"how":"damaged"}'), 500)


def test_call_with_the_same_idempotency_key_is_carried_out_once() -> None:
    async def story(here: World) -> list[Answered]:
        key = [("idempotency-key", "k1")]
        first = await here.ask("POST", "/v1/a/things", b'{"names":["a"]}', headers=key)
        again = await here.ask("POST", "/v1/a/things", b'{"names":["a"]}', headers=key)
        other = await here.ask("POST", "/v1/a/things", b'{"names":["b"]}', headers=key)
        return [first, again, other]

    here = world()
    first, again, other = run(story(here))
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert assert_problem(other, 422)["code"] == "idempotency_mismatch"
    assert (here.house.added, settled(here.house)) == (1, 1)


# --- how long and how much --------------------------------------------------------------------------------


def test_body_that_does_not_come_in_time_is_a_problem() -> None:
    here = world(Limits(receipt_seconds=0.02))
    got = run(here.ask("POST", "/v1/here/things", chunks=[b'{"names":'], stall=True))
    assert_problem(got, 408)
    assert got.headers["connection"] == "close"


def test_body_that_comes_steadily_has_longer() -> None:
    here = world(Limits(receipt_seconds=0.02, receipt_rate=1))
    got = run(here.ask("POST", "/v1/here/things", chunks=[b'{"names":[' + b" " * 5, b"]}"]))
    assert got.status == 201


def test_verb_that_does_not_end_in_time_is_a_problem() -> None:
    assert_problem(run(world(Limits(work_seconds=0.02)).ask("GET", "/v1/wait")), 503)


@pytest.mark.parametrize("limits", [Limits(per_source=1), Limits(per_principal=1)], ids=["source", "principal"])
def test_one_caller_cannot_take_every_place(limits: Limits) -> None:
    async def story() -> tuple[Answered, Answered, Answered]:
        here = world(limits)
        first = asyncio.ensure_future(here.ask("GET", "/v1/wait"))
        await here.house.entered.wait()
        second = await here.ask("GET", "/v1/here/things")
        here.house.gate.set()
        return await first, second, await here.ask("GET", "/v1/here/things")

    first, second, third = run(story())
    assert (first.status, third.status) == (200, 200)
    assert_problem(second, 429)
    assert second.headers["retry-after"] == "1"


def test_other_callers_keep_their_places() -> None:
    async def story() -> int:
        here = world(Limits(per_source=1))
        first = asyncio.ensure_future(here.ask("GET", "/v1/wait"))
        await here.house.entered.wait()
        second = await here.ask("GET", "/v1/here/things", source="192.0.2.1")
        here.house.gate.set()
        await first
        return second.status

    assert run(story()) == 200


# --- streams ----------------------------------------------------------------------------------------------


def test_stream_is_one_value_a_line() -> None:
    got = ask("GET", "/v1/count/3")
    assert (got.body, got.ended) == (b'{"number":0}\n{"number":1}\n{"number":2}\n', True)
    assert got.headers["content-type"] == "application/x-ndjson"


def test_empty_stream_ends_well() -> None:
    got = ask("GET", "/v1/count/0")
    assert (got.status, got.body, got.ended) == (200, b"", True)


def test_stream_that_fails_at_once_is_a_problem() -> None:
    assert_problem(ask("GET", "/v1/count/13"), 403)


def test_stream_that_fails_in_the_middle_has_no_end() -> None:
    got = ask("GET", "/v1/count/501")
    assert (got.status, got.ended) == (200, False)
    assert got.body.endswith(b'{"number":499}\n')


def test_stream_stops_when_the_caller_leaves() -> None:
    got = ask("GET", "/v1/count/400", leave_after=3)
    assert not got.ended
    assert got.body.count(b"\n") < 10


def test_stream_stops_when_its_key_is_revoked() -> None:
    async def story() -> Answered:
        here = world()
        running = asyncio.ensure_future(here.ask("GET", "/v1/count/400"))
        for _ in range(20):
            await asyncio.sleep(0)
        here.house.callers.known.clear()
        return await running

    got = run(story())
    assert not got.ended
    assert 0 < got.body.count(b"\n") < 50


def test_stream_is_not_begun_for_head() -> None:
    got = ask("HEAD", "/v1/count/3")
    assert (got.status, got.body) == (405, b"")
