"""Runs in MLflow: what is shown of them, repeated imports, changes, unfinished builds, stores that cannot be used.

Longer than 300 lines: all tests share the runs of two papers, which take long to make.
"""

import json
import re
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from _mlflow_view import saved_view
from helpers import ROOT
from helpers.tracked_runs import Tracked, rows_by_name, rows_of, tracked_project
from ser.evaluations.names import metric_names
from ser.plan.groups import Plan
from ser.plan.load import load_plan
from ser.results.table import STATISTICS
from ser.runs.history import read_history
from ser.splits.protocol import AGGREGATIONS
from ser.tracking.names import group_metrics

GROUP = "attention_fcn/full/iemocap_2280_sessions/clean"
KEY = f"demo/{GROUP}"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    """Two papers' runs, imported once; not to be changed."""
    folder = tmp_path_factory.mktemp("tracked") / "project"
    project = Tracked(folder, tracked_project(folder, {"attention_fcn": ["full"], "fair": ["majority"]}))
    # 2 groups of 2 seeds and 5 folds; 4 groups of a deterministic system, so of one seed
    assert project.track() == {"new": 2 * 11 + 4 * 6, "replaced": 0, "changed": 0, "unchanged": 0}
    return project


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store; MLflow takes long to make one."""
    from mlflow import MlflowClient

    database = tmp_path_factory.mktemp("empty") / "mlflow.db"
    MlflowClient(f"sqlite:///{database}").search_experiments()
    return database


@pytest.fixture
def project(imported: Tracked, empty: Path, tmp_path: Path) -> Tracked:
    """A copy of one paper's runs, to be changed, and an empty store."""
    folder = tmp_path / "project"
    shutil.copytree(imported.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("mlflow.db", "mlruns"))
    params = yaml.safe_load((folder / "params.yaml").read_text()) | {"experiments": {"attention_fcn": ["full"]}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copy(empty, folder)
    return Tracked(folder, load_plan(params, folder))


def test_a_run_shows_its_settings_with_sources_its_course_and_where_it_comes_from(imported: Tracked) -> None:
    run = imported.runs()[f"{KEY}/seed2/fold3"]
    folder = imported.work / f"runs/{GROUP}/seed2/fold3"
    facts = json.loads((folder / "metrics.json").read_text())
    group = next(group for group in imported.plan.groups if group.name == GROUP)
    assert {name: run.data.params[name] for name in ("learning_rate", "optimiser")} == {
        "learning_rate": "0.003",
        "optimiser": "adamw",
    }
    of_source = {tag: text.split() for tag, text in run.data.tags.items() if tag.startswith("source.")}
    assert {name: tag.removeprefix("source.") for tag, names in of_source.items() for name in names} == group.sources
    expected = {
        "protocol_hash": facts["protocol_hash"],
        "data_hash": facts["data_hash"],
        "git_commit": "0123abcd-dirty",
        "mlflow.source.git.commit": "0123abcd",
        "snakemake.rule": "train_5_folds",
        "job.runs": "5 of seed 2",
        "machine.blas": "Haswell",
        "version.torch": "2.11.0",
    }
    assert {name: run.data.tags[name] for name in expected} == expected
    md5 = subprocess.run(["md5sum", folder / "predictions.csv"], capture_output=True, text=True, check=True).stdout
    assert run.data.tags["dvc.md5.predictions.csv"] == md5.split()[0]
    history = read_history(folder / "history.csv")
    for name in ("train_loss", "dev_UA"):
        points = imported.client.get_metric_history(run.info.run_id, name)
        assert [(point.step, point.value) for point in points] == [*zip([1, 2, 3], history[name], strict=True)]
    evaluation = json.loads((imported.work / f"evaluations/{GROUP}.json").read_text())
    numbers = next(r["metrics"][""] for r in evaluation["runs"] if (r["seed"], r["fold"]) == (2, 3))
    found = run.data.metrics
    assert {name: found[name] for name in numbers} == numbers
    assert (found["system/job_seconds"], found["system/job_peak_memory_mb"]) == (20.5, 700.25)
    last = imported.runs()[f"{KEY}/seed2/fold5"]
    assert run.info.status == "FINISHED" and last.info.end_time - run.info.start_time == 20500
    files = {file.path for file in imported.client.list_artifacts(run.info.run_id)}
    assert files == {"curves.svg", "confusion.svg", "metrics.json", "predictions.csv"}


def test_a_group_is_the_parent_of_its_runs_with_its_numbers_claims_and_pictures(imported: Tracked) -> None:
    runs = imported.runs()
    parent = runs[KEY]
    children = [key for key, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(children) == [f"{KEY}/seed{seed}/fold{fold}" for seed in (1, 2) for fold in range(1, 6)]
    evaluation = json.loads((imported.work / f"evaluations/{GROUP}.json").read_text())
    numbers, found = evaluation["results"][""]["fold_mean"]["UA"], parent.data.metrics
    assert (found["UA"], found["pooled/UA"]) == (
        numbers["value"],
        evaluation["results"][""]["pooled"]["UA"]["value"],
    )
    statistics = {name: found[f"UA_{name}"] for name in ("ci_low", "ci_high", "seed_std")}
    assert statistics == {name: numbers[name] for name in statistics}
    assert parent.data.tags["claim.UA"] == "63.9 %"
    assert "arXiv 1806.01506" in parent.data.tags["claim.UA.source"]
    assert "synthetic" in parent.data.tags["mlflow.note.content"]
    assert {file.path for file in imported.client.list_artifacts(parent.info.run_id)} == {"curves.svg", "confusion.svg"}
    names = {experiment.name for experiment in imported.client.search_experiments()}
    assert names == {"Default", "attention_fcn", "fair"}


def test_importing_again_changes_no_row_and_no_file(imported: Tracked) -> None:
    before = rows_of(imported.database)
    files = {path: path.stat().st_mtime_ns for path in imported.folder.glob("mlruns/**/*")}
    assert imported.track() == {"new": 0, "replaced": 0, "changed": 0, "unchanged": 46}
    assert rows_of(imported.database) == before
    assert {path: path.stat().st_mtime_ns for path in imported.folder.glob("mlruns/**/*")} == files != {}


def test_a_changed_run_is_replaced_and_its_parent_redrawn_only(project: Tracked) -> None:
    project.track()
    key = f"{KEY}/seed1/fold2"
    runs, before = project.runs(), rows_of(project.database)
    project.edit(f"runs/{GROUP}/seed1/fold2/metrics.json", facts={"best_epoch": 1})
    project.evaluate_again(GROUP)
    assert project.track() == {"new": 0, "replaced": 1, "changed": 1, "unchanged": 20}
    now = project.runs()
    assert now.keys() == runs.keys()
    assert {k for k in runs if now[k].info.run_id != runs[k].info.run_id} == {key}
    assert now[key].data.metrics["best_epoch"] == 1
    concerned = (runs[key].info.run_id, now[key].info.run_id, runs[KEY].info.run_id)
    after = rows_of(project.database)
    for table, rows in before.items():
        assert all(any(run in row for run in concerned) for row in set(rows) ^ set(after[table]))
    assert project.track()["unchanged"] == 22


def test_another_evaluation_changes_numbers_in_place(project: Tracked) -> None:
    project.track()
    runs = project.runs()
    evaluation = json.loads((project.work / f"evaluations/{GROUP}.json").read_text())
    evaluation["results"][""]["fold_mean"]["UA"]["value"] = 0.125
    evaluation["runs"][0]["metrics"][""]["UA"] = 0.0625
    project.edit(f"evaluations/{GROUP}.json", **evaluation)
    assert project.track() == {"new": 0, "replaced": 0, "changed": 2, "unchanged": 20}
    now = project.runs()
    assert (now[KEY].data.metrics["UA"], now[f"{KEY}/seed1/fold1"].data.metrics["UA"]) == (0.125, 0.0625)
    assert {key: run.info.run_id for key, run in now.items()} == {key: run.info.run_id for key, run in runs.items()}


def test_an_unfinished_build_shows_what_is_finished(project: Tracked) -> None:
    """Imported before the evaluation and again when complete; the runs of the first import stay."""
    away = project.folder / "away"
    shutil.move(project.work / f"runs/{GROUP}/seed2/fold5", away)
    evaluation = (project.work / f"evaluations/{GROUP}.json").read_bytes()
    (project.work / f"evaluations/{GROUP}.json").unlink()
    project.track()
    first = project.runs()
    assert first[KEY].info.status == "RUNNING" and first[KEY].data.tags["runs_finished"] == "9 of 10"
    assert f"{KEY}/seed2/fold5" not in first and "UA" not in first[f"{KEY}/seed1/fold1"].data.metrics
    shutil.move(away, project.work / f"runs/{GROUP}/seed2/fold5")
    (project.work / f"evaluations/{GROUP}.json").write_bytes(evaluation)
    assert project.track() == {"new": 1, "replaced": 0, "changed": 10, "unchanged": 11}
    second = project.runs()
    assert second[KEY].info.status == "FINISHED" and second[KEY].data.tags["runs_finished"] == "10 of 10"
    assert "UA" in second[f"{KEY}/seed1/fold1"].data.metrics
    assert all(second[key].info.run_id == run.info.run_id for key, run in first.items())


def test_a_run_that_a_build_makes_again_meanwhile_holds_nothing_up(project: Tracked) -> None:
    groups = project.found()
    shutil.move(project.work / f"runs/{GROUP}/seed2/fold5", project.folder / "away")
    project.track(groups=groups)
    first = project.runs()
    assert len(first) == 21 and first[KEY].info.status == "RUNNING"
    shutil.move(project.folder / "away", project.work / f"runs/{GROUP}/seed2/fold5")
    assert project.track() == {"new": 1, "replaced": 0, "changed": 1, "unchanged": 20}
    assert project.runs()[KEY].info.status == "FINISHED"


def test_a_project_that_was_moved_says_so(project: Tracked) -> None:
    project.track()
    shutil.rmtree(project.folder / "mlruns")
    query = "UPDATE experiments SET artifact_location = ? WHERE name = 'attention_fcn'"
    for place, advice in (("/gone/mlruns/1", "delete mlflow.db and mlruns/"), ("mlflow-artifacts:/1", "set MLFLOW_")):
        with closing(sqlite3.connect(project.database)) as database, database:
            database.execute(query, [place])
        assert advice in one_line(project.script())


def test_a_finished_group_stays_as_it_was_while_it_is_made_again(project: Tracked) -> None:
    """Some of its runs are gone, others new, and the old evaluation is of neither; numbers stay beside their runs."""
    project.track()
    before, rows = project.runs(), rows_of(project.database)
    shutil.move(project.work / f"runs/{GROUP}/seed2", project.folder / "seed2")
    project.edit(f"runs/{GROUP}/seed1/fold1/metrics.json", code_version="another")
    assert project.track() == {"new": 0, "replaced": 0, "changed": 0, "unchanged": 11, "kept": 6}
    assert rows_of(project.database) == rows and before[KEY].data.metrics["UA"] > 0
    shutil.move(project.folder / "seed2", project.work / f"runs/{GROUP}/seed2")
    project.evaluate_again(GROUP)
    assert project.track() == {"new": 0, "replaced": 1, "changed": 1, "unchanged": 20}
    assert project.runs()[KEY].info.run_id == before[KEY].info.run_id


def test_runs_that_are_not_there_now_stay_with_their_group(project: Tracked) -> None:
    """Also where it has to be made again, as a parameter cannot be changed: fewer seeds, another setting."""
    project.track()
    experiment = project.client.get_experiment_by_name("attention_fcn").experiment_id
    project.client.set_tag(project.runs()[KEY].info.run_id, "ser.digest", "of other settings")
    group = next(group for group in project.plan.groups if group.name == GROUP)
    shutil.rmtree(project.work / f"runs/{GROUP}/seed2")
    evaluation = json.loads((project.work / f"evaluations/{GROUP}.json").read_text())
    runs = [run for run in evaluation["runs"] if run["seed"] == 1]
    project.edit(f"evaluations/{GROUP}.json", runs=runs)
    fewer = replace(project.plan, groups=(replace(group, seeds=(1,)),))
    assert Tracked(project.folder, fewer).track() == {"new": 0, "replaced": 1, "changed": 5, "unchanged": 0}
    parent = project.runs()[KEY].info.run_id
    children = project.client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert len(children) == 10


def test_the_documents_search_finds_groups(imported: Tracked) -> None:
    """All of them, and nothing else."""
    text = (ROOT / "docs/tracking.md").read_text()
    query = re.search(r"^To find rows: `(.+)`\.$", text, re.MULTILINE)[1]
    ids = [experiment.experiment_id for experiment in imported.client.search_experiments()]
    found = imported.client.search_runs(ids, query.replace("'paper'", "'demo'").replace("> 0.6", ">= 0"))
    clean = {f"demo/{group.name}" for group in imported.plan.live if group.selection == "clean"}
    assert {run.data.tags["ser.key"] for run in found} == clean and len(found) == len(clean)


def test_the_view_has_the_metrics_and_claims_with_room_for_names_and_only_grows(imported: Tracked) -> None:
    (experiment,) = imported.client.search_experiments(filter_string="name = 'attention_fcn'")
    view = experiment.tags["mlflow.sharedViewState.demo"]
    state = json.loads(json.loads(view)["state"])
    assert state["selectedColumns"] == [
        *(f"metrics.`{name}`" for name in ("WA", "UA", "macro_f1")),
        *("tags.`claim.WA`", "tags.`claim.UA`"),
    ]
    groups = [group for group in imported.found() if group.experiment == "attention_fcn"]
    other = replace(
        groups[0], shown=["ccc_arousal"], record=replace(groups[0].record, name="short", tags={"scale": "x"})
    )
    assert saved_view([other, *groups], 0, view) != view == saved_view(groups[:1], 0, view)
    widths = json.loads(json.loads(saved_view([other], 0, view))["state"])["columnWidths"]
    assert widths == state["columnWidths"] | {"metrics.`ccc_arousal`": 40 + 7 * len("ccc_arousal")}


def test_what_a_kill_left_half_imported_is_made_anew(project: Tracked) -> None:
    project.track()
    before = project.runs()[f"{KEY}/seed1/fold1"]
    project.client.update_run(before.info.run_id, status="RUNNING")
    assert project.track()["replaced"] == 1
    assert project.runs()[f"{KEY}/seed1/fold1"].info.status == "FINISHED"


def test_runs_that_are_not_planned_any_more_and_those_of_others_are_left_alone(project: Tracked) -> None:
    project.track()
    mine = project.client.create_run(project.client.get_experiment_by_name("attention_fcn").experiment_id).info.run_id
    smaller = Tracked(project.folder, replace(project.plan, groups=project.plan.groups[:1]))
    before = rows_of(project.database)
    assert smaller.track()["unchanged"] == 11
    assert rows_of(project.database) == before and project.client.get_run(mine).info.lifecycle_stage == "active"


def test_the_runs_of_another_clone_are_left_alone(project: Tracked, tmp_path: Path) -> None:
    """Two clones with one store, in one of which a run is made again; neither takes the other's runs for its own."""

    def shown() -> dict[str, set[str]]:
        (experiment,) = project.client.search_experiments(filter_string="name = 'attention_fcn'")
        runs = project.client.search_runs([experiment.experiment_id], max_results=1000)
        return {c: {r.info.run_id for r in runs if r.data.tags["clone"] == c} for c in (project.clone, other.clone)}

    project.track()
    other = Tracked(tmp_path / "other", project.plan)
    shutil.copytree(project.folder, other.folder, symlinks=True)
    other.uri = project.uri
    other.edit(f"runs/{GROUP}/seed1/fold2/metrics.json", facts={"best_epoch": 1})
    assert other.track(by_interface=True)["new"] == 22
    before = shown()
    project.client.update_run(min(before[other.clone]), status="RUNNING")  # as a killed import leaves it
    assert project.track()["unchanged"] == 22 and shown() == before
    assert other.track(by_interface=True)["unchanged"] >= 20
    after = shown()
    assert after[project.clone] == before[project.clone] and len(after[other.clone]) == 22


def test_a_server_gets_the_same_as_the_database(project: Tracked, empty: Path) -> None:
    """Rows written straight into SQLite are those that MLflow's own interface writes, nan and inf included."""
    evaluation = json.loads((project.work / f"evaluations/{GROUP}.json").read_text())
    evaluation["runs"][0]["metrics"][""]["UA"] = None
    project.edit(f"evaluations/{GROUP}.json", **evaluation)
    history = project.work / f"runs/{GROUP}/seed1/fold1/history.csv"
    history.write_text(history.read_text() + "4,nan,0.1,inf,0.5,0.5\n")
    project.track()
    written, files = rows_by_name(project.database), project.artifacts()
    shutil.copy(empty, project.database)
    project.track(by_interface=True)
    assert rows_by_name(project.database) == written and project.artifacts() == files
    assert sum(row[-1] for row in written["metrics"]) == 2 and len(written["runs"]) == 20


def test_of_two_imports_at_once_the_second_finds_all_done(project: Tracked) -> None:
    project.database.unlink()
    with ThreadPoolExecutor(2) as pool:
        said = sorted(result.stdout for result in pool.map(lambda _: project.script(), range(2)))
    assert [text.split(": ")[1].split(",")[0] for text in said] == ["0 runs new", "22 runs new"]
    assert len(project.runs()) == 22


def test_an_import_left_behind_by_a_killed_build_changes_nothing(project: Tracked, monkeypatch) -> None:
    before = rows_of(project.database)
    (project.folder / ".snakemake/ser.build").write_text("newer")
    monkeypatch.setenv("SER_BUILD", "older")
    assert "a newer build has begun" in project.script().stderr
    assert rows_of(project.database) == before and not Path(project.places.tracked).exists()


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1 and not result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: not tracked in MLflow: ") and "`make track`" in line
    return line


def test_a_server_that_does_not_answer(imported: Tracked) -> None:
    line = one_line(imported.script(uri="http://me:secret@127.0.0.1:9"))
    assert "http://127.0.0.1:9: no answer" in line and "refused" in line and "secret" not in line


def test_a_locked_database(project: Tracked) -> None:
    with closing(sqlite3.connect(project.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "mlflow.db: database is locked" in one_line(project.script())
    assert project.track()["new"] == 22


@pytest.mark.parametrize("kept", [0, 16384])
def test_a_corrupted_database_is_to_be_moved_away(project: Tracked, kept: int) -> None:
    """Not a database at all, and one whose first pages are intact."""
    content = project.database.read_bytes()
    project.database.write_bytes(content[:kept] + b"#" * (len(content) - kept))
    assert "mlflow.db: " in (line := one_line(project.script())) and "move it away" in line


def test_in_a_build_a_failure_is_noted_and_does_no_harm(project: Tracked) -> None:
    note = project.work / "untracked.txt"
    result = project.script("--failure", str(note), uri="http://127.0.0.1:9")
    assert result.returncode == 0 and "not tracked in MLflow" in result.stderr
    assert "no answer" in note.read_text() and "failed" in json.loads((project.work / "tracked.json").read_text())


def planned_columns(plan: Plan, experiment: str) -> set[str]:
    """Those of an experiment's columns that follow from the plan, with the rows that are skipped here."""
    found = set()
    for group in (group for group in plan.groups if group.experiment == experiment):
        found |= {f"param {name}" for name in (*group.settings, *group.features, *group.encoders)}
        found |= {f"source.{source}" for source in group.sources.values()}
        metrics = dict.fromkeys(metric_names(group.protocol, group.auxiliary), dict.fromkeys(STATISTICS, 0.0))
        found |= group_metrics(
            group.protocol, {part: dict.fromkeys(AGGREGATIONS, metrics) for part in group.protocol.reported}
        ).keys()
    for claim in plan.experiments[experiment]["claims"]:
        name = f"claim {claim.get('part')} {claim.get('averaging')} {claim['metric']}"
        found |= {name, f"{name}.source"}
    return found


def test_no_experiment_has_more_than_200_columns(imported: Tracked) -> None:
    """What all have in common is counted in the store, the rest in the plan of all corpora with several seeds."""
    (experiment,) = imported.client.search_experiments(filter_string="name = 'attention_fcn'")
    runs = [run.data for run in imported.client.search_runs([experiment.experiment_id], max_results=1000)]
    columns = {(kind, name) for run in runs for kind in ("params", "metrics", "tags") for name in getattr(run, kind)}
    common = len(columns) - len(planned_columns(imported.plan, "attention_fcn"))
    assert 40 < common < 80
    plan = load_plan(yaml.safe_load((ROOT / "params.yaml").read_text()), ROOT)
    assert len(plan.experiments) > 8
    assert {name for name in plan.experiments if len(planned_columns(plan, name)) + common > 200} == set()
