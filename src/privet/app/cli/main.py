"""The command line: names of commands, options of all commands, how failures look.

What a command does is imported when it runs or when its own help is shown, so that `privet --help` stays quick. Exit
codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import resource
import sys
import traceback
from importlib import import_module
from types import TracebackType
from typing import Any, TextIO

import click

from privet import __version__
from privet.app.cli.reach import HELP, Reach, shared_options
from privet.errors import PrivetError

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("privet.app.cli.home:init", "Make a home: keys, settings, control database, first owner."),
    "serve": ("privet.app.cli.home:serve", "Serve the home over HTTP and its Unix socket."),
    "worker": ("privet.app.cli.home:worker", "Carry people's requests out, or stand by to."),
    "check": ("privet.app.cli.check:check", "Check manifests against their policies."),
    "map": ("privet.app.cli.map:map_", "Write the data map of manifests."),
    "scan": ("privet.app.cli.scan:scan", "Write a manifest of what a database holds."),
    "drift": ("privet.app.cli.scan:drift", "Compare a database with its manifest."),
    "import": ("privet.app.cli.load:import_", "Import a CSV file and get the same rows with tokens."),
    "export": ("privet.app.cli.load:export", "Write a table out as CSV or NDJSON."),
    "file": ("privet.app.cli.files:file", "Put a file into a record, get one out."),
    "backup": ("privet.app.cli.copies:backup", "Copy the home, while it serves or not."),
    "restore": ("privet.app.cli.copies:restore", "Make a home from a backup."),
    "impact": ("privet.app.cli.manifest:impact", "Show what depends on a field."),
    "push": ("privet.app.cli.manifest:push", "Store manifests in a home."),
    "pull": ("privet.app.cli.manifest:pull", "Write manifests of a home into a folder."),
    "query": ("privet.app.cli.verbs:query", "Ask a question in SQL."),
    "token": ("privet.app.cli.identity:token", "Exchange a private key for a short-lived token."),
    "prove": ("privet.app.cli.audit:prove", "Prove a copy of an audit, away from the vault."),
}
"""Command → (where it is, what it does)."""

ALIASES = {"files": "file", "policy": "policies"}

NOUNS: dict[str, str] = {
    "approvals": "What waits for a second person.",
    "audit": "What was done, by whom, and the proof of it.",
    "backups": "Copy the home while it serves.",
    "connectors": "The systems that people's requests reach.",
    "consents": "What people said about uses of their data.",
    "credentials": "Further keys of a principal, and their ends.",
    "exports": "Ask a second person for an export in the clear.",
    "flags": "Hold back the records of people who restricted or object to their use.",
    "health": "Whether the home takes writes.",
    "honey": "Records that raise an alert when they are shown.",
    "keys": "What keys there are; change them while the vault serves.",
    "laws": "What laws ask of declarations and deadlines; not legal advice.",
    "manifests": "What is declared: versions, checks, the data map.",
    "notices": "What people are told of uses of their data.",
    "policies": "Who may do what in a vault: save, show, put into force.",
    "preferences": "What people said to notices, and what counts of it.",
    "principals": "Who may call, what is granted to them, and their keys.",
    "promises": "What the whole organization promises, in every vault.",
    "queries": "Questions in SQL, and how they are answered.",
    "queues": "Give a principal a few records for a while.",
    "records": "Insert, upsert, update, show and delete records.",
    "requests": "People's requests: open, approve, run and follow them.",
    "sessions": "Short-lived tokens, and who the caller is.",
    "settings": "Settings of a vault.",
    "subjects": "Erase a person.",
    "tokens": "Turn values into tokens, and back.",
    "types": "The data types that columns can have.",
    "vaults": "Make vaults, show and change their schemas.",
}
"""Noun of the services → what its commands are about. Equal to `privet.app.services.NOUNS`, which is slow to import."""


class Failure(click.ClickException):
    """A refused or failed command, as it is shown."""

    def __init__(self, error: PrivetError, *, as_json: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.as_json = as_json

    def show(self, file: Any = None) -> None:
        from privet.app.cli.show import failure

        click.echo(failure(self.error, as_json=self.as_json), err=True)


class Root(click.Group):
    """Every command by name; loads the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *NOUNS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            found = getattr(import_module(module), attribute)
            command: click.Command = found if isinstance(found, click.Command) else found()
            return command
        noun = cmd_name if cmd_name in NOUNS else f"{cmd_name}s"
        if noun in NOUNS:
            group: click.Command = import_module("privet.app.cli.verbs").noun_group(noun, NOUNS[noun])
            return group
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])
        with formatter.section("Nouns (`privet records --help` shows their commands)"):
            formatter.write_dl(list(NOUNS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PrivetError as error:
            raise Failure(error, as_json=ctx.ensure_object(Reach).json) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
        except click.Abort as abort:
            # Click turns an interrupted question and one without an answer into the same error.
            if isinstance(abort.__context__, KeyboardInterrupt):
                raise click.exceptions.Exit(130) from None
            raise Failure(_unconfirmed(), as_json=ctx.ensure_object(Reach).json) from None
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise  # click ends quietly when the reader of our output has gone
            failed = PrivetError(
                f"{(error.strerror or 'input or output failed').lower()}", at=str(error.filename or "")
            )
            raise Failure(failed, as_json=ctx.ensure_object(Reach).json) from None


def _unconfirmed() -> PrivetError:
    return PrivetError("expected a yes", hint="--yes answers it beforehand")


@click.group(
    cls=Root,
    context_settings=HELP,
    params=shared_options(),
    epilog="The home is ./privet-home unless --home or PRIVET_HOME names another one.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Privet keeps personal data in an encrypted vault and hands out tokens."""


def main() -> None:
    """Run the command line of this process. Exits."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold values and keys
    sys.excepthook = show_fault
    sys.stdout, sys.stderr = whole(sys.stdout), whole(sys.stderr)
    cli(prog_name="privet")


def whole(stream: TextIO) -> TextIO:
    """Return a stream that writes all that it is given.

    Without a buffer, as PYTHONUNBUFFERED asks for, Python drops what a short write of the system leaves over.
    """
    raw = getattr(stream, "buffer", None)
    if not isinstance(raw, io.RawIOBase):
        return stream
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)


def show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a fault of Privet itself: the class and the lines, without the message, which may quote a value."""
    click.echo("".join(traceback.format_tb(trace)) + f"error: a fault in Privet itself ({kind.__name__})", err=True)


if __name__ == "__main__":
    main()
