"""Commands made from the verbs of the services: one row, one command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import click
import msgspec

from privet import codec
from privet.app.cli import audit, policy, request
from privet.app.cli.identity import claim, keep_private
from privet.app.cli.reach import HELP, PlainCommand, once_option, reach_of, shared_options, yes_option
from privet.app.cli.show import answer
from privet.app.services import verbs_of
from privet.app.services.verb import Verb
from privet.errors import MalformedBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Where a verb's command differs from one option a field.

    `args`: fields that are arguments, in order. `files`: fields whose text stands in a file that is named. `paths`:
    fields that name a place on this machine, which the verb's own act reads. `names`: field → name of the option.
    `left_out`: fields that no one types.
    """

    args: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()


PLAIN = Writing()
_GRANTS = (("roles", "role"), ("purposes", "grant-purpose"), ("scopes", "scope"), ("vaults", "only-vault"))
WRITINGS: dict[str, Writing] = {
    "approvals.approve": Writing(args=("id",)),
    "approvals.withdraw": Writing(args=("id",)),
    "audit.house": Writing(paths=("witness",)),
    "audit.search": Writing(names=(("stated", "for"),)),
    "audit.verify": Writing(files=("checkpoint",), paths=("witness",)),
    "connectors.get": Writing(args=("name",)),
    "connectors.kind": Writing(args=("kind",)),
    "connectors.put": Writing(args=("name",), names=(("datasets", "dataset"),)),
    "connectors.remove": Writing(args=("name",)),
    "connectors.test": Writing(args=("name",)),
    "consents.list": Writing(args=("subject",)),
    "consents.set": Writing(args=("subject", "key", "state")),
    "credentials.create": Writing(args=("name",), names=_GRANTS),
    "credentials.list": Writing(args=("name",)),
    "credentials.revoke": Writing(args=("name", "id")),
    "flags.lift": Writing(args=("subject", "flag")),
    "flags.list": Writing(args=("subject",)),
    "flags.set": Writing(args=("subject", "flag")),
    "manifests.check": Writing(args=("version",)),
    "manifests.diff": Writing(args=("old", "version")),
    "manifests.get": Writing(args=("version",)),
    "manifests.impact": Writing(args=("field",)),
    "notices.get": Writing(args=("key",)),
    "notices.put": Writing(args=("notices",), files=("notices",), left_out=("file",)),
    "notices.retire": Writing(args=("key",)),
    "policies.activate": Writing(args=("version",)),
    "policies.save": Writing(args=("policy",), files=("policy",), left_out=("file",)),
    "preferences.forget": Writing(args=("email",)),
    "preferences.list": Writing(args=("email",)),
    "preferences.set": Writing(args=("email",)),
    "preferences.tell": Writing(args=("email",)),
    "principals.claim": Writing(args=("token",)),
    "principals.create": Writing(args=("name",), names=_GRANTS),
    "principals.revoke": Writing(args=("name",)),
    "principals.update": Writing(args=("name",), names=_GRANTS),
    "queues.put": Writing(args=("queue", "principal", "id")),
    "queues.remove": Writing(args=("queue", "principal", "id")),
    "promises.save": Writing(args=("promises",), files=("promises",), left_out=("file",)),
    "queries.explain": Writing(args=("sql",)),
    "queries.run": Writing(args=("sql",)),
    "tokens.detokenize": Writing(args=("tokens",)),
    "laws.show": Writing(args=("key",)),
    "requests.acknowledge": Writing(args=("id",)),
    "requests.answer": Writing(args=("id", "task")),
    "requests.approve": Writing(args=("id",)),
    "requests.assign": Writing(args=("id", "principal")),
    "requests.cancel": Writing(args=("id",)),
    "requests.certificate": Writing(args=("id",)),
    "requests.comment": Writing(args=("id", "text")),
    "requests.comments": Writing(args=("id",)),
    "requests.deny": Writing(args=("id",)),
    "requests.extend": Writing(args=("id",)),
    "requests.figures": Writing(args=("month",)),
    "requests.forget": Writing(args=("id",)),
    "requests.get": Writing(args=("id",)),
    "requests.identify": Writing(args=("id",)),
    "requests.open": Writing(args=("kind",), names=(("uses", "use"),)),
    "requests.person": Writing(args=("id",)),
    "requests.plan": Writing(args=("kind",)),
    "requests.retry": Writing(args=("id",)),
    "requests.run": Writing(args=("id",)),
    "requests.tasks": Writing(args=("id",)),
    "types.show": Writing(args=("name",)),
    "vaults.apply": Writing(args=("vault", "schema"), files=("schema",), left_out=("file",)),
    "vaults.create": Writing(args=("name",), files=("schema",)),
    "vaults.get": Writing(args=("vault",)),
    "vaults.plan": Writing(args=("vault", "schema"), files=("schema",), left_out=("file",)),
}
OTHER_NAMES = {"show": "get", "get": "show"}
BESIDE = {
    "manifests": "privet.app.cli.manifest",
    "policies": "privet.app.cli.policy",
    "preferences": "privet.app.cli.preference",
    "requests": "privet.app.cli.request",
}
"""Noun → where the commands are, in `COMMANDS`, that stand beside those of its service."""
FROM_FILE = "JSON, @FILE, or - for standard input"


