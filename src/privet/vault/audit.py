"""What was done, by whom, for what: entries that are durable before anything leaves, under a Merkle tree.

An entry holds names, record ids and counts, never values. Its leaf commits to salted hashes, so that a body can
expire while the proof stays. Signing and witnesses are the business of `vault.checkpoint`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from privet import codec, digest
from privet.store.port import Insert, Step

AUDIT = ("at", "salt", "body", "body_hash", "records", "records_hash")
WRITTEN_SIZE = 36  # one written record in an entry: id 16, version uint32 BE 4, head MAC 16


@dataclass(frozen=True, slots=True)
class Retry:
    """An idempotency key as the store knows it: MACs of (principal, verb, key) and of the body."""

    key: bytes
    body_mac: bytes
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One act of one caller: what its audit entry says, and the retry that it answers."""

    principal: str
    verb: str
    policy: str
    at_ms: int
    purpose: str = ""
    request: str = ""
    retry: Retry | None = None

    def entry(
        self, table: str = "", columns: tuple[str, ...] = (), *, records: bytes = b"", count: int = 0, note: str = ""
    ) -> Step:
        """Return the step that writes this deed's entry.

        `records`: ids of 16 bytes each that were read, or WRITTEN_SIZE bytes each that were written. `note`: names
        only, never a value.
        """
        body: dict[str, object] = {"who": self.principal, "verb": self.verb, "policy": self.policy, "count": count}
        for name, value in (
            ("purpose", self.purpose),
            ("request", self.request),
            ("table", table),
            ("columns", columns),
            ("note", note),
        ):
            if value:
                body[name] = value
        salt, text = digest.random_bytes(16), codec.encode(body)
        row = (
            self.at_ms,
            salt,
            text,
            digest.sha256(salt + text),
            records,
            digest.sha256(salt + records),
        )
        return Insert("audit", AUDIT, (row,))

    def unsettled(self) -> Deed:
        """Return the deed without its retry: for one part of a call that settles as a whole."""
        return replace(self, retry=None)

    def settle(self, answer: bytes) -> tuple[Step, ...]:
        """Return the step that remembers the answer's ids for a retry; nothing without an idempotency key."""
        if self.retry is None:
            return ()
        row = (self.retry.key, self.retry.body_mac, answer, "done", self.retry.expires_ms)
        return (Insert("idempotency", ("key", "body_mac", "answer", "state", "expires"), (row,)),)


def leaf(at_ms: int, body_hash: bytes, records_hash: bytes) -> bytes:
    """Return the data of an entry's Merkle leaf: what stays when the body has expired."""
    return at_ms.to_bytes(8, "big") + body_hash + records_hash
