"""Write docs/reference: command line, API, errors, data types and connectors, from the code that is them.

`--check` writes nothing and fails where a file differs from what it would write.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from privet.app.cli.main import cli
from privet.app.http.problems import STATUSES
from privet.app.services import verbs
from privet.app.services.files import TRANSFERS, Transfer
from privet.app.services.streams import STREAMS
from privet.app.services.verb import Verb
from privet.connectors.rest.shelf import names as vendors
from privet.connectors.rest.shelf import shelf
from privet.connectors.systems import SYSTEMS, Setting, System
from privet.errors import PrivetError
from privet.vocabulary.datatype import TYPES, DataType

OUT = Path(__file__).parent / "reference"
MADE = "<!-- Written by `./run docs` from the code; edit the code, not this file. -->"
HELP_WIDTH = 100


def main(argv: Sequence[str]) -> int:
    """Write the pages, or compare them. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(argv).check
    stale = []
    for name, page in PAGES.items():
        path, text = OUT / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/reference/{name}")
        if not check:
            OUT.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path_name in stale:
        sys.stdout.write(f"{path_name} {'differs: run ./run docs' if check else 'written'}\n")
    return 1 if check and stale else 0


# --- the command line ---------------------------------------------------------------------------------------


def cli_page() -> str:
    """Return the help of every command."""
    parts = ["# The command line", MADE, "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."]
    for words, text in help_pages():
        level = "##" if len(words) <= 2 else "###"
        parts.append(f"{level} `{' '.join(words)}`\n\n```text\n{text}\n```")
    return _page(parts)


