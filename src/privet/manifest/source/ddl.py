"""Statements of SQL that make and change tables, put into a ledger; other statements are passed over.

The dialect is guessed by the text, and each statement that it does not know is tried in the others.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlglot import Dialect, Token, TokenType, exp
from sqlglot.errors import ErrorLevel, SqlglotError

from privet.codec import Place
from privet.manifest.source import annotate
from privet.manifest.source.code import Code
from privet.manifest.source.ledger import Column, Key, Ledger, Table

DIALECTS = ("postgres", "mysql", "sqlite", "tsql", "snowflake")
_SIGNS = ((re.compile("`"), "mysql"), (re.compile(r"(?i)\[\w+\]|^GO$", re.M), "tsql"))
_ABOUT_TABLES = re.compile(
    r"(?i)(?:CREATE (?:OR REPLACE )?(?:GLOBAL |LOCAL )?(?:UNLOGGED |FOREIGN |EXTERNAL )?TABLE"
    r"|ALTER (?:FOREIGN )?TABLE|DROP (?:FOREIGN )?TABLE|RENAME TABLE|COMMENT ON|DO|CALL|EXECUTE?)\b"
)
_NAME = r"(?:ONLY |IF EXISTS )*(?:\S+ \. )*\S+"
# What tables have besides columns and keys: owners, row security, engines, indexes, partitions.
_ELSE = re.compile(
    rf"(?i)ALTER TABLE {_NAME} (?:(?:NO )?FORCE|ENABLE|DISABLE|OWNER TO|VALIDATE|CLUSTER|REPLICA|SET|RESET|ATTACH"
    r"|DETACH|ENGINE|AUTO_INCREMENT|CONVERT|COMMENT|(?:ADD|DROP|RENAME) (?:INDEX|KEY|FULLTEXT|UNIQUE INDEX|UNIQUE KEY)"
    r"|RENAME CONSTRAINT|ADD (?:CONSTRAINT \S+ )?(?:CHECK|UNIQUE|EXCLUDE))\b"
)
_MORE = re.compile(r"(?i), (?:ADD|DROP|ALTER|RENAME|MODIFY|CHANGE)\b")
_RENAMES_COLUMN = re.compile(rf"(?i)ALTER TABLE {_NAME} RENAME (?!COLUMN |TO |AS )\S+ TO\b")
_RENAMES_TABLE = re.compile(r"(?i)(?:RENAME TABLE|ALTER TABLE \S+ RENAME AS)\b")
_PAIR = re.compile(r"(?i)(\S+)\s+(?:TO|RENAME\s+AS)\s+([^\s,]+)")
_ROUTINE = re.compile(r"(?i)CREATE (?:\S+ ){0,6}?(?:TRIGGER|PROCEDURE|FUNCTION|EVENT)\b")
_BESIDE = re.compile(r"(?:--|/\*|#)[ \t]*(privacy:[^\n]*?)[ \t]*(?:\*/|$)", re.I | re.M)


class _NoWord(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return False


@contextmanager
def _quiet() -> Iterator[None]:
    # The parser warns on the terminal of statements that it keeps as text; here they become findings.
    log, silent = logging.getLogger("sqlglot"), _NoWord()
    log.addFilter(silent)
    try:
        yield
    finally:
        log.removeFilter(silent)


def apply(ledger: Ledger, code: Code) -> None:
    """Carry out the statements of a text. What is about tables and cannot be read becomes a note; nothing raises."""
    with _quiet():
        for statement, at in _statements(ledger, code):
            _carry_out(ledger, statement, at)
    _marks_beside(ledger, code)


# --- from text to statements ----------------------------------------------------------------------------------


def _statements(ledger: Ledger, code: Code) -> Iterator[tuple[exp.Expression, Place]]:
    usual = next((name for sign, name in _SIGNS if sign.search(code.text)), DIALECTS[0])
    order = (usual, *(name for name in DIALECTS if name != usual))
    tokens, usual = _tokens(code.text, order)
    if not usual:
        ledger.note(Place(code.file, 1, 1), "expected SQL")
    for chunk in _chunks(tokens):
        words = " ".join(token.text for token in chunk[:12])
        if not _ABOUT_TABLES.match(words) or _is_else(chunk, words):
            continue
        at = Place(code.file, chunk[0].line, _column(chunk[0]))
        if _RENAMES_TABLE.match(words):
            _rename_tables(ledger, words, at)
            continue
        # Only one dialect takes `RENAME old TO new` for a column, as all databases do.
        found = _parse(chunk, code.text, usual, ("sqlite",) if _RENAMES_COLUMN.match(words) else order)
        if found is None:
            ledger.note(at, "a statement about tables is in no form of SQL that can be read")
        else:
            yield found, at


def _is_else(chunk: Sequence[Token], words: str) -> bool:
    """Return whether a statement changes what is neither a column nor a foreign key, and that alone."""
    return bool(_ELSE.match(words)) and not _MORE.search(" ".join(token.text for token in chunk))


def _tokens(text: str, order: Sequence[str]) -> tuple[list[Token], str]:
    for name in order:
        try:
            return list(Dialect.get_or_raise(name).tokenize(text)), name
        except SqlglotError:
            continue
    return [], ""


def _chunks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each statement; the bodies of triggers and routines are passed over."""
    chunk: list[Token] = []
    inside = False
    for token in (*tokens, None):
        if token is not None and token.token_type is not TokenType.SEMICOLON:
            chunk.append(token)
            continue
        words = [one.text.upper() for one in chunk]
        if inside:
            inside = words[:1] != ["END"] and "DELIMITER" not in words
        elif chunk and _ROUTINE.match(" ".join(words[:12])):
            inside = "BEGIN" in words and "END" not in words
        elif chunk:
            yield chunk
        chunk = []


