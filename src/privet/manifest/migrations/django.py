"""Django's migrations: the operations of each, after those that it depends on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from privet.codec import Place
from privet.manifest.finding import Finding
from privet.manifest.migrations import Tool
from privet.manifest.migrations._order import ordered
from privet.manifest.source.code import Code, Names, argument, constants, flag, last, place, python, text
from privet.manifest.source.djangos import Model, Models, fill, model_field
from privet.manifest.source.ledger import RULE, Ledger

Label = tuple[str, str]

_HARMLESS = frozenset(
    (
        "AddConstraint",
        "AddIndex",
        "AlterConstraint",
        "AlterIndexTogether",
        "AlterModelManagers",
        "AlterModelTableComment",
        "AlterOrderWithRespectTo",
        "AlterUniqueTogether",
        "RemoveConstraint",
        "RemoveIndex",
        "RenameIndex",
    )
)


@dataclass(frozen=True, slots=True)
class _Migration:
    """One migration: its class, and what its names stand for."""

    code: Code
    node: ast.ClassDef
    names: Names


class _State:
    """The models at a moment."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.models: Models = {}

    def carry_out(self, code: Code, app: str, operations: ast.expr, names: Names) -> None:
        """Carry out a list of operations."""
        if not isinstance(operations, ast.List | ast.Tuple):
            self.ledger.note(place(code, operations), "the operations are known only to a run")
            return
        for call in operations.elts:
            name = last(call)
            operation = _OPERATIONS.get(name)
            if name in _HARMLESS:
                continue
            if name == "RunPython":
                self.ledger.note(place(code, call), "`RunPython`: what it does is not read", changes=False)
            elif not isinstance(call, ast.Call) or operation is None:
                self.ledger.note(place(code, call), "an operation of its own is not read")
            elif not operation(self, _Call(code, app, call, names)):
                self.ledger.note(place(code, call), f"`{name}`: what it does is known only to a run")

    def model(self, call: _Call, name: str = "model_name") -> Model | None:
        said = call.text(name, 0)
        return self.models.get((call.app, said.lower())) if said is not None else None


class _Call:
    """One operation of a migration."""

    def __init__(self, code: Code, app: str, call: ast.Call, names: Names) -> None:
        self.code, self.app, self.call, self.names = code, app, call, names

    @property
    def at(self) -> Place:
        return place(self.code, self.call)

    def text(self, name: str, position: int = -1) -> str | None:
        return text(argument(self.call, name, position), self.names)


def _create(state: _State, call: _Call) -> bool:
    name, fields = call.text("name", 0), argument(call.call, "fields", 1)
    if name is None or not isinstance(fields, ast.List | ast.Tuple):
        return False
    model = Model(call.app, name, call.at)
    _options(model, argument(call.call, "options", 2), call.names)
    for pair in fields.elts:
        if not isinstance(pair, ast.Tuple) or len(pair.elts) != 2:
            return False
        said = text(pair.elts[0], call.names)
        made = model_field(call.code, said or "", pair.elts[1], call.names)
        if said is None or made is None:
            return False
        model.fields[said] = made
    state.models[(call.app, name.lower())] = model
    return True


def _options(model: Model, options: ast.expr | None, names: Names) -> None:
    if not isinstance(options, ast.Dict):
        return
    for key, given in zip(options.keys, options.values, strict=True):
        word = text(key, names)
        if word == "db_table":
            model.table = text(given, names) or ""
        elif word == "db_table_comment":
            model.description = text(given, names) or ""
        elif (word == "proxy" and flag(given) is True) or (word == "managed" and flag(given) is False):
            model.has_table = False


def _delete(state: _State, call: _Call) -> bool:
    model = state.model(call, "name")
    if model is not None:
        del state.models[(model.app, model.name.lower())]
        state.ledger.gone[model.db_table] = call.at
    return model is not None


def _put_field(state: _State, call: _Call) -> bool:
    model, name, given = state.model(call), call.text("name", 1), argument(call.call, "field", 2)
    made = model_field(call.code, name or "", given, call.names) if given is not None else None
    if model is None or not name or made is None:
        return False
    model.fields[name] = made
    return True


def _remove_field(state: _State, call: _Call) -> bool:
    model, name = state.model(call), call.text("name", 1)
    gone = model.fields.pop(name, None) if model is not None and name else None
    if model is not None and gone is not None:
        state.ledger.gone[f"{model.db_table}.{gone.column}"] = call.at
    return gone is not None


def _rename_field(state: _State, call: _Call) -> bool:
    model, old, new = state.model(call), call.text("old_name", 1), call.text("new_name", 2)
    if model is None or not old or not new or old not in model.fields:
        return False
    state.ledger.gone[f"{model.db_table}.{model.fields[old].column}"] = call.at
    fields = list(model.fields.values())
    model.fields.clear()
    for one in fields:
        if one.name == old:
            one.name, one.at = new, call.at
        model.fields[one.name] = one
    return True