def help_pages() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (words of the command, its help) of every command, groups before what they hold."""
    yield from _help(cli, ("privet",), None)


def _help(
    command: click.Command, words: tuple[str, ...], above: click.Context | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    ctx = click.Context(
        command, info_name=words[-1], parent=above, terminal_width=HELP_WIDTH, max_content_width=HELP_WIDTH
    )
    yield words, command.get_help(ctx)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if below is not None and not below.hidden:
                yield from _help(below, (*words, name), ctx)


# --- the API ------------------------------------------------------------------------------------------------


def api_page() -> str:
    """Return every route with its fields and answer."""
    rows = verbs()
    parts = [
        "# The API",
        MADE,
        "Every call carries `Authorization: Bearer KEY`, except where it says *open*.\n"
        "A call that changes something takes an `Idempotency-Key`: sent again with the same key and body, it is\n"
        "carried out once.\n"
        "Faults are `application/problem+json` (RFC 9457); [errors](errors.md) lists their codes.\n"
        "The same rows make `GET /v1/openapi.json`.",
    ]
    noun = ""
    for verb in rows:
        if verb.name.partition(".")[0] != noun:
            noun = verb.name.partition(".")[0]
            parts.append(f"## {noun}")
        parts += _verb(verb)
        parts += [part for flow in STREAMS if verb.name == "records.list" for part in _stream(flow)]
    parts.append("## files")
    parts += [part for transfer in TRANSFERS for part in _transfer(transfer)]
    shown = _reachable([row.answer for table in (rows, STREAMS, TRANSFERS) for row in table])
    parts.append("## Answers")
    for kind in sorted(shown, key=lambda kind: (kind.__name__, kind.__module__)):
        parts.append(f"### {kind.__name__}\n\n{_words(kind.__doc__)}")
        parts.append(_fields(kind, ""))
    return _page(part for part in parts if part)


def _verb(verb: Verb) -> list[str]:
    notes = [
        word for word, true in (("open", verb.open), ("batch", verb.batch), ("idempotency key", verb.changes)) if true
    ]
    limit = f"body up to {verb.max_body_bytes >> 20} MiB and {verb.max_keys:,} keys"
    told = [*notes, limit] if verb.takes_body else notes
    return [
        f"### `{verb.method} {verb.path}`",
        f"`{verb.name}`: {verb.about}" + (f"\n*{', '.join(told)}*." if told else ""),
        "" if _words(verb.ask.__doc__) == "Nothing to say." else _words(verb.ask.__doc__),
        _fields(verb.ask, verb.path, verb.method if verb.takes_body else "GET"),
        f"Answers {verb.status} with {_kind(verb.answer)}.",
    ]


def _stream(flow: Any) -> list[str]:
    return [
        f"### `GET {flow.path}`",
        f"`{flow.name}`: {flow.about}",
        _words(flow.ask.__doc__),
        _fields(flow.ask, flow.path, "GET"),
        f"Answers 200 with lines of {_kind(flow.answer)}, `application/x-ndjson`.",
    ]


def _transfer(row: Transfer) -> list[str]:
    taken = (
        "The body is the file, `Content-Length` its `size`. Header lines say the rest: `Privet-File-Name`"
        " (percent-encoded),\n`Privet-File-Type` (`mime`), `Privet-File-Sha256`, `Privet-File-Replace`.\n"
        "`max_file_bytes` in privet.yaml is the most that is taken, 4 GiB unless it says otherwise."
    )
    given = (
        "Answers 200 with the file. Header lines say what is known of it: `Content-Disposition` (its name),\n"
        "`Content-Type`, `Content-Length`, `Privet-File-Sha256`."
    )
    return [
        f"### `{row.method} {row.path}`",
        f"`{row.name}`: {row.about}",
        _words(row.ask.__doc__),
        _fields(row.ask, row.path, "GET") if row.gives else "",
        given if row.gives else taken,
        "" if row.gives else f"Answers 200 with {_kind(row.answer)}.",
    ]


def _fields(kind: type, path: str, method: str = "") -> str:
    fields = msgspec.structs.fields(kind)
    if not fields:
        return ""
    head = ("field", "in", "type", "default") if method else ("field", "type")
    rows: list[tuple[str, ...]] = []
    for field in fields:
        if not method:
            rows.append((f"`{field.encode_name}`", _kind(field.type)))
            continue
        in_path = f"{{{field.name}}}" in path
        place = "path" if in_path else "query" if method in ("GET", "DELETE") else "body"
        needed = in_path or field.required
        rows.append((f"`{field.encode_name}`", place, _kind(field.type), "required" if needed else _default(field)))
    return _grid(head, rows)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is msgspec.NODEFAULT:
        return "empty"
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _kind(kind: Any) -> str:
    """Return a type as readers of JSON know it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    args: tuple[Any, ...] = getattr(kind, "__args__", ())
    origin = getattr(kind, "__origin__", None)
    if origin is list:
        return f"list of {_kind(args[0])}"
    if origin is dict:
        return f"object of {_kind(args[1])}"
    if args:
        return " or ".join(_kind(arg) for arg in args)
    names = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "null", Any: "any"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def _reachable(kinds: Iterable[Any]) -> set[type[msgspec.Struct]]:
    found: set[type[msgspec.Struct]] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
            found.add(kind)
            waiting += [field.type for field in msgspec.structs.fields(kind)]
        waiting += getattr(kind, "__args__", ())
    return found


# --- errors -------------------------------------------------------------------------------------------------


def errors_page() -> str:
    """Return every error class with its code and status."""
    for module in ("privet.store.port", "privet.rights.run", "privet.connectors.systems.saas"):
        importlib.import_module(module)  # errors of their own
    rows = []
    for kind in sorted(_below(PrivetError), key=lambda kind: (_status(kind), kind.code)):
        above = kind.__mro__[1]
        rows.append(
            (f"`{kind.code}`", f"`{kind.__name__}`", f"`{above.__name__}`", str(_status(kind)), _words(kind.__doc__))
        )
    return _page(
        [
            "# Errors",
            MADE,
            "`code` never changes. The class is what Python callers catch; it is also caught as the class in the\n"
            "third column. The command line ends with 1 on all of them. No message holds a value.",
            _grid(("code", "class", "is a", "HTTP", "what it says"), rows),
        ]
    )


def _below(kind: type[PrivetError]) -> set[type[PrivetError]]:
    inside = [sub for sub in kind.__subclasses__() if sub.__module__.startswith("privet.")]
    return set(inside).union(*(_below(sub) for sub in inside)) if inside else set()


def _status(kind: type[PrivetError]) -> int:
    return next((status for known, status in STATUSES if issubclass(kind, known)), 500)


# --- data types ---------------------------------------------------------------------------------------------


