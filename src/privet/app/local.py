"""Open a home of this machine for a program: its house and a client of it, closed together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from privet.app.client import Client
from privet.app.settings import home_path, load
from privet.app.wiring import House


@contextmanager
def open_home(home: str = "", *, purpose: str = "") -> Iterator[Client]:
    """Yield a client of the home at `home` (default: PRIVET_HOME, else `privet-home` here), in this process.

    Raises Refused where there is no home, VaultBusy while another process holds it.
    """
    house = House(load(home_path(home)))
    try:
        with Client.embedded(house, purpose=purpose) as client:
            yield client
    finally:
        house.close()
