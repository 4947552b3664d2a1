"""Rows of other code's predictions: our own rows brought back have the same numbers, and nobody takes them for ours."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.params import params
from helpers.project import BIN, Project, copy_project
from ser.plan.places import COMPARISONS, HONEST_GAP, REPORTS, TABLE

OWN, GIVEN, LABELS = "linear_probe", "theirs", "their_labels"
# What tells the lines of two rows apart whose predictions are the same.
ABOUT = {"row", "against", "system", "table", "run_group", "code_version", "code_version_against", "note", "dev"}
WHO = "reported, not verified: made by A. Person with https://example.org/code at 1a2b3c4"
FOLDER = "external/predictions/demo/fair"
RUNS = "work/demo/runs/fair"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A row under both rules with two seeds; its predictions, and their labels alone, as other code's."""
    scales = params()["scales"] | {"demo": {"corpora": ["casia"], "seeds": [1, 2], "one_job_per": "seed"}}
    experiments = {"fair": [OWN, "majority", GIVEN, LABELS]}
    project = copy_project(tmp_path_factory.mktemp("given") / "project", experiments=experiments, scales=scales)
    path = project.folder / "experiments/fair.yaml"
    fair = yaml.safe_load(path.read_text())
    fair["protocols"]["casia"]["selections"] = ["clean", "test_selected"]
    other = {"source": "secondary", "system": "predictions", "protocols": ["casia"]}
    settings = {"made_by": "A. Person", "code": "https://example.org/code at 1a2b3c4"}
    for name in (GIVEN, LABELS):
        fair["rows"][name] = other | {"title": name, "settings": settings}
    path.write_text(yaml.safe_dump(fair, sort_keys=False))
    project.build()
    assert {line["status"] for line in lines(project) if line["row"] in (GIVEN, LABELS)} == {"skipped"}
    for run in sorted((project.folder / RUNS / OWN / "casia").glob("*/seed*/fold*/predictions.csv")):
        below = run.parent.relative_to(project.folder / RUNS / OWN)
        for row in (GIVEN, LABELS):
            target = project.folder / FOLDER / row / below.with_suffix(".csv")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(run, target)
            if row == LABELS:
                keep(target, "utterance", "predicted")
    project.build(*REPORTS)
    return project


