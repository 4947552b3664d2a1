"""The documentation as a site: no warning, all pages, links that lead somewhere, nothing from a network."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from generate.docstrings import as_rst
from helpers import ROOT


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given["id"]} if "id" in given else set()
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("link", "script", "img", "iframe", "object"):
            self.loads += [given[name] for name in ("href", "src", "data") if name in given]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make docs` builds it, in another folder."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-E", "-W", "--keep-going", "-n", "-q", "-b", "html"]
    command = [sys.executable, "-m", "sphinx", *options, "-d", folder / "doctrees", ROOT / "docs", folder / "html"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
    assert f"sphinx-build {' '.join(options)}" in (ROOT / "Makefile").read_text()
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_link_leads_to_a_page_and_an_anchor_that_are_there(site: Path, pages: dict[Path, Page]) -> None:
    broken, followed = [], 0
    for path, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(unquote(link))
            if ":" in target:
                continue
            file = (path.parent / target).resolve() if target else path
            followed += 1
            if not file.is_file() or (anchor and file in pages and anchor not in pages[file].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert followed > 1000
    assert not broken


def test_nothing_is_loaded_from_a_network(site: Path, pages: dict[Path, Page]) -> None:
    loads = {load for page in pages.values() for load in page.loads}
    assert loads and not [load for load in loads if "//" in load]
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert "url(http" not in styles and "@import" not in styles


def test_every_page_of_the_folder_and_every_experiment_is_a_page_of_the_site(site: Path) -> None:
    for path in (ROOT / "docs").glob("*.md"):
        assert (site / f"{path.stem}.html").is_file()
    for path in (ROOT / "experiments").glob("*.yaml"):
        assert (site / f"papers/{path.stem}.html").is_file()
    every = {link for link in Page(site / "index.html").links if link.endswith(".html")}
    there = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    assert there - every <= {"index.html", "search.html", "genindex.html", "py-modindex.html"}


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("manifests", "manifests.utterance.Utterance"),
        ("corpora", "corpora.emodb.read_release"),
        ("features", "features.store.Store"),
        ("splits", "splits.make.make_split"),
        ("runs", "runs.contract.Outcome"),
        ("training", "training.task.Task"),
        ("evaluations", "evaluations.metrics.ua"),
        ("prediction", "prediction.load.load"),
        ("plan", "plan.load.load_plan"),
        ("common", "errors.InputError"),
    ],
)
def test_the_contracts_are_in_the_reference(pages: dict[Path, Page], site: Path, page: str, name: str) -> None:
    assert f"ser.{name}" in pages[site / f"api/{page}.html"].anchors


def test_docstrings_are_plain_text_with_code_in_backticks() -> None:
    given = ["A `*.csv`, 2 * 3 and name_", "", "    as: [it, stands]*", "", "- one `a", "  b`", "- two", "", "End"]
    wanted = ["A `*.csv`, 2 \\* 3 and name\\_", "", "::", "", "    as: [it, stands]*", ""]
    assert as_rst(given) == [*wanted, "- one `a", "  b`", "- two", "", "", "End"]
