"""Finished runs as the workflow leaves them, without training: for the tests and the benchmark of tracking."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, closing
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from helpers import ROOT, warm
from helpers.builders import edit_sealed, iemocap_like
from helpers.params import params
from helpers.project import PATIENCE
from ser.compute.clone import clone_name
from ser.evaluations.evaluate import evaluate
from ser.files import sha256_of
from ser.outputs import write_table
from ser.plan.groups import Group, Plan
from ser.plan.load import load_plan
from ser.plan.places import CLONE, Places
from ser.runs.contract import Fold
from ser.runs.predictions import write_predictions
from ser.sealed import write_sealed
from ser.splits.make import make_split
from ser.splits.split import Split
from ser.splits.write import write_split
from ser.tracking.records import TrackedGroup, tracked

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def tracked_project(
    folder: Path, experiments: Mapping[str, Any], seeds: Sequence[int] = (1, 2), epochs: int = 3, per_emotion: int = 1
) -> Plan:
    """A folder like the project's in which all groups on (simulated) IEMOCAP are finished; `folder` must not exist."""
    folder.mkdir(parents=True)
    for name in ("ser", "experiments", "schemas"):
        (folder / name).symlink_to(ROOT / name)
    given = params(experiments=dict(experiments))
    given["scales"]["demo"] |= {"corpora": ["iemocap"], "seeds": list(seeds)}
    (folder / "params.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    plan = load_plan(given, folder)
    places, rows = Places(str(folder / "work/demo")), iemocap_like(per_emotion)
    for group in plan.live:
        split = make_split(group.protocol, group.selection, rows)
        files = [Path(places.split(group.split(group.seeds[0]), suffix)) for suffix in (".csv", ".json")]
        write_split(split, group.protocol, *files)
        folders = [finish_run(places, group, split, *run, epochs) for run in group.runs]
        write_sealed(Path(places.evaluation(group.name)), evaluate([split], folders))
    return plan


def finish_run(
    places: Places, group: Group, split: Split, seed: int, fold: int, epochs: int, code: str = "c0de"
) -> Path:
    """The files of one run, and of the job that made it."""
    folder = Path(places.run(group.name, seed, fold))
    generator = np.random.default_rng([seed, fold])
    part = Fold.of(split, fold, {})
    write_predictions(
        folder / "predictions.csv", part, generator.normal(size=(len(part.test.utterances), len(part.labels)))
    )
    values = generator.random((epochs, 4)).tolist()
    names = ("train_loss", "learning_rate", "dev_loss", "dev_WA", "dev_UA")
    history = [{"epoch": i + 1, **dict(zip(names, [*row, row[-1]], strict=True))} for i, row in enumerate(values)]
    write_table(folder / "history.csv", history)
    identity = {
        "system": group.system,
        "settings": dict(group.settings),
        "selection": group.selection,
        "seed": seed,
        "fold": fold,
        "protocol_hash": split.protocol_hash,
        "data_hash": split.data_hash,
        "features": {},
        "encoders": {},
        "code_version": code,
        "device": "cpu",
        "machine": {"blas": "Haswell"},
        "versions": {"torch": "2.11.0"},
        "threads": 1,
    }
    known = {"group": group.name, "git_commit": "0123abcd-dirty", "key": f"{code}-{seed}-{fold}"}
    facts = {"facts": {"best_epoch": epochs}, "sha256": {"predictions.csv": sha256_of(folder / "predictions.csv")}}
    write_sealed(folder / "metrics.json", identity | known | facts)
    job = f"{group.name}/seed{seed}"
    write_table(Path(places.benchmark("train", job)), [{"s\tmax_rss": "20.5\t700.25"}])
    return folder


def rows_of(database: Path) -> dict[str, list[tuple]]:
    """Every row of every table."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}


def rows_by_name(database: Path) -> dict[str, list[tuple]]:
    """What the tables hold about the children, by the run's name in place of its id."""
    columns = {
        "runs": "source_type source_name entry_point_name source_version user_id status start_time end_time"
        " deleted_time lifecycle_stage experiment_id",
        "tags": "key value",
        "params": "key value",
        "metrics": "key value step timestamp is_nan",
        "latest_metrics": "key value step timestamp is_nan",
    }
    # A group's numbers have the time of their import, and a child's tag has its parent's id.
    query = "SELECT r.name, {} FROM {} t JOIN runs r USING (run_uuid) WHERE r.name LIKE 'seed%'"
    with closing(sqlite3.connect(database)) as connection:
        rows = {
            table: connection.execute(query.format(", ".join(f"t.{name}" for name in names.split()), table)).fetchall()
            for table, names in columns.items()
        }
    rows["tags"] = [row for row in rows["tags"] if row[1] != "mlflow.parentRunId"]
    return {table: sorted(of_table, key=repr) for table, of_table in rows.items()}


class Tracked:
    """A project with finished runs, and its MLflow store."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan, self.work = folder, plan, folder / "work/demo"
        self.places = Places(str(self.work))
        self.database = folder / "mlflow.db"
        self.uri = f"sqlite:///{self.database}"

    @property
    def clone(self) -> str:
        with chdir(self.folder):
            return clone_name(Path(CLONE))

    def found(self) -> list[TrackedGroup]:
        """What an import finds in work/."""
        with chdir(self.folder):
            return list(tracked(self.plan, Places.of("demo"), self.clone))

    def track(self, by_interface: bool = False, groups: Iterable[TrackedGroup] | None = None) -> dict[str, int]:
        """Import `groups`, or everything found; `by_interface`: as into a server."""
        from _mlflow import Importer

        titles = {name: experiment["title"] for name, experiment in self.plan.experiments.items()}
        with chdir(self.folder), ThreadPoolExecutor(1) as pool:
            importer = Importer(self.uri, titles, pool, self.folder / "staging")
            if by_interface:
                importer.engine = None
            return importer.import_all(groups or tracked(self.plan, Places.of("demo"), self.clone))

    @property
    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(self.uri)

    def runs(self) -> dict[str, Any]:
        """`ser.key` -> the run, of those that are not deleted."""
        found = [
            run
            for experiment in self.client.search_experiments()
            for run in self.client.search_runs([experiment.experiment_id], max_results=1000)
        ]
        by_key = {run.data.tags["ser.key"]: run for run in found}
        assert len(by_key) == len(found)
        return by_key

    def artifacts(self) -> dict[str, list[str]]:
        """`ser.key` -> the names of the run's files."""
        listed = {key: self.client.list_artifacts(run.info.run_id) for key, run in self.runs().items()}
        return {key: sorted(file.path for file in files) for key, files in listed.items()}

    def edit(self, path: str, **changes: Any) -> None:
        """Change keys of a JSON file below work/demo."""
        edit_sealed(self.work / path, **changes)

    def evaluate_again(self, group: str) -> None:
        """Let a group's evaluation refer to its runs as they are now."""
        runs = json.loads((self.work / f"evaluations/{group}.json").read_text())["runs"]
        for run in runs:
            folder = self.work / f"runs/{group}/seed{run['seed']}/fold{run['fold']}"
            run["sha256"] = {name: sha256_of(folder / name) for name in run["sha256"]}
        self.edit(f"evaluations/{group}.json", runs=runs)

    def script(self, *arguments: str, uri: str = "") -> subprocess.CompletedProcess[str]:
        command = warm.tracking(ROOT / "workflow_scripts/track.py", *arguments)
        environment = os.environ | {"MLFLOW_TRACKING_URI": uri}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
