"""Every engine on the shelf keeps the store's contract."""

from privet.store.port import ENGINES
from privet.testing import QuestionContract, StoreContract


class TestMemory(StoreContract, QuestionContract):
    engine = ENGINES.get("memory")


class TestSqlite(StoreContract, QuestionContract):
    engine = ENGINES.get("sqlite")


def test_every_engine_is_under_the_contract() -> None:
    assert {TestMemory.engine.name, TestSqlite.engine.name} == set(ENGINES.built_in)
