"""The report's page as a user meets it: in a browser, from a file, without a network."""

import dataclasses
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH

from helpers.pages import GROUP, HOSTILE, multiplied, small_content
from ser.report.page import SECTIONS, Content, page

CHROMIUM = Path("/usr/bin/chromium")
needs_browser = pytest.mark.skipif(not CHROMIUM.is_file(), reason="no /usr/bin/chromium (Debian's package chromium)")
BUTTON = "#table tbody button"
READY = "document.getElementById('count')?.textContent && !!window.vegaEmbed"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return small_content(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def written(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


@pytest.fixture
def opened(browser: Any, written: Path) -> Iterator[Any]:
    """Opens the page at a width; in the end nothing was requested but the file, and nobody complained."""
    asked, said, contexts = [], [], []

    def opened(width: int, scheme: str = "light", file: Path = written, anchor: str = "") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: said.append(dialog.message))
        tab.goto(f"file://{file}{anchor}")
        tab.wait_for_function(READY)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert not said
    assert not [url for url in asked if not url.startswith(("file://", "data:", "blob:"))]


class Elements(HTMLParser):
    """The attributes of all elements of a page, by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.of: dict[str, list[dict[str, str | None]]] = defaultdict(list)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.of[tag].append(dict(attrs))


def values(tab: Any) -> list[str]:
    return tab.locator(BUTTON).all_text_contents()


@needs_browser
@pytest.mark.parametrize("width", [390, 1500])
def test_the_table_is_sorted_and_filtered(opened: Any, width: int, content: Content) -> None:
    tab = opened(width)
    assert tab.locator("#count").text_content() == "13 of 13 lines, 12 computed" and len(content.lines) == 13
    header = tab.locator("#table th.column-value")
    header.locator('[tabindex="0"]').press("Enter") if width == 390 else header.click()
    tab.locator("#table th.column-value[aria-sort=ascending]").wait_for()
    numbers = [float(text) for text in values(tab) if text != "skipped"]
    assert numbers == sorted(numbers) and len({*numbers}) > 2 and values(tab)[0] == "skipped"
    header.click()
    tab.locator("#table th.column-value[aria-sort=descending]").wait_for()
    assert values(tab)[-1] == "skipped" and float(values(tab)[0]) == max(numbers)

    for column, chosen in (("metric", "UA"), ("experiment", "paper"), ("status", "ok")):
        tab.select_option(f"select[data-column={column}]", chosen)
    wanted = [line for line in content.lines if line["metric"] == "UA" and line["status"] == "ok"]
    assert sorted(values(tab)) == sorted(line["value"] for line in wanted)
    tab.check("#claimed")
    assert values(tab) == [line["value"] for line in wanted if line["claim"]]
    tab.fill("#words", "no such thing")
    assert tab.locator("#count").text_content() == f"0 of {len(content.lines)} lines"
    tab.click("#filters button[type=reset]")
    tab.wait_for_function(f"document.getElementById('count').textContent.startsWith('{len(content.lines)} of')")
    assert {select.input_value() for select in tab.locator("#filters select").all()} == {""}
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@needs_browser
def test_computed_lines_and_the_own_averaging_come_first(opened: Any, content: Content, tmp_path: Path) -> None:
    own = content.lines[0] | {"aggregation": "pooled"}
    other = own | {"aggregation": "fold_mean", "value": "12.34"}
    path = tmp_path / "report.html"
    path.write_text(
        page(dataclasses.replace(content, lines=[content.lines[-1] | {"aggregation": "pooled"}, other, own])),
        encoding="utf-8",
    )
    tab = opened(1500, file=path)
    assert values(tab) == [own["value"], "12.34", "skipped"]
    assert tab.locator("#table tr.also").all_inner_texts() == [tab.locator("#table tbody tr").nth(1).inner_text()]
    assert "also fold_mean" in tab.locator("#table tr.also").inner_text()


@needs_browser
@pytest.mark.parametrize("width", [390, 1500])
def test_a_number_says_where_it_comes_from_by_keyboard(opened: Any, width: int, content: Content) -> None:
    tab = opened(width)
    line = content.lines[0]
    cell = f"{GROUP}:{line['metric']}:{line['aggregation']}"
    button = tab.locator(f'#table button[data-cell="{cell}"]')
    button.focus()
    tab.keyboard.press("Enter")
    dialog = tab.locator("dialog[open]")
    dialog.wait_for()
    text = dialog.inner_text()
    for part in (
        f"{line['value']}", f"{line['claim']}, {line['claim_source']}", "chosen on the dev part", "0123abcd",
        f"{line['ci_low']} to {line['ci_high']}", "commit c0ffee", "train: one run, 1.5 s", f"ser trace {cell}",
        line["protocol_hash"], HOSTILE.rstrip("\u2028"),
    ):  # fmt: skip
        assert part in text, part
    rows = [" ".join(row.split()) for row in dialog.locator("tr").all_inner_texts()]
    assert {"rate 0.1 paper", "epochs 3 chosen", "1 1 55.00 2 of 3 0123abcd"} <= {*rows}
    assert tab.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    tab.wait_for_function("location.hash.startsWith('#number=')")
    address = tab.evaluate("location.href")

    tab.keyboard.press("Escape")
    tab.wait_for_function("location.hash === ''")
    assert not dialog.is_visible()
    assert button.evaluate("button => button === document.activeElement")
    again = opened(width, anchor=address[address.index("#") :])
    again.locator("dialog[open]").wait_for()
    assert cell in again.locator("dialog").inner_text()
    again.locator("dialog a", has_text="Confusion").click()
    again.locator("#figure-confusion-paper-full-p-clean svg").wait_for()
    assert not again.locator("dialog").is_visible()


@needs_browser
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1500, "dark")])
def test_a_figure_is_drawn_when_it_is_looked_at(opened: Any, width: int, scheme: str, content: Content) -> None:
    tab = opened(width, scheme)
    assert tab.locator("section.figures figure").count() >= len(SECTIONS)
    assert tab.locator("section.figures svg").count() < tab.locator("section.figures figure").count()
    figure = tab.locator("#counts figure").first
    assert not figure.locator("svg").count()
    figure.scroll_into_view_if_needed()
    figure.locator("svg").wait_for()
    assert "demo: synthetic speech" in figure.locator("svg").text_content()
    said = figure.locator("svg").get_attribute("aria-label")
    assert "synthetic" in said and figure.locator("svg").get_attribute("role") == "img"
    figure.locator("summary").press("Enter")
    figure.locator("table").first.wait_for()
    spec = next(of.spec for of in content.figures if of.section == "counts")
    assert figure.locator("tbody tr").count() == len(spec["data"]["values"])
    tab.locator("#draw-all").click()
    tab.get_by_text("All figures are drawn").wait_for()
    assert tab.locator("section.figures svg").count() == tab.locator("section.figures figure").count()


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(opened: Any, scheme: str) -> None:
    """axe finds no serious or critical fault, in the page with all figures drawn and in the dialog."""
    tab = opened(1500, scheme)
    tab.locator("#draw-all").click()
    tab.get_by_text("All figures are drawn").wait_for()
    tab.evaluate(AXE_FILE_PATH.read_text())
    faults = tab.evaluate("axe.run().then(found => found.violations)")
    tab.locator(BUTTON).first.click()
    tab.locator("dialog[open]").wait_for()
    faults += tab.evaluate("axe.run('dialog').then(found => found.violations)")
    assert not [(of["id"], of["nodes"][0]["html"]) for of in faults if of["impact"] in ("serious", "critical")]


@needs_browser
def test_ten_thousand_lines_are_sorted_and_small(opened: Any, content: Content, tmp_path: Path) -> None:
    many = multiplied(content, 10_000)
    path = tmp_path / "report.html"
    path.write_text(page(many), encoding="utf-8")
    assert path.stat().st_size < 20_000_000
    tab = opened(1500, file=path)
    assert tab.locator("#count").text_content() == "10000 of 10000 lines"
    tab.locator("#table th.column-value").click()
    tab.locator("#table th.column-value[aria-sort=ascending]").wait_for()
    assert values(tab)[:3] == ["0.00", "0.01", "0.02"]


def test_what_a_user_named_is_only_ever_text(content: Content) -> None:
    text = page(content)
    found = Elements(text)
    assert HOSTILE not in text and len(found.of["img"]) == len(content.examples)
    assert {attributes.get("type") for attributes in found.of["script"]} == {"module", "application/gzip"}
    policy = next(of["content"] for of in found.of["meta"] if of.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")  # a browser asks no server, whatever stands in the page


def test_the_same_content_gives_the_same_page(content: Content) -> None:
    assert page(content) == page(content)


def test_the_first_screen_says_what_was_claimed_and_found(content: Content) -> None:
    papers = page(content).partition('id="papers"')[2].partition('id="numbers"')[0]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", papers))
    line = content.lines[0]
    for part in ("A paper &amp; more", "Someone, 2024", line["claim"], line["value"], "not comparable", "paper"):
        assert part in text, part


def test_without_claims_the_first_screen_says_what_was_found(content: Content) -> None:
    of = content.papers[0]
    line = of["numbers"][0]
    wanted = [of["value"] for of in content.lines if (of["metric"], of["aggregation"]) == ("UA", "pooled")]
    assert [number["value"] for number in of["numbers"]] == wanted and wanted
    own = dataclasses.replace(content, scale="free", papers=[of | {"is_paper": False}])
    first = page(own).partition('id="numbers"')[0]
    tested = f"{line['corpus']}: {line['n_utterances']} utterances, {line['n_speakers']} speakers"
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", first))
    assert tested in text and f">{line['value']}</button>" in first
    assert "claims" not in text.partition("Skip to the results")[2] and "Papers" not in text


@pytest.mark.parametrize(("scale", "is_marked"), [("demo", True), ("paper", False)])
def test_what_is_synthetic_cannot_be_overlooked(content: Content, scale: str, is_marked: bool) -> None:
    text = page(dataclasses.replace(content, scale=scale))
    assert ('class="banner"' in text) == is_marked == ("No number on this page says anything" in text)
    assert f"<strong>Scale {scale}.</strong>" in text


def test_scripts_and_styles_are_short() -> None:
    for path in files("ser.report").iterdir():
        assert path.name.startswith("__") or len(path.read_text(encoding="utf-8").splitlines()) < 300, path
