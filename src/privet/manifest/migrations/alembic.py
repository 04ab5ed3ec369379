"""Alembic's migrations: `upgrade()` of each revision, after those that it revises."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from privet.codec import Place
from privet.manifest.finding import Finding
from privet.manifest.migrations import Tool
from privet.manifest.migrations._order import ordered
from privet.manifest.source import alchemy, ddl
from privet.manifest.source.code import Code, Names, argument, constants, flag, last, place, python, text, texts
from privet.manifest.source.ledger import RULE, Key, Ledger, Table

# Of what these make, nothing is said of a column.
_NOTHING = (
    "create_index drop_index create_unique_constraint create_check_constraint create_exclude_constraint bulk_insert "
    "create_table_comment drop_table_comment get_bind get_context f inline_literal create_foreign_table"
)
_HARMLESS = frozenset(_NOTHING.split())


class _Step:
    """One migration's statements at work. `table`: the one of a batch."""

    def __init__(self, code: Code, ledger: Ledger, names: Names, functions: Mapping[str, ast.FunctionDef]) -> None:
        self.code = code
        self.ledger = ledger
        self.names = names
        self.functions = functions
        self.under: list[str] = []

    def block(self, body: Sequence[ast.stmt], operations: Mapping[str, str]) -> None:
        """Carry out statements. `operations`: name of what operations are called on → its table, "" for any."""
        for statement in body:
            if isinstance(statement, ast.With):
                self._with(statement, operations)
            elif isinstance(statement, ast.Expr | ast.Assign | ast.Return | ast.AnnAssign):
                for call in _calls(statement):
                    self._call(call, operations)
            elif _operates(statement, {*operations, *self.functions}):
                self._note(statement, "what stands under a condition, in a loop or a function is not read")

    def _with(self, statement: ast.With, operations: Mapping[str, str]) -> None:
        inner = dict(operations)
        for item in statement.items:
            call, name = item.context_expr, item.optional_vars
            if last(call) == "batch_alter_table" and isinstance(call, ast.Call) and isinstance(name, ast.Name):
                table = text(argument(call, "table_name", 0), self.names)
                if table is None:
                    self._note(call, "the name of a table is known only to a run")
                    return
                inner[name.id] = table
        self.block(statement.body, inner)

    def _call(self, call: ast.Call, operations: Mapping[str, str]) -> None:
        function = call.func
        if isinstance(function, ast.Name) and function.id in self.functions:
            self._function(call, function.id, operations)
            return
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
            return
        if function.value.id not in operations or function.attr in _HARMLESS:
            return
        operation = _OPERATIONS.get(function.attr)
        table = operations[function.value.id]
        if operation is None or not operation(self, call, table):
            self._note(call, f"`{function.attr}`: what it does is known only to a run")

    def _function(self, call: ast.Call, name: str, operations: Mapping[str, str]) -> None:
        if call.args or call.keywords or name in self.under:
            self._note(call, "what a function with arguments does is not read")
            return
        self.under.append(name)
        self.block(self.functions[name].body, operations)
        self.under.pop()

    def _note(self, node: ast.AST, message: str) -> None:
        self.ledger.note(place(self.code, node), message)

    def at(self, node: ast.AST) -> Place:
        return place(self.code, node)

    def text(self, call: ast.Call, name: str, position: int = -1) -> str | None:
        return text(argument(call, name, position), self.names)


def _create_table(step: _Step, call: ast.Call, _: str) -> bool:
    name = step.text(call, "table_name", 0)
    if name is None:
        return False
    table = Table(name, step.at(call), description=step.text(call, "comment") or "")
    whole = True
    for part in call.args[1:]:
        if isinstance(part, ast.Call) and last(part) == "Column":
            whole = _put(step, table, part) and whole
        elif isinstance(part, ast.Call):
            whole = alchemy.constraint(table, part, step.names) and whole
        else:
            whole = False
    step.ledger.create(table)
    return whole


def _put(step: _Step, table: Table, call: ast.expr | None) -> bool:
    made = alchemy.column(step.code, call, step.names) if isinstance(call, ast.Call) else None
    if made is None:
        return False
    table.add(made.column)
    table.keys += made.keys
    step.ledger.describe(table, made.column, made.comment, made.column.place)
    return True


def _add_column(step: _Step, call: ast.Call, batch: str) -> bool:
    name = batch or step.text(call, "table_name", 0)
    given = argument(call, "column", 0 if batch else 1)
    return name is not None and _put(step, step.ledger.table(name, step.at(call)), given)


def _drop_table(step: _Step, call: ast.Call, _: str) -> bool:
    name = step.text(call, "table_name", 0)
    if name is not None:
        step.ledger.drop(name, step.at(call))
    return name is not None


def _rename_table(step: _Step, call: ast.Call, _: str) -> bool:
    old, new = step.text(call, "old_table_name", 0), step.text(call, "new_table_name", 1)
    if old is None or new is None:
        return False
    step.ledger.rename(old, new, step.at(call))
    return True


def _drop_column(step: _Step, call: ast.Call, batch: str) -> bool:
    table, name = batch or step.text(call, "table_name", 0), step.text(call, "column_name", 0 if batch else 1)
    if table is None or name is None:
        return False
    step.ledger.drop_column(table, name, step.at(call))
    return True


