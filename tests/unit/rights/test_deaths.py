"""A worker that dies before or after any of its writes, with systems side by side, is followed by one that ends it."""

from __future__ import annotations

from typing import Any

import pytest
from a_request import Place, packed

from privet.store.engines.memory import MemoryStore
from privet.store.port import Unit


class Died(BaseException):
    """The process is gone: nothing below may catch this."""


class Mortal(MemoryStore):
    """A store whose process dies at one of its writes, before or after it."""

    left = -1
    after = False

    def write_now(self, unit: Unit) -> None:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Died
        super().write_now(unit)
        if self.left == 0:
            raise Died


def lived(kind: Any, deaths: list[tuple[int, bool]], **profile: Any) -> tuple[Place, str, bool]:
    """Return a place in which a request ran over some deaths, its id, and whether all of them happened."""
    store = Mortal()
    place = Place(store=store)
    for name in place.systems:
        place.behaving(name, atomic=False, **profile)
    request = place.open(kind)
    died = 0
    for at, after in deaths:
        store.left, store.after = at, after
        try:
            place.over(request)
        except Died:
            died += 1
            place.now += 10_000
    store.left = -1
    assert place.over(request).state == "complete"
    return place, request.id, died == len(deaths)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("effect", ["look", "key", "transaction"])
def test_an_erasure_survives_a_death_at_any_write_with_each_effect_made_once(effect: str, after: bool) -> None:
    whole = True
    for at in range(1, 12):
        place, _, whole = lived("erasure", [(at, after)], effect=effect)
        for system in place.systems.values():
            assert system.erased
            if effect != "transaction":
                assert set(system.erased.values()) == {1}
        assert place.systems["shop"].rows["customers"][0] == {"id": 1, "email": None, "name": "gone"}
    assert not whole, "every write was one at which it died"


@pytest.mark.parametrize("first", range(1, 6))
def test_two_deaths_are_no_worse_than_one(first: int) -> None:
    for second in range(1, 6):
        place, _, _ = lived("erasure", [(first, True), (second, False)], effect="look")
        assert all(set(system.erased.values()) == {1} for system in place.systems.values())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_access_survives_a_death_at_any_write(after: bool) -> None:
    for at in range(1, 5):
        place, id_, _ = lived("access", [(at, after)])
        assert [row["values"]["id"] for row in packed(place, id_)["shop"]["orders"]] == [10, 12]
