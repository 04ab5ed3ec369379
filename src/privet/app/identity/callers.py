"""Whose a credential is: the one look-up of every door, remembered exactly.

One process holds a home, and every change of principals and credentials passes through it. So what is remembered is
dropped at each change, not after a time: a revocation counts from the moment that it is durable, and a call costs a
hash and a look into a dict. For the same reason bearer tokens are random and stored as a hash: a signed one would
have to be verified, and looked up all the same to be revocable.
"""

from __future__ import annotations

from dataclasses import dataclass

from privet import digest
from privet.app.identity.rows import (
    CREDENTIAL_COLUMNS,
    PREFIXES,
    PRINCIPAL_COLUMNS,
    Account,
    Credential,
    account,
    acting,
    credential,
)
from privet.crypto.keys import KeyRing
from privet.errors import Damaged, Unauthenticated
from privet.store.port import Select, Step, Store, Update
from privet.vocabulary.access import Principal
from privet.vocabulary.predicate import ALWAYS, Compare, Predicate

DAY_MS = 86_400_000
MOST_REMEMBERED = 4_096
NEVER_MS = 1 << 62


@dataclass(slots=True)
class _Known:
    """Who acts by a credential until when, and until when its day of use is noted."""

    principal: Principal
    root: str
    until_ms: int
    noted_until_ms: int = 0


class Callers:
    """The principals of a house and what they prove themselves by."""

    def __init__(self, store: Store, ring: KeyRing, house: bytes) -> None:
        """Answer from `store`. `ring`, `house`: the keys and the id of the house, under which rows are MACed."""
        self.store = store
        secret = ring.raw("idempotency", house).reveal()
        self.key = digest.mac(secret, b"privet principals 2")
        self.cookie_key = digest.mac(secret, b"privet sign-in 1")
        self._known: dict[bytes, _Known] = {}
        self._used: dict[str, int] = {}

    def principal(self, key: str, now_ms: int) -> Principal:
        """Return who acts by an API key, a bearer token or a session. Raises Unauthenticated, the same for every
        cause."""
        # Remembered under a hash, so that memory holds no credential.
        name = digest.sha256(key.encode())
        known = self._known.get(name)
        if known is None:
            known = self._look_up(key)
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[name] = known
        if now_ms >= known.until_ms:
            raise nobody()
        if now_ms >= known.noted_until_ms:
            day = now_ms // DAY_MS
            self._used[known.root], known.noted_until_ms = day, (day + 1) * DAY_MS
        return known.principal

    def forget(self) -> None:
        """Look everything up anew: after a change of principals or credentials."""
        self._known.clear()

    def _look_up(self, key: str) -> _Known:
        word, _, rest = key.partition("_")
        identity, _, secret = rest.partition("_")
        chain = self.chain(identity)
        held = chain[0]
        if held.kind != PREFIXES.get(word) or not digest.same(digest.sha256(secret.encode()), held.proof):
            raise nobody()
        found = self.account(held.principal)
        principal = None if found.revoked_ms is not None else acting(found, held)
        if principal is None:
            raise nobody()
        ends = [item.expires_ms for item in chain if item.expires_ms is not None]
        return _Known(principal, chain[-1].id, min(ends, default=NEVER_MS))

    def chain(self, identity: str) -> list[Credential]:
        """Return a credential and those that it was exchanged for, none of them revoked. Raises Unauthenticated."""
        found: list[Credential] = []
        while identity:
            try:
                rows = self.credentials(Compare("id", "=", identity))
            except Damaged:
                raise nobody() from None
            if not rows or rows[0].revoked_ms is not None:
                raise nobody()
            found.append(rows[0])
            identity = rows[0].parent
        if not found:
            raise nobody()
        return found

    def hands(self, who: Principal) -> tuple[str, ...]:
        """Return the ids of all who may act as a caller: itself, and whoever had a hand in making it or what it proves
        itself by, since who makes a key sees it. Raises Unauthenticated."""
        makers = [self.account(who.id).made_by, *(held.made_by for held in self.chain(who.credential))]
        return tuple(dict.fromkeys((who.id, *(maker for some in makers for maker in some))))

    def credentials(self, where: Predicate) -> list[Credential]:
        """Return credentials, revoked ones too, oldest first. Raises Damaged for a row that fails its MAC."""
        question = Select(table="credentials", columns=CREDENTIAL_COLUMNS, where=where, order=(("created", True),))
        return [credential(row, self.key) for row in self.store.select(question)]

    def account(self, identity: str) -> Account:
        """Return a principal by id. Raises Unauthenticated where there is none, or its row fails its MAC."""
        where = Compare("id", "=", identity)
        rows = self.store.select(Select(table="principals", columns=PRINCIPAL_COLUMNS, where=where))
        try:
            return account(rows[0], self.key)
        except (Damaged, IndexError):
            raise nobody() from None

    def accounts(self, where: Predicate = ALWAYS) -> list[Account]:
        """Return principals, revoked ones too, by name. Raises Damaged for a row that fails its MAC."""
        question = Select(table="principals", columns=PRINCIPAL_COLUMNS, where=where, order=(("name", True),))
        return [account(row, self.key) for row in self.store.select(question)]

    def used_day(self, held: Credential) -> int | None:
        """Return the day of a credential's last use, in days since 1970."""
        days = [day for day in (held.used_day, self._used.get(held.id)) if day is not None]
        return max(days, default=None)

    def noted(self) -> tuple[Step, ...]:
        """Return the steps that keep the days of use seen since the last time."""
        used, self._used = self._used, {}
        rows = self.store.select(Select(table="credentials", columns=("id", "used")))
        # A credential that was swept meanwhile would make the whole update clash.
        late = [(used[str(row[0])], str(row[0])) for row in rows if str(row[0]) in used and used[str(row[0])] != row[1]]
        return (Update("credentials", ("used",), ("id",), tuple(late)),) if late else ()


def nobody() -> Unauthenticated:
    """Return the error for a credential that is unknown, expired, revoked or forged."""
    return Unauthenticated("expected a valid credential")
