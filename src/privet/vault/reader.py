"""Read a vault's schema from a Fides dataset file. Ours stands under `fides_meta.privet`; every fault is reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import get_args

from privet.codec import Node, read_yaml
from privet.errors import InvalidSchema, InvalidValue, PrivetError, UnknownName
from privet.near import meant
from privet.vocabulary import taxonomy
from privet.vocabulary.composite import composite, expand
from privet.vocabulary.dataset import (
    WINDOW_SECONDS,
    Collection,
    Dataset,
    Field,
    Reference,
    TokenPlan,
    TokenScope,
)
from privet.vocabulary.datatype import DataType, Keep, TokenKind, data_type
from privet.vocabulary.typed import field_type

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SPAN = re.compile(r"(\d{1,6})([smhdy])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}
_SHAPES = ("", "uuid", "card", "email", "phone", "ssn", "iban")
_RESERVED = frozenset({"id", "version", "subject", "created", "updated", "expires"})

_LEAST_WINDOW, _MOST_WINDOW = 3600, 90 * 86_400
_LEAST_BITS, _MOST_BITS = 4, 32
_STEP = re.compile(r"[^\s.\"'`]{1,63}")

_DATASET_KEYS = frozenset({"suite", "window"})
_COLLECTION_KEYS = frozenset({"subject", "about", "unique", "indexes", "ttl", "was"})
_FIELD_KEYS = frozenset(
    {
        *("type", "keep", "index", "unique", "required", "default", "token", "leak", "was", "references", "paths"),
        *("column_type", "nullable"),  # what a scan of another database wrote down
    }
)
_COMPOSITE_KEYS = frozenset({"composite", "prefix", "without"})
_TOKEN_KEYS = frozenset({"kind", "shape", "scope", "looks_real", "keep_last_four", "domain", "unerasable"})


def read_schema(text: str, file: str = "schema.yml") -> Dataset:
    """Return the dataset in a schema file. Raises InvalidSchema holding every fault with file, line and column."""
    reader = _Reader(file)
    dataset = reader.dataset(read_yaml(text, file))
    if reader.faults:
        count = len(reader.faults)
        raise InvalidSchema(
            f"{count} fault{'s' if count > 1 else ''} in the schema", at=file, faults=tuple(reader.faults)
        )
    if dataset is None:
        raise InvalidSchema("expected a `dataset` key that lists one dataset", at=file)
    return dataset


class _Reader:
    """One pass over one file; collects faults instead of stopping."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[PrivetError] = []

    def fault(self, node: Node, message: str, hint: str = "") -> None:
        self.faults.append(InvalidSchema(message, hint=hint, at=str(node.place)))

    # -- small readers ---------------------------------------------------------------------------------------

    def child(self, node: Node, key: str) -> Node | None:
        return node.value.get(key) if isinstance(node.value, dict) else None

    def text(self, node: Node | None, default: str = "") -> str:
        if node is None or node.value is None:
            return default
        if isinstance(node.value, str):
            return node.value
        self.fault(node, "expected text")
        return default

    def flag(self, node: Node | None) -> bool:
        if node is None:
            return False
        if isinstance(node.value, bool):
            return node.value
        self.fault(node, "expected true or false")
        return False

    def entries(self, node: Node | None) -> list[Node]:
        if node is None or node.value is None:
            return []
        if isinstance(node.value, list):
            return node.value
        self.fault(node, "expected a list")
        return []

    def words(self, node: Node | None) -> tuple[str, ...]:
        if node is not None and isinstance(node.value, str):
            return (node.value,)
        return tuple(self.text(item) for item in self.entries(node))

    def one_of(self, node: Node | None, choices: Iterable[str], default: str) -> str:
        found = self.text(node, default)
        if node is not None and found not in tuple(choices):
            self.fault(node, f"expected one of {', '.join(f'`{c}`' for c in choices if c)}")
            return default
        return found

    def name(self, node: Node | None, owner: Node) -> str:
        found = self.text(node)
        if not _NAME.fullmatch(found):
            self.fault(node or owner, "expected a name of a-z, 0-9 and _, at most 63 characters, from a letter on")
        return found

    def ours(self, node: Node, known: frozenset[str]) -> Node:
        """Return the mapping under `fides_meta.privet`, reporting keys that we do not know."""
        meta = self.child(node, "fides_meta") or self.child(node, "fidesops_meta")
        found = self.child(meta, "privet") if meta else None
        if found is None:
            return Node({}, node.place)
        for key, value in found.items():
            if key not in known:
                self.fault(value, f"unknown key `{key}`", meant(key, known))
        return found

    # -- the tree --------------------------------------------------------------------------------------------

    def dataset(self, root: Node) -> Dataset | None:
        found = self.entries(self.child(root, "dataset"))
        if len(found) != 1:
            return None
        node = found[0]
        ours = self.ours(node, _DATASET_KEYS)
        suite = self.one_of(self.child(ours, "suite"), ("siv", "gcm"), "siv")
        listed = self.entries(self.child(node, "collections"))
        names = [self.text(self.child(item, "name")) for item in listed]
        collections = tuple(self.collection(item, names) for item in listed)
        self.distinct(zip(names, listed, strict=True), "collection")
        return Dataset(
            key=self.text(self.child(node, "fides_key"), "vault"),
            name=self.text(self.child(node, "name")),
            description=self.text(self.child(node, "description")),
            suite="gcm" if suite == "gcm" else "siv",
            window_seconds=self.window(self.child(ours, "window")),
            collections=collections,
        )

    def window(self, node: Node | None) -> int:
        found = self.span(node) if node is not None else WINDOW_SECONDS
        if node is not None and found and not _LEAST_WINDOW <= found <= _MOST_WINDOW:
            self.fault(node, "expected a window of subject keys from `1h` to `90d`")
        return found or WINDOW_SECONDS

    def distinct(self, named: Iterable[tuple[str, Node]], word: str) -> None:
        seen: set[str] = set()
        for name, node in named:
            if name in seen:
                self.fault(node, f"{word} `{name}` stands twice")
            seen.add(name)

    def collection(self, node: Node, tables: list[str]) -> Collection:
        ours = self.ours(node, _COLLECTION_KEYS)
        name = self.name(self.child(node, "name"), node)
        listed = self.spread(self.entries(self.child(node, "fields")))
        subject = self.text(self.child(ours, "subject"), "none").removeprefix("via ").strip()
        fields = tuple(self.field(item, subject, tables) for item in listed)
        self.distinct(zip((field.name for field in fields), listed, strict=True), "field")
        if subject not in ("self", "none") and not any(f.name == subject and f.reference for f in fields):
            self.fault(ours, "expected `subject` to be `self`, `none` or `via` a field with a reference")
        by_name = {field.name: field for field in fields}
        uniques = tuple(self.unique_set(item, by_name) for item in self.entries(self.child(ours, "unique")))
        indexes = tuple(self.compound(item, by_name) for item in self.entries(self.child(ours, "indexes")))
        for item, field in zip(listed, fields, strict=True):
            self.check_leak(item, field, fields)
        return Collection(
            name=name,
            description=self.text(self.child(node, "description")),
            fields=fields,
            subject=subject,
            uniques=uniques,
            indexes=tuple(targets for targets in indexes if targets),
            ttl_seconds=self.span(self.child(ours, "ttl")),
            about=self.about(self.child(ours, "about")),
            was=self.text(self.child(ours, "was")),
        )

    def about(self, node: Node | None) -> tuple[str, ...]:
        """Return whom the records are about: subjects of the taxonomy."""
        named, known = self.words(node), {label.key for label in taxonomy.labels("subject")}
        for name in named:
            if node is not None and name not in known:
                self.fault(node, "expected subjects of the taxonomy", meant(name, known, otherwise="as in `customer`"))
        return named

    def spread(self, listed: list[Node]) -> list[Node]:
        """Return the fields with each composite's members in its place; one that is written out stands as written."""
        groups = {id(node): self.group(node) for node in listed}
        names = [self.child(node, "name") for node in listed if groups[id(node)] is None]
        written = frozenset(name.value for name in names if name is not None and isinstance(name.value, str))
        found: list[Node] = []
        for node in listed:
            ours = groups[id(node)]
            found.extend([node] if ours is None else self.members(node, ours, written))
        return found

    def group(self, node: Node) -> Node | None:
        """Return what stands under `fides_meta.privet` if the field is a composite, else None."""
        meta = self.child(node, "fides_meta")
        ours = self.child(meta, "privet") if meta else None
        return ours if ours is not None and self.child(ours, "composite") else None

    def members(self, node: Node, ours: Node, written: frozenset[str]) -> list[Node]:
        self.ours(node, _COMPOSITE_KEYS)
        named = self.child(ours, "composite") or ours
        try:
            found = composite(self.text(named))
        except UnknownName as error:
            self.fault(named, f"there is no composite `{self.text(named)}`", error.hint)
            return []
        prefix = self.text(self.child(ours, "prefix"), f"{self.text(self.child(node, 'name'))}_")
        known = {member.name for member in found.members}
        unwanted = self.words(self.child(ours, "without"))
        for name in unwanted:
            if name not in known:
                self.fault(named, f"composite `{found.name}` has no member `{name}`", ", ".join(sorted(known)))
        return expand(found, prefix, node, written | {prefix + name for name in unwanted})

    def unique_set(self, node: Node, fields: dict[str, Field]) -> tuple[str, ...]:
        names = self.words(node)
        for name in names:
            if name not in fields or fields[name].array:
                self.fault(node, "expected names of this collection's plain fields")
        return names

    def compound(self, node: Node, fields: dict[str, Field]) -> tuple[str, ...]:
        """Return the columns and parts of a compound index, () after a fault."""
        targets, before = self.words(node), len(self.faults)
        if len(targets) < 2 or len({*targets}) < len(targets):
            self.fault(node, "expected the names of two columns or more, each once", "as in `indexes: [[state, name]]`")
        for target in targets:
            field = fields.get(target.partition(".")[0])
            if field is None or field.array or field.keep == "transient":
                self.fault(node, "expected names of this collection's plain fields, or parts of them")
            elif not field.reference and (target.partition(".")[2] or "exact") not in field_type(field).indexes:
                offered = ", ".join(f"`{index}`" for index in field_type(field).indexes) or "none"
                self.fault(node, f"`{target}` is no index that type `{field.type}` offers", f"it offers {offered}")
        if len(self.faults) > before:
            return ()
        held = [(fields[name], part or "exact") for name, _, part in (target.partition(".") for target in targets)]
        if all(not field.reference and _few(field_type(field), part) and not field.leak for field, part in held):
            self.fault(
                node,
                "these columns have few values even together: whoever reads the store sees which records are equal",
                "add one with many values, or `leak: equality` to one of them to accept it",
            )
        return targets

    def span(self, node: Node | None) -> int:
        found = _SPAN.fullmatch(self.text(node))
        if node is not None and not found:
            self.fault(node, "expected a time like `90d`: a number and one of s, m, h, d, y")
        return int(found[1]) * _SECONDS[found[2]] if found else 0

    def field(self, node: Node, subject: str, tables: list[str]) -> Field:
        ours = self.ours(node, _FIELD_KEYS)
        name = self.name(self.child(node, "name"), node)
        if name in _RESERVED:
            self.fault(node, f"`{name}` is a word of every record; choose another name")
        type_node = self.child(ours, "type") or ours
        written = self.text(self.child(ours, "type"), "string")
        array = written.endswith("[]")
        plain = self.kind(type_node, written.removesuffix("[]"))
        paths = self.paths(self.child(ours, "paths")) if plain.name == "json" and not array else ()
        if self.child(ours, "paths") and (plain.name != "json" or array):
            self.fault(ours, "only a plain json column has typed paths")
        kind = field_type(Field(name=name, type=plain.name, paths=paths))
        indexes = self.indexes(ours, kind)
        reference = self.reference(ours, node, tables)
        keep = self.one_of(self.child(ours, "keep"), get_args(Keep), kind.keep if subject != "none" else _unbound(kind))
        if keep == "shreddable" and subject == "none":
            self.fault(ours, "a shreddable column needs a subject", "say `subject: self` or `via` a reference field")
        field = Field(
            name=name,
            type=kind.name,
            labels=self.labels(node) or (kind.category,),
            array=array,
            keep=_keep(keep),
            indexes=tuple(indexes),
            bits=tuple((index, bits) for index, bits in indexes.items() if bits),
            leak=self.text(self.child(ours, "leak")) == "equality",
            unique=self.flag(self.child(ours, "unique")),
            required=self.flag(self.child(ours, "required")),
            default=self.default(self.child(ours, "default"), kind),
            token=self.token(self.child(ours, "token"), kind),
            reference=reference,
            was=self.text(self.child(ours, "was")),
            paths=paths,
            description=self.text(self.child(node, "description")),
        )
        self.check_field(ours, field, kind)
        return field

    def paths(self, node: Node | None) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for path, value in node.items() if node else ():
            kind = self.kind(value, self.text(value))
            if not all(_STEP.fullmatch(step) for step in path.split(".")):
                self.fault(value, "expected a path of keys with dots between them, as in `address.city`")
            elif path.lower() in {other.lower() for other in found}:
                self.fault(value, "a path stands twice; questions tell paths apart whatever their case")
            elif kind.keep == "transient":
                self.fault(value, f"a `{kind.name}` is never stored, inside of json neither")
            else:
                found[path] = kind.name
        return tuple(found.items())

    def kind(self, node: Node, name: str) -> DataType:
        try:
            return data_type(name)
        except UnknownName as error:
            self.fault(node, f"there is no data type `{name}`", error.hint)
            return data_type("string")

    def labels(self, node: Node) -> tuple[str, ...]:
        listed = self.child(node, "data_categories")
        found = self.words(listed)
        for label in found:
            try:
                taxonomy.get(label)
            except UnknownName as error:
                self.fault(listed or node, f"label `{label}` is not in the taxonomy", error.hint)
        return found

    def reference(self, ours: Node, node: Node, tables: list[str]) -> Reference | None:
        meta = self.child(node, "fides_meta")
        written = self.child(ours, "references")
        target = self.text(written)
        for item in self.entries(self.child(meta, "references")) if meta else []:
            target = target or self.text(self.child(item, "field"))
        if not target:
            return None
        collection = target.partition(".")[0]
        if collection not in tables:
            self.fault(written or node, "expected a reference to a collection of this dataset", "write `customers.id`")
        return Reference(collection)

    def indexes(self, ours: Node, kind: DataType) -> dict[str, int]:
        """Return the indexes with how many bits of their tags are kept, 0 for all."""
        node = self.child(ours, "index")
        if node is not None and isinstance(node.value, dict):
            found = {name: self.bits(value) for name, value in node.items()}
        else:
            found = dict.fromkeys(self.words(node), 0)
        for name in found:
            if name not in kind.indexes:
                offered = ", ".join(f"`{index}`" for index in kind.indexes) or "none"
                self.fault(node or ours, f"type `{kind.name}` has no index `{name}`", f"it offers {offered}")
        return found

    def bits(self, node: Node) -> int:
        """Return how many bits an index keeps of its tags: `{bits: 16}`; nothing is said of one that keeps all."""
        if node.value is None:
            return 0
        said = self.child(node, "bits")
        count = said.value if said else None
        if not isinstance(count, int) or isinstance(count, bool) or not _LEAST_BITS <= count <= _MOST_BITS:
            self.fault(node, f"expected `{{bits: 16}}`, or another number from {_LEAST_BITS} to {_MOST_BITS}")
            return 0
        for key, value in node.items():
            if key != "bits":
                self.fault(value, f"unknown key `{key}`")
        return count

    def default(self, node: Node | None, kind: DataType) -> str | int | float | bool | None:
        if node is None or isinstance(node.value, list | dict):
            if node is not None:
                self.fault(node, "expected a plain default")
            return None
        try:
            kind.normalize(node.value)
        except InvalidValue as error:
            self.fault(node, f"the default is not a `{kind.name}`: {error.rule}")
        return node.value

    def token(self, node: Node | None, kind: DataType) -> TokenPlan | None:
        if node is None:
            return None
        if isinstance(node.value, str):
            node = Node({"kind": node}, node.place)
        for key, value in node.items():
            if key not in _TOKEN_KEYS:
                self.fault(value, f"unknown key `{key}`")
        default = kind.token if kind.token != "none" else "stored"
        chosen = self.one_of(self.child(node, "kind"), get_args(TokenKind), default)
        scope = self.one_of(self.child(node, "scope"), get_args(TokenScope), "column")
        return TokenPlan(
            kind=_token_kind(chosen),
            shape=self.one_of(self.child(node, "shape"), _SHAPES, ""),
            scope=_scope(scope),
            looks_real=self.flag(self.child(node, "looks_real")),
            keep_last_four=self.flag(self.child(node, "keep_last_four")),
            domain=self.text(self.child(node, "domain")),
            unerasable=self.flag(self.child(node, "unerasable")),
        )

    def check_field(self, ours: Node, field: Field, kind: DataType) -> None:
        if field.array and field.bits:
            self.fault(ours, "the tags of an array's elements are kept whole")
        plan = field.token
        if plan is None:
            return
        if plan.kind == "record":
            self.check_record_token(ours, plan)
        elif field.array:
            self.fault(ours, "arrays hold no tokens; tokenize their elements")
        if plan.shape not in ("", "uuid", kind.shape):
            self.fault(ours, f"type `{kind.name}` has no token shape `{plan.shape}`")
        if field.keep == "shreddable" and plan.kind in ("sealed", "ff1") and not plan.unerasable:
            self.fault(ours, f"a {plan.kind} token outlives its person", "say `unerasable: true`, or use stored tokens")
        if field.keep == "transient" and plan.kind != "transient":
            self.fault(ours, "a transient column has transient tokens only")

    def check_record_token(self, ours: Node, plan: TokenPlan) -> None:
        if plan != TokenPlan(kind="record", shape=plan.shape) or plan.shape not in ("", "uuid"):
            self.fault(ours, "the token of a record is a UUID, and nothing else can be said of it", "`token: record`")

    def check_leak(self, node: Node, field: Field, fields: Sequence[Field]) -> None:
        few = [name for name in field.indexes if name in field_type(field).indexes and _few(field_type(field), name)]
        if not few or field.leak:
            return
        meta = self.child(node, "fides_meta") or self.child(node, "fidesops_meta")
        ours = (self.child(meta, "privet") if meta else None) or node
        other = _companion(field, fields)
        target = field.name if few[0] == "exact" else f"{field.name}.{few[0]}"
        compound = f"`indexes: [[{target}, {other}]]` of the collection" if other else "a compound of columns"
        self.fault(
            ours,
            f"index `{few[0]}` has few values: whoever reads the store sees which records are equal",
            f"add `leak: equality` to accept it, or keep {compound} in its place",
        )


def _companion(field: Field, fields: Sequence[Field]) -> str:
    """Return a column with many values that a compound index can add to one with few, "" for none."""
    fit = [other for other in fields if other is not field and not other.array and other.keep != "transient"]
    fit = [other for other in fit if not other.reference and "exact" in field_type(other).indexes]
    many = [other for other in fit if not _few(field_type(other), "exact")]
    return next((other.name for other in sorted(many, key=lambda other: not other.indexes)), "")


def _few(kind: DataType, name: str) -> bool:
    part = kind.part(name)
    return kind.few if part is None else part.few


def _unbound(kind: DataType) -> str:
    return "sealed" if kind.keep == "shreddable" else kind.keep


def _keep(word: str) -> Keep:
    keeps: dict[str, Keep] = {"shreddable": "shreddable", "transient": "transient"}
    return keeps.get(word, "sealed")


def _token_kind(word: str) -> TokenKind:
    kinds: tuple[TokenKind, ...] = ("stored", "random", "record", "sealed", "ff1", "transient", "none")
    return next((kind for kind in kinds if kind == word), "stored")


def _scope(word: str) -> TokenScope:
    scopes: tuple[TokenScope, ...] = ("column", "vault", "consumer")
    return next((scope for scope in scopes if scope == word), "column")
