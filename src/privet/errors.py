"""The error tree. Knows no transport: doors map classes to statuses and exit codes.

A message says what was expected and what was found, with names in back-ticks and never a value.
`code` is stable across releases; `hint` says the next step; `at` says the place.
"""

from __future__ import annotations

from typing import ClassVar


class PrivetError(Exception):
    """The root of every error that Privet raises on purpose."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", at: str = "", faults: tuple[PrivetError, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at
        self.faults = faults

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.message}"


# --- what the caller sent is wrong ------------------------------------------------------------------------


class InvalidInput(PrivetError):
    """Something that the caller sent breaks a rule; sending it again will fail again."""

    code = "invalid_input"


class MalformedBody(InvalidInput):
    """Bytes that are not the format they claim: JSON, CSV, YAML."""

    code = "malformed_body"


class TooLarge(InvalidInput):
    """A body, batch, depth or count above its limit."""

    code = "too_large"


class InvalidValue(InvalidInput):
    """A value that its data type refuses. `rule` names the rule that failed."""

    code = "invalid_value"

    def __init__(self, rule: str, *, type_name: str = "", hint: str = "", at: str = "") -> None:
        super().__init__(f"expected `{type_name}`: {rule}" if type_name else rule, hint=hint, at=at)
        self.rule = rule
        self.type_name = type_name


class InvalidBatch(InvalidInput):
    """Several faults in one request; `faults` holds them all, each with its place."""

    code = "invalid_batch"


class InvalidSchema(InvalidInput):
    """A schema file that cannot be used; `faults` holds every fault at once."""

    code = "invalid_schema"


class InvalidQuery(InvalidInput):
    """A question that cannot be asked; `at` holds line and column, `hint` the schema line that would allow it."""

    code = "invalid_query"


class InvalidPolicy(InvalidInput):
    """A policy text that cannot be used; `at` holds file, line and column, `faults` every fault at once."""

    code = "invalid_policy"


class InvalidToken(InvalidInput):
    """Text that is not a token of the shape it claims."""

    code = "invalid_token"


class UnknownName(InvalidInput):
    """A table, column, type, label, mask or engine that does not exist; `hint` offers the nearest."""

    code = "unknown_name"


class DomainTooSmall(InvalidInput):
    """A format has too few values to be enciphered or tokenized safely."""

    code = "domain_too_small"


class IdempotencyMismatch(InvalidInput):
    """An idempotency key came back with a different body."""

    code = "idempotency_mismatch"


# --- who is asking, and what for --------------------------------------------------------------------------


class Unauthenticated(PrivetError):
    """No credential, or one that is unknown, expired or revoked."""

    code = "unauthenticated"


class Denied(PrivetError):
    """The policy permits no part of what was asked."""

    code = "denied"


class LimitExceeded(PrivetError):
    """A budget or rate is spent; `hint` says when to come back, `retry_seconds` in how many seconds at the soonest."""

    code = "limit_exceeded"
    retry_seconds: int = 1

    def __init__(self, message: str, *, hint: str = "", at: str = "", retry_seconds: int = 1) -> None:
        super().__init__(message, hint=hint, at=at)
        self.retry_seconds = retry_seconds


# --- the state of the world -------------------------------------------------------------------------------


class NotFound(PrivetError):
    """No such vault, table, record or token that the caller may know of."""

    code = "not_found"


class Gone(PrivetError):
    """It was here and is erased or expired for good."""

    code = "gone"


class Conflict(PrivetError):
    """The state forbids it now; reading again and deciding anew may help."""

    code = "conflict"


class DuplicateValue(Conflict):
    """A unique set of columns already holds this value."""

    code = "duplicate_value"


class StaleVersion(Conflict):
    """The record changed since it was read."""

    code = "stale_version"


class StillReferenced(Conflict):
    """Other records refer to this one."""

    code = "still_referenced"


class InFlight(Conflict):
    """The same idempotency key is being carried out right now."""

    code = "in_flight"


class AlreadyDone(Conflict):
    """The call was carried out before; what went wrong then is not told again."""

    code = "already_done"


class VaultBusy(Conflict):
    """Another process holds the data directory."""

    code = "vault_busy"


# --- the machine ------------------------------------------------------------------------------------------


class Unavailable(PrivetError):
    """A dependency does not answer, or this process must not go on; nothing was half-done."""

    code = "unavailable"


class StoreFailed(Unavailable):
    """The store could not make a write durable. The process stops writing."""

    code = "store_failed"


class Refused(PrivetError):
    """An unsafe setting, key or state: Privet will not start or go on with it."""

    code = "refused"


class NewerData(Refused):
    """The data was written by a newer program than this one."""

    code = "newer_data"


class Damaged(PrivetError):
    """Stored bytes fail their check: changed, moved, swapped or rolled back."""

    code = "damaged"


class PolicyDamaged(Damaged):
    """The policy in force fails its check, so nobody can say who may do what: the vault answers nothing."""

    code = "policy_damaged"


class WrongKey(Damaged):
    """The key does not belong to this data."""

    code = "wrong_key"
