"""Secrets do not show, identifiers are what they claim, shelves hold what their folders hold."""

from __future__ import annotations

import copy
import pickle

import pytest

from privet import digest
from privet.errors import UnknownName
from privet.near import LONGEST, meant
from privet.secret import Secret
from privet.shelf import Shelf
from privet.vocabulary.datatype import TYPES, DataType, data_type, reveals_more


def test_a_secret_shows_nothing() -> None:
    secret = Secret("4111111111111111")
    shown = f"{secret}{secret!r}{secret!s}{[secret]}{secret:>20}"
    assert "4111" not in shown and secret.reveal() == "4111111111111111"
    assert secret != Secret("4111111111111111")
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(secret)


def test_record_ids_are_version_seven_and_ascend() -> None:
    # RFC 9562, section 5.7: 48 bits of milliseconds, version 7, variant 10.
    ids = digest.record_ids(5000, now_ms=0x017F22E279B0)
    assert ids == sorted(ids) and len(set(ids)) == 5000
    text = digest.id_text(ids[0])
    assert text.startswith("017f22e2-79b0-7") and text[19] in "89ab" and digest.id_bytes(text) == ids[0]


@pytest.mark.parametrize(
    "text", ["", "x" * 36, "{017f22e2-79b0-7000-8000-00000000000}", "017f22e279b070008000000000000000"]
)
def test_what_is_no_uuid_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        digest.id_bytes(text)


def test_canonical_parts_do_not_run_together() -> None:
    assert digest.canonical([b"ab", b"c"]) != digest.canonical([b"a", b"bc"])


def test_the_mac_is_hmac_sha_256() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert digest.mac(b"Jefe", b"what do ya want for nothing?").hex() == expected


def test_a_shelf_offers_the_nearest_name_and_never_the_asked_one() -> None:
    with pytest.raises(UnknownName) as caught:
        TYPES.get("card.pam")
    assert "card.pan" in caught.value.hint and "card.pam" not in str(caught.value)


def test_a_hint_names_the_nearest_first_and_no_more_than_it_is_asked_for() -> None:
    known = ["email", "emails", "phone"]
    assert meant("emial", known) == "did you mean `email`?"
    assert meant("emial", known, most=2) == "did you mean `email` or `emails`?"
    assert meant("zzz", known) == "" and meant("zzz", known, otherwise="see the list") == "see the list"


def test_nothing_is_near_to_what_is_longer_than_a_name() -> None:
    word = "e" * LONGEST
    assert meant(word, [word + "e"]) and not meant(word + "e", [word])


def test_what_ships_and_what_plug_ins_add_are_all_that_a_shelf_has() -> None:
    shelf = Shelf("privet.crypto.masks", object, word="mask")
    assert [*shelf.shipped(), *shelf.added()] == shelf.all()


def test_a_part_of_another_kind_is_refused() -> None:
    with pytest.raises(UnknownName):
        Shelf("privet.crypto.masks", DataType, word="type").get("masked")


def test_names_and_aliases_of_types_are_unique() -> None:
    kinds = TYPES.all()
    names = [kind.name for kind in kinds] + [alias for kind in kinds for alias in kind.aliases]
    assert len(kinds) >= 60 and len(set(names)) == len(names)
    assert data_type("card") is TYPES.get("card.pan")


def test_redactions_are_ordered_from_least_to_most() -> None:
    card = TYPES.get("card.pan")
    assert reveals_more(card, "plain_text", "masked") and not reveals_more(card, "redacted", "masked")
    assert not reveals_more(card, "no_such_mask", "redacted")