def _parse(chunk: list[Token], text: str, usual: str, order: Sequence[str]) -> exp.Expression | None:
    for name in order:
        dialect = Dialect.get_or_raise(name)
        try:
            tokens = chunk if name == usual else _again(dialect, chunk, text)
            found = dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)[0]
        except (SqlglotError, IndexError, RecursionError, ValueError, TypeError, AttributeError, KeyError):
            continue  # a parser of texts that people write, given those of another dialect
        if isinstance(found, exp.Expression) and not isinstance(found, exp.Command):
            return found
    return None


def _rename_tables(ledger: Ledger, words: str, at: Place) -> None:
    for old, new in _PAIR.findall(words):
        ledger.rename(old.rpartition(".")[2].strip('`"[]'), new.rpartition(".")[2].strip('`"[]'), at)


def _again(dialect: Dialect, chunk: list[Token], text: str) -> list[Token]:
    first, end = chunk[0], chunk[-1].end + 1
    # Everything before it becomes room, so that lines and columns stay what they are.
    room = re.sub(r"[^\n]", " ", text[: first.start])
    return list(dialect.tokenize(room + text[first.start : end]))


# --- from statements to tables --------------------------------------------------------------------------------


def _carry_out(ledger: Ledger, statement: exp.Expression, at: Place) -> None:
    if isinstance(statement, exp.Create):
        _create(ledger, statement, at)
    elif isinstance(statement, exp.Alter) and statement.args.get("kind") in (None, "TABLE"):
        _alter(ledger, statement, at)
    elif isinstance(statement, exp.Drop) and statement.args.get("kind") == "TABLE":
        for table in [*statement.args.get("tables", ()), statement.this]:
            if isinstance(table, exp.Table):
                ledger.drop(table.name, at)
    elif isinstance(statement, exp.Comment):
        _comment(ledger, statement, at)
    else:
        ledger.note(at, "a statement may change tables in a way that is not read")


def _create(ledger: Ledger, statement: exp.Create, at: Place) -> None:
    if statement.args.get("kind") != "TABLE" or statement.find(exp.TemporaryProperty):
        return
    table = statement.find(exp.Table)
    if table is None or statement.find(exp.PartitionedOfProperty):
        return
    if statement.args.get("exists") and table.name.casefold() in ledger.tables:
        return
    made = Table(table.name, _place(table.this, at))
    parts = statement.this.expressions if isinstance(statement.this, exp.Schema) else []
    for part in parts:
        if not _part(ledger, made, part, at):
            ledger.note(at, f"part of how table `{made.name}` is made is not read")
    if statement.expression is not None and not isinstance(statement.expression, exp.Schema):
        _select(ledger, made, statement.expression, at)
    ledger.create(made)
    comment = statement.find(exp.SchemaCommentProperty)
    if comment is not None:
        made.description = comment.this.name


