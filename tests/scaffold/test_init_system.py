"""`ser init system`: what it writes is planned, is short, and trains word for word."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers import ROOT
from helpers.params import params
from helpers.project import BIN, Project, copy_project
from ser.plan.load import load_plan


def ser(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "ser", *words], cwd=project.folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which a system was begun."""
    scales = params()["scales"]
    scales["demo"]["corpora"] = ["casia"]
    project = copy_project(tmp_path_factory.mktemp("init") / "project", scales=scales)
    said = ser(project, "init", "system", "mine")
    assert said.returncode == 0, said.stderr
    return project


def test_what_is_written_is_short_and_says_where_to_read_on(project: Project) -> None:
    for file in ("ser/systems/mine.py", "experiments/mine.yaml"):
        text = (project.folder / file).read_text()
        assert len(text.splitlines()) < 80 and max(map(len, text.splitlines())) <= 120
    assert "docs/own_system.md" in text and (ROOT / "docs/own_system.md").is_file()
    template = (ROOT / "ser/scaffold/template.py").read_text().split("\n", 1)[1]
    assert (project.folder / "ser/systems/mine.py").read_text().split("\n", 1)[1] == template


@pytest.mark.parametrize("scale", ["demo", "free", "paper"])
def test_it_passes_the_plan_at_every_scale(project: Project, scale: str) -> None:
    plan = load_plan(params(scale=scale, experiments={"mine": "all"}), project.folder)
    assert {group.row for group in plan.groups} == {"full", "alike"}
    assert {source for group in plan.groups for source in group.sources.values()} == {"chosen"}
    assert {group.settings["epochs"] for group in plan.groups} == {2 if scale == "demo" else 30}


def test_it_trains_on_a_demo_corpus_at_once(project: Project) -> None:
    """The command that `ser init system` says."""
    evaluation = "work/demo/evaluations/mine/full/casia/clean.json"
    project.set(experiments={"mine": "all"})
    project.build(evaluation)
    runs = sorted(project.folder.glob("work/demo/runs/mine/full/casia/clean/seed1/fold*/predictions.csv"))
    assert len(runs) == 4 and (project.folder / evaluation).is_file()
    # And predicts: what it fitted was kept.
    name, _, _, label, *_ = runs[0].read_text().splitlines()[1].split(",")
    manifest = csv.DictReader((project.folder / "work/demo/manifests/casia.csv").read_text().splitlines())
    files = {line["utterance"]: line["path"] for line in manifest}
    here = [sys.executable, "-c", "from ser.cli import main; main()"]  # the project's own code, where `mine` is
    words = ["predict", "mine/full", "--fold", "1", f"work/demo/releases/casia/{files[name]}"]
    said = subprocess.run([*here, *words], cwd=project.folder, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert next(csv.DictReader(said.stdout.splitlines()))["label"] == label


def test_the_examples_of_the_document_are_planned(project: Project) -> None:
    """docs/own_system.md: rows of the template's file, and a file of its own."""
    rows, compared = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/own_system.md").read_text(), re.DOTALL)
    mine = yaml.safe_load((project.folder / "experiments/mine.yaml").read_text())
    copy = copy_project(project.folder.parent / "copy")
    shutil.copy(project.folder / "ser/systems/mine.py", copy.folder / "ser/systems/mine.py")
    (copy.folder / "experiments/mine.yaml").write_text(yaml.safe_dump(mine | yaml.safe_load(rows), sort_keys=False))
    (copy.folder / "experiments/compared.yaml").write_text(compared)
    wanted = {"mine": "all", "compared": "all"}
    groups = {}
    for scale in ("demo", "free", "paper"):
        plan = load_plan(params(scale=scale, experiments=wanted), copy.folder)
        groups = {f"{group.experiment}/{group.row}": group for group in plan.groups}
        assert [*groups] == ["mine/full", "mine/slow", "mine/mfcc", "compared/mine", "compared/probe"]
    assert (
        groups["mine/slow"].settings["learning_rate"] == 0.0001
        and groups["mine/full"].settings["learning_rate"] == 0.001
    )
    assert groups["mine/mfcc"].features["spectrogram"]["kind"] == "mfcc"
    assert groups["compared/mine"].settings == groups["mine/full"].settings
    assert groups["compared/probe"].system == "linear_probe"
    assert groups["compared/probe"].settings["class_weights"] == "balanced"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mine", "ser/systems/mine.py: is there already: choose another name"),
        ("mfhca", "ser/systems/mfhca.py: is there already: choose another name"),
        ("fair", "experiments/fair.yaml: is there already: choose another name"),
        ("My-Net", "'My-Net': a name has small letters, digits and _, and begins with a letter: choose another"),
        ("class", "'class': a name has small letters, digits and _, and begins with a letter: choose another"),
    ],
)
def test_nothing_is_written_over(project: Project, name: str, line: str) -> None:
    before = {path: path.read_bytes() for folder in ("ser", "experiments") for path in walk(project.folder / folder)}
    said = ser(project, "init", "system", name)
    assert (said.returncode, said.stderr) == (2, f"error: {line}\n")
    assert {
        path: path.read_bytes() for folder in ("ser", "experiments") for path in walk(project.folder / folder)
    } == before


def walk(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".py", ".yaml")]


def test_where_experiments_are_listed_it_becomes_one_of_them(project: Project) -> None:
    project.set(experiments={"fair": "all"}, scale="free")
    own = project.folder / "params.local.yaml"
    own.write_text("experiments: {mine: all} # mine\n")
    said = ser(project, "init", "system", "other")
    assert "--config scale=demo -- work/demo/evaluations/other/full/casia/clean.json" in said.stdout
    assert "\n-experiments: {mine: all} # mine\n+experiments: {mine: all, other: all} # mine\n" in said.stdout
    assert own.read_text() == "experiments: {mine: all, other: all} # mine\n"
    own.unlink()
    written = yaml.safe_load((project.folder / "experiments/other.yaml").read_text())
    assert written["system"] == "other"
