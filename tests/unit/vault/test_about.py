"""Whom the records of a table are about: what `deny use … about` looks at."""

from __future__ import annotations

import pytest

from privet.errors import Denied, InvalidSchema
from privet.policy.decide import decide
from privet.policy.parse import parse
from privet.vault.reader import read_schema
from privet.vocabulary.access import Access, Principal, Purpose

TEXT = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self, about: ABOUT}}
        fields:
          - name: email
            fides_meta: {privet: {type: contact.email}}
"""
RULES = """
role seller
allow read on people.* with redaction = plain_text

deny use of user.contact for marketing about customer
"""


def test_about_names_subjects_of_the_taxonomy() -> None:
    assert read_schema(TEXT.replace("ABOUT", "[customer, prospect]")).collections[0].about == ("customer", "prospect")


def test_unknown_subject_is_a_fault_at_its_place() -> None:
    with pytest.raises(InvalidSchema) as caught:
        read_schema(TEXT.replace("ABOUT", "custommer"), "shop.yml")
    fault = caught.value.faults[0]
    assert (fault.at.partition(":")[0], fault.hint) == ("shop.yml", "did you mean `customer`?")


@pytest.mark.parametrize(("about", "denied"), [("customer", True), ("employee", False), ("[]", True)])
def test_denied_use_binds_tables_about_its_subjects_and_those_that_do_not_say(about: str, denied: bool) -> None:
    table = read_schema(TEXT.replace("ABOUT", about)).collections[0]
    seller = Principal(id="p", name="p", roles=("seller",), purposes=(Purpose("marketing"),))
    access = Access("read", "people", ("email",), Purpose("marketing"))
    if denied:
        with pytest.raises(Denied):
            decide(parse(RULES), seller, access, table)
    else:
        assert decide(parse(RULES), seller, access, table).allows("email")
