"""The project's texts: lines of limited width, named files that exist, and no download address."""

import re
from pathlib import Path

import pytest

from helpers import ROOT

TEXTS = sorted(
    path
    for pattern in ("*.md", "*.yaml", "*.cff", "docs/*.md", "experiments/*.yaml", "schemas/*.yaml", "profiles/*/*.yaml")
    for path in ROOT.glob(pattern)
    if path.name not in ("params.yaml", "params.local.yaml")  # the user's
)
NAMED = re.compile(
    r"`((?:ser|rules|workflow_scripts|tests|benchmarks|docs|experiments|schemas|profiles|envs)/[\w./-]+)`"
)
# Names that the texts give as examples of what a reader might add.
EXAMPLES = re.compile(r"my_|mine|<|>|\*")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_fit(path: Path) -> None:
    """Outside tables and quotations."""
    long = [
        f"{path.name}:{number}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120 and not line.lstrip().startswith(("|", ">"))
    ]
    assert not long


@pytest.mark.parametrize("path", [path for path in TEXTS if path.suffix == ".md"], ids=lambda path: path.name)
def test_the_files_that_a_text_names_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = [name for name in NAMED.findall(text) if not EXAMPLES.search(name)]
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in links if not (path.parent / name).exists()]
    assert not missing


def test_nothing_names_a_registry() -> None:
    """Packages are hash-pinned, from whatever mirror: no download address may be in the lock or beside it."""
    environments = (str(path.relative_to(ROOT)) for path in (ROOT / "envs").iterdir())
    for name in (*environments, "pyproject.toml", "Makefile", ".ci/run"):
        assert not re.search(r"https?://|--(extra-)?index-url", (ROOT / name).read_text(encoding="utf-8")), name
