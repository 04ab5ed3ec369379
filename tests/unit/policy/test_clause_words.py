"""Words of clauses that are known without loading what they come from."""

from __future__ import annotations

from privet.policy.clauses._words import BUILT_IN_REDACTIONS, is_redaction
from privet.vocabulary.datatype import TYPES


def test_the_built_in_redactions_are_those_of_the_built_in_types() -> None:
    listed = {name for kind in TYPES.built_in for name in TYPES.get(kind).redactions}
    assert listed == BUILT_IN_REDACTIONS


def test_a_name_that_no_type_lists_is_none() -> None:
    assert not is_redaction("last_fuor")
