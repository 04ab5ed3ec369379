"""What the page of a package says of uses, so that somebody without training takes nothing for what it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_packet import DISCLOSURE, files, gathered, market

from privet.rights.packet.about import Use

FIRST = DISCLOSURE.places["shop"].uses[0]


def page(use: Use, language: str = "en") -> str:
    """Return the page of somebody whose shop uses her data so."""
    place = replace(DISCLOSURE.places["shop"], uses=(use,))
    told = replace(DISCLOSURE, places={**DISCLOSURE.places, "shop": place})
    made = market()
    return files(made, gathered(made, language=language), language, told)["index.html"].decode()


def test_a_use_of_which_nothing_is_recorded_says_so_once() -> None:
    text = page(Use(system="Shop", use="marketing.advertising", categories=FIRST.categories))
    assert text.count("Nothing more is written down about this use.") == 1
    assert "Kinds of data" in text


def test_what_a_policy_alone_permits_is_not_told_as_a_use_of_every_kind_of_data() -> None:
    text = page(Use(system="Shop", use="marketing.advertising", categories=FIRST.categories, permitted=True))
    shown = text[text.index("Our rules permit this use") - 300 :]
    assert "Kinds of data" not in shown.partition("</div>")[0]


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("SCCs", "SCCs (standard contract clauses"),
        ("BCRs, US", "BCRs (binding rules of the group"),
        ("Adequacy Decision", "Adequacy Decision (the European Commission found"),
        ("yes", "Data is sent to other countries.<"),
    ],
)
def test_what_protects_data_abroad_is_said_in_words(said: str, meaning: str) -> None:
    assert meaning in page(replace(FIRST, transfers=said))


def test_what_she_was_looked_up_by_is_called_as_people_call_it() -> None:
    assert "<dt>E-Mail-Adresse</dt>" in page(FIRST, "de")
