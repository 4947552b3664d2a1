"""The real DAG at scale demo: complete, idempotent, selective; kills are in test_faults.py and benchmarks/."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.params import params
from helpers.project import PATIENCE, Project, copy_project
from ser.plan.pairs import GAPS
from ser.results.table import COLUMNS

# A network that trains an encoder on official parts, and systems without torch: seconds, not minutes.
EXPERIMENTS = {"fair": ["majority", "functionals_svm"], "emosphere_ser": ["full", "official_parts"]}
GROUP = "emosphere_ser/official_parts/msp_podcast_attributes"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    scales = params()["scales"]
    scales["demo"]["one_job_per"] = "system"  # as params.yaml has it
    project = copy_project(tmp_path_factory.mktemp("demo") / "project", experiments=EXPERIMENTS, scales=scales)
    project.build()
    return project


def table(project: Project) -> list[dict[str, str]]:
    with (project.folder / "results" / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    return rows


def test_every_row_is_there_computed_or_with_its_reason(built: Project) -> None:
    rows = table(built)
    assert {row["status"] for row in rows} == {"ok", "skipped"}
    assert all(row["note"] for row in rows)
    statuses = {(row["run_group"], row["folds"]): row["status"] for row in rows}
    assert statuses["fair/functionals_svm/casia/clean", "4 x leave_one_out of speakers"] == "ok"
    assert statuses["fair/functionals_svm/emodb_4/clean", "10 x leave_one_out of speakers"] == "skipped"
    assert [statuses[f"{GROUP}/clean", f"official: {part}"] for part in ("test1", "test2", "dev")] == ["ok"] * 3
    claims = {row["metric"]: (row["status"], row["claim"]) for row in rows if row["claim"] and row["row"] == "full"}
    assert claims == {
        **{f"ccc_{name}": ("ok", value) for name, value in (("arousal", "0.7482"), ("valence", "0.6952"))},
        **{f"ccc_{name}": ("ok", value) for name, value in (("dominance", "0.622"), ("average", "0.6884"))},
        "region_WA": ("ok", "59.51"),
        "region_macro_f1": ("ok", "36.27"),
    }
    test_selected = {row["experiment"] for row in rows if row["selection"] == "test_selected"}
    assert test_selected == {"emosphere_ser"}
    assert all("synthetic" in row["note"] for row in rows if row["status"] == "ok")


def test_values_come_from_the_predictions(built: Project) -> None:
    """The pooled WA of a line, from the predictions that its run group names."""
    for row in table(built):
        if row["status"] == "ok" and (row["metric"], row["aggregation"]) == ("WA", "pooled"):
            right = total = 0
            for path in (built.folder / "work/demo/runs" / row["run_group"]).glob("seed1/fold*/predictions.csv"):
                with path.open(newline="") as file:
                    for line in csv.DictReader(file):
                        right += line["target"] == line["predicted"]
                        total += 1
            assert int(row["n_utterances"]) == total
            assert row["value"] == f"{100 * right / total:.2f}"


def test_the_honest_gap_is_between_two_lines_of_the_table(built: Project) -> None:
    built.build("results/honest_gap.csv")
    with (built.folder / "results/honest_gap.csv").open(encoding="utf-8", newline="") as file:
        gaps = list(csv.DictReader(file))
    key = ("folds", "metric", "aggregation")
    values = {(row["run_group"], *(row[name] for name in key)): row["value"] for row in table(built)}
    computed = [row for row in gaps if row["status"] == "ok"]
    assert {row["folds"] for row in computed} >= {"official: test1", "official: test2"}
    for row in computed:
        group = f"{row['experiment']}/{row['row']}/{row['protocol']}"
        for rule in ("test_selected", "clean"):
            if row[rule]:
                assert row[rule] == values[f"{group}/{rule}", *(row[name] for name in key)]
        high, low = (float(row[side]) for side in GAPS[row["gap_kind"]])
        assert float(row["gap"]) == pytest.approx(high - low, abs=0.011)
        assert float(row["ci_low"]) <= float(row["gap"]) <= float(row["ci_high"])
    kinds = {(row["row"], row["protocol"], row["gap_kind"]) for row in computed}
    assert kinds == {
        ("full", "in_house", "choosing_on_test"),  # a dev part of its own for each seed: under clean alone
        ("official_parts", "msp_podcast_attributes", "both"),
        ("official_parts", "msp_podcast_attributes", "choosing_on_test"),
    }


def test_a_second_call_has_nothing_to_do_and_a_touch_plans_nothing(built: Project) -> None:
    assert built.planned() == {}
    for name in ("ser/systems/emosphere_ser.py", "ser/evaluations/metrics.py", "experiments/fair.yaml", "params.yaml"):
        (built.folder / name).touch()
    assert built.planned() == {}


def test_editing_a_system_plans_its_runs_and_what_follows_only(built: Project) -> None:
    path = built.folder / "ser/systems/emosphere_ser.py"
    before = path.read_text()
    path.write_text(before + "\n# changed\n")
    try:
        planned = built.planned()
        # three groups, one row being under clean and test_selected, in one process
        assert planned == {"train_emosphere_ser_emosphere_ser_msp_podcast": 1, "evaluate": 3, "table": 1}
        assert "functionals_svm" not in built.planned_outputs().split("rule table")[0]
    finally:
        path.write_text(before)


def test_editing_a_metric_trains_nothing(built: Project) -> None:
    path = built.folder / "ser/evaluations/metrics.py"
    before = path.read_text()
    path.write_text(before + "\n# changed\n")
    try:
        assert set(built.planned()) == {"evaluate", "table"}
    finally:
        path.write_text(before)


def test_an_unfinished_build_has_a_partial_table(built: Project, tmp_path: Path) -> None:
    copy = Project(tmp_path / "copy")
    shutil.copytree(built.folder, copy.folder)
    group = "fair/functionals_svm/iemocap_5531/clean"
    (copy.folder / f"work/demo/evaluations/{group}.json").unlink()
    shutil.rmtree(copy.folder / f"work/demo/runs/{group}/seed1/fold2")
    other = "fair/majority/casia/clean"
    (copy.folder / f"work/demo/evaluations/{other}.json").unlink()
    shutil.rmtree(copy.folder / f"work/demo/runs/{other}")
    command = [sys.executable, "workflow_scripts/table.py", "--partial", "--output", "results/table.csv"]
    subprocess.run(command, cwd=copy.folder, check=True)
    rows = {row["run_group"]: row for row in table(copy)}
    assert rows[group]["status"] == "partial" and "1 of 5 folds missing" in rows[group]["note"]
    assert rows[other]["status"] == "skipped" and "yet" in rows[other]["note"]
    assert rows["fair/functionals_svm/casia/clean"]["status"] == "ok"


def test_two_at_once_are_refused(built: Project, project: Project) -> None:
    scales = params()["scales"]
    scales["demo"]["corpora"] = ["casia"]
    project.set(experiments={"fair": ["majority"]}, scales=scales)
    first = project.start()
    deadline = time.monotonic() + PATIENCE
    while not (project.folder / "work/demo/logs").is_dir() and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGSTOP)  # else it may end before the second has begun
    second = project.snakemake("--", "results/table.csv")
    os.killpg(first.pid, signal.SIGCONT)
    assert second.returncode != 0
    assert "another snakemake is already running in this folder" in second.stdout + second.stderr
    assert first.wait(timeout=PATIENCE) == 0
