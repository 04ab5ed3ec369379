"""Commands that show what policies do, in files or in a vault: explain, diff, test, suggest. They change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privet.app.cli.reach import PlainCommand, Reach, reach_of
from privet.errors import InvalidInput, InvalidPolicy, MalformedBody

if TYPE_CHECKING:
    from privet.policy.review.suite import Result, Suite
    from privet.policy.syntax import Policy
    from privet.vocabulary.dataset import Dataset

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_VAULT = click.option("--vault", default="", metavar="NAME", help="Ask this vault: its tables, its stored policies.")
_SCHEMA = click.option("--schema", type=_FILE, metavar="FILE", help="The tables that policy files are about.")


@click.command("explain", cls=PlainCommand)
@click.argument("policy", required=False, metavar="[FILE or VERSION]")
@click.option("--as", "roles", required=True, metavar="ROLE,ROLE", help="The roles of a caller, together.")
@_VAULT
@_SCHEMA
@click.option("--table", default="", metavar="NAME", help="Only this table.")
@click.option("--for", "stated", default="", metavar="USE", help="Only what holds for this purpose.")
@click.option("--unused", is_flag=True, help="Mark what nobody used in 90 days; needs --vault.")
@click.option("--html", "page", type=_NEW_FILE, metavar="FILE", help="Write one page in place of text.")
def explain(
    policy: str | None,
    roles: str,
    vault: str,
    schema: Path | None,
    table: str,
    stated: str,
    unused: bool,
    page: Path | None,
) -> None:
    """Show what roles may do: of each column how much, on which records, for what, until when, and by which rule.

    Of the policy in force in a vault, of another version, or of a file. A file needs --vault or --schema.
    """
    from privet.app.cli.show import answer, clean
    from privet.policy.review import page as pages

    named = [role.strip() for role in roles.split(",") if role.strip()]
    reach = reach_of(click.get_current_context())
    if vault:
        said = {"vault": vault, "roles": named, "table": table, "stated": stated, "used": unused}
        found = _call(reach, "policies.explain", said | _said(policy, "policy", "file"))
        matrix = found.matrix
    else:
        matrix = _matrix(_needed(policy, "a policy file, or --vault"), named, schema, table=table, stated=stated)
        if unused:
            raise InvalidInput("expected --vault with --unused", hint="a file does not know what was used")
    if page is not None:
        page.write_text(pages.html(matrix, f"What {', '.join(named)} may do"), encoding="utf-8")
        click.echo(f"wrote {page}")
    else:
        # Names come from files that people wrote; their control characters do not reach the terminal.
        shown = "\n".join(clean(line) for line in pages.text(matrix).split("\n"))
        click.echo(answer(matrix, as_json=True) if reach.json else shown, nl=reach.json)


@click.command("diff", cls=PlainCommand)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@_VAULT
@_SCHEMA
def diff(old: str, new: str, vault: str, schema: Path | None) -> None:
    """Show who gains and who loses what, from one policy to another; nothing where both mean the same.

    OLD and NEW are files, or versions of a vault's policy (0: the built-in roles alone). Exits with 1 where anything
    changes. Without --vault and --schema, rules are compared as they name tables, columns and categories.
    """
    from privet.app.cli.show import answer, clean
    from privet.policy.review import page as pages
    from privet.policy.review.diff import diff as compared

    reach = reach_of(click.get_current_context())
    if vault:
        sides = {"old": _side(old), "new": _side(new), "files": [_name(old), _name(new)]}
        changes = _call(reach, "policies.diff", {"vault": vault, **sides}).changes
    else:
        before, after = (_policy(Path(_needed_file(side))) for side in (old, new))
        changes = compared(before, after, _schema(schema) if schema else None, (old, new))
    if reach.json:
        click.echo(answer(changes, as_json=True))
    else:
        click.echo("\n".join(clean(line) for line in pages.changes_text(changes).split("\n")), nl=False)
    raise click.exceptions.Exit(1 if changes else 0)


@click.command("test", cls=PlainCommand)
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--policy", type=_FILE, metavar="FILE", help="Test this policy, whatever the files say.")
@_SCHEMA
@click.option("--vault", default="", metavar="NAME", help="Test what is in force in this vault.")
@click.option("--junit", type=_NEW_FILE, metavar="FILE", help="Write the results as JUnit's XML, too.")
def test(files: tuple[Path, ...], policy: Path | None, schema: Path | None, vault: str, junit: Path | None) -> None:
    """Run tests of a policy: YAML tables of who asks for what, and what they shall see.

    The policy and the schema are those that the files name, beside them. Exits with 0 where all pass, 1 where one
    fails, 2 where the tests could not run.
    """
    from privet.app.cli.show import answer, failure
    from privet.errors import PrivetError
    from privet.policy.review import suite as suites

    reach = reach_of(click.get_current_context())
    try:
        if vault:
            results = [result for path in files for result in _asked(reach, vault, path, policy)]
        else:
            results = [result for path in files for result in _run(path, policy, schema)]
    except (PrivetError, OSError) as error:
        known = error if isinstance(error, PrivetError) else _unread(error)
        click.echo(failure(known, as_json=reach.json), err=True)
        raise click.exceptions.Exit(2) from None
    if junit is not None:
        junit.write_text(suites.junit(results), encoding="utf-8")
    click.echo(answer(results, as_json=True) if reach.json else suites.report(results), nl=reach.json)
    raise click.exceptions.Exit(0 if all(result.sound for result in results) else 1)


@click.command("suggest", cls=PlainCommand)
@click.option("--for", "words", default="", metavar="TEXT", help='Who should see what, as in "support reads names".')
@_VAULT
@_SCHEMA
def suggest(words: str, vault: str, schema: Path | None) -> None:
    """Suggest rules for what you say in plain words, each with why; nothing is saved.

    Without --for, of a schema file: the ready roles support, service, connection and analyst.
    """
    from privet.app.cli.show import answer, clean
    from privet.policy import format
    from privet.policy.review.ready import ready
    from privet.policy.review.suggest import suggest as suggested

    reach = reach_of(click.get_current_context())
    if vault:
        _needed(words, "--for")
        found = _call(reach, "policies.suggest", {"vault": vault, "words": words})
        suggestion, text = found.suggestion, found.text
    elif schema is None:
        raise InvalidInput("expected --vault or --schema")
    elif words:
        suggestion = suggested(words, _schema(schema))
        text = suggestion.text()
    else:
        text = format.write(ready(_schema(schema)))
        suggestion = {"text": text}
    lines = "\n".join(clean(line) for line in text.split("\n"))
    click.echo(answer(suggestion, as_json=True) if reach.json else lines, nl=reach.json)


COMMANDS = (explain, diff, test, suggest)
"""Commands that stand beside those of the service."""


# --- in a vault -------------------------------------------------------------------------------------------------


def _call(reach: Reach, name: str, said: Mapping[str, Any]) -> Any:
    from privet.app.cli.door import door

    with door(reach) as client:
        return client.call(name, said)


def _said(policy: str | None, field: str, file: str) -> dict[str, Any]:
    return {} if policy is None else {field: _side(policy), file: _name(policy)}


def _side(said: str) -> int | str:
    """Return a version, or the text of a file."""
    return int(said) if said.isdecimal() else _text(Path(_needed_file(said)))


def _name(said: str) -> str:
    return f"policy {said}" if said.isdecimal() else said


def _asked(reach: Reach, vault: str, path: Path, policy: Path | None) -> list[Result]:
    said = {"vault": vault, "tests": _text(path), "file": str(path)}
    found = _call(reach, "policies.test", said | ({"policy": _text(policy)} if policy else {}))
    results: list[Result] = found.results
    return results


# --- in files ---------------------------------------------------------------------------------------------------


def _unread(error: OSError) -> InvalidInput:
    return InvalidInput((error.strerror or "a file cannot be read").lower(), at=str(error.filename or ""))


def _needed(said: str | None, what: str) -> str:
    if not said:
        raise InvalidInput(f"expected {what}")
    return said


def _needed_file(said: str) -> str:
    if not Path(said).is_file():
        hint = "a version needs --vault" if said.isdecimal() else ""
        raise InvalidInput("expected a policy file", at=said, hint=hint)
    return said


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise MalformedBody("expected UTF-8", at=str(path)) from None


def policy_of(path: Path, text: str) -> Policy:
    """Return the policy of a file, `-` for standard input. Raises InvalidPolicy.

    It may name the team's own labels, as far as manifests beside it, or in a folder `.fides` there or here, have them.
    """
    from privet.manifest.load import load
    from privet.policy.parse import parse

    piped = str(path) == "-"
    file = "standard input" if piped else str(path)
    try:
        return parse(text, file, file)
    except InvalidPolicy:  # few texts name labels of their own, and reading manifests takes a while
        beside = Path.cwd() if piped else path.resolve().parent
        places = (*sorted(beside.glob("*.y*ml")), beside / ".fides", Path.cwd() / ".fides")
        labels = load([place for place in places if place.exists()], root=Path.cwd())[0].labels
        if not labels:
            raise
    return parse(text, file, file, labels=labels)


def _policy(path: Path) -> Policy:
    return policy_of(path, _text(path))


def _schema(path: Path) -> Dataset:
    from privet.vault.reader import read_schema

    return read_schema(_text(path), str(path))


def _matrix(policy: str, roles: list[str], schema: Path | None, *, table: str, stated: str) -> Any:
    from dataclasses import replace

    from privet.policy.review.explain import Question
    from privet.policy.review.explain import explain as explained
    from privet.policy.roles import BUILT_IN
    from privet.vocabulary import taxonomy
    from privet.vocabulary.access import Purpose

    if schema is None:
        raise InvalidInput("expected --vault or --schema with a policy file")
    found, dataset = _policy(Path(_needed_file(policy))), _schema(schema)
    if table and dataset.collection(table) is None:
        raise InvalidInput("expected a table of the schema, found none of that name", at="--table")
    if stated:
        taxonomy.get(stated)
    whole = replace(found, roles=(*BUILT_IN.roles, *found.roles))
    purpose = Purpose(stated) if stated else None
    return explained(whole, roles, dataset, Question(table=table, purpose=purpose, file=policy))


def _run(path: Path, policy: Path | None, schema: Path | None) -> list[Result]:
    from privet.app.services.review import judge_by
    from privet.policy.bind import bind
    from privet.policy.review import suite as suites
    from privet.vault.schema import EMPTY, merge

    suite = suites.open_suite(_text(path), str(path))
    dataset = _schema_of(suite, path, schema)
    if policy is None and not suite.policy:
        raise InvalidInput("expected `policy`, the file that is tested", at=str(path))
    tested = policy or path.parent / suite.policy
    found = _policy(tested)
    bind(found, dataset, str(tested))
    made = iter(range(1 << 20))
    table = merge(EMPTY, dataset, lambda: next(made).to_bytes(16))  # ids that nothing is stored under
    return suites.run(suite, found, dataset, judge_by(table))


def _schema_of(suite: Suite, path: Path, schema: Path | None) -> Dataset:
    from privet.vault.reader import read_schema
    from privet.vault.templates import template_text

    if schema is None and suite.template:
        return read_schema(template_text(suite.template), f"template {suite.template}")
    return _schema(schema or path.parent / suite.schema)
