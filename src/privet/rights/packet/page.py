"""The page of a package: what is held, by system and by purpose, in words for people. One file, no script, no link out.

Collections come one by one and are kept as small pieces; the whole is laid out once all are known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from privet.rights.asked import Request
from privet.rights.packet.about import Disclosure, Place, Use, Words
from privet.rights.packet.marks import shown, text
from privet.rights.packet.others import Left, Shared
from privet.vocabulary.dataset import Collection, Field, every_field

MOST_RECORDS = 200
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_BASES = {
    "consent": "basis_consent",
    "contract": "basis_contract",
    "legal obligations": "basis_legal",
    "vital interests": "basis_vital",
    "public interest": "basis_public",
    "legitimate interests": "basis_legitimate",
}
_KINDS = {"email": "user.contact.email", "phone_number": "user.contact.phone_number"}
_TRANSFERS = {"Adequacy Decision": "transfers_adequate", "SCCs": "transfers_clauses", "BCRs": "transfers_rules"}
_RIGHTS = ("rectification", "erasure", "restriction", "objection", "portability", "withdraw", "complain")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A collection as HTML, deflated: what a thousand collections show would fill the memory."""

    dataset: str
    uses: tuple[int, ...]
    count: int
    body: bytes


class Page:
    """A page that grows collection by collection."""

    def __init__(self, about: Disclosure, words: Words) -> None:
        self._about = about
        self._words = words
        self._pieces: list[_Piece] = []

    def add(self, dataset: str, name: str, records: Sequence[Shared], count: int) -> None:
        """Take a collection: its first records, and how many it has. One without records is not shown."""
        if not count:
            return
        known = self._about.datasets.get(dataset)
        collection = known.collection(name) if known else None
        body = "".join(self._collection(collection, name, records[:MOST_RECORDS], count))
        uses = _uses_of(self._about.place(dataset), collection)
        self._pieces.append(_Piece(dataset, uses, count, zlib.compress(body.encode(), 1)))

    def html(
        self, request: Request, identities: Mapping[str, Any], left: Left, missing: Iterable[str], now_ms: int
    ) -> Iterator[bytes]:
        """Yield the page. `missing`: what could not be searched, in words."""
        groups = [(title, list(pieces)) for title, pieces in groupby(self._sorted(), self._title)]
        yield self._head(request, identities, groups, now_ms).encode()
        yield self._missing(list(missing)).encode()
        yield self._left(left).encode()
        if groups:
            yield self._h2("systems_title").encode()
        for number, (title, pieces) in enumerate(groups, 1):
            yield f'<section id="s{number}"><h2 class="place"><bdi>{text(title)}</bdi></h2>'.encode()
            yield from self._system(pieces)
            yield b"</section>"
        yield self._rights().encode()

    # --- a collection ---------------------------------------------------------------------------------------------

    def _collection(
        self, collection: Collection | None, name: str, records: Sequence[Shared], count: int
    ) -> Iterator[str]:
        fields = dict(every_field(collection.fields)) if collection else {}
        yield f"<details open><summary><bdi>{text(_spaced(name))}</bdi> <small>{self._records(count)}</small></summary>"
        if collection and collection.description:
            yield f"<p>{text(collection.description)}</p>"
        if count > len(records):
            yield f'<p class="soft">{self._say("shown", shown=f"{len(records):,}", count=f"{count:,}")}</p>'
        for record in records:
            yield '<article class="record">'
            if record.bond != "own":
                yield f'<p class="soft">{self._say("referred")}</p>'
            yield "<dl>"
            for field, value in record.values.items():
                yield f"<dt>{self._named(fields.get(field), field)}</dt><dd>{shown(value, self._words)}</dd>"
            for path in record.withheld:
                said = f'<span class="left">{self._say("withheld")}</span>'
                yield f"<dt>{self._named(fields.get(path), path)}</dt><dd>{said}</dd>"
            yield "</dl></article>"
        yield "</details>"

    def _named(self, field: Field | None, name: str) -> str:
        label = _label(field)
        title = self._words.plain("category", label) if label else _spaced(name)
        code = f"<code>{text(name[:200])}</code>" if title != name else ""
        return f"<bdi>{text(title[:200])}</bdi>{code}"

    # --- a system -------------------------------------------------------------------------------------------------

    def _sorted(self) -> list[_Piece]:
        return sorted(
            self._pieces, key=lambda piece: (self._title(piece).casefold(), piece.dataset, not piece.uses, piece.uses)
        )

    def _title(self, piece: _Piece) -> str:
        return self._about.place(piece.dataset).title

    def _system(self, pieces: list[_Piece]) -> Iterator[bytes]:
        for dataset, held in groupby(pieces, lambda piece: piece.dataset):
            place = self._about.place(dataset)
            if place.about:
                yield f"<p>{text(place.about)}</p>".encode()
            for uses, group in groupby(held, lambda piece: piece.uses):
                yield self._purposes(place, [place.uses[at] for at in uses]).encode()
                for piece in group:
                    yield zlib.decompress(piece.body)

    def _purposes(self, place: Place, uses: list[Use]) -> str:
        if not uses and place.uses:
            return f"<h3>{self._say('further')}</h3>"
        if not uses:
            return f"<h3>{self._say('no_purpose')}</h3><p>{self._say('no_purpose_about')}</p>"
        return f"<h3>{self._say('used_for')}</h3>" + "".join(map(self._use, uses))

    def _use(self, use: Use) -> str:
        kinds = ", ".join(dict.fromkeys(self._words.plain("category", key) for key in use.categories))
        sources = [source or self._words.say("sources_you") for source in use.sources]
        basis = _BASES.get(use.basis.strip().lower())
        name = f'<p class="soft"><bdi>{text(use.name)}</bdi></p>' if use.name else ""
        title = text(self._words.plain("use", use.use))
        head = f'<div class="use"><h4>{title}</h4>{name}'
        if use.permitted:
            return f"{head}<p>{self._say('permitted')}</p></div>"
        if not (use.basis or use.retention or sources or use.recipients) and use.transfers is use.automated is None:
            rows = f"<dt>{self._say('categories')}</dt><dd><bdi>{text(kinds)}</bdi></dd>" if kinds else ""
            return f'{head}<dl class="facts">{rows}</dl><p>{self._say("unrecorded")}</p></div>'
        facts = (
            ("ground", self._words.say(basis) if basis else use.basis or self._words.say("not_recorded")),
            ("retention", use.retention or self._words.say("retention_unknown")),
            ("categories", kinds),
            ("sources", "; ".join(sources) or self._words.say("sources_unknown")),
            ("recipients", "; ".join(use.recipients) or self._words.say("recipients_none")),
            ("transfers", self._said("transfers", use.transfers)),
            ("automated", self._said("automated", use.automated)),
        )
        rows = "".join(f"<dt>{self._say(key)}</dt><dd><bdi>{text(said)}</bdi></dd>" for key, said in facts if said)
        return f'{head}<dl class="facts">{rows}</dl></div>'

    def _said(self, key: str, told: str | None) -> str:
        """Return what a manifest says of transfers or automated decisions: not recorded, none, or which."""
        if told is None:
            return self._words.say("not_recorded")
        if not told:
            return self._words.say(f"{key}_none")
        for sign, meaning in _TRANSFERS.items() if key == "transfers" else ():
            told = told.replace(sign, f"{sign} ({self._words.say(meaning)})")
        return self._words.say(f"{key}_yes") + ("" if told == "yes" else f" {told}")

    # --- around ---------------------------------------------------------------------------------------------------

    def _head(
        self, request: Request, identities: Mapping[str, Any], groups: list[tuple[str, list[_Piece]]], now_ms: int
    ) -> str:
        words = self._words
        style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
        title = self._say("title")
        count = sum(piece.count for piece in self._pieces)
        systems = words.say("system") if len(groups) == 1 else words.say("systems", count=f"{len(groups):,}")
        summary = words.say("summary", records=self._records_plain(count), systems=systems)
        who = "".join(
            f"<dt>{text(self._kind(kind))}</dt><dd>{shown(value, words)}</dd>" for kind, value in identities.items()
        )
        listed = "".join(
            f'<li><a href="#s{number}"><bdi>{text(name)}</bdi></a> '
            f"<small>{self._records(sum(piece.count for piece in pieces))}</small></li>"
            for number, (name, pieces) in enumerate(groups, 1)
        )
        organization = self._about.organization
        return "".join(
            (
                f'<!doctype html><html lang="{text(words.language)}"><head><meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">',
                '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f"<title>{title}</title><style>{style}</style></head><body><main><header><h1>{title}</h1>",
                f"<p>{self._say('from', organization=organization)}</p>" if organization else "",
                f'<p class="big">{text(summary) if count else self._say("nothing")}</p>',
                f'<p class="soft">{self._say("asked", date=words.moment(request.received_ms or request.opened_ms))} ',
                f"{self._say('made', date=words.moment(now_ms))} {self._say('request', id=request.id)}</p>",
                f'<p class="soft">{self._say("about_you")}:</p><dl>{who}</dl></header>',
                f"<nav><h3>{self._say('contents')}</h3><ol>{listed}</ol></nav>" if groups else "",
                f'<p class="soft">{self._say("files")} {self._say("safe")}</p>',
            )
        )

    def _kind(self, kind: str) -> str:
        """Return what people call what they are looked up by."""
        return self._words.plain("category", _KINDS[kind]) if kind in _KINDS else _spaced(kind)

    def _missing(self, missing: list[str]) -> str:
        if not missing:
            return ""
        lines = "".join(f"<li><bdi>{text(line)}</bdi></li>" for line in missing)
        said = f'<p>{self._say("partial")}</p><ul class="plain">{lines}</ul>'
        return f'{self._h2("partial_title")}<div class="note">{said}</div>'

    def _left(self, left: Left) -> str:
        lines = [self._say("withheld_values", count=f"{left.values:,}")] if left.values else []
        lines += [self._say("withheld_mails", count=f"{left.mails:,}")] if left.mails else []
        said = "".join(f"<p>{line}</p>" for line in lines) or f"<p>{self._say('withheld_none')}</p>"
        return f"<h3>{self._say('withheld_title')}</h3>{said}"

    def _rights(self) -> str:
        about = self._about
        lines = "".join(f"<li>{self._say(f'right_{name}')}</li>" for name in _RIGHTS)
        how = self._say("right_how", contact=about.contact) if about.contact else self._say("right_how_unknown")
        people = (("controller", about.controller), ("officer", about.officer))
        rows = "".join(f"<dt>{self._say(key)}</dt><dd><bdi>{text(said)}</bdi></dd>" for key, said in people if said)
        who = f'<dl class="facts">{rows}</dl>' if rows else ""
        title = self._h2("rights_title")
        return f'<section>{title}<ul class="plain">{lines}</ul><p>{how}</p>{who}</section></main></body></html>\n'

    def _h2(self, key: str) -> str:
        return f"<h2>{self._say(key)}</h2>"

    def _records(self, count: int) -> str:
        return text(self._records_plain(count))

    def _records_plain(self, count: int) -> str:
        return self._words.say("record") if count == 1 else self._words.say("records", count=f"{count:,}")

    def _say(self, key: str, **facts: object) -> str:
        return text(self._words.say(key, **facts))


def _uses_of(place: Place, collection: Collection | None) -> tuple[int, ...]:
    """Return which uses of a place concern a collection: those whose categories it holds."""
    held = set(collection.labels if collection else ())
    if collection:
        held.update(label for _, field in every_field(collection.fields) for label in field.labels)
    return tuple(at for at, use in enumerate(place.uses) if any(_meet(a, b) for a in use.categories for b in held))


def _meet(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _label(field: Field | None) -> str:
    """Return the category that people know a field by, "" for one that is not about them. What leads from one record to
    another is a number of a system, whatever it is called there."""
    if field is None:
        return ""
    if field.labels and field.labels[0].startswith("user."):
        return field.labels[0]
    return "user.unique_id" if field.native.primary_key or field.native.links else ""


def _spaced(name: str) -> str:
    return name.replace("_", " ")
