"""Opened subject keys in memory: few, and not for long."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

MOST_CACHED = 50_000  # opened keys in memory, some 8 MB
CACHE_MS = 5 * 60 * 1000


class KeyCache:
    """Opened keys: at most MOST_CACHED, each for at most CACHE_MS. Two halves, the older dropped whole."""

    def __init__(self) -> None:
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}
        self._since_ms = 0
        self._lock = threading.Lock()

    def get(self, subjects: Sequence[bytes]) -> list[bytes | None]:
        """Return the key of each subject, None where it is not held."""
        young, old = self._young.get, self._old.get
        return [young(subject) or old(subject) for subject in subjects]

    def put(self, keys: dict[bytes, bytes]) -> None:
        """Hold opened keys; of very many, some."""
        with self._lock:
            if len(self._young) + len(keys) > MOST_CACHED // 2:
                self._old, self._young = self._young, {}
            self._young.update(list(keys.items())[: MOST_CACHED // 2])

    def age(self, now_ms: int) -> None:
        """Let go of what was held for too long. Called before keys are used."""
        if now_ms - self._since_ms < CACHE_MS // 2:
            return
        with self._lock:
            self._old = self._young if now_ms - self._since_ms < CACHE_MS else {}
            self._young = {}
            self._since_ms = now_ms

    def drop(self, subjects: Iterable[bytes]) -> None:
        """Let go of the keys of some subjects."""
        with self._lock:
            for subject in subjects:
                self._young.pop(subject, None)
                self._old.pop(subject, None)
