"""Who we are to a system: what a strategy of authentication puts into a request. Tokens live in memory alone."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from privet.connectors.rest.draft import NOTHING, Draft, draft
from privet.connectors.rest.template import Filling, Text, filled, header_text, plain_text, query_text
from privet.connectors.rest.words import Auth, Client, Request
from privet.errors import InvalidInput, Refused

EARLY_SECONDS = 60.0
"""How long before its end a token is renewed, a tenth of its life for those that live shorter than ten minutes."""

Exchange = Callable[[Request], Mapping[str, Any]]
"""Makes a request of OAuth2 and returns the object that it is answered with."""

Keep = Callable[[Mapping[str, str]], None]
"""Is told tokens that must outlive this process: a refresh token that was changed for another."""


class Identity:
    """One strategy with what an operator said. `terms`: connector params and secrets by name."""

    def __init__(
        self,
        auth: Auth | None,
        terms: Mapping[str, Any],
        exchange: Callable[[Request, Mapping[str, Any]], Mapping[str, Any]],
        *,
        keep: Keep | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._terms = dict(terms)
        self._exchange = exchange
        self._keep = keep
        self._now = now
        self._token = ""
        self._until: float | None = None

    def apply(self, made: Draft) -> Draft:
        """Return a request that says who we are. Raises Refused where the system gives no token, InvalidInput."""
        auth = self._auth
        if auth is None:
            return made
        filling = Filling(self._terms, trusted=frozenset(self._terms))
        if auth.kind.startswith("oauth2"):
            return made.with_header("authorization", f"Bearer {self._current()}")
        if auth.kind == "basic":
            pair = f"{self._text('username', filling)}:{self._text('password', filling)}"
            return made.with_header("authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
        if auth.kind == "bearer":
            token = header_text(auth.text("token") or Text(()), filling)
            return made.with_header("authorization", f"Bearer {token}")
        if auth.kind == "query_param":
            return made.with_query(self._text("name", filling), self._text("value", filling))
        return self._keyed(auth, made, filling)

    def renew(self) -> bool:
        """Forget a token that the system does not take. Return whether there may be another."""
        if self._auth is None or not self._auth.kind.startswith("oauth2"):
            return False
        self._terms.pop("access_token", None)
        self._token = ""
        return True

    def _keyed(self, auth: Auth, made: Draft, filling: Filling) -> Draft:
        for pair in auth.headers:
            made = made.with_header(pair.name, header_text(pair.value, filling))
        for pair in auth.query:
            made = made.with_query(pair.name, query_text(pair.value, filling))
        if auth.body is None:
            return made
        said = filled(auth.body, filling)
        if made.body is NOTHING:
            return replace(made, body=said)
        if not isinstance(said, dict) or not isinstance(made.body, dict):
            raise InvalidInput("expected objects as the body and as what authentication adds to it")
        return replace(made, body={**made.body, **said})

    def _text(self, name: str, filling: Filling) -> str:
        said = self._auth.text(name) if self._auth else None
        return plain_text(said, filling) if said is not None else ""

    # --- OAuth2 (RFC 6749) ------------------------------------------------------------------------------------------

    def _current(self) -> str:
        stale = self._until is not None and self._now() >= self._until
        if self._token and not stale:
            return self._token
        if not self._token and self._terms.get("access_token") and not stale:
            self._token, self._until = str(self._terms["access_token"]), None
            return self._token
        return self._fetch()

    def _fetch(self) -> str:
        auth = self._auth
        if auth is None:
            raise Refused("expected a strategy of authentication")
        refresh = auth.request("refresh_request")
        request = refresh if refresh is not None and self._terms.get("refresh_token") else auth.request("token_request")
        if request is None or (auth.kind == "oauth2_authorization_code" and not self._can_ask()):
            raise Refused(
                "there is no token, and nobody has let us in yet",
                hint="give the secret `refresh_token`, or `code` of a fresh consent",
            )
        return self._taken(self._exchange(request, self._terms), auth.seconds)

    def _can_ask(self) -> bool:
        return bool(self._terms.get("refresh_token") or self._terms.get("code"))

    def _taken(self, told: Mapping[str, Any], lives: int | None) -> str:
        token = told.get("access_token")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise Refused("the system gives no access token", hint="see the connector's secrets")
        seconds = lives or _seconds(told.get("expires_in"))
        self._until = self._now() + seconds - min(EARLY_SECONDS, seconds / 10) if seconds else None
        self._terms.pop("code", None)  # RFC 6749, section 4.1.2: a code is good for once
        fresh = told.get("refresh_token")
        if isinstance(fresh, str) and fresh and fresh != self._terms.get("refresh_token"):
            # RFC 6749, section 6: the old one must be let go of.
            self._terms["refresh_token"] = fresh
            if self._keep is not None:
                self._keep({"refresh_token": fresh})
        self._token = token
        return token


def _seconds(said: Any) -> float:
    """Return how long a token lives, 0 where nobody says."""
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 12:
        return float(said)
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) and said > 0 else 0.0


def authorize_url(client: Client, terms: Mapping[str, Any], *, state: str, redirect_uri: str) -> str:
    """Return where a person of the operator lets us in, of the strategy `oauth2_authorization_code`.

    Raises InvalidInput for other strategies. Source: RFC 6749, section 4.1.1.
    """
    auth = client.auth
    request = auth.request("authorization_request") if auth else None
    if request is None:
        raise InvalidInput("expected the strategy `oauth2_authorization_code` with an `authorization_request`")
    known = {**terms, "state": state, "redirect_uri": redirect_uri}
    filling = Filling(known, trusted=frozenset(known))
    made = draft(request, filling)
    host = (request.client or client).host
    base = f"{(request.client or client).protocol}://{plain_text(host, filling)}"
    query = urlencode(made.query, quote_via=quote, safe="")
    return f"{base}{made.path}{'&' if '?' in made.path else '?'}{query}" if query else base + made.path
