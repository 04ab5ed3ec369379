"""New principals and credentials, and the ends of old ones: what is written for each. Decides nothing.

Whoever carries these steps out calls `House.changed` once they are durable.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace

from privet import digest
from privet.app.identity import assertion
from privet.app.identity.callers import Callers
from privet.app.identity.rows import (
    CREDENTIAL_COLUMNS,
    PREFIXES,
    PRINCIPAL_COLUMNS,
    Account,
    Credential,
    Grants,
    Kind,
)
from privet.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from privet.secret import Secret
from privet.store.port import Delete, Expect, Insert, Select, Step, Update
from privet.vocabulary.access import ACTIONS
from privet.vocabulary.predicate import And, Compare

CLAIM_MS = 15 * 60_000
CLAIM = "pvc"
SIGNED_IN = "oidc:"  # names of people whom the issuer names; nobody else gets one
KEPT_MS = 30 * 86_400_000  # how long an ended key stays in the list
MOST_KEYS = 20
MOST_ATTRIBUTES = 32
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WORDS = {kind: word for word, kind in PREFIXES.items()} | {"claim": CLAIM}


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential, its secret (shown once) and the step that stores it."""

    credential: Credential
    secret: Secret[str]
    step: Step


def check_name(name: str) -> None:
    """Raise InvalidInput for text that is no name of a principal."""
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidInput("expected a name of 1 to 100 printable characters", at="name")
    if name.startswith(SIGNED_IN):
        raise InvalidInput(f"names that begin with `{SIGNED_IN}` are for people who signed in", at="name")


def check_grants(grants: Grants) -> None:
    """Raise InvalidInput for actions that do not exist, and attributes that no condition could name."""
    if any(scope not in ACTIONS for scope in grants.scopes):
        raise InvalidInput("expected actions as scopes", at="scopes", hint=", ".join(ACTIONS))
    attributes = grants.attributes
    if len(attributes) > MOST_ATTRIBUTES or any(
        not _ATTRIBUTE.fullmatch(name) or len(value) > 256 for name, value in attributes.items()
    ):
        raise InvalidInput(
            f"expected at most {MOST_ATTRIBUTES} attributes, named in a-z, 0-9 and _, of at most 256 characters",
            at="attributes",
        )


def new_account(callers: Callers, found: Account) -> Step:
    """Return the step that stores a new principal. Raises Conflict for a name that is taken."""
    if callers.store.select(Select(table="principals", columns=("id",), where=Compare("name", "=", found.name))):
        raise Conflict("a principal of that name exists already")
    return Insert("principals", PRINCIPAL_COLUMNS, (found.row(callers.key),))


def changed_account(callers: Callers, found: Account) -> Step:
    """Return the step that stores a principal whose grants or whose end changed."""
    row = found.row(callers.key)
    columns = ("grants", "revoked", "mac")
    cells = [row[PRINCIPAL_COLUMNS.index(name)] for name in columns]
    return Update("principals", columns, ("id",), ((*cells, found.id),))


def named(callers: Callers, name: str) -> Account:
    """Return the principal of a name, if it is not revoked. Raises NotFound, Damaged."""
    found = callers.accounts(Compare("name", "=", name))
    if not found or found[0].revoked_ms is not None:
        raise NotFound("there is no such principal, or it is revoked already")
    return found[0]


def secret(callers: Callers, kind: Kind, principal: str, *, now_ms: int, **rest: object) -> Issued:
    """Return a new API key, bearer token, session or claim. `rest`: more fields of the Credential."""
    identity, random = new_id(), _text(digest.random_bytes(30))
    # The secret has 240 random bits, so a plain hash is enough: there is no dictionary to try.
    proof = digest.sha256(random.encode())
    made = Credential(id=identity, principal=principal, kind=kind, proof=proof, created_ms=now_ms, **rest)  # type: ignore[arg-type]  # fields by name
    return Issued(made, Secret(f"{_WORDS[kind]}_{identity}_{random}"), _insert(callers, made))


def private_key(callers: Callers, principal: str, algorithm: str, *, now_ms: int, **rest: object) -> Issued:
    """Return a new key pair, of which only the public half is stored. Takes a second for RS256."""
    public, private = assertion.new_pair(algorithm)
    made = Credential(
        id=new_id(),
        principal=principal,
        kind="private_key",
        proof=public,
        created_ms=now_ms,
        **rest,  # type: ignore[arg-type]  # fields by name
    )
    return Issued(made, private, _insert(callers, made))


