"""Letters: the same in every language, and no fact that becomes a line, a header or a template."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from privet.errors import InvalidInput, UnknownName
from privet.rights.asked import DENIALS, EXTENSIONS
from privet.rights.letters import FACTS, LANGUAGES, day, letter, moment, render, tongue, word, words
from privet.rights.words import Kind, State
from privet.vocabulary import plain

DAY = date(2026, 5, 3)
FACT: Mapping[type, Any] = {str: "x", int: 7, date: DAY, datetime: datetime(2026, 5, 3, 14, 5, tzinfo=UTC)}
ALIKE = {
    *(("de", f"months.{number}") for number in (3, 7, 8, 10)),
    ("es", "page.is_no"),
    ("de", "first"),
    ("es", "first"),
    ("pt", "first"),
    ("fr", "date"),
}
"""What is the same text in English and in another language."""
PLACE = re.compile(r"\$(\w+)")


def facts(kind: str, **changed: Any) -> dict[str, Any]:
    """Return what a letter needs."""
    found = {name: FACT[type_] for name, type_ in FACTS[kind].items()}
    if "asked" in found:
        found["asked"] = "access"
    if "reason" in found:
        found["reason"] = {"denied": "not_held", "extended": "complex"}[kind]
    return found | changed


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a file with its path."""
    if isinstance(node, Mapping):
        for key, each in node.items():
            yield from leaves(each, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from leaves(each, f"{path}.{number}")
    else:
        yield path, node


def texts(language: str) -> dict[str, str]:
    return dict(leaves(tongue.read(language)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_placeholders(language: str) -> None:
    def placed(name: str) -> dict[str, list[str]]:
        return {path: sorted(PLACE.findall(text)) for path, text in texts(name).items()}

    assert placed(language) == placed("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_hold_names_to_fill_in_and_no_logic(language: str) -> None:
    for path, text in texts(language).items():
        assert text.strip(), path
        assert not re.search(r"\$(?![a-z])|\$\{|\$\$|[{}<>%`\\]", text), path
        assert all(sign.isprintable() or sign == "\n" for sign in text), path


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_nothing_is_left_untranslated(language: str) -> None:
    english = texts("en")
    same = {(language, path) for path, text in texts(language).items() if text == english[path]}
    assert same == {each for each in ALIKE if each[0] == language}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_and_kind_has_words(language: str) -> None:
    assert set(words("denials", language)) == set(DENIALS)
    assert set(words("extensions", language)) == set(EXTENSIONS)
    assert set(words("asked", language)) == set(get_args(Kind))
    assert set(words("states", language)) == set(get_args(State))
    assert set(tongue.read(language)["letters"]) == set(FACTS)


@pytest.mark.parametrize("kind", FACTS)
def test_a_letter_shows_every_fact_that_it_is_told(kind: str) -> None:
    held = tongue.read("en")["letters"][kind]
    shown = set(PLACE.findall(f"{held['subject']}\n{held['text']}")) | {"organization", "contact"}
    assert shown == set(FACTS[kind])


@pytest.mark.parametrize("kind", FACTS)
def test_a_subject_says_nothing_about_the_person(kind: str) -> None:
    for language in LANGUAGES:
        subject = tongue.read(language)["letters"][kind]["subject"]
        assert set(PLACE.findall(subject)) <= {"organization"}
        assert not any(text in subject for text in words("asked", language).values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", FACTS)
def test_letters_are_set_to_lines_that_every_reader_shows(kind: str, language: str) -> None:
    lines = render(kind, language, facts(kind)).text.reveal().splitlines()
    assert max(map(len, lines)) <= 76
    assert "$" not in "".join(lines)
    assert not any(first == second == "" for first, second in pairwise(lines))


def test_a_denial_names_its_reason_the_authority_and_the_court() -> None:
    # GDPR art. 12(4): the reasons, and the possibility of a complaint and of a judicial remedy.
    told = render("denied", "en", facts("denied", reason="excessive", contact="privacy@example.com")).text.reveal()
    flat = " ".join(told.split())
    assert "Reason: The request is excessive" in flat
    assert "complain to a data protection authority" in flat
    assert "go to court" in flat
    assert "privacy@example.com" in flat


@pytest.mark.parametrize(
    ("language", "until"), [("en", "3 May 2026"), ("de", "3. Mai 2026"), ("es", "3 de mayo de 2026")]
)
def test_an_extension_names_the_new_day_and_its_reason(language: str, until: str) -> None:
    # GDPR art. 12(3): the person is told of the extension and of the reasons for it.
    told = " ".join(render("extended", language, facts("extended")).text.reveal().split())
    assert until in told
    assert word("extensions", "complex", language) in told


def test_a_code_says_who_asks_how_long_it_holds_and_that_it_may_be_ignored() -> None:
    made = render("code", "en", facts("code", organization="Example Shop", code="12345678", minutes=10))
    flat = " ".join(made.text.reveal().split())
    assert "12345678" in flat
    assert "holds for 10 minutes" in flat
    assert "ignore this message" in flat
    assert "Example Shop" in flat
    assert "12345678" not in made.subject + repr(made)


@pytest.mark.parametrize("language", LANGUAGES)
def test_months_are_told_apart_and_a_day_keeps_its_number(language: str) -> None:
    said = [day(date(2026, month, 28), language) for month in range(1, 13)]
    assert len(set(said)) == 12
    assert all("28" in text and "2026" in text for text in said)


def test_a_moment_has_the_zone_in_which_it_is() -> None:
    when = datetime(2026, 7, 1, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert moment(when, "fr") == "1er juillet 2026, 09:30 (CEST)"


@pytest.mark.parametrize(
    "hostile", ["a\r\nBcc: eve@example.com", "a\nb", "a\u2028b", "a\u202eb", "a\0b", "", "  ", "x" * 201]
)
@pytest.mark.parametrize("name", ["organization", "contact", "request"])
def test_a_fact_is_one_line_of_what_it_shows(name: str, hostile: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        render("done", "en", facts("done", **{name: hostile}))
    assert "eve" not in str(raised.value)


def test_a_fact_is_no_template() -> None:
    told = render("done", "en", facts("done", organization="$contact ${contact}", contact="c@example.com"))
    assert "$contact ${contact}" in told.text.reveal()


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("warning", {"days": "7"}),
        ("warning", {"days": True}),
        ("warning", {"due": "tomorrow"}),
        ("warning", {"due": datetime(2026, 5, 3, tzinfo=UTC)}),
        ("ready", {"until": datetime(2026, 5, 3, tzinfo=UTC).replace(tzinfo=None)}),
        ("ready", {"until": DAY}),
        ("done", {"note": "more"}),
    ],
)
def test_a_fact_of_another_kind_is_refused(kind: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        render(kind, "en", facts(kind, **changed))


def test_a_fact_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput, match="`request`"):
        render("done", "en", {name: value for name, value in facts("done").items() if name != "request"})


@pytest.mark.parametrize(
    ("kind", "changed"), [("denied", {"reason": "whim"}), ("done", {"asked": "magic"}), ("hello", {})]
)
def test_what_has_no_words_is_refused(kind: str, changed: dict[str, Any]) -> None:
    with pytest.raises(UnknownName):
        render(kind, "en", facts(kind, **changed) if kind in FACTS else {})


def test_sections_are_named() -> None:
    with pytest.raises(UnknownName):
        words("letters", "en")
    with pytest.raises(UnknownName):
        word("states", "lost", "en")


def test_the_languages_of_letters_are_those_of_plain_words() -> None:
    assert plain.LANGUAGES == LANGUAGES


@pytest.mark.parametrize("module", [tongue, letter], ids=lambda module: module.__name__)
def test_examples_hold(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
