"""The certificate as PDF: text on A4, set in the fonts that every reader of PDF has. No script, no link, no value."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from privet.rights.proof.certificate import Document

WIDTH, HEIGHT = 595.28, 841.89
"""A4 in points of 1/72 inch. Source: ISO 216, ISO 32000-1 section 8.3.2.3."""
_LEFT, _TOP, _BOTTOM = 56.0, 785.0, 60.0
_INK, _GREY, _ACCENT = (0.10, 0.11, 0.14), (0.42, 0.44, 0.50), (0.10, 0.36, 0.32)
_LINE_CHARACTERS = 92


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of text. `gap`: space above it, in points."""

    text: str
    size: float = 10.0
    bold: bool = False
    gap: float = 15.0
    indent: float = 0.0
    color: tuple[float, float, float] = _INK
    rule: bool = False


def pdf(document: Document, note: str = "") -> bytes:
    """Return the certificate as a PDF file; the same document gives the same bytes. `note`: its signature."""
    import pydyf

    made = pydyf.PDF()
    fonts = pydyf.Dictionary()
    for name, face in (("F1", "Helvetica"), ("F2", "Helvetica-Bold")):
        font = pydyf.Dictionary(
            {"Type": "/Font", "Subtype": "/Type1", "BaseFont": f"/{face}", "Encoding": "/WinAnsiEncoding"}
        )
        made.add_object(font)
        fonts[name] = font.reference
    made.info["Title"] = pydyf.String(f"Certificate of request {document['request']}")
    made.info["Producer"] = pydyf.String("Privet")
    pages = list(_pages(_lines(document, note)))
    for number, lines in enumerate(pages, 1):
        stream = pydyf.Stream()
        for y, line in lines:
            _draw(stream, y, line)
        _draw(stream, _BOTTOM - 26, _Line(f"{document['request']}   page {number} of {len(pages)}", 8, color=_GREY))
        made.add_object(stream)
        page = pydyf.Dictionary(
            {
                "Type": "/Page",
                "Parent": made.pages.reference,
                "MediaBox": pydyf.Array([0, 0, WIDTH, HEIGHT]),
                "Contents": stream.reference,
                "Resources": pydyf.Dictionary({"Font": fonts}),
            }
        )
        made.add_page(page)
    out = io.BytesIO()
    made.write(out, identifier=False)
    return out.getvalue()


def _draw(stream: object, y: float, line: _Line) -> None:
    import pydyf

    assert isinstance(stream, pydyf.Stream)
    if line.rule:
        stream.set_color_rgb(*_ACCENT)
        stream.rectangle(_LEFT, y + line.size + 6, WIDTH - 2 * _LEFT, 1.2)
        stream.fill()
    stream.begin_text()
    stream.set_font_size("F2" if line.bold else "F1", line.size)
    stream.set_color_rgb(*line.color)
    stream.set_text_matrix(1, 0, 0, 1, _LEFT + line.indent, y)
    stream.show_text_string(line.text.encode("cp1252", "replace"))
    stream.end_text()


def _pages(lines: Iterator[_Line]) -> Iterator[list[tuple[float, _Line]]]:
    page: list[tuple[float, _Line]] = []
    y = _TOP
    for line in lines:
        y -= line.gap
        if y < _BOTTOM:
            yield page
            page, y = [], _TOP
        page.append((y, line))
    yield page


def _lines(document: Document, note: str) -> Iterator[_Line]:
    yield _Line(f"Certificate of {document['kind']}", 22, bold=True, gap=0, color=_ACCENT)
    yield _Line(f"Request {document['request']}", 10, gap=22, color=_GREY)
    for at, text in enumerate(textwrap.wrap(document["words"], 72)):
        yield _Line(text, 12, bold=True, gap=16 if at else 30)
    for name in ("received", "decided", "finished", "looked_for", "by"):
        if document.get(name):
            yield _Line(
                f"{name.replace('_', ' ').capitalize()}: {document[name]}", gap=16 if name != "received" else 24
            )
    for system in document["systems"]:
        yield _Line(system["dataset"], 12, bold=True, gap=34, rule=True)
        for text in _told(system):
            yield from _wrapped(text)
    if document.get("not_reached"):
        yield _Line("Not reached", 12, bold=True, gap=34, rule=True)
        for text in document["not_reached"]:
            yield from _wrapped(text)
    if note:
        yield _Line("Signature", 12, bold=True, gap=34, rule=True)
        yield from _wrapped("The JSON file of this certificate proves it; its signature is:")
        for text in note.splitlines():
            yield from _wrapped(text, 7.5)


def _told(system: Document) -> Iterator[str]:
    counts = [(system.get(name, 0), name) for name in ("read", "deleted", "masked", "corrected")]
    counts += [(system.get("told", 0), "told of the choice")]
    yield ", ".join(f"{_counted(count)} {name}" for count, name in counts if count) or "nothing of the person was there"
    if system.get("verified"):
        yield f"looked at again afterwards: {_counted(system['verified'])} as they must be"
    if system.get("others"):
        yield f"{_counted(system['others'])} of other people came up and were left alone"
    if system.get("confirmed"):
        yield "confirmed by a person; Privet has not looked itself"
    for kept in system.get("kept", ()):
        yield f"kept in {kept['collection']}: {_counted(kept['count'])}, because {kept['reason']}"
    for left in system.get("remaining", ()):
        yield f"REMAINS in {left['collection']}: {_counted(left['count'])}: {left['reason']}"


def _counted(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"


def _wrapped(text: str, size: float = 10.0) -> Iterator[_Line]:
    most = int(_LINE_CHARACTERS * 10 / size)
    for at, line in enumerate(textwrap.wrap(text, most, break_on_hyphens=False)):
        yield _Line(line, size, gap=size + (3 if at else 5), indent=12)