def _part(ledger: Ledger, table: Table, part: exp.Expression, at: Place) -> bool:
    if isinstance(part, exp.ColumnDef):
        _column_def(ledger, table, part, at)
    elif isinstance(part, exp.Identifier):
        table.add(Column(part.name, nullable=True, place=_place(part, at)))
    elif isinstance(part, exp.Constraint):
        return all(_constraint(table, one, part.name) for one in part.expressions)
    elif isinstance(part, exp.LikeProperty):
        other = ledger.tables.get(part.this.name.casefold())
        for column in other.columns.values() if other else ():
            table.add(replace(column, primary_key=False, place=at))
        return other is not None
    else:
        _constraint(table, part, "")
    return True


def _constraint(table: Table, part: exp.Expression, name: str) -> bool:
    if isinstance(part, exp.PrimaryKey):
        table.primary([one.name for one in part.expressions])
    elif isinstance(part, exp.ForeignKey):
        reference = part.args.get("reference")
        if reference is None:
            return False
        table.keys.append(_key(tuple(one.name for one in part.expressions), reference, name))
    return True  # unique, check and index constraints say nothing here


def _key(ours: tuple[str, ...], reference: exp.Expression, name: str = "") -> Key:
    target = reference.find(exp.Table)
    schema = reference.this
    theirs = tuple(one.name for one in schema.expressions) if isinstance(schema, exp.Schema) else ()
    return Key(ours, target.name if target is not None else "", theirs, name)


def _column_def(ledger: Ledger, table: Table, part: exp.ColumnDef, at: Place) -> None:
    kind = part.args.get("kind")
    column = Column(part.name, _type(kind), nullable=True, place=_place(part.this, at))
    table.add(column)
    for constraint in part.args.get("constraints") or ():
        said = constraint.args.get("kind")
        if isinstance(said, exp.PrimaryKeyColumnConstraint):
            table.primary([column.name])
        elif isinstance(said, exp.NotNullColumnConstraint):
            column.nullable = bool(said.args.get("allow_null"))
        elif isinstance(said, exp.Reference):
            table.keys.append(_key((column.name,), said, constraint.name))
        elif isinstance(said, exp.CommentColumnConstraint):
            ledger.describe(table, column, said.this.name, column.place)
    if column.kind.upper().endswith("SERIAL"):
        column.nullable = False


def _type(kind: exp.Expression | None) -> str:
    return kind.sql(dialect="postgres") if kind is not None else ""


def _select(ledger: Ledger, table: Table, query: exp.Expression, at: Place) -> None:
    names = query.named_selects if isinstance(query, exp.Query) else []
    for name in names:
        if name != "*":
            table.add(Column(name, place=at))
    if not names or "*" in names:
        ledger.note(at, f"table `{table.name}` is made of a query, whose columns only a database tells")


# --- changes --------------------------------------------------------------------------------------------------


def _alter(ledger: Ledger, statement: exp.Alter, at: Place) -> None:
    table = statement.this.name
    if statement.args.get("exists") and table.casefold() not in ledger.tables:
        return
    for action in statement.args.get("actions") or ():
        change = next((do for kind, do in _CHANGES.items() if isinstance(action, kind)), None)
        if change is not None:
            change(ledger, table, action, at)
        elif not isinstance(action, _HARMLESS):
            ledger.note(at, f"a change of table `{table}` is not read")
        if isinstance(action, exp.AlterRename):
            table = action.this.name


def _add(ledger: Ledger, table: str, action: exp.Expression, at: Place) -> None:
    inside = ledger.table(table, at)
    if not (action.args.get("exists") and inside.column(action.name)):
        assert isinstance(action, exp.ColumnDef)
        _column_def(ledger, inside, action, at)


def _adds(ledger: Ledger, table: str, action: exp.Expression, at: Place) -> None:
    for one in action.expressions:
        _part(ledger, ledger.table(table, at), one, at)


def _drop(ledger: Ledger, table: str, action: exp.Expression, at: Place) -> None:
    for one in [*action.args.get("tables", ()), action.this]:
        if one is None:
            continue
        if action.args.get("kind") in (None, "COLUMN"):
            ledger.drop_column(table, one.name, _place(one.this, at))
        else:
            ledger.drop_key(table, one.name, at)