def keep(path: Path, *names: str) -> None:
    with path.open(newline="") as file:
        rows = [{name: row[name] for name in names} for row in csv.DictReader(file)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def lines(project: Project, name: str = TABLE) -> list[dict[str, str]]:
    with (project.folder / name).open(encoding="utf-8", newline="") as file:
        return [line for line in csv.DictReader(file) if line["corpus"] == "casia"]


def numbers(line: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in line.items() if name not in ABOUT}


@pytest.mark.parametrize("row", [GIVEN, LABELS])
def test_our_own_predictions_brought_back_have_the_same_line(built: Project, row: str) -> None:
    own, given = ([line for line in lines(built) if line["row"] == name] for name in (OWN, row))
    assert len(own) == 2 * 3 * 2 and {line["status"] for line in own} == {"ok"}
    assert {line["n_utterances"] for line in own} == {"240"}
    assert all(line["ci_low"] and line["seed_std"] for line in own)
    assert [numbers(line) for line in given] == [numbers(line) for line in own]
    assert all(WHO in line["note"] for line in given)
    assert not any("reported" in line["note"] for line in own)


@pytest.mark.parametrize("row", [GIVEN, LABELS])
def test_gap_and_comparisons_are_the_same_too(built: Project, row: str) -> None:
    own, given = (
        [line for line in lines(built, HONEST_GAP) if line["row"] == name and line["gap_kind"] == "both"]
        for name in (OWN, row)
    )
    assert own and [numbers(line) for line in given] == [numbers(line) for line in own]
    assert not any("trains on the dev part" in line["note"] for line in given)
    compared = lines(built, COMPARISONS)
    own, given = (
        [line for line in compared if {line["row"], line["against"]} == {name, "majority"}] for name in (OWN, row)
    )
    signed = {"value", "value_against", "difference", "ci_low", "ci_high"}  # majority stands on the other side
    told = {name for name in numbers(own[0]) if name not in signed}
    assert len(own) == 2 * 3 and [{n: x[n] for n in told} for x in given] == [{n: x[n] for n in told} for x in own]
    assert [(x["value"], x["value_against"]) for x in given] == [(x["value_against"], x["value"]) for x in own]
    same = [line for line in compared if {line["row"], line["against"]} == {OWN, row}]
    assert {line["difference"].lstrip("-") for line in same} == {"0.00"}


def test_nothing_is_claimed_about_who_trained_what(built: Project) -> None:
    run = built.folder / RUNS / GIVEN / "casia/clean/seed1/fold1/metrics.json"
    facts = json.loads(run.read_text())
    assert facts["trained_on"] == [] and facts["facts"] == {"reported": facts["settings"]}
    page = built.tool("ser", "trace", f"fair/{GIVEN}/casia/clean:UA:pooled")
    assert "training epoch: reported, not verified: given as chosen on the dev part" in page
    assert "nothing was trained here, and nothing of the training verified" in page
    assert "reported: made by A. Person with https://example.org/code at 1a2b3c4" in page
    assert re.search(rf"read from {FOLDER}/{GIVEN}/casia/clean/seed2  [0-9a-f]{{12}}\n", page)
    assert "all of this is what read the predictions; what made them is only reported" in page
    assert "Are all files on this page as they were when the number was made?\n    yes," in page
    said = built.tool("ser", "verify", "--runs", "1")
    assert "**Everything that was checked is as it should be.**" in said
    assert all(f"- fair/{row}/casia/clean: {WHO}" in said for row in (GIVEN, LABELS))
    assert "- 23 of 24 runs were not drawn" in said  # those that were trained here
    crate = (built.folder / "results/ro-crate-metadata.json").read_text()
    assert f"Reading of reported predictions: {RUNS}/{GIVEN}/" in crate and f"Training: {RUNS}/{GIVEN}/" not in crate


def test_an_edited_file_makes_its_runs_again_and_no_others(built: Project, tmp_path: Path) -> None:
    shutil.copytree(built.folder, tmp_path / "project", symlinks=True)
    project = Project(tmp_path / "project")
    assert project.planned(*REPORTS) == {}
    path = project.folder / FOLDER / GIVEN / "casia/clean/seed2/fold3.csv"
    keep(path, "utterance", "predicted")
    text = path.read_text().splitlines()
    path.write_text("\n".join([text[0], *(f"{line.split(',')[0]},angry" for line in text[1:])]))
    assert project.planned() == {"train_4_folds": 1, "evaluate": 1, "table": 1}
    before = {(line["run_group"], line["metric"], line["aggregation"]): line["value"] for line in lines(project)}
    project.build()
    after = {(line["run_group"], line["metric"], line["aggregation"]): line["value"] for line in lines(project)}
    assert {group for (group, *_), value in after.items() if value != before[group, *_]} == {
        f"fair/{GIVEN}/casia/clean"
    }
    path.write_text("\n".join(text[:-1]))
    result = project.snakemake("--", TABLE)
    assert result.returncode
    name = text[-1].split(",")[0]
    said = result.stdout + result.stderr
    assert f"no prediction for 1 of 60 tested utterances: {name}: predict them, too" in said
    assert f": reading given predictions of fair/{GIVEN}/casia/clean, seed 2, all folds\n" in said
    assert f"training fair/{GIVEN}" not in said
    path.unlink()
    said = project.planned_outputs()
    assert f"{path.parent.relative_to(project.folder)}: no fold3.csv: the split has 4 folds: give each its file" in said


def settings_of(project: Project, **changes: Any) -> str:
    """What planning says after changes to the settings of a row."""
    path = project.folder / "experiments/fair.yaml"
    before = path.read_text()
    fair = yaml.safe_load(before)
    fair["rows"][GIVEN]["settings"] = changes
    path.write_text(yaml.safe_dump(fair, sort_keys=False))
    said = project.planned_outputs()
    path.write_text(before)
    return said


def test_a_row_says_who_made_its_predictions(built: Project) -> None:
    said = settings_of(built, made_by=" ", code="https://example.org")
    where = "experiments/fair.yaml: rows.theirs: "
    assert f"{where}made_by is empty: say who made the predictions, and with which code" in said
    assert f"{where}settings of predictions: missing 'code'" in settings_of(built, made_by="A. Person")


def test_there_is_no_model_to_predict_with(built: Project) -> None:
    command = [BIN / "ser", "predict", f"fair/{GIVEN}/casia/clean", "a.wav"]
    done = subprocess.run(command, cwd=built.folder, capture_output=True, text=True)
    assert done.returncode == 2 and "its predictions are files that other code made" in done.stderr


def test_the_table_for_a_terminal_marks_them(built: Project) -> None:
    said = built.tool(str(BIN / "ser"), "results", "--experiment", "fair", "--metric", "UA")
    marked = [line.split()[0] for line in said.splitlines() if " (reported) " in line]
    assert {*marked} == {GIVEN, LABELS} and re.search(rf"^{OWN} +casia", said, re.M)
