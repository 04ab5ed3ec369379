"""The options of all commands, and commands that take them. Opening what they name is the business of `door`."""

from __future__ import annotations

from typing import Any

import click


class Reach:
    """What the options of all commands say. `home`, `url`, `ca`: "" for what the environment says."""

    def __init__(self) -> None:
        self.home = ""
        self.url = ""
        self.ca = ""
        self.purpose = ""
        self.json = False
        self.yes = False
        self.idempotency_key = ""


def shared_options() -> list[click.Parameter]:
    """Return the options that stand before or after any command."""
    return [
        click.Option(
            ["--home"], metavar="DIR", expose_value=False, callback=_remember, help="Where the home is (PRIVET_HOME)."
        ),
        click.Option(
            ["--url"], metavar="URL", expose_value=False, callback=_remember, help="A server to ask (PRIVET_URL)."
        ),
        click.Option(
            ["--ca"],
            metavar="FILE",
            expose_value=False,
            callback=_remember,
            help="Certificates that vouch for the server (PRIVET_CA_FILE).",
        ),
        click.Option(
            ["--purpose"], metavar="USE", expose_value=False, callback=_remember, help="The data use that this is for."
        ),
        click.Option(["--json"], is_flag=True, expose_value=False, callback=_remember, help="Print JSON, one line."),
    ]


def yes_option() -> click.Option:
    """Return the option of commands that ask before they act."""
    return click.Option(["--yes"], is_flag=True, expose_value=False, callback=_remember, help="Do not ask.")


def once_option() -> click.Option:
    """Return the option of commands that change something."""
    return click.Option(
        ["--idempotency-key"],
        metavar="KEY",
        expose_value=False,
        callback=_remember,
        help="Repeated with the same KEY, it is done once.",
    )


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value and param.name:
        setattr(ctx.ensure_object(Reach), param.name, value)


HELP = {"help_option_names": ["-h", "--help"]}


class PlainCommand(click.Command):
    """A command with the shared options, whose usage errors quote no value."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["params"] = [*(kwargs.get("params") or []), *shared_options()]
        # Said here, too: click keeps a command's help option from its first use, with or without a parent.
        kwargs.setdefault("context_settings", HELP)
        super().__init__(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except (click.MissingParameter, click.NoSuchOption, click.BadOptionUsage):
            raise  # these name options, never what stands after them
        except click.BadParameter as error:
            if error.param is None or isinstance(error.param.type, click.Path):
                raise
            raise click.BadParameter(f"expected {_kind(error.param)}.", ctx=ctx, param=error.param) from None
        except click.UsageError:
            raise click.UsageError("Got more arguments than the command takes.", ctx=ctx) from None


def _kind(param: click.Parameter) -> str:
    if isinstance(param.type, click.Choice):
        return "one of " + ", ".join(str(choice) for choice in param.type.choices)
    return f"{param.type.name} (see --help)"


def reach_of(ctx: click.Context) -> Reach:
    """Return what the shared options say."""
    return ctx.ensure_object(Reach)