def _rename_column(ledger: Ledger, table: str, action: exp.Expression, at: Place) -> None:
    new = action.args["to"]
    ledger.rename_column(table, action.this.name, new.name, at)


def _rename(ledger: Ledger, table: str, action: exp.Expression, at: Place) -> None:
    ledger.rename(table, action.this.name, at)


def _alter_column(ledger: Ledger, table: str, action: exp.Expression, at: Place) -> None:
    said = action.args
    if said.get("dtype") is None and "allow_null" not in said:
        return  # defaults, comments and visibility
    column = ledger.column(table, action.name, _place(action.this, at))
    if said.get("dtype") is not None:
        column.kind = _type(said["dtype"])
    if said.get("allow_null") is not None:
        column.nullable = bool(said["allow_null"])


def _modify(ledger: Ledger, table: str, action: exp.Expression, at: Place) -> None:
    """Of MySQL: `MODIFY name type …` and `CHANGE old new type …` say the whole column anew."""
    said = action.this if isinstance(action.this, exp.ColumnDef) else None
    if said is None:
        ledger.note(at, f"a change of table `{table}` is not read")
        return
    old = action.args.get("rename_from")
    if old is not None:
        ledger.rename_column(table, old.name, said.name, at)
    before = ledger.column(table, said.name, at)
    inside = ledger.table(table, at)
    _column_def(ledger, inside, said, at)
    now = inside.column(said.name)
    if now is not None:
        now.primary_key = now.primary_key or before.primary_key
        now.labels, now.identity = now.labels or before.labels, now.identity or before.identity


_CHANGES: dict[type[exp.Expression], Callable[[Ledger, str, exp.Expression, Place], None]] = {
    exp.ColumnDef: _add,
    exp.AddConstraint: _adds,
    exp.Schema: _adds,
    exp.Drop: _drop,
    exp.RenameColumn: _rename_column,
    exp.AlterRename: _rename,
    exp.AlterColumn: _alter_column,
    exp.ModifyColumn: _modify,
}
_HARMLESS = (exp.AlterSet, exp.AddPartition, exp.AlterIndex, exp.AlterDistStyle, exp.AlterSortKey)


# --- comments -------------------------------------------------------------------------------------------------


def _comment(ledger: Ledger, statement: exp.Comment, at: Place) -> None:
    kind, about, said = statement.args.get("kind"), statement.this, statement.expression
    text = said.name if said is not None else ""
    if kind == "COLUMN" and isinstance(about, exp.Column):
        table = ledger.tables.get(about.table.casefold())
        column = table.column(about.name) if table is not None else None
        if table is not None and column is not None:
            ledger.describe(table, column, text, at)
    elif kind == "TABLE" and isinstance(about, exp.Table) and about.name.casefold() in ledger.tables:
        ledger.table(about.name, at).description = text


def _marks_beside(ledger: Ledger, code: Code) -> None:
    """Give columns what comments say beside them, or on a line of their own above them."""
    marks = list(_BESIDE.finditer(code.text))
    if not marks:
        return
    here = [
        (column.place.line, table, column)
        for table in ledger.tables.values()
        for column in table.columns.values()
        if column.place.file == code.file
    ]
    for mark in marks:
        line = code.text.count("\n", 0, mark.start()) + 1
        alone = not code.text[code.text.rfind("\n", 0, mark.start()) + 1 : mark.start()].strip()
        near = [one for one in here if (one[0] > line if alone else one[0] <= line)]
        said = annotate.in_text(mark[1])
        if near and said is not None:
            _, table, column = (min if alone else max)(near, key=lambda one: (one[0], one[2].place.column))
            ledger.mark(table, column, said, Place(code.file, line, 1))


# --- places ---------------------------------------------------------------------------------------------------


def _column(token: Token) -> int:
    return max(1, token.col - (token.end - token.start))


def _place(name: object, at: Place) -> Place:
    """Return where a name stands, by what the parser keeps of it; that of its statement where it keeps nothing."""
    meta = name.meta if isinstance(name, exp.Expression) else {}
    line, end, start, stop = (meta.get(key) for key in ("line", "col", "start", "end"))
    if line is None or end is None or start is None or stop is None:
        return at
    return Place(at.file, line, max(1, end - (stop - start)))
