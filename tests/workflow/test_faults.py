"""A job of each rule fails after a finished build and a change: no start ends well before the table is the new one."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from helpers import flipped
from helpers.params import params
from helpers.project import Project, copy_project

EXPERIMENTS = {"fair": ["functionals_svm"]}
GROUP = "fair/functionals_svm/casia/clean"
# Rule -> one of its files; all are written under a temporary name first, where something may be in the way.
FILES = {
    "demo_corpus": "work/demo/releases/casia.json",
    "manifest": "work/demo/manifests/casia.csv",
    "audio": "work/demo/audio/casia.safetensors",
    "features": "work/demo/features/casia/*.safetensors",
    "splits": "work/demo/splits/fair/casia/clean.csv",
    "train": f"work/demo/runs/{GROUP}/seed1/fold2/predictions.csv",
    "evaluate": f"work/demo/evaluations/{GROUP}.json",
    "table": "results/table.csv",
    "honest_gap": "results/honest_gap.csv",
    "protocol_ladder": "results/protocol_ladder.csv",
    "comparisons": "results/comparisons.csv",
    "charts": "results/plots/claims.csv",
}
# None of these needs another's output, so that they fail in one start; where a split fails, nothing else is begun.
TOGETHER = (
    *(("demo_corpus",), ("manifest",), ("splits",), ("audio",), ("features",), ("train",), ("evaluate",)),
    *(("table", "honest_gap", "protocol_ladder", "comparisons"), ("charts",)),
)
REPORTS = ("table", "honest_gap", "protocol_ladder", "comparisons", "charts")
TARGETS = [FILES[rule] for rule in REPORTS]


def small(folder: Path, seed: int) -> Project:
    scales = params()["scales"] | {"demo": {"corpora": ["casia"], "seeds": [1], "one_job_per": "seed"}}
    return copy_project(folder, experiments=EXPERIMENTS, scales=scales, demo_seed=seed)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished build."""
    project = small(tmp_path_factory.mktemp("faults") / "project", 1)
    project.build(*TARGETS)
    return project


@pytest.fixture(scope="module")
def afresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What a build from nothing makes of the change."""
    project = small(tmp_path_factory.mktemp("faults") / "project", 2)
    project.build(*TARGETS)
    return project


class Obstacle:
    """Something in the place where a file or folder is written before it gets its name."""

    def __init__(self, project: Project, pattern: str) -> None:
        path = next(project.folder.glob(pattern))
        self.folder = path.with_name(f".{path.name}.tmp")
        self.files = [path.with_name(f".{path.name}.part"), Path(f"{path}.shards")]
        self.folder.mkdir()
        for file in self.files:
            file.touch()

    def remove(self) -> None:
        self.folder.rmdir()
        for file in self.files:
            file.unlink()


def results(project: Project) -> dict[str, str]:
    """The files of results/ and all predictions, but for the partial table."""
    paths = [*project.folder.glob("results/**/*.*"), *project.folder.glob("work/demo/runs/**/predictions.csv")]
    return {str(path.relative_to(project.folder)): path.read_text() for path in paths if path.name != "partial.csv"}


@pytest.fixture
def copy(built: Project, tmp_path: Path) -> Project:
    """A copy of the finished build."""
    shutil.copytree(built.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


def test_one_job_of_each_rule_fails_in_turn(built: Project, afresh: Project, copy: Project) -> None:
    copy.set(demo_seed=2)
    obstacles = {rule: Obstacle(copy, pattern) for rule, pattern in FILES.items()}
    for rules in TOGETHER:
        failed = copy.snakemake("--", *TARGETS)
        for rule in rules:
            assert failed.returncode == 1 and f"Error in rule {rule}" in failed.stderr + failed.stdout, rule
            obstacles.pop(rule).remove()
        assert (copy.folder / "results/table.csv").exists() == ("charts" in rules), rules
    assert not obstacles
    copy.build(*TARGETS)
    assert results(copy) == results(afresh) != results(built)
    assert copy.planned(*TARGETS) == {}


def test_derived_files_that_no_job_left_so_are_made_again(built: Project, copy: Project) -> None:
    for name in (*TARGETS[:-1], FILES["evaluate"]):
        path = copy.folder / name
        path.write_text(path.read_text().replace("5", "6") + "\n")
    assert set(copy.planned(*TARGETS)) == {"evaluate", *REPORTS}
    copy.build(*TARGETS)
    assert results(copy) == results(built)
    assert copy.planned(*TARGETS) == {}


def test_edited_predictions_stop_the_build_and_are_in_no_table(built: Project, copy: Project) -> None:
    path = copy.folder / FILES["train"]
    path.write_text(path.read_text().replace(",angry,", ",sad,"))
    for _ in range(2):
        failed = copy.snakemake("--", *TARGETS)
        assert failed.returncode == 1 and "fold2/predictions.csv: not what the run wrote" in failed.stderr
        assert not (copy.folder / "results/table.csv").exists()
    shutil.rmtree(path.parent)
    copy.build(*TARGETS)
    assert results(copy) == results(built)


def other_settings(project: Project) -> None:
    path = project.folder / "experiments/fair.yaml"
    path.write_text(re.sub(r"\bC: [\d.]+", "C: 0.001", path.read_text()))


def test_a_change_is_noticed_even_without_snakemakes_records(built: Project, copy: Project) -> None:
    shutil.rmtree(copy.folder / ".snakemake")
    other_settings(copy)
    copy.build(*TARGETS)
    assert results(copy).keys() == results(built).keys() and results(copy) != results(built)


def test_without_snakemakes_records_nothing_is_trained_again(copy: Project) -> None:
    shutil.rmtree(copy.folder / ".snakemake")
    assert set(copy.planned(*TARGETS)) == {"evaluate", *REPORTS}


def test_a_damaged_store_stops_whoever_reads_it(copy: Project) -> None:
    path = next(copy.folder.glob(FILES["features"]))
    path.write_bytes(flipped(path.read_bytes()))
    other_settings(copy)
    failed = copy.snakemake("--", *TARGETS)
    assert failed.returncode == 1 and not (copy.folder / "results/table.csv").exists()
    log = (copy.folder / f"work/demo/logs/train/{GROUP}/seed1.log").read_text()
    assert re.fullmatch(r"error: \S+safetensors: '\S+' has changed since it was written: remove the file .*\n", log)
    path.unlink()
    copy.build(*TARGETS)


def test_runs_of_other_settings_are_used_by_no_one(built: Project, copy: Project) -> None:
    other_settings(copy)
    copy.tool("python", "workflow_scripts/table.py", "--partial", "--output", "results/partial.csv")
    with (copy.folder / "results/partial.csv").open(newline="") as file:
        assert {line["value"] for line in csv.DictReader(file)} == {""}
    copy.build("runs")
    runs = f"work/demo/runs/{GROUP}"
    shutil.rmtree(copy.folder / runs)
    shutil.copytree(built.folder / runs, copy.folder / runs)  # runs of before, put back
    failed = copy.snakemake("--", *TARGETS)
    assert failed.returncode == 1 and "made from other settings, code or recordings than planned" in failed.stderr


def test_a_table_whose_runs_are_gone_says_so(copy: Project) -> None:
    shutil.rmtree(copy.folder / f"work/demo/runs/{GROUP}/seed1/fold3")
    said = copy.snakemake("-n", "--", *TARGETS).stderr
    assert "results/table.csv: 1 of 10 files that describe what it rests on are not in work/demo" in said