def types_page() -> str:
    """Return the data types by family."""
    parts = [
        "# Data types",
        MADE,
        "*index*: the questions that a column of this type can answer while it is sealed; those in italics take few\n"
        "values and must be declared with `leak: equality`.\n"
        "*shows*: the redactions that fit, from least to most revealing, and *ceiling* the most that any role sees.\n"
        "`privet types show NAME` explains one with an example.",
    ]
    families: dict[str, list[DataType]] = {}
    for kind in TYPES.all():
        families.setdefault(kind.name.partition(".")[0] if "." in kind.name else "basic", []).append(kind)
    for family in sorted(families, key=lambda name: (name != "basic", name)):
        parts.append(f"## {family}")
        head = ("type", "what it is", "label", "index", "shows", "ceiling", "kept", "token")
        parts.append(_grid(head, [_type_row(kind) for kind in families[family]]))
        parts.append(
            "Rules:\n\n" + "\n".join(f"- `{kind.name}`: {'; '.join(kind.sources)}" for kind in families[family])
        )
    return _page(parts)


def _type_row(kind: DataType) -> tuple[str, ...]:
    token = kind.token + (f", `{kind.shape}`" if kind.shape else "")
    return (
        f"`{kind.name}`" + "".join(f" `{alias}`" for alias in kind.aliases),
        kind.about,
        f"`{kind.category}`",
        ", ".join(_index(kind, name) for name in kind.indexes) or "none",
        ", ".join(kind.redactions),
        kind.ceiling,
        kind.keep,
        token,
    )


def _index(kind: DataType, name: str) -> str:
    part = kind.part(name)
    return f"*{name}*" if (kind.few if part is None else part.few) else name


# --- connectors ---------------------------------------------------------------------------------------------


def connectors_page() -> str:
    """Return every kind of system that requests reach, and the SaaS files that come along."""
    parts = [
        MADE,
        "# Connectors",
        "The systems that people's requests reach: what is said to `privet connectors put`, what each can do, and "
        "against what its tests run it. Gold: tried against its own server, reads back, and is atomic or cannot repeat "
        "an effect. Silver: tried against an emulation or a fake, and reads back. Bronze: all else.",
        _grid(
            ("kind", "system", "level", "tried against", "deletes", "overwrites", "whole or not at all"),
            [_connector_row(one) for one in SYSTEMS.all()],
        ),
    ]
    for one in SYSTEMS.all():
        has = one.profile
        parts.append(f"## {one.name}")
        parts.append(f"{one.title}. {has.level.capitalize()}{f', {has.untried}' if has.untried else ''}.")
        parts.append(_grid(("setting", "", "default"), [_setting_row(setting) for setting in one.settings]))
        if has.limits:
            parts.append("\n".join(f"- {_words(limit)}" for limit in has.limits))
        if has.docs:
            parts.append("Written from: " + ", ".join(f"<{page}>" for page in has.docs))
    parts.append("## SaaS by a file")
    parts.append(
        "`privet connectors put NAME --kind saas` with `config` naming one of these, or a connector file of Fides. "
        "None was tried against its vendor: each is tested against a fake that another hand wrote from the vendor's "
        "documents."
    )
    parts.append(
        _grid(("config", "what it reaches", "settings and secrets"), [_vendor_row(name) for name in vendors()])
    )
    return _page(parts)


def _connector_row(one: System) -> tuple[str, ...]:
    has = one.profile
    yes = {True: "yes", False: "no"}
    return (
        f"[{one.name}](#{one.name})",
        one.title,
        has.level,
        f"{has.against} ({has.tried})",
        yes[has.deletes],
        yes[has.masks],
        yes[has.atomic],
    )


def _setting_row(setting: Setting) -> tuple[str, ...]:
    default = "must be said" if setting.default is None else f"`{setting.default}`" if setting.default != "" else ""
    return (f"`{setting.name}`", f"{_words(setting.about)}{' Secret.' if setting.secret else ''}", default)


def _vendor_row(name: str) -> tuple[str, ...]:
    config = shelf(name)
    terms = ", ".join(f"`{term.name}`" for term in config.terms)
    return (f"`{name}`", _words(config.description), terms)


# --- Markdown -----------------------------------------------------------------------------------------------


def _words(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts).rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "api.md": api_page,
    "cli.md": cli_page,
    "connectors.md": connectors_page,
    "errors.md": errors_page,
    "types.md": types_page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
