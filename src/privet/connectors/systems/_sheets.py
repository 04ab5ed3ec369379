"""Collections that are files: which files a collection is, how they are read, what they hold.

The setting `collections` names them: `orders=orders/*.parquet, users=users.csv`. A collection that it does not name is
the file called like it, with an ending that is known: `users.csv`, `users.jsonl.gz`. Between slashes `*` stands for any
signs and `?` for one; `**` stands for any folders. Nothing leads out of the folder or prefix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Protocol

from privet.connectors.base import Batch, Read, Record, Setup
from privet.connectors.match import Edits, Wanted, fields_of, leaves, steps, text, wanted_fields
from privet.connectors.systems import Setting, _shape
from privet.connectors.tabular import ENDINGS, Row, Sheet, encoding_of, ending, header, sample, search
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Collection, Dataset, Field, Native
from privet.vocabulary.native import data_type
from privet.vocabulary.native import field as observed_field

SETTINGS = (
    Setting(
        name="collections",
        about="Which files a collection is: `name=pattern`, with commas between. Others are files of their own name.",
        default="",
    ),
    Setting(name="delimiter", about="The sign between cells of CSV. Found by the header if not said.", default=""),
    Setting(name="encoding", about="How CSV writes text, where no byte order mark says it.", default="utf-8"),
    Setting(name="absent", about="Whether a collection may have no file at all.", default=False),
)
"""What files and buckets have in common."""


class Place(Protocol):
    """Where files lie."""

    def names(self, patterns: Sequence[str]) -> list[str]:
        """Return the files that patterns mean, sorted. No pattern leads out."""

    def copies(self, name: str) -> Iterable[AbstractContextManager[BinaryIO]]:
        """Give the bytes of a file, and of every older version of it that is kept, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which files collections are. `patterns`: collection → pattern."""

    patterns: Mapping[str, str]
    delimiter: str
    encoding: str
    absent: bool

    def files(self, place: Place, name: str) -> list[str]:
        """Return the files of a collection. Raises InvalidInput where there is none, unless that may be."""
        if name in self.patterns:
            wanted = [self.patterns[name]]
        else:
            wanted = [checked(_literal(name) + end) for end in ENDINGS]
        found = place.names(wanted)
        if not found and not self.absent:
            hint = "say its files in the setting `collections`, or `absent` if it may have none"
            raise InvalidInput(f"expected a file of collection `{name}`, found none", hint=hint)
        for file in found:
            ending(file)
        return found

    def sheet(self, name: str, fields: tuple[str, ...] = ()) -> Sheet:
        """Return how a file is read."""
        return Sheet(name=name, fields=fields, delimiter=self.delimiter, encoding=self.encoding)


def layout(setup: Setup) -> Layout:
    """Return what an operator says of files. Raises InvalidInput."""
    patterns = {}
    for part in re.split(r"[,\n]", str(setup.settings.get("collections", ""))):
        name, sign, pattern = (word.strip() for word in part.partition("="))
        if not part.strip():
            continue
        if not (name and sign and pattern) or name in patterns:
            raise InvalidInput("expected `collections` as `name=pattern`, each name once", at="collections")
        patterns[name] = checked(pattern)
    delimiter = str(setup.settings.get("delimiter", "")).replace("\\t", "\t")
    if len(delimiter) > 1 or delimiter in ("\r", "\n", '"'):
        raise InvalidInput("expected a delimiter of one sign", at="delimiter")
    return Layout(
        patterns=patterns,
        delimiter=delimiter,
        encoding=encoding_of(str(setup.settings.get("encoding", "utf-8"))),
        absent=bool(setup.settings.get("absent", False)),
    )


def checked(pattern: str) -> str:
    """Return a pattern that stays where it is. Raises InvalidInput."""
    parts = pattern.split("/")
    bare = all(part not in ("", ".", "..") for part in parts)
    odd = re.search(r"\[(?![*?\[]\])", pattern) or any("**" in part and part != "**" for part in parts)
    if not bare or odd or "\\" in pattern or not pattern.isprintable():
        hint = "a path inside, parts joined by `/`, without `..`"
        raise InvalidInput("expected a pattern of files inside the folder", at="collections", hint=hint)
    return pattern


def _literal(name: str) -> str:
    """Return the pattern that means just this name."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a path is meant.

    >>> [matcher("a/**/*.csv")(name) for name in ("a/x.csv", "a/b/c/x.csv", "a/b/x.csvs", "b/x.csv")]
    [True, True, False, False]
    """
    out = ""
    for part in pattern.split("/"):
        if part == "**":
            out += "(?:[^/]+/)*"
            continue
        for sign in re.findall(r"\[[*?\[]\]|.", part):
            out += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign[1] if len(sign) == 3 else sign))
        out += "/"
    known = re.compile(out.removesuffix("/"))
    return lambda name: known.fullmatch(name) is not None


def read(place: Place, said: Layout, ask: Read, page: int) -> Iterator[list[Record]]:
    """Yield the records of a collection that are asked for, in pages."""
    known = fields_of(ask.collection)
    wanted = Wanted(ask.collection, ask.matches)
    given = wanted_fields(ask.collection, known, ask.fields)
    keys = tuple(path for path, field in known.items() if field.native.primary_key)
    if not wanted.paths:
        return
    # The key is read with the rest, to give no record twice.
    fields = (*given, *(key for key in keys if key in (field.name for field in ask.collection.fields)))
    rows = _rows(place, said, ask.collection.name, tuple(dict.fromkeys(fields)), wanted)
    out: list[Record] = []
    for row in _once(rows, keys):
        out.append(Record({name: row[name] for name in given if name in row}))
        if len(out) >= page:
            yield out
            out = []
    if out:
        yield out


def _rows(place: Place, said: Layout, name: str, fields: tuple[str, ...], wanted: Wanted) -> Iterator[Row]:
    for file in said.files(place, name):
        for copy in place.copies(file):
            with copy as source:
                yield from search(source, said.sheet(file, fields), wanted)


def _once(rows: Iterable[Row], keys: Sequence[str]) -> Iterator[Row]:
    """Yield each record once, by its key. Remembers the keys of what was asked for, and of nothing else."""
    seen = set()
    for row in rows:
        key = tuple(text(leaf) for path in keys for leaf in leaves(row, steps(path)))
        if len(key) < max(1, len(keys)) or None in key or key not in seen:
            seen.add(key)
            yield row


def described(place: Place, said: Layout, name: str, files: Sequence[str]) -> Collection:
    """Return a collection as its first file holds it."""
    fields: tuple[Field, ...] = ()
    for file in files[:1]:
        for copy in islice(place.copies(file), 1):
            with copy as source:
                fields = _described(source, said.sheet(file))
    return Collection(name=name, fields=fields)


def _described(source: BinaryIO, sheet: Sheet) -> tuple[Field, ...]:
    kind = ending(sheet.name).removesuffix(".gz")
    if kind == ".parquet":
        from privet.connectors.systems import _parquet  # its library is large, and not everybody has it

        return tuple(_arrow(field) for field in _parquet.schema(source, sheet.name))
    if kind in (".csv", ".tsv"):
        return tuple(observed_field(name, Native(data_type="string")) for name in header(source, sheet))
    return _shape.fields(sample(source, sheet, _shape.SAMPLE))


def _arrow(field: object) -> Field:
    """Return an Arrow field in the words of a manifest."""
    kind = field.type  # type: ignore[attr-defined]  # pyarrow says nothing of its types
    name = str(field.name)  # type: ignore[attr-defined]
    nullable = bool(field.nullable)  # type: ignore[attr-defined]
    array = str(kind).startswith(("list<", "large_list<", "fixed_size_list<"))
    inner = kind.value_type if array else kind
    word = "object" if str(inner).startswith("struct<") else _word(str(inner))
    held = Native(data_type=f"{word}[]" if array and word else word, column_type=str(kind)[:200], nullable=nullable)
    fields = tuple(_arrow(inner.field(at)) for at in range(inner.num_fields)) if word == "object" else ()
    return observed_field(name, held, fields=fields)


def _word(kind: str) -> str:
    """Return a manifest's word for the name of an Arrow type.

    >>> [_word(kind) for kind in ("int64", "decimal128(9, 2)", "large_string", "binary", "timestamp[us]")]
    ['integer', 'float', 'string', '', 'string']
    """
    bare = re.match(r"[a-z_]*", kind)
    name = bare[0].removeprefix("large_") if bare else ""
    return _ARROW[name] if name in _ARROW else data_type(name)


_ARROW = {
    "double": "float",
    "halffloat": "float",
    "bool": "boolean",
    "binary": "",
    "fixed_size_binary": "",
    "null": "",
}


class Asked:
    """Changes to several collections, one set of them a collection. `counts`: records that each batch changed."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        changes: dict[str, list[tuple[int, int]]] = {}
        self._batches = list(batches)
        for number, batch in enumerate(self._batches):
            changes.setdefault(batch.collection.name, []).extend((number, at) for at in range(len(batch.changes)))
        self.counts = [0] * len(self._batches)
        self.edits: dict[str, tuple[Edits, list[int]]] = {}
        for name, places in changes.items():
            collection = self._batches[places[0][0]].collection if places else None
            if collection is not None:
                listed = [self._batches[number].changes[at] for number, at in places]
                self.edits[name] = Edits(collection, listed), [number for number, _ in places]

    def count(self, name: str, made: Mapping[int, int]) -> None:
        """Add what changes to a collection made a difference to."""
        for change, records in made.items():
            self.counts[self.edits[name][1][change]] += records


def known_collections(dataset: Dataset, batches: Iterable[Batch]) -> list[Batch]:
    """Return batches, each to a collection of the dataset. Raises InvalidInput."""
    found = list(batches)
    for batch in found:
        if dataset.collection(batch.collection.name) is None:
            raise InvalidInput("expected a collection that the dataset declares, found another")
    return found
