"""The house rule: imports run one way, and nothing heavy is imported while the workflow is parsed."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from helpers import ROOT

# Each line imports only from those above it; the words of one line do not import each other. A word is a package of
# ser/ or a file of its own.
ORDER = (
    "errors",
    "files",
    "outputs progress waveforms compute",
    "sealed",
    "manifests",
    "corpora encoders",
    "features",
    "splits",
    "runs",
    "training",
    "systems",
    "evaluations",
    "plan",
    "audit exchange forecast scaffold",
    "results",
    "prediction",
    "tracking",
    "verification",
    "figures",
    "report paper",
    "commands",
    "cli",
    "workflow_scripts",
)
LEVELS = {word: level for level, line in enumerate(ORDER) for word in line.split()}


def imports(root: Path) -> dict[str, set[str]]:
    """Module -> the project's modules that it imports, anywhere in the file, even if only for a type checker."""
    found = {}
    for path in sorted([*root.glob("ser/**/*.py"), *root.glob("workflow_scripts/*.py")]):
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")] = imported
    return {name: {other for other in imported if other in found} for name, imported in found.items()}


def word(module: str) -> str:
    """What a module is in `ORDER`: ser.splits.make is splits."""
    return module.removeprefix("ser.").split(".")[0]


def against_the_law(graph: Mapping[str, set[str]]) -> list[str]:
    return [
        f"{module} -> {other}"
        for module, imported in graph.items()
        for other in sorted(imported - {"ser"})
        if word(module) != word(other) and LEVELS[word(other)] >= LEVELS[word(module)]
    ]


def circles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> Iterator[str]:
        if module in path:
            yield " -> ".join([*path[path.index(module) :], module])
        elif module not in done:
            for other in graph[module] - {module}:
                yield from visit(other, (*path, module))
            done.add(module)

    for module in graph:
        yield from visit(module, ())


def test_every_package_and_file_has_its_place() -> None:
    assert {word(module) for module in imports(ROOT)} - {"ser"} == {*LEVELS}


def test_imports_run_one_way() -> None:
    assert against_the_law(imports(ROOT)) == []


def test_there_are_no_circles() -> None:
    assert list(circles(imports(ROOT))) == []


FORBIDDEN = {
    "upwards": ("ser/splits/folds.py", "from ser.runs.contract import Fold", "ser.splits.folds -> ser.runs.contract"),
    "inside a function": ("ser/files.py", "def f():\n    import ser.plan.load", "ser.files -> ser.plan.load"),
    "for a type checker": (
        "ser/runs/history.py",
        "if TYPE_CHECKING:\n    from ser.training import loop",
        "ser.runs.history -> ser.training",
    ),
    "on one line": (
        "ser/encoders/demo.py",
        "from ser.corpora.demo import espeak",
        "ser.encoders.demo -> ser.corpora.demo",
    ),
    "among the files of ser/": ("ser/outputs.py", "import ser.progress", "ser.outputs -> ser.progress"),
    "of the command line": ("ser/tracking/details.py", "from ser import cli", "ser.tracking.details -> ser.cli"),
    "of a script": ("ser/plan/load.py", "import workflow_scripts.table", "ser.plan.load -> workflow_scripts.table"),
}


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_a_forbidden_import_is_found(tmp_path: Path, kind: str) -> None:
    file, line, told = FORBIDDEN[kind]
    for path in [*ROOT.glob("ser/**/*.py"), *ROOT.glob("workflow_scripts/*.py")]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        copy.write_text(f"{text}\n{line}\n" if path == ROOT / file else text, encoding="utf-8")
    assert told in against_the_law(imports(tmp_path))


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "ser").mkdir()
    for name, other in (("a", "b"), ("b", "c"), ("c", "b")):
        (tmp_path / f"ser/{name}.py").write_text(f"from ser.{other} import x\n")
    assert list(circles(imports(tmp_path))) == ["ser.b -> ser.c -> ser.b"]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("ser.plan.load", "torch|pandas|sklearn|scipy|transformers|numpy"),
        ("ser.plan.pairs", "torch|pandas|sklearn|scipy|transformers|numpy"),
        ("ser.manifests.tree", "torch|pandas|sklearn|scipy|transformers|numpy"),
        ("ser.systems.functionals_svm", "torch|pandas|transformers"),
        ("ser.splits.make", "torch|pandas|transformers"),
        ("ser.training.loop", "transformers|pandas"),
    ],
)
def test_start_up_imports_nothing_heavy(module: str, heavy: str) -> None:
    script = f"import {module}, sys; print(sorted(set({heavy.split('|')!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"


def test_what_a_newcomer_sees_first() -> None:
    """`ls ser`: packages, and at most eight files, one of which is empty."""
    seen = [path for path in (ROOT / "ser").iterdir() if path.name != "__pycache__"]
    assert len([path for path in seen if path.is_file()]) <= 8
    for path in ROOT.glob("ser/**/__init__.py"):  # code_of lists them with every module below: logic would re-run all
        if path.parent == ROOT / "ser":  # but for `ser.load`, which must be there; what it imports is not listed
            assert not [name for name in imports(ROOT)["ser"] if name != "ser"]
            continue
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in statements), path


def test_long_files_say_why() -> None:
    """The first lines of a file of more than 300 lines say why it is so long."""
    files = [
        path for folder in ("ser", "workflow_scripts", "benchmarks", "tests") for path in ROOT.glob(f"{folder}/**/*.py")
    ]
    for path in [*files, *ROOT.glob("rules/*.smk")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 300 or any("Longer than 300 lines" in line for line in lines[:12]), (
            f"{path}: {len(lines)} lines"
        )
