"""Imports run one way, and what is heavy stays out of the time at which the workflow is parsed."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

# workflow_scripts -> corpora, features, systems -> the rest of ser; no arrow points back.
LAYERS = {
    "workflow_scripts": 3,
    "ser.plan": 2,
    "ser.table": 2,
    "ser.pairs": 2,
    "ser.honest_gap": 2,
    "ser.report": 2,
    "ser.tracking": 2,
    "ser.records": 2,
    "ser.corpora": 2,
    "ser.features": 2,
    "ser.systems": 2,
    "ser.speech_encoder": 2,
    "ser.segments": 2,
    "ser.imagenet": 2,
    "ser.spectrograms": 2,
}
# The format that features are read in and their names sit below the features.
BELOW = {"ser.features", "ser.features.spec", "ser.features.store"}


def modules() -> dict[str, set[str]]:
    found = {}
    for path in sorted([*ROOT.glob("ser/**/*.py"), *ROOT.glob("workflow_scripts/*.py")]):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[name] = imported
    return {name: {other for other in imported if other in found} for name, imported in found.items()}


def layer(module: str) -> int:
    if module in BELOW:
        return 1
    return next((level for prefix, level in LAYERS.items() if module.startswith(prefix)), 1)


def test_no_arrow_points_back() -> None:
    wrong = [
        f"{module} -> {other}"
        for module, imported in modules().items()
        for other in imported
        if layer(other) > layer(module) and module != "ser.cli" and module != "ser.doctor"
    ]
    assert not wrong


def test_no_circles() -> None:
    graph = modules()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        for other in graph[module]:
            if other != module:
                visit(other, (*path, module))

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("ser.plan", "torch|pandas|sklearn|scipy|transformers|numpy"),
        ("ser.pairs", "torch|pandas|sklearn|scipy|transformers|numpy"),
        ("ser.corpora.tree", "torch|pandas|sklearn|scipy|transformers"),
        ("ser.systems.functionals_svm", "torch|pandas|transformers"),
        ("ser.splits", "torch|pandas|transformers"),
        ("ser.training", "transformers|pandas"),
    ],
)
def test_start_up_imports_nothing_heavy(module: str, heavy: str) -> None:
    script = f"import {module}, sys; print(sorted(set({heavy.split('|')!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
