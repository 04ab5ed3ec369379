"""Plain words: every key of the taxonomy has its own in every language, and none was left in English."""

from __future__ import annotations

import doctest

import pytest

from privet.errors import UnknownName
from privet.vocabulary import plain, taxonomy
from privet.vocabulary.plain import LANGUAGES, words

OTHERS = LANGUAGES[1:]
ALIKE = {
    ("de", "category", "user.name", "name"),
    ("de", "category", "user.unique_id.pseudonymous", "name"),
    ("fr", "subject", "patient", "name"),
}
"""What is the same word in two languages."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", taxonomy.KINDS)
def test_every_key_of_the_taxonomy_has_words_and_no_other(kind: taxonomy.Kind, language: str) -> None:
    assert set(words(language)[kind]) == {label.key for label in taxonomy.labels(kind)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", taxonomy.KINDS)
def test_names_are_short_and_differ_and_sentences_are_one(kind: taxonomy.Kind, language: str) -> None:
    found = words(language)[kind]
    assert len({each.name for each in found.values()}) == len(found)
    assert [key for key, each in found.items() if not 2 < len(each.name) <= 50 or not each.name[0].isupper()] == []
    assert [key for key, each in found.items() if not each.about.endswith(".") or ". " in each.about] == []
    assert [key for key, each in found.items() if len(each.about) > 120 or not each.name.isprintable()] == []


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("kind", taxonomy.KINDS)
def test_nothing_is_left_untranslated(kind: taxonomy.Kind, language: str) -> None:
    english = words("en")[kind]
    left = {
        (language, kind, key, part)
        for key, each in words(language)[kind].items()
        for part in ("name", "about")
        if getattr(each, part) == getattr(english[key], part)
    }
    assert left == {each for each in ALIKE if each[:2] == (language, kind)}


def test_a_key_without_words_is_said_by_the_nearest_above_it() -> None:
    assert plain.plain("use", "marketing.advertising.new.kind", "de").name == "Werbeanzeigen"
    assert plain.plain("use", "loyalty", "de") == plain.Plain("loyalty", "")


@pytest.mark.parametrize(("tag", "name"), [("es-MX", "Nombre completo"), ("FR_ca", "Nom complet"), ("ja", "Name")])
def test_a_tag_leads_to_its_language_or_to_english(tag: str, name: str) -> None:
    assert plain.plain("category", "user.name", tag).name == name


def test_another_kind_is_refused() -> None:
    with pytest.raises(UnknownName):
        plain.plain("color", "user")  # type: ignore[arg-type]


def test_examples_hold() -> None:
    assert doctest.testmod(plain).failed == 0