def _rename_model(state: _State, call: _Call) -> bool:
    model, new = state.model(call, "old_name"), call.text("new_name", 1)
    if model is None or not new:
        return False
    del state.models[(model.app, model.name.lower())]
    state.ledger.gone[model.db_table] = call.at
    old = f"{model.app}.{model.name}".lower()
    model.name, model.at = new, call.at
    state.models[(model.app, new.lower())] = model
    _point(state, old, f"{model.app}.{new}")
    return True


def _point(state: _State, old: str, new: str) -> None:
    """Make relations to a model that has another name now point there."""
    for model in state.models.values():
        for one in model.fields.values():
            target = one.target if "." in one.target else f"{model.app}.{one.target}"
            if one.call is not None and one.target != "self" and target.lower() == old:
                others = [word for word in one.call.keywords if word.arg != "to"]
                to = ast.keyword(arg="to", value=ast.Constant(value=new))
                one.call = ast.Call(func=one.call.func, args=one.call.args[1:], keywords=[*others, to])


def _alter_table(state: _State, call: _Call) -> bool:
    model, table = state.model(call, "name"), call.text("table", 1)
    if model is None:
        return False
    state.ledger.gone[model.db_table] = call.at
    model.table, model.at = table or "", call.at
    return True


def _alter_options(state: _State, call: _Call) -> bool:
    model = state.model(call, "name")
    if model is not None:
        _options(model, argument(call.call, "options", 1), call.names)
    return model is not None


def _run_sql(state: _State, call: _Call) -> bool:
    operations = argument(call.call, "state_operations")
    if operations is not None:
        state.carry_out(call.code, call.app, operations, call.names)
    return operations is not None


def _separate(state: _State, call: _Call) -> bool:
    # What is said of the models is what their tables are meant to be; the other half is how they get there.
    operations = argument(call.call, "state_operations", 1)
    if operations is not None:
        state.carry_out(call.code, call.app, operations, call.names)
    return operations is not None


_OPERATIONS: dict[str, Callable[[_State, _Call], bool]] = {
    "CreateModel": _create,
    "DeleteModel": _delete,
    "AddField": _put_field,
    "AlterField": _put_field,
    "RemoveField": _remove_field,
    "RenameField": _rename_field,
    "RenameModel": _rename_model,
    "AlterModelTable": _alter_table,
    "AlterModelOptions": _alter_options,
    "RunSQL": _run_sql,
    "SeparateDatabaseAndState": _separate,
}


def fits(files: Sequence[Code]) -> bool:
    """Return whether one of the files has a class of migrations."""
    return any("migrations.Migration" in code.text for code in files)


def read(files: Sequence[Code], ledger: Ledger, above: str) -> None:
    """Carry out the migrations. The folder above `migrations` names the app, as it does for Django where no
    configuration says otherwise."""
    found = _migrations(files, ledger, above)
    replaced = {label: _pairs(_given(each.node, "replaces"), each.names) for label, each in found.items()}
    for label in [old for olds in replaced.values() for old in olds]:
        found.pop(label, None)  # a squashed migration stands for those that it replaces
    instead = {old: new for new, olds in replaced.items() for old in olds}
    needs = {label: _needed(label, each, instead) for label, each in found.items()}
    for label, each in found.items():
        for later in _pairs(_given(each.node, "run_before"), each.names):
            if later in needs:
                needs[later].append(label)
    state = _State(ledger)
    order, ring = ordered(needs)
    for label in (*order, *ring):
        migration = found[label]
        operations = _given(migration.node, "operations")
        if operations is not None:
            state.carry_out(migration.code, label[0], operations, migration.names)
    fill(ledger, state.models)


def _migrations(files: Sequence[Code], ledger: Ledger, above: str) -> dict[Label, _Migration]:
    found = {}
    for code in sorted(files, key=lambda code: code.file):
        tree = python(code, rule=RULE) if "Migration" in code.text else None
        if isinstance(tree, Finding):
            ledger.note(tree.at, tree.message)
        elif tree is not None:
            names = constants(tree.body)
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and node.name == "Migration":
                    found[_label(code, above)] = _Migration(code, node, constants(node.body, names))
    return found


def _needed(label: Label, each: _Migration, instead: dict[Label, Label]) -> list[Label]:
    needed = _pairs(_given(each.node, "dependencies"), each.names)
    return [new for one in needed if (new := instead.get(one, one)) != label]


def _label(code: Code, above: str) -> Label:
    path = PurePosixPath(above, code.file)
    return path.parts[-3] if len(path.parts) > 2 else "", path.stem


def _given(node: ast.ClassDef, name: str) -> ast.expr | None:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and any(last(target) == name for target in statement.targets):
            return statement.value
        if isinstance(statement, ast.AnnAssign) and last(statement.target) == name:
            return statement.value
    return None


def _pairs(node: ast.expr | None, names: Names) -> list[Label]:
    found = []
    for item in node.elts if isinstance(node, ast.List | ast.Tuple) else ():
        parts = [text(part, names) for part in item.elts] if isinstance(item, ast.Tuple | ast.List) else []
        if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
            found.append((parts[0], parts[1]))
    return found


PART = Tool(name="django", about="Migrations of Django's apps", suffix=".py", fits=fits, read=read)
