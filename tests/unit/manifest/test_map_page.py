"""The page of the data map in a browser: it asks for nothing, complains of nothing, and its controls work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from a_bakery import bakery
from a_trap import trap
from playwright.sync_api import Browser, Page, sync_playwright

from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import EXPORTS

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")]

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield found
        found.close()


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
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def rows(self) -> list[str]:
        return self.page.locator("#rows tbody tr:visible th").all_inner_texts()

    def status(self, wanted: str) -> None:
        self.page.locator("#status", has_text=wanted).wait_for()

    def bright(self) -> list[str]:
        found = self.page.locator(".node[data-n]:not(.dim) text").all_text_contents()
        return sorted(found)


def saved(tmp_path: Path, atlas: Atlas, form: str = "html") -> Path:
    path = tmp_path / f"{form}.html"
    path.write_bytes(EXPORTS.get(form).write(atlas))
    return path


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Iterator[Shown]:
    found = Shown(browser, saved(tmp_path, bakery()))
    yield found
    assert found.wrong == []
    found.context.close()


@pytest.mark.parametrize("form", ["html", "ropa"])
@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_page_is_quiet_and_as_wide_as_the_screen(
    browser: Browser, tmp_path: Path, form: str, width: int, scheme: str
) -> None:
    path = saved(tmp_path, bakery(), form)
    found = Shown(browser, path, width, scheme)
    assert found.wrong == []
    assert found.asked == [path.as_uri()]
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    found.context.close()


@pytest.mark.parametrize("form", ["html", "ropa"])
def test_names_that_are_markup_run_nothing(browser: Browser, tmp_path: Path, form: str) -> None:
    path = saved(tmp_path, trap(), form)
    found = Shown(browser, path)
    if form == "html":
        found.page.locator("#rows [data-row]").first.click()
        found.page.locator("dialog button").click()
        found.page.locator(".node.dataset").first.dispatch_event("click")
    assert "caught" not in found.page.title() or found.page.title().startswith("Data map of <script>")
    assert found.page.evaluate("document.querySelectorAll('img, iframe, body script:not(#data)').length") == (
        1 if form == "html" else 0
    )
    assert found.wrong == []
    assert found.asked == [path.as_uri()]
    found.context.close()


def test_the_policy_of_the_page_stops_a_foreign_script(browser: Browser, tmp_path: Path) -> None:
    path = saved(tmp_path, bakery())
    path.write_text(path.read_text().replace("<main>", "<main><script>document.title='caught'</script>"))
    found = Shown(browser, path)
    assert found.page.title() == "Data map of Crumb & Crust Bakery"
    assert any("Content Security Policy" in text for text in found.wrong)
    found.context.close()


def test_search_keeps_the_rows_and_nodes_that_say_it(shown: Shown) -> None:
    shown.page.fill("#search", "loyal")
    shown.status("2 of 6 rows")
    assert shown.rows() == ["Web shop (shop)", "Web shop (shop)"]
    assert "old_logs" not in shown.bright()
    shown.page.fill("#search", "no such thing")
    shown.status("0 of 6 rows")
    assert shown.bright() == []


def test_search_finds_names_of_fields(shown: Shown) -> None:
    shown.page.fill("#search", "user_id")
    shown.status("1 of 6 rows")
    assert "orders_db" in shown.bright()


@pytest.mark.parametrize(
    ("filter_", "value", "count"),
    [
        (0, "s:mailer", 1),
        (1, "u:essential", 3),
        (1, "u:essential.service.notifications", 1),
        (2, "c:user.contact", 4),
        (2, "c:user.loyalty", 1),
        (3, "p:customer", 3),
    ],
)
def test_a_filter_keeps_what_is_at_or_below_its_label(shown: Shown, filter_: int, value: str, count: int) -> None:
    shown.page.locator("[data-filter]").nth(filter_).select_option(value)
    shown.status(f"{count} of 6 rows")
    assert len(shown.rows()) == count


def test_filters_hold_together_and_reset_shows_all(shown: Shown) -> None:
    shown.page.locator("[data-filter]").nth(2).select_option("c:user.contact")
    shown.page.locator("[data-filter]").nth(0).select_option("s:mailer")
    shown.status("1 of 6 rows")
    shown.page.locator("#tools [type=reset]").click()
    shown.status("6 of 6 rows")


def test_a_click_on_a_node_keeps_its_neighbours_and_rows(shown: Shown) -> None:
    shown.page.locator(".node.dataset", has_text="Customer base").click()
    shown.status("2 of 6 rows of Customer base")
    assert shown.bright() == ["Customer base", "Web shop", "orders_db"]
    panel = shown.page.locator("#panel")
    assert "users.address.city" in panel.inner_text()
    panel.get_by_text("Web shop", exact=True).click()
    shown.status("4 of 6 rows of Web shop")  # the mail sender gets data of it
    shown.page.keyboard.press("Escape")
    shown.status("6 of 6 rows")


def test_the_graph_is_walked_and_chosen_by_keys(shown: Shown) -> None:
    shown.page.locator(".node[tabindex='0']").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.page.keyboard.press("ArrowRight")
    assert shown.page.evaluate("document.activeElement.classList.contains('dataset')")
    shown.page.keyboard.press("Enter")
    assert shown.page.locator(".node.chosen").count() == 1
    assert shown.page.locator(".node[tabindex='0']").count() == 1


def test_every_column_of_a_row_is_in_its_details(shown: Shown) -> None:
    shown.page.locator("[data-row='2']").click()
    dialog = shown.page.locator("dialog")
    assert dialog.locator("dt").count() == 24
    assert "Encrypted at rest; https://example.com/security" in dialog.inner_text()
    shown.page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_zoom_and_drag_move_the_view(shown: Shown) -> None:
    def view() -> list[float]:
        return [float(part) for part in str(shown.page.locator("#graph").get_attribute("viewBox")).split()]

    whole = view()
    shown.page.locator("[data-zoom='in']").click()
    near = view()
    assert near[2] < whole[2]
    box = shown.page.locator("#graph").bounding_box()
    assert box is not None
    shown.page.mouse.move(box["x"] + 20, box["y"] + box["height"] - 8)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] - 60, box["y"] + box["height"] - 8, steps=4)
    shown.page.mouse.up()
    assert view()[0] > near[0]
    assert shown.page.locator(".node.chosen").count() == 0
    shown.page.locator("[data-zoom='fit']").click()
    assert view()[2] >= whole[2] * 0.9


def test_without_scripts_the_graph_and_the_rows_are_there(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(saved(tmp_path, bakery()).as_uri())
    assert page.locator(".node[data-n]:visible").count() == 9
    assert page.locator("#rows tbody tr:visible").count() == 6
    assert not page.locator("#tools").is_visible()
    context.close()


def test_a_print_has_the_whole_graph_and_no_controls(shown: Shown) -> None:
    shown.page.emulate_media(media="print")
    assert not shown.page.locator("#tools").is_visible()
    assert shown.page.locator("#rows").is_visible()
    assert shown.page.pdf().startswith(b"%PDF")
