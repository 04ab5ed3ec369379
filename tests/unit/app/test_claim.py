"""The first owner of a home: a token that works once, for a quarter of an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from staff import NOW, Staff

from privet.app.services import principals
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize_unclaimed
from privet.errors import (
    Conflict,
    Unauthenticated,
)
from privet.vocabulary.access import Principal


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    yield made
    made.close()


class Unclaimed:
    """A home that nobody owns."""

    def __init__(self, home: Path) -> None:
        self.now = NOW
        self.settings = Settings(home=home, key_file=home / "root.key")
        self.token = initialize_unclaimed(self.settings, now_ms=NOW).reveal()
        self.house = House(load(home), clock=lambda: self.now)

    def claim(self, token: str, name: str = "owner") -> Any:
        ask = principals.ClaimAsk(token=token, name=name)
        nobody = Caller(Principal(id="", name="nobody", roles=()))
        return asyncio.run(principals.claim(self.house, nobody, ask))


@pytest.fixture
def unclaimed(tmp_path: Path) -> Iterator[Unclaimed]:
    made = Unclaimed(tmp_path / "home")
    yield made
    made.house.close()


def test_the_first_admin_token_makes_the_owner_once(unclaimed: Unclaimed) -> None:
    made = unclaimed.claim(unclaimed.token, "ann")
    found = unclaimed.house.callers.principal(made.key, NOW)
    assert (found.name, found.roles, found.kind) == ("ann", ("owner",), "person")
    with pytest.raises(Unauthenticated):
        unclaimed.claim(unclaimed.token, "bob")


def test_the_first_admin_token_lives_fifteen_minutes(unclaimed: Unclaimed) -> None:
    unclaimed.now += 15 * 60_000
    with pytest.raises(Unauthenticated):
        unclaimed.claim(unclaimed.token)
    unclaimed.now -= 1
    assert unclaimed.claim(unclaimed.token).key


def test_of_two_who_claim_at_once_one_becomes_the_owner(unclaimed: Unclaimed) -> None:
    async def story() -> list[Any]:
        nobody = Caller(Principal(id="", name="nobody", roles=()))
        asks = [principals.ClaimAsk(token=unclaimed.token, name=name) for name in ("ann", "bob")]
        tries = [principals.claim(unclaimed.house, nobody, ask) for ask in asks]
        return await asyncio.gather(*tries, return_exceptions=True)

    found = asyncio.run(story())
    assert sorted(type(item).__name__ for item in found) == ["Created", "Unauthenticated"]
    assert len(unclaimed.house.callers.accounts()) == 1


def test_a_new_first_admin_token_ends_the_older_one(unclaimed: Unclaimed) -> None:
    unclaimed.house.close()
    newer = initialize_unclaimed(unclaimed.settings, now_ms=NOW + 1).reveal()
    unclaimed.house = House(load(unclaimed.settings.home), clock=lambda: unclaimed.now)
    with pytest.raises(Unauthenticated):
        unclaimed.claim(unclaimed.token)
    assert unclaimed.claim(newer).key


def test_a_home_with_an_owner_gives_no_first_admin_token(staff: Staff) -> None:
    staff.close()
    with pytest.raises(Conflict):
        initialize_unclaimed(Settings(home=staff.home, key_file=staff.home / "root.key"), now_ms=NOW)
    staff.open()


@pytest.mark.parametrize("change", ["word", "secret", "as key"])
def test_what_is_not_the_first_admin_token_makes_nobody(unclaimed: Unclaimed, change: str) -> None:
    token = unclaimed.token
    wrong = {"word": token.replace("pvc_", "pvt_"), "secret": token[:-1] + "!", "as key": token}[change]
    with pytest.raises(Unauthenticated):
        if change == "as key":
            unclaimed.house.callers.principal(wrong, NOW)
        else:
            unclaimed.claim(wrong)
    assert unclaimed.house.callers.accounts() == []
