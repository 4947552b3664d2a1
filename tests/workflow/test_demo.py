"""The real DAG at scale demo: complete, idempotent, selective; kills are in test_faults.py and benchmarks/."""

import base64
import csv
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ser.plan.project
from helpers.params import params
from helpers.project import PATIENCE, Project, copy_project
from ser.features.store import Store
from ser.plan.pairs import GAPS
from ser.report.example import read_examples
from ser.report.examples import examples
from ser.report.provenance import GONE, provenance
from ser.results.table import COLUMNS
from ser.sealed import Inputs, Order

# A network that trains an encoder on official parts, and systems without torch: seconds, not minutes.
EXPERIMENTS = {"fair": ["majority", "functionals_svm"], "emosphere_ser": ["full", "official_parts"]}
ATTRIBUTES = ("arousal", "dominance", "valence")
GROUP = "emosphere_ser/official_parts/msp_podcast_attributes"
RUNS = "Computed from the predictions of these runs"


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


def test_the_page_says_of_each_number_what_trace_says(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """And Snakemake's own report has the page, and words beside the files."""
    built.build("results/report.html")
    text = (built.folder / "results/report.html").read_text()
    packed = dict(re.findall(r'id="data-(\w+)">([A-Za-z0-9+/=]*)<', text))
    held = {name: json.loads(gzip.decompress(base64.b64decode(packed[name]))) for name in ("table", "provenance")}
    rows = table(built)
    assert [line[: len(COLUMNS)] for line in held["table"]["lines"]] == [
        [row[name] for name in COLUMNS] for row in rows
    ]
    assert {*held["provenance"]} == {row["run_group"] for row in rows}
    for cell in (f"{GROUP}/clean:ccc_arousal:pooled:test1", "fair/majority/casia/clean:UA:pooled"):
        said = json.loads(built.tool("ser", "trace", cell, "--json"))
        behind = held["provenance"][cell.split(":")[0]]
        sections = dict(behind["sections"])
        assert len(sections) == 4 and all({*said[heading]} <= {*lines} for heading, lines in sections.items())
        settings = [" ".join(line.split()) for line in said["Settings, and where each is from"][1:]]
        assert settings == [f"{name} = {value} [{source}]" for name, value, source in behind["settings"]]
        for (seed, fold, _, _, sha256, metrics), line in zip(behind["runs"], said[RUNS][2:], strict=True):
            value = metrics[cell.partition(":test")[1] and "test1"][cell.split(":")[1]]
            assert line.startswith(f"seed {seed} fold {fold}: {value}") and line.endswith(sha256)
        assert all(re.search(r"runs?, \d+\.\d s$", job) for job in behind["jobs"]) and behind["jobs"]
    monkeypatch.chdir(built.folder)
    shutil.move("work/demo/audio", "work/demo/gone")  # only finished jobs have read them
    project = ser.plan.project.Project.here()
    without = dict(provenance(project.plan, project.places, project.made_from)[f"{GROUP}/clean"]["sections"])
    shutil.move("work/demo/gone", "work/demo/audio")
    assert any(line.startswith("work/demo/audio/") for line in without.pop(GONE))
    assert without.keys() == sections.keys() and GONE not in sections
    path = built.folder / "report.zip"
    made = built.snakemake("--report", str(path), "--", "results/report.html")
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(path) as report:
        names = {Path(name).name for name in report.namelist()}
        assert {"report.html", "table.csv", "honest_gap.csv", "comparisons.csv", "claims.csv"} <= names
        page = report.read("report/report.html").decode()
    assert "All results" in page and "no number says anything about a paper" in page
    path.unlink()


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


def test_examples_of_what_a_network_attends_to(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """One job; the same bytes in another process; none where the weights were not kept."""
    group, file = "emosphere_ser/full/in_house/clean", "work/demo/examples.json"
    built.build(file)
    assert built.planned(file) == {}
    found, without = read_examples(built.folder / file)
    assert [one.group for one in found] == [group] * 2 and without == {}
    with (built.folder / f"work/demo/runs/{group}/seed1/fold1/predictions.csv").open(newline="") as predictions:
        lines = {line["utterance"]: line for line in csv.DictReader(predictions)}
    for one in found:
        system, utterance, words = re.split(", |: ", one.title, maxsplit=2)
        said, predicted = (
            ", ".join(f"{name} {float(lines[utterance][f'{kind}_{name}']):.2f}" for name in ATTRIBUTES)
            for kind in ("target", "predicted")
        )
        assert (system, words) == ("emosphere_ser", f"{said}; predicted: {predicted}")
        about = (system, utterance, said, "Protocol in_house, fold 1, seed 1, scale demo", "Synthetic speech")
        assert all(word in one.caption for word in about)
        assert (one.image_type, one.image[8:12], len(one.image) < 60_000) == ("image/webp", b"WEBP", True)
        samples = Store(built.folder / "work/demo/audio/msp_podcast.safetensors")[utterance]
        heard = soundfile.read(io.BytesIO(one.audio))[0]
        assert len(heard) == len(samples) and np.corrcoef(heard, samples)[0, 1] > 0.95
    monkeypatch.chdir(built.folder)
    project = ser.plan.project.Project.here()
    assert examples(project, Inputs(Order())) == (found, without)
    weights = Path(f"work/demo/runs/{group}/seed1/fold1/model.safetensors")
    weights.rename("kept")
    try:
        assert examples(project, Inputs(Order())) == (
            [],
            {"emosphere_ser": f"{group}: the weights of its runs were not kept (compute.keep_models)"},
        )
    finally:
        Path("kept").rename(weights)


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