class Noun(click.Group):
    """The commands of one noun. Alone, it lists, where listing needs nothing more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, context_settings=HELP, **kwargs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, OTHER_NAMES.get(cmd_name, ""))


def noun_group(noun: str, about: str) -> click.Group:
    """Return the group of commands of one noun of the services."""
    made = {verb.name.partition(".")[2]: command_of(verb) for verb in verbs_of(noun)}
    made |= {command.name or "": command for command in _beside(noun)}
    alone = made.get("list")
    if alone is None or any(param.required for param in alone.params):
        return Noun(noun, made, help=about, params=shared_options())

    def run() -> None:
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            ctx.invoke(alone)

    return Noun(noun, made, help=about, params=shared_options(), invoke_without_command=True, callback=run)


def _beside(noun: str) -> tuple[click.Command, ...]:
    """Return the commands of a noun that ask no service."""
    return import_module(BESIDE[noun]).COMMANDS if noun in BESIDE else ()


def query() -> click.Command:
    """Return `privet query`: the short way to write `privet queries run`."""
    found: tuple[Verb, ...] = import_module("privet.app.services.queries").VERBS
    return command_of(next(verb for verb in found if verb.name == "queries.run"), "query")


def command_of(verb: Verb, name: str = "") -> click.Command:
    """Return the command of a verb: its route's fields and simple fields as options, the others as JSON."""
    writing = WRITINGS.get(verb.name, PLAIN)
    fields = [f for f in msgspec.structs.fields(verb.ask) if f.name not in writing.left_out]
    fields.sort(key=lambda f: writing.args.index(f.name) if f.name in writing.args else len(writing.args))
    act = ACTS.get(verb.name) or KEEPS.get(verb.name, perform)

    def run(**given: Any) -> None:
        said = {f.name: _read(verb, f, given[f.name], writing) for f in fields if given.get(f.name) not in (None, ())}
        if "file" in writing.left_out and given[writing.files[0]] != "-":
            said["file"] = given[writing.files[0]]
        act(verb, said)

    asked = " ".join((verb.ask.__doc__ or "").split())
    return PlainCommand(
        name or verb.name.partition(".")[2],
        params=[*(_param(verb, field, writing) for field in fields), *_extras(verb)],
        callback=run,
        help=verb.about if asked in ("", "Nothing to say.") else f"{verb.about}\n\n{asked}",
        short_help=verb.about,
    )


def _extras(verb: Verb) -> list[click.Parameter]:
    asks, once = [yes_option()] if verb.name in ACTS else [], [once_option()] if verb.changes else []
    return [*asks, *once, *OPTIONS.get(verb.name, ())]


def perform(verb: Verb, said: Mapping[str, Any]) -> None:
    """Carry out a verb and print its answer."""
    from privet.app.cli.door import door

    reach = reach_of(click.get_current_context())
    if verb.alone is not None:
        found = verb.alone(verb.ask(**said))
    else:
        with door(reach, keyless=verb.open) as client:
            found = client.call(verb.name, said, key=reach.idempotency_key)
    click.echo(answer(found, as_json=reach.json))
    raise click.exceptions.Exit(exit_code(found))


def exit_code(found: object) -> int:
    """Return 1 for the answer of a check that found faults, so that scripts see it; else 0."""
    return 1 if getattr(found, "sound", True) is False else 0


