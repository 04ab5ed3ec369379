"""Contract suites for parts: what every part of a shelf must do, as classes that a test module inherits from.

A suite needs a test runner that finds methods by `test_` and gives them `tmp_path`, an empty folder; it imports none.
A connector that reads and erases by itself keeps `ConnectorContract`; one that asks a person to, `PeopleContract`.
"""

from privet.testing.connector import ConnectorContract
from privet.testing.people import PeopleContract
from privet.testing.question import QuestionContract
from privet.testing.store import StoreContract

__all__ = ["ConnectorContract", "PeopleContract", "QuestionContract", "StoreContract"]
