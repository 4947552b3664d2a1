"""Which of the project's files a script runs: its imports, followed with `ast`.

Snakemake compares a rule's text and inputs, never the modules that a script imports. Each rule therefore
lists these files as inputs, and each run keeps their digest. Nothing is imported here, so this is quick enough
for the time at which the workflow is parsed.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ser.files import sha256_of

ROOT = Path(__file__).resolve().parent.parent


@cache
def code_of(script: str) -> tuple[str, ...]:
    """Paths, relative to the project, of `script` and of all project files that its imports reach, sorted.

    Imports inside functions count. A module named only in a string (`importlib`) does not: the caller adds
    `code_of` of the file that it chose.
    """
    found: set[Path] = set()
    todo = [ROOT / script]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo.extend(_imports(path))
    return tuple(sorted(str(path.relative_to(ROOT)) for path in found))


def code_digest(files: Iterable[str]) -> str:
    """16 hex digits over the names and contents of `files` (paths relative to the project)."""
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in code_hashes(files).items())
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def code_hashes(files: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each of `files` (paths relative to the project), sorted by name."""
    return {name: sha256_of(ROOT / name) for name in sorted(set(files))}


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(file for name in sorted(names) for file in _files(name, path.parent))


def _files(module: str, beside: Path) -> list[Path]:
    """The files that importing `module` runs: its own and the `__init__.py` of each package above it."""
    if not module.startswith("ser.") and module != "ser":
        sibling = beside / f"{module}.py"  # scripts import their frame, `_main`, from their own folder
        return [sibling] if sibling.is_file() else []
    parts = module.split(".")
    packages = [ROOT.joinpath(*parts[:i], "__init__.py") for i in range(1, len(parts) + 1)]
    return [file for file in [*packages, ROOT.joinpath(*parts).with_suffix(".py")] if file.is_file()]
