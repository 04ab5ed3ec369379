"""The package of a request as one encrypted zip, streamed out of the sealed spool in bounded memory.

    records.json       everything, by dataset and collection
    csv/….csv          a table of each collection
    datapackage.json   what the tables' columns are
    index.html         the page to read; not where a copy is asked for to take along

Each record is opened once. What must wait for its turn in the zip waits enciphered: first in memory, then in a file
that has no name. The passphrase is the request's own: forgetting the request's key leaves no way to derive it anew.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import Any

import msgspec

from privet.crypto.zipped import Entry, Zipped
from privet.errors import NotFound
from privet.rights.asked import Request
from privet.rights.journal import Journal
from privet.rights.packet.about import Disclosure, Words
from privet.rights.packet.opened import Row, batches
from privet.rights.packet.others import Left, Shared, Sieve
from privet.rights.packet.page import MOST_RECORDS, Page
from privet.rights.packet.table import Table
from privet.rights.proof.package import held_parts
from privet.rights.sealed import RequestKey
from privet.rights.words import GATHERING
from privet.secret import Secret

LEVEL = 1
"""Of deflate: a higher one takes most of the time of a package, and saves a tenth."""
HELD_BYTES = 8 << 20
_GROUPS, _LETTERS = 6, 4


def passphrase(journal: Journal, id_: str) -> Secret[str]:
    """Return what opens the package of a request: 120 bits in six groups. Raises NotFound, Gone."""
    journal.get(id_)
    key = journal.keys.open(id_)
    raw = key.secret("package passphrase").reveal()
    text = base64.b32encode(raw)[: _GROUPS * _LETTERS].decode().lower()
    return Secret("-".join(text[at : at + _LETTERS] for at in range(0, len(text), _LETTERS)))


def packet(journal: Journal, id_: str, about: Disclosure, words: Words, *, now_ms: int) -> Iterator[bytes]:
    """Yield the zip of a request.

    Raises NotFound where there is no package, Gone once it is forgotten; while it is read, Damaged where it is not
    whole and TooLarge beyond 4 GiB, so that what was written until then does not open.
    """
    found = journal.get(id_)
    if found.kind not in GATHERING:
        raise NotFound("the request has no package", hint=f"it is of kind {found.kind}")
    key = journal.keys.open(id_)
    held = held_parts(journal, key)
    return _Packing(journal, key, found, held, about, words, now_ms).pieces(passphrase(journal, id_))


@dataclass(slots=True)
class _Packing:
    journal: Journal
    key: RequestKey
    request: Request
    held: Mapping[str, Any]
    about: Disclosure
    words: Words
    now_ms: int
    left: Left = field(default_factory=Left)
    tables: list[dict[str, Any]] = field(default_factory=list)

    def pieces(self, word: Secret[str]) -> Iterator[bytes]:
        zip_ = Zipped(word, made_ms=self.now_ms, level=LEVEL)
        page = Page(self.about, self.words)
        with SpooledTemporaryFile(max_size=HELD_BYTES) as aside:
            sheets: list[Entry] = []
            everything = zip_.entry("records.json")
            yield zip_.opening(everything)
            for text in self._json(zip_, page, sheets, aside):
                if out := everything.add(text):
                    yield out
            yield everything.end() + zip_.closing(everything)
            aside.seek(0)
            for sheet in sheets:
                yield zip_.opening(sheet)
                yield from _taken(aside, sheet.stored)
                yield zip_.closing(sheet)
        yield from _whole(zip_, "datapackage.json", iter((_indented(self._tables()),)))
        if self.request.kind == "access":
            yield from _whole(zip_, "index.html", self._page(page))
        yield zip_.end()

    def _json(self, zip_: Zipped, page: Page, sheets: list[Entry], aside: Any) -> Iterator[bytes]:
        """Yield the document of everything; each record is put into its table and the page on the way."""
        yield b'{"request":' + _text(self.request.id) + b',"kind":' + _text(self.request.kind) + b',"systems":{'
        before = None
        for dataset, name in self.held["parts"]:
            if dataset != before:
                yield (b"}," if before is not None else b"") + _text(dataset) + b":{"
            yield (b"," if dataset == before else b"") + _text(name) + b":["
            yield from self._collection(zip_, page, sheets, aside, (dataset, name))
            yield b"]"
            before = dataset
        left = {"values_of_others": self.left.values, "addresses_of_others": self.left.mails}
        if self.request.kind == "portability":
            left["values_not_given"] = self.left.derived
        yield (b"}" if before is not None else b"") + b'},"left_out":' + _text(left) + b"}\n"

    def _collection(
        self, zip_: Zipped, page: Page, sheets: list[Entry], aside: Any, address: tuple[str, str]
    ) -> Iterator[bytes]:
        dataset, name = address
        known = self.about.datasets.get(dataset)
        collection = known.collection(name) if known else None
        sieve = Sieve(known, collection, self._addresses(), self.left)
        table = Table(collection, bonds=self.request.kind == "access")
        sheet = zip_.entry(_file(dataset, name, [entry.name for entry in sheets]))
        first: list[Shared] = []
        count = 0
        for rows in batches(self.journal, self.key, self.held, f"{dataset}.{name}"):
            records = self._sifted(sieve, rows)
            if not records:
                continue
            yield (b"," if count else b"") + written(records)
            aside.write(sheet.add(table.lines(records)))
            first += records[: MOST_RECORDS - len(first)]
            count += len(records)
        if count:
            aside.write(sheet.end())
            sheets.append(sheet)
            self.tables.append(_resource(sheet, dataset, name, table))
        page.add(dataset, name, first, count)

    def _sifted(self, sieve: Sieve, rows: list[Row]) -> list[Shared]:
        return sieve.access(rows) if self.request.kind == "access" else sieve.portable(rows)

    def _addresses(self) -> list[str]:
        """Return what she was looked up by, whatever its kind is called: those that are addresses stay in texts."""
        values = self._identities().values()
        return [one for value in values for one in (value if isinstance(value, list) else [value])]

    def _identities(self) -> dict[str, Any]:
        return self.journal.identities(self.request.id)

    def _tables(self) -> dict[str, Any]:
        return {
            "profile": "tabular-data-package",
            "name": f"request-{self.request.id}",
            "created": datetime.fromtimestamp(self.now_ms / 1000, UTC).isoformat(timespec="seconds"),
            "resources": self.tables,
        }

    def _page(self, page: Page) -> Iterator[bytes]:
        return page.html(self.request, self._identities(), self.left, self._missing(), self.now_ms)

    def _missing(self) -> Iterator[str]:
        for one in self.request.result.systems if self.request.result else ():
            if one.remaining:
                yield self.words.say("missing", system=self.about.place(one.dataset).title)
        gaps = self.request.plan.get("unreached", ()) if isinstance(self.request.plan, dict) else ()
        for gap in gaps:
            if gap["hint"]:
                system = self.about.place(gap["address"]["dataset"]).title
                yield self.words.say("unreached", system=system, collection=gap["address"]["collection"])


def _whole(zip_: Zipped, name: str, texts: Iterator[bytes]) -> Iterator[bytes]:
    entry = zip_.entry(name)
    yield zip_.opening(entry)
    for text in texts:
        if out := entry.add(text):
            yield out
    yield entry.end() + zip_.closing(entry)


def _taken(aside: Any, count: int) -> Iterator[bytes]:
    while count:
        piece = aside.read(min(count, 1 << 18))
        count -= len(piece)
        yield piece


def _file(dataset: str, collection: str, taken: list[bytes]) -> str:
    """Return where a table stands: names come from systems, so what means something to a disk is replaced."""
    plain = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in f"{dataset}.{collection}")[:150]
    name, number = f"csv/{plain}.csv", 1
    while name.casefold() in {known.decode().casefold() for known in taken}:
        number += 1
        name = f"csv/{plain}.{number}.csv"
    return name


def _resource(sheet: Entry, dataset: str, name: str, table: Table) -> dict[str, Any]:
    path = sheet.name.decode()
    return {
        "profile": "tabular-data-resource",
        "name": path.removeprefix("csv/").removesuffix(".csv").lower(),
        "title": f"{dataset}.{name}",
        "path": path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "doubleQuote": True, "header": True},
        "schema": table.schema(),
    }


def written(records: list[Shared]) -> bytes:
    """Return records as JSON, with commas between."""
    plain = [
        {"bond": one.bond, "values": one.values, "withheld": one.withheld}
        if one.withheld
        else {"bond": one.bond, "values": one.values}
        for one in records
    ]
    return _text(plain)[1:-1]


def _text(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can say and UTF-8 cannot
        return json.dumps(value, separators=(",", ":")).encode()


def _indented(value: object) -> bytes:
    return msgspec.json.format(_text(value), indent=2) + b"\n"
