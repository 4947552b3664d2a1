"""A page for each package whose names others may use; autodoc fills them from the docstrings."""

import ast
from collections.abc import Iterator
from pathlib import Path

COMMON = ("errors", "files", "sealed", "waveforms")
PACKAGES = {  # in the order in which they may import
    "manifests": "Manifests: what recordings there are",
    "corpora": "Corpora: release trees that are read",
    "features": "Features and stores",
    "splits": "Protocols and splits",
    "runs": "Runs: what a system is given and returns",
    "training": "Training a network",
    "evaluations": "Evaluations: metrics, intervals, comparisons",
    "plan": "The plan",
    "prediction": "Prediction and export",
}


def pages(root: Path) -> dict[str, str]:
    """Name of a package -> its page, in MyST; `common`: the modules that all packages use."""
    common = [root / "ser" / f"{name}.py" for name in COMMON]
    pages = {"common": "\n".join(["# Common to all packages\n", *_modules(root, common)])}
    for name, title in PACKAGES.items():
        files = sorted(file for file in (root / "ser" / name).glob("**/*.py") if "demo" not in file.parts)
        pages[name] = "\n".join([f"# {title}\n\nThe package `ser.{name}`.\n", *_modules(root, files)])
    return pages


def _modules(root: Path, files: list[Path]) -> Iterator[str]:
    for file in files:
        if ast.parse(file.read_text(encoding="utf-8")).body:
            module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            directive = f".. automodule:: {module}\n   :members:"
            yield f"## {module}\n\n```{{eval-rst}}\n{directive}\n```\n"
