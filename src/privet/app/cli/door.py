"""The way of a command to the data: a server by URL, the home opened here, or the socket of who holds it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from privet.app import settings
from privet.app.cli.reach import Reach
from privet.app.client import Client
from privet.app.settings import Settings
from privet.app.uds import answers
from privet.app.wiring import House
from privet.errors import Unauthenticated, VaultBusy
from privet.secret import Secret

_NO_KEY = Secret("none")
PATIENCE_SECONDS = 10.0
"""How long a command waits for another one that holds the home and serves nobody."""


@contextmanager
def door(reach: Reach, *, keyless: bool = False) -> Iterator[Client]:
    """Open a way to the data; it is closed at the end. `keyless`: for verbs that need no credential.

    Raises Refused (no home), Unauthenticated (no key), VaultBusy (another command holds the home for too long).
    """
    url = reach.url or ("" if reach.home else settings.server_url())
    if url:
        with Client(url, _NO_KEY if keyless else _key(None), purpose=reach.purpose, ca=_ca(reach)) as client:
            yield client
        return
    found = home_settings(reach)
    key = _NO_KEY if keyless else _key(found)
    house = _house(found)
    if house is None:
        with Client(f"unix:{found.socket}", key, purpose=reach.purpose) as client:
            yield client
        return
    try:
        with Client.embedded(house, key, purpose=reach.purpose) as client:
            yield client
    finally:
        house.close()


def home_settings(reach: Reach) -> Settings:
    """Return the settings of the home. Raises Refused if there is none."""
    return settings.load(settings.home_path(reach.home))


def _key(found: Settings | None) -> Secret[str]:
    key = settings.api_key(found)
    if key is None:
        raise Unauthenticated("expected an API key, found none", hint="set PRIVET_API_KEY")
    return key


def _ca(reach: Reach) -> Path | None:
    return Path(reach.ca) if reach.ca else settings.ca_file()


def _house(found: Settings) -> House | None:
    """Return the home, opened here, or None when the process that holds it answers on its socket."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        if answers(found.socket):
            return None
        try:
            return House(found)
        except VaultBusy:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)  # another command is at work, or a server that is about to listen
