"""The real DAG of the protocol ladder: one network on a demo corpus, from random folds to speakers and texts apart."""

import csv
import json
from pathlib import Path

import pytest

from helpers.params import params
from helpers.project import BIN, Project, copy_project
from ser.plan.places import REPORTS
from ser.results.protocol_ladder import COLUMNS

FILE = "results/protocol_ladder.csv"
TARGETS = list(REPORTS)
ROW = "ladder/light_sernet"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    scales = params()["scales"] | {"demo": {"corpora": ["casia"], "seeds": [1], "one_job_per": "seed"}}
    folder = tmp_path_factory.mktemp("ladder") / "project"
    project = copy_project(folder, experiments={"ladder": ["light_sernet"]}, scales=scales)
    project.build(*TARGETS)
    return project


def lines(project: Project, file: str = FILE) -> list[dict[str, str]]:
    with (project.folder / file).open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_each_step_is_a_line_of_the_table_and_each_gain_a_difference(built: Project) -> None:
    found = lines(built)
    assert list(found[0]) == COLUMNS
    table = [line for line in lines(built, "results/table.csv") if line["aggregation"] == "pooled"]
    values = {(line["run_group"], line["metric"]): line for line in table}
    climbed = {(line["step"], line["metric"]): line for line in found if line["ladder"] == "casia"}
    assert {step for step, _ in climbed} == {"random_test", "random_dev", "speakers_test", "speakers_dev", "texts_dev"}
    for line in found:
        if line["ladder"] != "casia":
            assert line["status"] == "skipped" and "is not part of scale demo" in line["note"]
            continue
        of_table = values[f"{ROW}/{line['protocol']}/clean", line["metric"]]
        of_runs = ("folds", "n_folds", "n_utterances", "protocol_hash", "data_hash")
        of_their_epoch = ("value", "ci_low", "ci_high") if line["selection"] == "clean" else ()
        for name in of_runs + of_their_epoch:
            assert line[name] == of_table[name], name
        assert (line["status"], line["n_utterances"], line["n_speakers"]) == ("ok", "240", "4")
        assert "synthetic" in line["note"]
        if line["against"]:
            difference = float(line["value"]) - float(climbed[line["against"], line["metric"]]["value"])
            assert float(line["gain"]) == pytest.approx(difference, abs=0.011)
            assert float(line["gain_ci_low"]) <= float(line["gain"]) <= float(line["gain_ci_high"])
        else:
            assert line["step"] == "texts_dev" and line["gain"] == ""


def test_all_steps_but_the_last_train_on_as_much(built: Project) -> None:
    told = {line["step"]: (line["n_folds"], line["n_train"], line["shared"]) for line in lines(built) if line["value"]}
    assert told == {
        "random_test": ("4", "120", "speakers, sentences with train"),
        "random_dev": ("4", "120", "speakers, sentences with train"),
        "speakers_test": ("4", "120", "sentences with train"),
        "speakers_dev": ("4", "120", "sentences with train"),
        "texts_dev": ("8", "60", ""),
    }


def test_what_choosing_on_test_gains_is_the_honest_gap_of_the_same_runs(built: Project) -> None:
    gaps = [line for line in lines(built, "results/honest_gap.csv") if line["gap"] and line["aggregation"] == "pooled"]
    found = {(line["protocol"], line["metric"]): line["gap"] for line in gaps}
    gains = {
        (line["protocol"], line["metric"]): line["gain"]
        for line in lines(built)
        if line["selection"] == "chosen_on_test" and line["gains_by"] == "the epoch is chosen on test" and line["gain"]
    }
    assert len(gains) == 6 and gains.items() <= found.items()
    assert {line["gap_kind"] for line in gaps} == {"choosing_on_test"}


def test_it_is_verified_and_nothing_is_left_to_do(built: Project) -> None:
    assert built.planned(*TARGETS) == {}
    built.tool(str(BIN / "ser"), "verify", "--runs", "0")
    certificate = json.loads((built.folder / "results/certificate.json").read_text())
    assert certificate["verified"] and FILE in certificate["results"]
    assert f"`{FILE}`" in (built.folder / "results/certificate.md").read_text()


def test_an_edited_gain_is_made_again(built: Project) -> None:
    path = Path(built.folder / FILE)
    before = path.read_text()
    path.write_text(before.replace(",ok,", ",fine,"))
    assert set(built.planned(*TARGETS)) == {"protocol_ladder"}
    built.build(*TARGETS)
    assert path.read_text() == before
