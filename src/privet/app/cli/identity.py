"""Commands about who the caller is: where keys go that are shown once, and a token for a private key."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.app.services.verb import Verb
from privet.errors import InvalidInput, PrivetError

_FIELDS = ("private_key", "algorithm", "key_id", "principal", "audience")
LASTS_SECONDS = 60  # an assertion is spent at once


def keep_private(verb: Verb, said: Mapping[str, Any]) -> None:
    """Make a key; write a private one to a file of its own, so that it stands in no terminal."""
    from privet.app.cli.door import door
    from privet.app.cli.show import answer

    reach = reach_of(click.get_current_context())
    path = Path(f"{said['name']}.key.json")
    wanted = said.get("credential") == "key" or said.get("kind") == "key"
    if wanted and (os.sep in said["name"] or path.exists()):
        raise InvalidInput("expected a name by which a new file can be made here", at="name")
    with door(reach) as client:
        found = client.call(verb.name, said, key=reach.idempotency_key)
    private = getattr(found, "private_key", None)
    if private is not None:
        _write(path, json.dumps({name: getattr(private, name) for name in _FIELDS}, indent=1) + "\n")
        found.private_key = None
    click.echo(answer(found, as_json=reach.json))
    if private is not None:
        click.echo(f"the private key is in {path}; `privet token {path}` makes tokens of it", err=True)


def claim(verb: Verb, said: Mapping[str, Any]) -> None:
    """Become the first owner; keep the API key where the commands of this machine look for it."""
    from privet.app.cli.door import door, home_settings
    from privet.app.cli.show import answer
    from privet.app.settings import server_url
    from privet.app.wiring import keep_cli_key
    from privet.secret import Secret

    reach = reach_of(click.get_current_context())
    with door(reach, keyless=True) as client:
        found = client.call(verb.name, said, key=reach.idempotency_key)
    if getattr(found, "key", "") and not reach.url and (reach.home or not server_url()):
        settings = home_settings(reach)
        if not settings.cli_key.exists():
            keep_cli_key(settings, Secret(found.key))
    click.echo(answer(found, as_json=reach.json))


@click.command("token", cls=PlainCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--scope", default="", metavar="WORDS", help="Narrow it: role:NAME purpose:USE action:NAME vault:NAME.")
@click.option("--ctx", multiple=True, metavar="NAME=TEXT", help="What `caller.ctx.NAME` is; again for more.")
@click.option("--ttl-seconds", type=click.IntRange(30, 3600), default=900, metavar="N", help="How long it lives.")
def token(file: Path, scope: str, ctx: tuple[str, ...], ttl_seconds: int) -> None:
    """Exchange a private key for a short-lived bearer token, and print it.

    FILE is what `privet principals create --credential key` wrote. PRIVET_API_KEY may hold the token.
    """
    from privet.app.cli.door import door
    from privet.app.identity.assertion import GRANT
    from privet.app.wiring import wall_clock

    reach = reach_of(click.get_current_context())
    said = {
        "grant_type": GRANT,
        "assertion": signed(read_key(file), _pairs(ctx), wall_clock() // 1000),
        "scope": scope,
        "ttl_seconds": ttl_seconds,
    }
    with door(reach, keyless=True) as client:
        found = client.call("sessions.exchange", said)
    click.echo(
        json.dumps({"access_token": found.access_token, "expires_in": found.expires_in, "scope": found.scope})
        if reach.json
        else found.access_token
    )


def read_key(file: Path) -> dict[str, str]:
    """Return a private key and what goes with it. Raises InvalidInput, which quotes nothing of the file."""
    from privet import codec

    try:
        return codec.decode(file.read_bytes(), dict[str, str])
    except PrivetError:
        raise InvalidInput("expected a file of a private key as Privet writes it", at=str(file)) from None


def signed(key: Mapping[str, str], context: Mapping[str, str], now: int) -> str:
    """Return an assertion. `now`: seconds since 1970. Raises InvalidInput for a key that lacks something."""
    from privet import digest
    from privet.app.identity.assertion import sign
    from privet.secret import Secret

    if not all(key.get(name) for name in _FIELDS):
        raise InvalidInput("expected a file of a private key as Privet writes it")
    claims: dict[str, Any] = {"iss": key["principal"], "sub": key["principal"], "aud": key["audience"]}
    claims |= {"iat": now, "exp": now + LASTS_SECONDS, "jti": digest.random_bytes(16).hex()}
    if context:
        claims["ctx"] = dict(context)
    return sign(claims, Secret(key["private_key"]), key["algorithm"], key["key_id"])


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals:
            raise InvalidInput("expected NAME=TEXT", at="--ctx")
        found[name] = text
    return found


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
