"""An addition is the files that CONTRIBUTING.md names, and nothing already computed is computed again."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers import ROOT
from helpers.params import params
from helpers.project import PATIENCE, Project, copy_project
from helpers.wavs import write_wav

EXPERIMENTS = {"fair": ["majority", "functionals_svm"]}
SYSTEM = """
from dataclasses import dataclass

import numpy as np

from ser.runs.contract import Context, Fold, Outcome


@dataclass(frozen=True)
class Settings:
    favourite: int


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    scores = np.zeros((len(fold.test.utterances), len(fold.labels)))
    scores[:, settings.favourite] = 1
    return Outcome(scores=scores)
"""
KIND = """
from dataclasses import dataclass
from typing import Any

from ser.features.spec import Extractor


@dataclass(frozen=True)
class Settings:
    power: float = 2.0


def extractor(settings: Settings, **_: Any) -> Extractor:
    import numpy as np

    return Extractor(lambda waveforms: [np.mean(np.abs(x) ** settings.power).reshape(1, 1) for x in waveforms])
"""
LOADER = """
from pathlib import Path

from ser.manifests.reading import Published, Reading, entries
from ser.manifests.utterance import Utterance

TITLE = "Tones"
LAYOUT = "<speaker>_<emotion>_<number>.wav"
PUBLISHED = (Published("Tones", 16),)


