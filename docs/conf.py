"""The documentation as a site: `make docs` writes docs/_build/html, which opens without a server or a network."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from generate import api, docstrings, papers  # noqa: E402
from ser.plan.load import read_params  # noqa: E402

project = "ser"
author = "the ser contributors"
copyright = author

extensions = ["myst_parser", "sphinx_copybutton", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3  # `table.md#columns` means on the site what it means on a code host
highlight_language = "none"
default_role = "code"  # docstrings use single backticks for code
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# Types of other projects, whose documentation is elsewhere; and ours that are private, or only names of types.
nitpick_ignore_regex = [("py:class", r"(?!ser\.).*|ser\.(.*\._\w+|evaluations\.swaps\.Name|plan\.jobs\.T)")]

html_theme = "furo"
html_title = "ser"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


# Pages of the project's root; links to its other files are shown as their names.
ROOT_PAGES = {"CONTRIBUTING.md": "project/contributing.md", "CHANGELOG.md": "project/changelog.md"}
OUTSIDE = re.compile(r"\[([^]]*)\]\(\.\./((?:\.\./)*[^)]*)\)")


def _make_pages(_: object) -> None:
    """Pages that are made from code, experiment files and the root's pages; only what has changed is written."""
    project = {}
    for name, page in ROOT_PAGES.items():
        text = (DOCS.parent / name).read_text(encoding="utf-8").replace("](docs/", "](../")
        project[Path(page).stem] = text.replace("](CHANGELOG.md)", "](changelog.md)")
    folders = {
        "papers": papers.pages(DOCS.parent, read_params(DOCS.parent)),
        "api": api.pages(DOCS.parent),
        "project": project,
    }
    for folder, pages in folders.items():
        (DOCS / folder).mkdir(exist_ok=True)
        for old in set((DOCS / folder).glob("*.md")) - {DOCS / folder / f"{name}.md" for name in pages}:
            old.unlink()
        for name, text in pages.items():
            path = DOCS / folder / f"{name}.md"
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")


def _mend_links(_: Sphinx, page: str, source: list[str]) -> None:
    if "/" not in page:
        source[0] = OUTSIDE.sub(
            lambda link: f"[{link[1]}]({ROOT_PAGES[link[2]]})" if link[2] in ROOT_PAGES else f"{link[1]} (`{link[2]}`)",
            source[0],
        )


def _as_rst(_app: object, _what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    lines[:] = docstrings.as_rst(lines)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", _make_pages)
    app.connect("source-read", _mend_links)
    app.connect("autodoc-process-docstring", _as_rst)
