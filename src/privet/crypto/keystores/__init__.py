"""The shelf of root key providers: one file each. See `privet.crypto.keys.Provider`."""

from __future__ import annotations

from privet.crypto.keys import Provider
from privet.shelf import Shelf

KEYSTORES: Shelf[Provider] = Shelf("privet.crypto.keystores", Provider, word="key store")