def read_release(root: Path) -> Reading:
    reading = Reading()
    for file in entries(root):
        speaker, emotion, _ = file.stem.split("_")
        reading.utterances.append(Utterance(file.stem, file.name, speaker=speaker, emotion=emotion))
    return reading
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two rows on one small corpus."""
    scales = params()["scales"]
    scales["demo"]["corpora"] = ["casia"]
    project = copy_project(tmp_path_factory.mktemp("built") / "project", experiments=EXPERIMENTS, scales=scales)
    project.build()
    return project


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """A copy of it to add to; file times are copied too, and with them what Snakemake knows."""
    shutil.copytree(built.folder, tmp_path / "project", symlinks=True)
    copy = Project(tmp_path / "project")
    assert copy.planned() == {}
    return copy


def lines(project: Project, table: str = "table") -> list[dict[str, str]]:
    with (project.folder / f"results/{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_yaml(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def test_a_system_is_its_file_and_its_experiment_file(project: Project) -> None:
    (project.folder / "ser/systems/favourite.py").write_text(SYSTEM)
    experiment = {
        "title": "Always the same class",
        "reference": "Nowhere",
        "system": "favourite",
        "settings": {"favourite": {"value": 0, "source": "chosen"}},
        "protocols": {"casia": {"from": "fair/casia"}},
        "rows": {"full": {"title": "The first", "source": "chosen"}},
        "claims": [],
    }
    write_yaml(project.folder / "experiments/favourite.yaml", experiment)
    project.set(experiments="all")
    group = "favourite/full/casia/clean"
    assert f"training {group}, seed 1" in project.planned_outputs()
    evaluation = f"work/demo/evaluations/{group}.json"
    assert project.planned(evaluation) == {"splits": 1, "train_4_folds": 1, "evaluate": 1}
    project.build(evaluation)
    project.tool("python", "workflow_scripts/table.py", "--partial", "--output", "results/partial.csv")
    found = {line["metric"]: line for line in lines(project, "partial") if line["run_group"] == group}
    assert found.keys() == {"WA", "UA", "macro_f1"}
    assert {line["status"] for line in found.values()} == {"ok"} and float(found["UA"]["value"]) == pytest.approx(16.67)


def test_a_corpus_is_its_file_and_an_entry(project: Project, tmp_path: Path) -> None:
    (project.folder / "ser/corpora/tones.py").write_text(LOADER)
    for speaker in "abcd":
        for emotion in ("angry", "sad"):
            for number in range(2):
                write_wav(tmp_path / "tones" / f"{speaker}_{emotion}_{number}.wav")
    fair = yaml.safe_load((project.folder / "experiments/fair.yaml").read_text())
    fair["protocols"]["tones"] = {
        "from": "fair/casia",
        "corpus": "tones",
        "labels": {"angry": ["angry"], "sad": ["sad"]},
    }
    write_yaml(project.folder / "experiments/fair.yaml", fair)
    project.set(scale="free", corpora={"tones": {"root": str(tmp_path / "tones")}}, experiments={"fair": ["majority"]})
    project.build()
    found = [line for line in lines(project) if line["corpus"] == "tones"]
    assert {line["status"] for line in found} == {"ok"} and {line["n_utterances"] for line in found} == {"16"}


def test_a_feature_kind_is_its_file_and_plans_itself_and_its_rows_only(project: Project) -> None:
    (project.folder / "ser/features/kinds/loudness.py").write_text(KIND)
    assert project.planned() == {}
    fair = yaml.safe_load((project.folder / "experiments/fair.yaml").read_text())
    row = fair["rows"]["functionals_svm"] | {"features": {"functionals": {"kind": "loudness"}}, "notes": {}}
    fair["rows"]["loudness_svm"] = row | {"protocols": ["casia"]}
    write_yaml(project.folder / "experiments/fair.yaml", fair)
    project.set(experiments={"fair": [*EXPERIMENTS["fair"], "loudness_svm"]})
    assert project.planned() == {"features": 1, "train_4_folds": 1, "evaluate": 1, "table": 1}
    project.build()
    assert "ok" in {line["status"] for line in lines(project) if line["row"] == "loudness_svm"}


def test_a_metric_is_two_files_and_trains_nothing(project: Project) -> None:
    folder = project.folder / "ser/evaluations"
    names, functions = (folder / "names.py").read_text(), (folder / "metrics.py").read_text()
    assert '"macro_f1": "per cent"' in names and '"macro_f1": macro_f1' in functions
    (folder / "names.py").write_text(
        names.replace('"macro_f1": "per cent"', '"macro_f1": "per cent", "error": "coefficient"', 1)
    )
    (folder / "metrics.py").write_text(
        functions.replace('"macro_f1": macro_f1', '"macro_f1": macro_f1, "error": lambda c: 1 - wa(c)', 1)
    )
    before = {line["run_group"]: line for line in lines(project) if line["metric"] == "WA" and line["status"] == "ok"}
    assert project.planned() == {"evaluate": 2, "table": 1}
    project.build()
    after = {line["run_group"]: line for line in lines(project) if line["metric"] == "error" and line["status"] == "ok"}
    assert after.keys() == before.keys() and len(before) == 2
    for name, line in after.items():
        assert line["value"] == f"{1 - float(before[name]['value']) / 100:.4f}"


def test_entries_of_this_machine_hold_over_params_yaml_and_not_under_dvc(project: Project) -> None:
    assert "/params.local.yaml" in (ROOT / ".gitignore").read_text().splitlines()
    own = project.folder / "params.local.yaml"
    own.write_text("experiments: {fair: [majority]}\ncompute: {threads: 2}\n")
    result = project.snakemake("-n", "--", "results/table.csv")
    assert "params.local.yaml overrides params.yaml" in result.stderr
    assert "threads 2 " in project.snakemake("-n", "-p", "-F", "--", "results/table.csv").stdout
    project.tool("python", "workflow_scripts/table.py", "--partial", "--output", "results/partial.csv")
    assert {line["row"] for line in lines(project, "partial")} == {"majority"}
    own.write_text("compute: {threads: 2}\ncompute: {threads: 3}\n")  # Snakemake's own reader would let the last win
    assert (
        "\nparams.local.yaml: line 2: 'compute' appears twice, first in line 1: keep one\n" in project.planned_outputs()
    )
    own.write_text("compute: {threads: 2}\n")
    with pytest.raises(subprocess.CalledProcessError) as error:
        project.tool("snakemake", "-n", DVC_STAGE="runs")
    assert "params.local.yaml: stage runs: DVC keeps the versions of params.yaml only" in error.value.output


def test_the_tests_are_the_projects_not_the_users(tmp_path: Path) -> None:
    """A user's own parameters, corpus, row and system, as docs/own_corpus.md shows, fail no test."""
    user = copy_project(tmp_path / "user")
    for name in ("tests", "benchmarks", "docs", "envs"):
        shutil.copytree(ROOT / name, user.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "dvc.yaml", "Makefile"):
        shutil.copy(ROOT / name, user.folder)
    (user.folder / "external").mkdir()
    (user.folder / "external/mine.csv").write_text("path,speaker,emotion\n")
    user.set(
        scale="free",
        experiments={"fair": ["majority", "my_row"]},
        corpora={"mine": {"root": "/data/mine", "manifest": "external/mine.csv"}},
        scales=params()["scales"] | {"free": {"corpora": ["mine"], "seeds": [7], "one_job_per": "fold"}},
    )
    (user.folder / "params.local.yaml").write_text("compute: {device: cuda}\n")
    (user.folder / "ser/systems/mine.py").write_text(SYSTEM)
    fair = yaml.safe_load((user.folder / "experiments/fair.yaml").read_text())
    fair["protocols"]["mine"] = fair["protocols"]["casia"] | {"corpus": "mine"}
    fair["rows"]["my_row"] = {"title": "Mine", "source": "chosen", "system": "mine", "settings": {"favourite": 1}}
    write_yaml(user.folder / "experiments/fair.yaml", fair)
    # the tests that read the project's experiment files; complete builds use copies with the tests' parameters
    rows = "systems/test_attention_fcn.py::test_the_features_of_every_row_are_large_enough_for_its_network"
    which = ("plan", "benchmarks/test_scaling.py", rows)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in which)]
    environment = os.environ | {"PYTHONPATH": str(user.folder)}
    done = subprocess.run(
        command, cwd=user.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:]
