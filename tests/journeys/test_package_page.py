"""The page of a package in a browser: it says what people need, runs nothing, asks for nothing, and fits the screen."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "rights"))

from a_packet import DISCLOSURE, files, gathered, market, order
from a_request import Place

from privet.rights.letters import LANGUAGES
from privet.rights.packet.about import Disclosure
from privet.rights.plans.reach import Guard

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
TRAPS = {
    "script": "<script>document.title='caught'</script>",
    "handler": "<img src=x onerror=\"document.title='caught'\">",
    "style": "</style></dd></dl><style>body{display:none}</style>",
    "svg": "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>",
    "address": "javascript:alert(document.title='caught')",
    "link": "https://example.com/track?who=ada",
    "entity": "&lt;script&gt;alert(1)&lt;/script&gt; &amp;",
    "quote": "\"'><b>bold</b>",
    "comment": "<!-- --><!doctype html>]]>",
    "override": "abc\u202edcba\u2066x\u2069",
    "nul": "a\0b\x1b[2J",
    "surrogate": "x\ud800y",
    "zero": "vis\u200bible\ufeff",
    "frame": "<iframe srcdoc='<script>alert(1)</script>'></iframe><base href=//example.com><meta http-equiv=refresh>",
    "form": "<form action=https://example.com><input autofocus onfocus=alert(1)>",
    "long": "<i>" * 400_000,
}
_PLAIN_TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "header",
    "footer",
    "nav",
    "section",
    "article",
}
_PLAIN_TAGS |= {
    "details",
    "summary",
    "h1",
    "h2",
    "h3",
    "h4",
    "p",
    "small",
    "span",
    "bdi",
    "code",
    "a",
    "ol",
    "ul",
    "li",
}
_PLAIN_TAGS |= {"dl", "dt", "dd", "div"}

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield found
        found.close()


def page_of(place: Place, language: str = "en", told: Disclosure = DISCLOSURE) -> str:
    place.runner._guard = Guard(100_000)
    return files(place, gathered(place, language=language), language, told)["index.html"].decode()


def trapped() -> Place:
    """Return a company with a trap in every place of hers: values, names of fields, deep ones."""
    deep = {"list": list(TRAPS.values()), "inner": {text[:90]: text for text in TRAPS.values()}}
    rows = [order(id=number, note=text, status=deep, **{text[:90]: text}) for number, text in enumerate(TRAPS.values())]
    return market(orders=rows)


class Shown:
    """A page that was opened offline, with all that it complained of and asked for."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, scheme: str = "light") -> None:
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            offline=True,
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self._dialog(dialog))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append("a dialog")
        dialog.dismiss()


def saved(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "index.html"
    path.write_text(text, encoding="utf-8")
    return path


class _Markup(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}


def test_nothing_that_was_gathered_runs_loads_or_becomes_markup(browser: Browser, tmp_path: Path) -> None:
    text = page_of(trapped())
    markup = _Markup()
    markup.feed(text)
    assert markup.tags <= _PLAIN_TAGS
    links = {value for name, value in markup.attributes if name == "href"}
    assert all(re.fullmatch(r"#s[0-9]+", link) for link in links)
    names = {name for name, _ in markup.attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "open"}
    path = saved(tmp_path, text)
    found = Shown(browser, path)
    assert found.page.title() != "caught"
    assert found.wrong == []
    assert found.asked == [path.as_uri()]
    body = found.page.inner_text("body")
    for name in ("script", "handler", "address", "link", "entity", "quote"):
        assert TRAPS[name] in body, name
    found.context.close()


def test_signs_that_are_not_seen_are_shown_by_their_number() -> None:
    text = page_of(trapped())
    for sign in ("202E", "2066", "0000", "001B", "D800", "200B", "FEFF"):
        assert f'<span class="sign">U+{sign}</span>' in text, sign
    assert not re.search("[\x00-\x08\x0b-\x1f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)


def test_a_huge_text_is_cut_and_says_so() -> None:
    text = page_of(market(orders=[order(note="y" * 1_000_000)]))
    assert len(text) < 60_000
    assert "records.json" in text


@pytest.mark.parametrize("part", ["<b>", "&", '"'])
def test_what_a_manifest_says_is_no_markup_either(part: str) -> None:
    from dataclasses import replace

    odd = f"x{part}<i>y"
    use = replace(
        DISCLOSURE.places["shop"].uses[0], name=odd, basis=odd, retention=odd, recipients=(odd,), transfers=odd
    )
    place = replace(DISCLOSURE.places["shop"], title=odd, about=odd, uses=(use,))
    told = replace(DISCLOSURE, organization=odd, contact=odd, controller=odd, officer=odd, places={"shop": place})
    text = page_of(market(), told=told)
    assert "<i>" not in text
    assert "<b>" not in text


def test_the_policy_of_the_page_stops_what_would_run_all_the_same(browser: Browser, tmp_path: Path) -> None:
    text = page_of(market())
    for teeth in ("<script>document.title='caught'</script>", "<img src=https://example.com/x onerror=alert(1)>"):
        found = Shown(browser, saved(tmp_path, text.replace("<main>", f"<main>{teeth}")))
        assert found.page.title() != "caught"
        assert any("Content Security Policy" in said for said in found.wrong)
        found.context.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_page_is_quiet_and_as_wide_as_the_screen(
    browser: Browser, tmp_path: Path, width: int, scheme: str, language: str
) -> None:
    path = saved(tmp_path, page_of(trapped() if language == "en" else market(), language))
    found = Shown(browser, path, width, scheme)
    assert found.wrong == []
    assert found.asked == [path.as_uri()]
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    assert found.page.evaluate("document.documentElement.lang") == language
    found.context.close()


def test_a_page_groups_what_is_held_by_system_and_by_purpose() -> None:
    text = re.sub(r"<style>.*?</style>", "", page_of(market()), flags=re.S)
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    for said in ("Web shop", "Example Market", "10 years", "Parcel service", "privacy@example.com", "Ada Example"):
        assert said in plain, said
    # What is used for the orders stands before what is used for advertising, each with its own records.
    assert plain.index("10 years") < plain.index("1 Lane")
    assert text.count('class="use"') == 2


def test_of_many_records_the_first_are_shown() -> None:
    text = page_of(market(orders=[order(id=n) for n in range(300)]))
    assert text.count('<article class="record">') == 200 + 1 + 1 + 1 + 1
    assert "300" in text


def test_a_person_of_whom_nothing_is_held_is_told_so() -> None:
    place = market(customers=[])
    assert "We hold nothing about you" in page_of(place)
