"""Asks out of requests: read in one step or in parts, a body comes to the same."""

from __future__ import annotations

import pytest

from privet.app.http.asks import MOST_AT_ONCE, Reader
from privet.app.http.paths import NOBODY, Incoming
from privet.app.services.tokens import DetokenizeAsk
from privet.errors import InvalidInput, MalformedBody, PrivetError

PATH = "/v1/vaults/{vault}/detokenize"
READER = Reader("tokens.detokenize", "POST", PATH, DetokenizeAsk, 10)
LARGE = b" " * MOST_AT_ONCE  # white space, which takes a body past the size that is read in one step


def read(body: bytes, query: bytes = b"") -> DetokenizeAsk:
    asked: DetokenizeAsk = READER.read(
        Incoming(
            request="r",
            params={"vault": "v"},
            query=query,
            headers={},
            principal=None,
            recheck=lambda: NOBODY,
            body=body,
        )
    )
    return asked


def told(body: bytes) -> object:
    try:
        return read(body)
    except PrivetError as error:
        return type(error), str(error), error.hint


@pytest.mark.parametrize(
    "body",
    [
        b'{"tokens": ["a", "b"]}',
        b'{"tokens": [], "redaction": "masked", "table": "t", "column": "c"}',
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"tokens": [1]}',
        b'{"tokens": "a"}',
        b'{"tokens": ["a"], "vault": "w"}',
        b'{"tokens": ["a"], "more": 1}',
        b'{"tokens": ["a"], "tokens": ["b"]}',
        b'{"tokens": ["a"]',
        b'{"tokens": ["\\ud800"]}',
        b'{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1, "i": 1, "j": 1, "k": 1}',
    ],
)
def test_small_and_large_bodies_are_read_alike(body: bytes) -> None:
    assert told(body) == told(body + LARGE if body else b"{}" + LARGE)


def test_the_vault_of_an_ask_comes_from_its_path_alone() -> None:
    assert read(b'{"tokens": ["a"]}').vault == "v"
    with pytest.raises(MalformedBody):
        read(b'{"tokens": ["a"], "vault": "w"}')


def test_nothing_stands_in_a_query_beside_a_body() -> None:
    with pytest.raises(InvalidInput):
        read(b'{"tokens": ["a"]}', b"redaction=masked")
