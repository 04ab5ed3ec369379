"""Composites: their members are columns that somebody could have written."""

from __future__ import annotations

import pytest

from privet.errors import UnknownName
from privet.vocabulary.composite import composite, composite_names
from privet.vocabulary.datatype import data_type


def test_the_composites_that_users_know_exist() -> None:
    assert set(composite_names()) >= {"person", "address", "card", "bank_account"}


@pytest.mark.parametrize("name", composite_names())
def test_every_member_has_a_type_and_indexes_that_it_offers(name: str) -> None:
    for member in composite(name).members:
        assert set(member.indexes) <= set(data_type(member.type).indexes), member.name


@pytest.mark.parametrize("name", composite_names())
def test_member_names_do_not_repeat(name: str) -> None:
    names = [member.name for member in composite(name).members]
    assert len(names) == len(set(names))


def test_a_security_code_is_never_more_than_transient() -> None:
    cvv = next(member for member in composite("card").members if member.name == "cvv")
    assert (data_type(cvv.type).keep, cvv.token) == ("transient", "transient")


def test_an_unknown_composite_offers_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        composite("adress")
    assert "`address`" in caught.value.hint