def _alter_column(step: _Step, call: ast.Call, batch: str) -> bool:
    table, name = batch or step.text(call, "table_name", 0), step.text(call, "column_name", 0 if batch else 1)
    if table is None or name is None:
        return False
    at = step.at(call)
    kind = alchemy.sql_type(argument(call, "type_"), step.names)
    nullable = argument(call, "nullable")
    renamed = argument(call, "new_column_name")
    if argument(call, "type_") is not None or nullable is not None:
        column = step.ledger.column(table, name, at)
        column.kind = kind if kind else "" if kind is None else column.kind
        column.nullable = flag(nullable, step.names) if nullable is not None else column.nullable
    new = text(renamed, step.names)
    if new is not None:
        step.ledger.rename_column(table, name, new, at)
    return renamed is None or new is not None


def _foreign_key(step: _Step, call: ast.Call, batch: str) -> bool:
    # (name, source, referent, ours, theirs); of a batch (name, referent, ours, theirs).
    first = 1 if batch else 2
    table = batch or step.text(call, "source_table", 1)
    referent = step.text(call, "referent_table", first)
    ours = texts(argument(call, "local_cols", first + 1), step.names)
    theirs = texts(argument(call, "remote_cols", first + 2), step.names)
    if table is None or referent is None or not ours or not theirs:
        return False
    name = step.text(call, "constraint_name", 0) or ""
    step.ledger.table(table, step.at(call)).keys.append(Key(ours, referent, theirs, name))
    return True


def _primary_key(step: _Step, call: ast.Call, batch: str) -> bool:
    table = batch or step.text(call, "table_name", 1)
    columns = texts(argument(call, "columns", 1 if batch else 2), step.names)
    if table is None or columns is None:
        return False
    step.ledger.table(table, step.at(call)).primary(columns)
    return True


def _drop_constraint(step: _Step, call: ast.Call, batch: str) -> bool:
    name, table = step.text(call, "constraint_name", 0), batch or step.text(call, "table_name", 1)
    if name is not None and table is not None:
        step.ledger.drop_key(table, name, step.at(call))
    return table is not None


def _execute(step: _Step, call: ast.Call, _: str) -> bool:
    given = argument(call, "sqltext", 0)
    said = text(given, step.names)
    if said is None:
        return False
    at = step.at(given if given is not None else call)
    # The statement's own lines are those of the string, as far as it is written in one piece.
    ddl.apply(step.ledger, Code(step.code.file, "\n" * (at.line - 1) + said))
    return True


_OPERATIONS: dict[str, Callable[[_Step, ast.Call, str], bool]] = {
    "create_table": _create_table,
    "drop_table": _drop_table,
    "rename_table": _rename_table,
    "add_column": _add_column,
    "drop_column": _drop_column,
    "alter_column": _alter_column,
    "create_foreign_key": _foreign_key,
    "create_primary_key": _primary_key,
    "drop_constraint": _drop_constraint,
    "execute": _execute,
}


def fits(files: Sequence[Code]) -> bool:
    """Return whether one of the files names its revision."""
    return any("down_revision" in code.text and "def upgrade" in code.text for code in files)


def read(files: Sequence[Code], ledger: Ledger, above: str) -> None:
    """Carry out the revisions, those that a revision revises or depends on before it."""
    found: dict[str, tuple[Code, ast.Module, Names]] = {}
    needs: dict[str, list[str]] = {}
    for code in sorted(files, key=lambda code: code.file):
        if "down_revision" not in code.text:
            continue
        tree = python(code, rule=RULE)
        if isinstance(tree, Finding):
            ledger.note(tree.at, tree.message)
            continue
        names: Names = constants(tree.body)
        revision = names.get("revision")
        if isinstance(revision, str):
            found[revision] = (code, tree, names)
            needs[revision] = [*_revisions(names.get("down_revision")), *_revisions(names.get("depends_on"))]
        else:
            ledger.note(Place(code.file, 1, 1), "expected a `revision` that is plain to see")
    order, ring = ordered(needs)
    for revision in (*order, *ring):
        code, tree, names = found[revision]
        if revision in ring:
            ledger.note(Place(code.file, 1, 1), "this revision is below itself")
        _upgrade(code, tree, names, ledger)


def _upgrade(code: Code, tree: ast.Module, names: Names, ledger: Ledger) -> None:
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    upgrade = functions.get("upgrade")
    if upgrade is None:
        ledger.note(Place(code.file, 1, 1), "expected a function `upgrade`")
        return
    imported = {
        name.asname or name.name: ""
        for one in tree.body
        if isinstance(one, ast.ImportFrom) and one.module == "alembic"
        for name in one.names
        if name.name == "op"
    }
    step = _Step(code, ledger, constants(upgrade.body, names), functions)
    step.block(upgrade.body, imported or {"op": ""})


def _revisions(said: object) -> list[str]:
    items = said if isinstance(said, list) else [said]
    return [item for item in items if isinstance(item, str)]


def _calls(statement: ast.stmt) -> list[ast.Call]:
    """Return the calls of a statement that stand in no other call."""
    inner = getattr(statement, "value", None)
    return [inner] if isinstance(inner, ast.Call) else []


def _operates(statement: ast.stmt, names: set[str]) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return False
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(statement))


PART = Tool(name="alembic", about="Revisions of Alembic", suffix=".py", fits=fits, read=read)
