"""`privet init` and `privet serve`."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.app.settings import CONFIG, Settings, home_path, load
from privet.errors import Refused

if TYPE_CHECKING:
    from privet.app.wiring import House

STANDBY_SECONDS = 0.5
_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("init", cls=PlainCommand)
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Lock the key file with the passphrase in this file.",
)
@click.option("--claim-later", is_flag=True, help="Make no owner yet, but a token by which somebody becomes it.")
def init(passphrase_file: Path | None, claim_later: bool) -> None:
    """Make a home: keys, settings, control database, first owner.

    Prints the owner's API key, this once. A copy stays in the home's cli.key, which commands on this machine use.
    With --claim-later it prints a token in its place, which `privet principals claim` takes once, within 15 minutes;
    in a home that nobody claimed, it makes another one.
    """
    from privet.app import wiring
    from privet.secret import Secret

    reach = reach_of(click.get_current_context())
    home = home_path(reach.home)
    phrase = None
    if passphrase_file is not None:
        text = passphrase_file.read_text(encoding="utf-8").rstrip("\n")
        if not text:
            raise Refused("expected a passphrase, found an empty file", at=str(passphrase_file))
        phrase = Secret(text)
    wanted = Settings(home=home, key_file=home / "root.key", passphrase=phrase)
    if claim_later:
        _unclaimed(wanted, as_json=reach.json)
        return
    key = wiring.initialize(wanted, now_ms=wiring.wall_clock()).reveal()
    if reach.json:
        paths = {name: str(path) for name, path, _ in _made(wanted)}
        click.echo(json.dumps({"home": str(home), "paths": paths, "api_key": key}))
        return
    click.echo(f"made a home in {home}")
    for _, path, words in _made(wanted):
        click.echo(f"  {path.name:<12}  {words}")
    click.echo(f"\nAPI key of `owner`, shown this once:\n  {key}\n")
    click.echo(f"Keep {wanted.key_file} safe, and a copy of it elsewhere: without it every value is lost for good.")
    if passphrase_file is not None:
        click.echo(f"Commands now need the passphrase: PRIVET_PASSPHRASE_FILE={passphrase_file}")
    root = click.get_current_context().find_root()
    if isinstance(root.command, click.Group) and "backup" in root.command.list_commands(root):
        click.echo("`privet backup` copies the rest.")


def _unclaimed(wanted: Settings, *, as_json: bool) -> None:
    from privet.app import wiring

    known = load(wanted.home) if (wanted.home / CONFIG).exists() else wanted
    token = wiring.initialize_unclaimed(known, now_ms=wiring.wall_clock()).reveal()
    if as_json:
        click.echo(json.dumps({"home": str(wanted.home), "claim_token": token}))
        return
    click.echo(f"{wanted.home} is ready, and nobody owns it yet\n\nFirst-admin token, for 15 minutes:\n  {token}\n")
    click.echo("`privet principals claim TOKEN` makes the owner, here or by --url from another machine.")
    click.echo(f"Keep {wanted.key_file} safe, and a copy of it elsewhere: without it every value is lost for good.")


def _made(wanted: Settings) -> tuple[tuple[str, Path, str], ...]:
    return (
        ("settings", wanted.home / CONFIG, "settings: where to listen, which keys"),
        ("key_file", wanted.key_file, "the key that locks every other key"),
        ("control", wanted.control, "vaults, principals and the audit of both"),
        ("cli_key", wanted.cli_key, "the API key of commands on this machine"),
    )


def _tls(cert: Path | None, key: Path | None) -> SSLContext | None:
    from privet.app.http.tls import server_context

    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise Refused("expected a certificate and its key, found one of them", hint="--tls-cert FILE --tls-key FILE")
    return server_context(cert, key)


@click.command("serve", cls=PlainCommand)
@click.option("--host", metavar="ADDRESS", help="Beyond loopback with TLS only; by default what privet.yaml says.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="0 takes any free port.")
@click.option("--tls-cert", type=_PEM, metavar="FILE", help="Speak TLS with this certificate chain (PEM).")
@click.option("--tls-key", type=_PEM, metavar="FILE", help="Its key (PEM), a file of mode 0600.")
@click.option("--no-worker", is_flag=True, help="Carry no requests of people out; `privet worker` does.")
def serve(host: str | None, port: int | None, tls_cert: Path | None, tls_key: Path | None, no_worker: bool) -> None:
    """Serve the home over HTTP and over its Unix socket, until SIGTERM or Ctrl-C.

    Other commands on this machine then reach the data through the socket by themselves. Other machines are served
    only over TLS (1.2 or 1.3); privet.yaml may name the files as tls_cert and tls_key. Where it names a `center`,
    people reach the privacy centre there, and nothing else.
    """
    from privet.app.http import server
    from privet.app.wiring import House, refuse_loose

    reach = reach_of(click.get_current_context())
    found = load(home_path(reach.home))
    refuse_loose(found)
    cert, key = tls_cert or found.tls_cert, tls_key or found.tls_key
    for address in (host or found.host, *(found.center or ())[:1]):
        server.demand_safe(str(address), tls=cert is not None)
    context = _tls(cert, key)
    place = host or found.host, found.port if port is None else port
    _hold(House(found), place, context, requests=not no_worker, center=found.center)


@click.command("worker", cls=PlainCommand)
def worker() -> None:
    """Carry people's requests out, until SIGTERM or Ctrl-C.

    `privet serve` does so by itself. While another process holds the home this one waits, and takes over within
    seconds when that one is gone. It listens on the home's Unix socket alone.
    """
    from privet.app.wiring import House, refuse_loose
    from privet.errors import VaultBusy

    reach = reach_of(click.get_current_context())
    found = load(home_path(reach.home))
    refuse_loose(found)
    waiting = False
    while True:
        try:
            house = House(found)
        except VaultBusy:
            if not waiting and not reach.json:
                click.echo(f"waiting: another process holds {found.home}")
            waiting = True
            time.sleep(STANDBY_SECONDS)
        else:
            _hold(house, ("", 0), None, requests=True)
            return


def _hold(
    house: House,
    place: tuple[str, int],
    tls: SSLContext | None,
    *,
    requests: bool,
    center: tuple[str, int] | None = None,
) -> None:
    """Serve a house that is open with all its duties, and close it. `place`: host and port, ("", 0) for no TCP.
    `center`: those of the privacy centre."""
    from privet.app import keeper
    from privet.app import worker as duty
    from privet.app.center import keep_center
    from privet.app.http import server
    from privet.app.outbox import keep_letters

    as_json = reach_of(click.get_current_context()).json
    duties: list[asyncio.Task[None]] = []

    def ready(addresses: tuple[str, ...]) -> None:
        # Called on the server's event loop, which cancels what still runs when it ends.
        work = [duty.keep_sequenced(house), duty.keep_witnessed(house), duty.keep_expiring(house)]
        work += [duty.keep_sweeping(house), keeper.keep_keys(house), keep_center(house)]
        work += [duty.keep_requests(house, f"process {os.getpid()}"), duty.keep_clock(house)] if requests else []
        work += [keep_letters(house)] if requests and mails else []
        duties.extend(asyncio.create_task(each) for each in work)
        addresses, public = (addresses[:-1], addresses[-1]) if center else (addresses, "")
        told = {"addresses": addresses, **({"center": public} if public else {})}
        lines = (*addresses, *([f"privacy centre: {public}"] if public else ()))
        line = json.dumps(told) if as_json else "\n".join(lines)
        click.echo(line if as_json else f"serving {house.settings.home}\n{line}")

    try:
        mails = house.mail.server is not None  # refuses to begin with settings that cannot be
        server.serve(house, *place, house.settings.socket, ready=ready, tls=tls, center=center)
    finally:
        house.close()
    if not as_json:
        click.echo("stopped")