def check_room(callers: Callers, principal: str, now_ms: int) -> None:
    """Raise Conflict where a principal has as many living keys as one may have."""
    living = [item for item in keys_of(callers, principal) if stands(item, now_ms)]
    if len(living) >= MOST_KEYS:
        raise Conflict(f"expected at most {MOST_KEYS} keys of one principal", hint="revoke one that is not used")


def keys_of(callers: Callers, principal: str) -> list[Credential]:
    """Return the API keys and private keys of a principal, revoked ones too, oldest first. Raises Damaged."""
    found = callers.credentials(Compare("principal", "=", principal))
    return [item for item in found if item.kind in ("api_key", "private_key")]


def stands(held: Credential, now_ms: int) -> bool:
    """Return whether a credential is neither revoked nor expired."""
    return held.revoked_ms is None and (held.expires_ms is None or held.expires_ms > now_ms)


def ended(callers: Callers, held: Credential, now_ms: int) -> tuple[Step, ...]:
    """Return the steps that end a credential, and clash where it ended meanwhile."""
    row = replace(held, revoked_ms=now_ms).row(callers.key)
    columns = ("revoked", "mac")
    cells = [row[CREDENTIAL_COLUMNS.index(name)] for name in columns]
    living = And((Compare("id", "=", held.id), Compare("revoked", "=", None)))
    return Expect("credentials", living, True), Update("credentials", columns, ("id",), ((*cells, held.id),))


def new_claim(callers: Callers, now_ms: int) -> tuple[Secret[str], tuple[Step, ...]]:
    """Return the token of the first owner and the steps that store it; earlier ones end.

    Raises Conflict where the home has a principal.
    """
    if callers.accounts():
        raise Conflict("the home has an owner already")
    made = secret(callers, "claim", "", now_ms=now_ms, expires_ms=now_ms + CLAIM_MS)
    old = Delete("credentials", ("kind",), (("claim",),))
    return made.secret, (old, made.step)


def spend_claim(callers: Callers, token: str, now_ms: int) -> tuple[Step, ...]:
    """Return the steps that end the token of the first owner. Raises Unauthenticated, the same for every cause."""
    word, _, rest = token.partition("_")
    identity, _, random = rest.partition("_")
    chain = callers.chain(identity)
    held = chain[0]
    fits = digest.same(digest.sha256(random.encode()), held.proof)
    if word != CLAIM or held.kind != "claim" or not fits or not stands(held, now_ms) or callers.accounts():
        raise Unauthenticated("expected a valid first-admin token", hint="`privet init --claim-later` makes another")
    return ended(callers, held, now_ms)


def swept(callers: Callers, now_ms: int) -> tuple[Step, ...]:
    """Return the steps that remove assertions, bearer tokens and sessions that are over, and keys long after."""
    store, steps = callers.store, []
    over = Compare("expires", "<=", now_ms)
    rows = store.select(Select(table="assertions", columns=("id",), where=over))
    if rows:
        steps.append(Delete("assertions", ("id",), tuple(rows)))
    late = Compare("expires", "<=", now_ms - KEPT_MS)
    where = And((over, Compare("kind", "!=", "api_key"), Compare("kind", "!=", "private_key")))
    found = [*store.select(Select(table="credentials", columns=("id",), where=where))]
    found += store.select(Select(table="credentials", columns=("id",), where=late))
    if found:
        steps.append(Delete("credentials", ("id",), tuple(dict.fromkeys(found))))
    return tuple(steps)


def person_id(issuer: str, subject: str) -> str:
    """Return the id of a person whom an issuer names: the same at each sign-in, and another one for each issuer."""
    return _text(digest.sha256(digest.canonical((issuer.encode(), subject.encode())))[:10])


def new_id() -> str:
    """Return a random identifier of 16 letters and digits."""
    return _text(digest.random_bytes(10))


def _insert(callers: Callers, made: Credential) -> Step:
    return Insert("credentials", CREDENTIAL_COLUMNS, (made.row(callers.key),))


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()
