"""The file of known findings: written for people, read strictly, and what it sets aside."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from privet.codec import Place
from privet.errors import InvalidInput, MalformedBody
from privet.manifest.check import baseline
from privet.manifest.finding import Finding


def finding(rule: str = "unknown-category", file: str = "a.yml", line: int = 1, **more: str) -> Finding:
    said = {"subject": "dataset crm", "message": "no such category", **more}
    return Finding(rule=rule, severity="error", at=Place(file, line, 1), **said)  # type: ignore[arg-type]


ONE, OTHER = finding(), finding("no-subjects", "b.yml", subject="system shop")


def test_what_is_written_is_known() -> None:
    assert baseline.apply([ONE, OTHER], baseline.write([ONE, OTHER])) == ((), 2, 0)


def test_a_finding_that_is_new_is_left() -> None:
    assert baseline.apply([ONE, OTHER], baseline.write([ONE])) == ((OTHER,), 1, 0)


def test_a_finding_that_moved_is_still_known() -> None:
    assert baseline.apply([replace(ONE, at=Place("a.yml", 9, 4), hint="another")], baseline.write([ONE])).fresh == ()


def test_entries_that_nothing_is_found_for_are_told() -> None:
    text = baseline.write([ONE, OTHER])
    assert baseline.apply([ONE], text).stale == 1


def test_as_many_are_known_as_were_found() -> None:
    text = baseline.write([ONE, finding(line=2)])
    assert json.loads(text)["known"][0]["count"] == 2
    third = finding(line=3)
    assert baseline.apply([ONE, finding(line=2), third], text) == ((third,), 2, 0)
    assert baseline.apply([ONE], text).stale == 1


def test_the_file_is_the_same_in_whatever_order_findings_come_and_has_a_line_for_each() -> None:
    text = baseline.write([ONE, OTHER])
    assert text == baseline.write([OTHER, ONE])
    assert [line.count("fingerprint") for line in text.split("\n")] == [0, 0, 0, 1, 1, 0, 0, 0]
    assert baseline.read(baseline.write([])) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": "1", "known": []}',
        '{"version": 1, "known": [{"rule": "x"}]}',
        '{"version": 1, "known": [], "more": 1}',
        '{"version": 1, "known": [], "known": []}',
    ],
)
def test_a_file_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        baseline.apply([], text, "known.json")
    assert str(caught.value).startswith("known.json: ")


def test_a_file_of_a_later_version_is_refused() -> None:
    with pytest.raises(InvalidInput):
        baseline.read('{"version": 2, "known": []}', "known.json")


def test_counts_below_one_know_nothing() -> None:
    text = baseline.write([ONE]).replace('"subject":"dataset crm"', '"subject":"dataset crm","count":-5')
    assert baseline.apply([ONE], text) == ((ONE,), 0, 0)


@pytest.mark.parametrize("rule", ["invalid-yaml", "unreadable-file"])
def test_a_file_that_nobody_can_read_never_becomes_known(rule: str) -> None:
    unread = finding(rule)
    assert json.loads(baseline.write([unread]))["known"] == []
    written = baseline.write([finding("unknown-key")]).replace(finding("unknown-key").fingerprint, unread.fingerprint)
    assert baseline.apply([unread], written).fresh == (unread,)
