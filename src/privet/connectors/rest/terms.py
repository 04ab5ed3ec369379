"""What an operator said: connector params, secrets, and where a system stands in a test."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from privet.connectors.base import Setup
from privet.connectors.client import MOST_BYTES
from privet.connectors.egress import is_loopback
from privet.connectors.rest.words import Config, Term
from privet.errors import InvalidInput

OURS = ("config", "host", "protocol", "response_bytes")
"""Settings that are no connector params."""

# Secrets of OAuth2 that a file need not name.
_TOKENS = ("access_token", "refresh_token", "code", "redirect_uri")
_MOST = 64 << 20
_PLACE = re.compile(r"[A-Za-z0-9.\[\]:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Terms:
    """`values`: by name, secrets among them. `external`: what external references refer to. `override`: scheme, host
    and port in place of every host of the file, on this machine; None where the file says."""

    setup: Setup
    values: Mapping[str, Any]
    external: Mapping[str, str]
    override: str | None
    most_bytes: int

    def __repr__(self) -> str:
        return "Terms(***)"

    @classmethod
    def of(cls, setup: Setup, config: Config) -> Terms:
        """Return what a set-up says for a file. Raises InvalidInput; `faults` holds every fault."""
        faults: list[InvalidInput] = []
        known = {term.name for term in config.terms}
        given: dict[str, Any] = {name: secret.reveal() for name, secret in setup.secrets.items()}
        given |= dict(setup.settings)
        allowed = known | set(config.external) | set(OURS) | set(_TOKENS)
        for name in [*setup.settings, *setup.secrets]:
            if name not in allowed:
                near = difflib.get_close_matches(name, sorted(allowed), n=1)
                faults.append(
                    InvalidInput(f"unknown setting `{name}`", hint=f"did you mean `{near[0]}`?" if near else "")
                )
        faults += [InvalidInput(f"`{term.name}` is a secret", hint="give it as one") for term in _shown(setup, config)]
        values = {name: given[name] for name in _TOKENS if name in given}
        for term in config.terms:
            found, fault = _value(term, given.get(term.name))
            if fault is not None:
                faults.append(fault)
            elif found is not None:
                values[term.name] = found
        override = _override(setup, known, faults)
        most = given.get("response_bytes", MOST_BYTES)
        if isinstance(most, bool) or not isinstance(most, int) or not 1_000 <= most <= _MOST:
            faults.append(InvalidInput(f"expected `response_bytes` from 1000 to {_MOST}"))
            most = MOST_BYTES
        if faults:
            raise InvalidInput(faults[0].message, hint=faults[0].hint, at=setup.name, faults=tuple(faults))
        external = {name: str(given[name]) for name in config.external if name in given}
        return cls(setup, values, external, override, most)


def _shown(setup: Setup, config: Config) -> Iterator[Term]:
    return (term for term in config.terms if term.sensitive and term.name in setup.settings)


def _value(term: Term, said: Any) -> tuple[Any, InvalidInput | None]:
    if said is None or said == "":
        default = list(term.default) if isinstance(term.default, tuple) else term.default
        missing = default is None
        return default, InvalidInput(f"expected the setting `{term.name}`", hint=term.about) if missing else None
    if not term.options:
        return said, None
    listed = [part.strip() for part in str(said).split(",")] if term.multiselect else [str(said)]
    if any(part not in term.options for part in listed):
        options = ", ".join(f"`{one}`" for one in term.options)
        return None, InvalidInput(f"expected `{term.name}` to be one of {options}")
    return (listed if term.multiselect else said), None


def _override(setup: Setup, known: set[str], faults: list[InvalidInput]) -> str | None:
    """Return where a test's system stands. A file may have a param that is called `host` itself: then that is meant,
    unless the protocol is said beside it."""
    host, protocol = setup.settings.get("host") or None, setup.settings.get("protocol") or None
    if host is None or ("host" in known and protocol is None):
        return None
    base = f"{protocol or 'http'}://{host}"
    try:
        name = urlsplit(base).hostname or ""
    except ValueError:
        name = ""
    if protocol not in (None, "http", "https") or not _PLACE.fullmatch(str(host)) or not is_loopback(name):
        faults.append(
            InvalidInput("expected `host` on this machine: it stands in place of the system's own host, for tests")
        )
        return None
    return base