def confirm_apply(verb: Verb, said: Mapping[str, Any]) -> None:
    """Show what a schema changes, ask, apply it."""
    from privet.app.cli.door import door

    reach = reach_of(click.get_current_context())
    with door(reach) as client:
        if not reach.yes:
            asked = {name: value for name, value in said.items() if name != "allow_loss"}
            plan = client.call("vaults.plan", asked)
            if plan.changes:
                click.echo(answer(plan, as_json=False), err=True)
                click.confirm("Apply this?", abort=True, err=True)
        found = client.call(verb.name, said, key=reach.idempotency_key)
    click.echo(answer(found, as_json=reach.json))


ACTS: dict[str, Callable[[Verb, Mapping[str, Any]], None]] = {"vaults.apply": confirm_apply}
"""Verbs that a person confirms."""
KEEPS: dict[str, Callable[[Verb, Mapping[str, Any]], None]] = {
    "principals.create": keep_private,
    "credentials.create": keep_private,
    "principals.claim": claim,
    "audit.house": audit.check,
    "audit.search": audit.found,
    "audit.tail": audit.tail,
    "audit.verify": audit.check,
    "requests.certificate": request.certificate,
    "requests.figures": request.figures,
    "requests.plan": request.plan,
    "policies.get": policy.show,
    "policies.save": policy.save,
    "policies.activate": policy.change,
    "policies.retire": policy.change,
    "settings.set": policy.change,
}
"""Verbs whose answer is more than printed: a key goes into a file, a text stands alone."""


OPTIONS: dict[str, tuple[click.Parameter, ...]] = {"requests.certificate": (request.OUTPUT,)}
"""Options of one command alone, about what is done with the answer."""


def _param(verb: Verb, field: msgspec.structs.FieldInfo, writing: Writing) -> click.Parameter:
    required = field.required or f"{{{field.name}}}" in verb.path
    kind = _bare(field.type)
    several = kind == list[str]
    if field.name in writing.args:
        return click.Argument(
            [field.name], required=required, nargs=-1 if several else 1, type=int if kind is int else str
        )
    name = dict(writing.names).get(field.name, field.name)
    flag = f"--{name.replace('_', '-')}"
    if kind is bool:
        both = f"{flag}/--no-{flag[2:]}" if kind is not field.type else flag
        return click.Option([both, field.name], is_flag=True, default=None)
    if kind is int:
        return click.Option([flag, field.name], type=int, required=required, metavar="N")
    if kind is str:
        words = "FILE" if field.name in writing.files else "PATH" if field.name in writing.paths else "TEXT"
        return click.Option([flag, field.name], type=str, required=required, metavar=words)
    if several:
        return click.Option(
            [flag, field.name], multiple=True, required=required, metavar="TEXT", help="One, and again for more."
        )
    return click.Option([flag, field.name], type=str, required=required, metavar="JSON", help=FROM_FILE)


def _bare(kind: Any) -> Any:
    """Return the type without `| None`."""
    options = [option for option in get_args(kind) if option is not NoneType]
    return options[0] if len(options) == 1 and get_origin(kind) not in (list, dict) else kind


def _read(verb: Verb, field: msgspec.structs.FieldInfo, given: Any, writing: Writing) -> Any:
    kind = _bare(field.type)
    if field.name in writing.files:
        return _text_of("-" if given == "-" else f"@{given}")
    if kind == list[str]:
        return [line for item in given for line in _lines(item)]
    if kind is str:
        return _text_of(given) if field.name in writing.args and given == "-" else given
    if kind in (bool, int):
        return given
    try:
        found = codec.decode(_text_of(given).encode(), object, max_keys=verb.max_keys)
    except MalformedBody as error:
        raise MalformedBody(error.message, at=f"--{field.name}", hint=FROM_FILE) from None
    return [found] if get_origin(kind) is list and isinstance(found, dict) else found


def _lines(given: str) -> list[str]:
    is_source = given == "-" or given.startswith("@")
    return [line for line in _text_of(given).splitlines() if line] if is_source else [given]


def _text_of(given: str) -> str:
    """Return the text itself, the text of an @file, or what stands on standard input."""
    if given != "-" and not given.startswith("@"):
        return given
    raw = sys.stdin.buffer.read() if given == "-" else Path(given[1:]).read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedBody("expected UTF-8", at="standard input" if given == "-" else given[1:]) from None
