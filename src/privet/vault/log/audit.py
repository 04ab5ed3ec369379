"""What was done, by whom, for what: entries that are durable before anything leaves, under a Merkle tree.

An entry holds names, record ids and counts, never values. Its leaf commits to salted hashes, so that a body can
expire while the proof stays: body and records each have a salt of their own, which goes when they go. Signing is the
business of `vault.log.checkpoint`, reading entries back that of `vault.log.history`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from privet import codec, digest
from privet.errors import Damaged
from privet.store.port import Expect, Insert, Put, Row, Step
from privet.vocabulary.predicate import And, Compare

AUDIT = ("at", "kind", "body_salt", "body", "body_hash", "records_salt", "records", "records_hash")
READ, WRITTEN, EXPIRED = 1, 2, 3  # the kind of an entry: what its records say
READ_SIZE = 16  # one record of a READ entry: its id
WRITTEN_SIZE = 36  # one record of a WRITTEN entry: id 16, version uint32 BE 4 (0: deleted), head MAC 16
RUN_SIZE = 17  # one run of an EXPIRED entry: what went 1 (BODY, RECORDS), first and last entry uint64 BE 8 each
BODY, RECORDS = 1, 2
SALT_SIZE = 16


@dataclass(frozen=True, slots=True)
class Retry:
    """An idempotency key as the store knows it: MACs of (principal, verb, key) and of the body."""

    key: bytes
    body_mac: bytes
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grounds:
    """What a deed rests on; told apart by identity.

    `actions`: what the rules were asked for. `rules`: `table.column`, or `table.` for a table as a whole → the rules
    that let it pass, each as `role/position`. `shown`: `table.column` → the most that is shown of it: redactions, with
    `/` between where rows differ.
    """

    actions: tuple[str, ...] = ()
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)


NO_GROUNDS = Grounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One act of one caller: what its audit entry says, and the retry that it answers.

    `credential`: the kind of what the caller proved itself by.
    """

    principal: str
    verb: str
    policy: str
    at_ms: int
    purpose: str = ""
    request: str = ""
    credential: str = ""
    grounds: Grounds = NO_GROUNDS
    retry: Retry | None = None

    def entry(
        self, table: str = "", columns: tuple[str, ...] = (), *, records: bytes = b"", count: int = 0, note: str = ""
    ) -> Step:
        """Return the step that writes the entry of a deed that changes something.

        `records`: WRITTEN_SIZE bytes for each record that was written or deleted. `note`: names only, never a value.
        """
        return Insert("audit", AUDIT, (self._row(WRITTEN, table, columns, (records, count), note=note),))

    def seen(
        self, table: str = "", columns: tuple[str, ...] = (), *, records: bytes = b"", count: int = 0, note: str = ""
    ) -> Step:
        """Return the step that writes the entry of a deed that changes no record.

        `records`: READ_SIZE bytes for each record that was shown, or that may be from now on. `note`: as of `entry`.
        """
        return Insert("audit", AUDIT, (self._row(READ, table, columns, (records, count), note=note),))

    def denied(self, table: str = "", columns: tuple[str, ...] = (), *, count: int = 1) -> Step:
        """Return the step that writes the entry of deeds that were not permitted. `count`: how many."""
        return Insert("audit", AUDIT, (self._row(READ, table, columns, (b"", count), denied=True),))

    def expired(self, runs: bytes, *, count: int) -> Step:
        """Return the step that writes the entry of a deed that empties older entries. `runs`: RUN_SIZE bytes each."""
        return Insert("audit", AUDIT, (self._row(EXPIRED, "", (), (runs, count)),))

    def _row(self, kind: int, table: str, columns: tuple[str, ...], told: tuple[bytes, int], **more: str | bool) -> Row:
        records, count = told
        body: dict[str, object] = {"who": self.principal, "verb": self.verb, "policy": self.policy, "count": count}
        if self.grounds.actions:
            body |= _said(self.grounds, table, columns, show=kind == READ)
        for name, value in (
            ("credential", self.credential),
            ("purpose", self.purpose),
            ("request", self.request),
            ("table", table),
            ("columns", columns),
            *more.items(),
        ):
            if value:
                body[name] = value
        salts, text = digest.random_bytes(2 * SALT_SIZE), codec.encode(body)
        first, second = salts[:SALT_SIZE], salts[SALT_SIZE:]
        return (
            self.at_ms,
            kind,
            first,
            text,
            digest.sha256(first + text),
            second,
            records,
            digest.sha256(second + records),
        )

    def unsettled(self) -> Deed:
        """Return the deed without its retry: for one part of a call that settles as a whole."""
        return replace(self, retry=None)

    def settle(self, answer: bytes) -> tuple[Step, ...]:
        """Return the steps that remember the answer's ids for a retry; none without an idempotency key.

        They replace an answer whose time is over, and clash with any other.
        """
        if self.retry is None:
            return ()
        row = (self.retry.key, self.retry.body_mac, answer, "done", self.retry.expires_ms)
        living = And((Compare("key", "=", self.retry.key), Compare("expires", ">", self.at_ms)))
        put = Put("idempotency", ("key", "body_mac", "answer", "state", "expires"), (row,))
        return Expect("idempotency", living, False), put


@lru_cache(maxsize=1024)
def _said(grounds: Grounds, table: str, columns: tuple[str, ...], *, show: bool) -> Mapping[str, object]:
    """Return what an entry says of the grounds of some columns of a table.

    `by`: for each column the places of its rules in `rules`, left out where every column rests on all of them.
    `shown`: for each column, or once for all.
    """
    keys = tuple(f"{table}.{name}" for name in columns) if table else columns
    per = [grounds.rules.get(key, ()) for key in keys] or [grounds.rules.get(f"{table}.", ())]
    rules = list(dict.fromkeys(rule for each in per for rule in each))
    found: dict[str, object] = {"actions": grounds.actions, "rules": rules}
    if any(len(each) < len(rules) for each in per):
        found["by"] = [[rules.index(rule) for rule in each] for each in per]
    shown = [grounds.shown.get(key, "") for key in keys] if show else []
    if any(shown):
        found["shown"] = shown[0] if len(set(shown)) == 1 else shown
    return found


def leaf(at_ms: int, kind: int, body_hash: bytes, records_hash: bytes) -> bytes:
    """Return the data of an entry's Merkle leaf: what stays when the body has expired. Raises Damaged."""
    # Two lengths that add up to the same would let bytes of one hash pass for the other.
    if len(body_hash) != 32 or len(records_hash) != 32 or at_ms < 0 or kind not in (READ, WRITTEN, EXPIRED):
        raise Damaged("expected an entry of a known kind with a time and two hashes")
    return at_ms.to_bytes(8, "big") + kind.to_bytes(1, "big") + body_hash + records_hash
