"""Which of the project's files a script runs: its imports, followed with `ast`.

Snakemake compares a rule's text and inputs, never the modules that a script imports. Their digest is therefore part of
what each artifact is made from (made_from.py), and each run records it. Nothing is imported here, so this is quick
enough to be done while the workflow is parsed. What a file imports is found once: a record has it by the digest of the
file's content, so it cannot be out of date.
"""

import ast
import hashlib
import json
import subprocess
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

from ser.errors import InputError
from ser.files import ROOT, atomic_file, sha256_of, words

_COMMITTED = ("ser", "workflow_scripts", "experiments")
_RECORD = ".snakemake/ser.imports.json"
_found: dict[str, list[str]] = {}  # by this process; what is in the record only is forgotten when it is written


@cache
def code_of(script: str, *modules: str) -> tuple[str, ...]:
    """Paths, relative to the project, of `script` and of all project files that its imports reach, sorted.

    `modules` are those that it imports by a name that was chosen (`importlib`), such as `ser.systems.mfhca`.

    Imports inside functions count; those that only a type checker sees (`if TYPE_CHECKING:`) do not. Raises InputError
    for a module that does not exist.
    """
    found: set[Path] = set()
    todo = [ROOT / file for file in (script, *map(_file_of, modules))]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo.extend(_imports(path))
    return tuple(sorted(str(path.relative_to(ROOT)) for path in found))


def code_of_module(module: str) -> tuple[str, ...]:
    """`code_of` for the file of a module such as `ser.systems.mfhca`. Raises InputError if there is no such file."""
    return code_of(_file_of(module))


def reaches(code: Collection[str], module: str) -> bool:
    """Whether a module is among the files `code`, as `code_of` returned them.

    Raises InputError for a module that does not exist: after it is renamed the answer must not silently become no.
    """
    return _file_of(module) in code


@cache
def uses_training_loop(system: str) -> bool:
    """Whether a system trains in epochs: only then does it need torch, and can use a GPU. One that is not in this
    version counts as such, so that the gap that it may have is shown as skipped.
    """
    return system not in words("systems") or reaches(code_of_module(f"ser.systems.{system}"), "ser.training.loop")


def code_digest(files: Iterable[str]) -> str:
    """16 hex digits over the names and contents of `files` (paths relative to the project)."""
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in code_hashes(files).items())
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def code_hashes(files: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each of `files` (paths relative to the project), sorted by name."""
    return {name: sha256_of(ROOT / name) for name in sorted(set(files))}


def git_commit() -> str:
    """The commit of this checkout, with -dirty where code or experiments differ from it; "" without git.

    params.yaml and dvc.lock are left out: they change in use, and what they say about a run is in its settings.
    """
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--"]
    try:
        status = subprocess.run([*command, *_COMMITTED], cwd=ROOT, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = status.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    return commit + ("-dirty" if any(not line.startswith("#") for line in lines) else "")


def _file_of(module: str) -> str:
    path = Path(*module.split(".")).with_suffix(".py")
    if not (ROOT / path).is_file():
        raise InputError(f"{path}: no such file, but the workflow refers to it: correct the module's name there")
    return str(path)


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    content = path.read_bytes()
    digest = hashlib.sha256(_own_code() + content).hexdigest()
    if digest not in _found:
        known = _recorded()
        _found[digest] = known[digest] if digest in known else _names(content.decode(), str(path))
    return tuple(file for name in _found[digest] for file in _files(name, path.parent))


def _names(text: str, path: str) -> list[str]:
    """The names that a file's imports may mean, sorted."""
    names: set[str] = set()
    for node in _running(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return sorted(names)


@cache
def _own_code() -> bytes:
    """This file: where it finds imports in another way, what it found before is of no use."""
    return Path(__file__).read_bytes()


@cache
def _recorded() -> dict[str, list[str]]:
    try:
        return dict(json.loads((ROOT / _RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}  # no record, or not one of ours


def record_imports() -> None:
    """Keep what the files import that this process looked into: the next one parses those only that are new."""
    if _found != _recorded():
        with atomic_file(ROOT / _RECORD) as temporary:
            temporary.write_text(json.dumps(_found), encoding="utf-8")


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements except those below `if TYPE_CHECKING:`."""
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for node in getattr(tree, field, ()):
            if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
                yield node
                yield from _running(node)


def _files(module: str, beside: Path) -> list[Path]:
    """The files that importing `module` executes: its own and the `__init__.py` of each package above it."""
    if not module.startswith("ser.") and module != "ser":
        sibling = beside / f"{module}.py"  # scripts import their frame, `_main`, from their own folder; packages do not
        return [sibling] if sibling.is_file() and not beside.is_relative_to(ROOT / "ser") else []
    parts = module.split(".")
    packages = [ROOT.joinpath(*parts[:i], "__init__.py") for i in range(1, len(parts) + 1)]
    return [file for file in [*packages, ROOT.joinpath(*parts).with_suffix(".py")] if file.is_file()]
