"""Puts records (ser/tracking) into a store of MLflow, and leaves what is unchanged alone."""

import math
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from _mlflow_rows import New, rows_of, tags_of
from _mlflow_view import saved_view, view_tag
from ser.files import atomic_file
from ser.tracking.details import draw_group, run_details
from ser.tracking.records import Record, TrackedGroup, TrackedRun

AT_ONCE = 64  # runs that enter a database in one transaction
METRICS_AT_ONCE = 1000  # MLflow's limit


def make_database(path: Path) -> None:
    """A new database, whole or not at all: MLflow makes it in many steps, and cannot go on after some of them."""
    with atomic_file(path) as temporary:
        temporary.unlink(missing_ok=True)
        MlflowClient(f"sqlite:///{temporary}").search_experiments()


class Importer:
    """One experiment per paper; in it a parent run per group, and in that a run per seed and fold."""

    def __init__(self, uri: str, titles: Mapping[str, str], pool: ProcessPoolExecutor, staging: Path) -> None:
        """`titles` are the experiments'; `pool` draws, into `staging` where the pictures are then sent to a server."""
        self.client, self.titles, self.pool, self.staging = MlflowClient(uri), titles, pool, staging
        self.engine = sqlalchemy.create_engine(uri, connect_args={"timeout": 20}) if uri.startswith("sqlite:") else None
        self.counts: Counter[str] = Counter(dict.fromkeys(("new", "replaced", "changed", "unchanged"), 0))

    def import_all(self, groups: Iterable[TrackedGroup]) -> dict[str, int]:
        """Import `groups`; returns how many runs, parents included, are new, replaced, changed and unchanged; also, if
        any, how many are kept as they are because their group, once finished, is not finished now.
        """
        experiments: dict[str, list[TrackedGroup]] = {}
        for group in groups:
            experiments.setdefault(group.experiment, []).append(group)
        for name, members in experiments.items():
            self._experiment(self._find(name), members)
        return dict(self.counts)

    def _find(self, name: str) -> Experiment:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                self.client.create_experiment(name, tags={"mlflow.note.content": self.titles[name]})
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another clone has just made it
                    raise
            found = self.client.get_experiment_by_name(name)
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        self._check_place(found)
        return found

    def _check_place(self, experiment: Experiment) -> None:
        """Raise MlflowException where the files of a database's runs would go to a place that cannot be reached."""
        location = experiment.artifact_location
        root = _local(location)
        if self.engine and root is None:
            raise MlflowException(
                f"experiment {experiment.name} was made through a server, which keeps its files: "
                f"set MLFLOW_TRACKING_URI to that server, or move the database away"
            )
        if root and not root.is_relative_to(Path.cwd()) and not root.is_dir():
            raise MlflowException(
                f"the files of experiment {experiment.name} are in {root}, which is not there: if the project was "
                f"moved, delete mlflow.db and mlruns/"
            )

    def _experiment(self, experiment: Experiment, groups: Sequence[TrackedGroup]) -> None:
        known = self._known(experiment, groups[0].record.tags)
        parents, new = [], []
        for group in groups:
            found = known.get(group.record.key)
            if found and found.info.status == "FINISHED" and not group.record.finished:
                self.counts["kept"] += 1 + len(group.runs)  # it is being made again: shown as it was until then
                continue
            parent = self._parent(experiment, found, group.record)
            parents.append((group, parent))
            if found and found is not parent:
                self._adopt(found, parent, group, known)
            for run in group.runs:
                found = known.get(run.record.key)
                if found and found.info.status == "FINISHED" and _digest(found) == run.record.digest:
                    self._count("changed" if self._update(found, run.record, parent.info.run_id) else "unchanged")
                else:
                    new.append((run, parent.info.run_id, found))
        self._add(experiment, new)
        for group, parent in parents:
            self._finish(group, parent, is_new=known.get(group.record.key) is not parent)
        tag = view_tag(groups)
        old = experiment.tags.get(tag, "")
        if old != (view := saved_view(groups, experiment.creation_time, old)):
            self.client.set_experiment_tag(experiment.experiment_id, tag, view)

    def _adopt(self, old: Run, parent: Run, group: TrackedGroup, known: Mapping[str, Run]) -> None:
        """Give a group's new record the runs that are not there now: they are being made again, or not planned."""
        there = {run.record.key for run in group.runs}
        for key, run in known.items():
            if key not in there and run.data.tags.get("mlflow.parentRunId") == old.info.run_id:
                self.client.set_tag(run.info.run_id, "mlflow.parentRunId", parent.info.run_id)

    def _known(self, experiment: Experiment, tags: Mapping[str, str]) -> dict[str, Run]:
        """`ser.key` -> the run that the store has from this clone; those of other clones are theirs."""
        known, token = {}, None
        of_clone = " AND ".join(f"tags.{name} = '{tags[name]}'" for name in ("scale", "clone"))
        while token is None or token:
            page = self.client.search_runs([experiment.experiment_id], of_clone, max_results=1000, page_token=token)
            known |= {found.data.tags.get("ser.key", ""): found for found in page}
            token = page.token or ""
        return known

    def _parent(self, experiment: Experiment, found: Run | None, record: Record) -> Run:
        """The group's own run, made again where it shows something outdated: parameters cannot be changed."""
        if found and _digest(found) == record.digest and found.data.metrics.keys() <= record.metrics.keys():
            return found
        self._remove(found)
        tags = {name: value for name, value in tags_of(record).items() if name != "ser.pictures"}
        created = self.client.create_run(experiment.experiment_id, record.start, tags, record.name)
        self.client.log_batch(created.info.run_id, params=_params(record))
        return created

    def _finish(self, group: TrackedGroup, parent: Run, is_new: bool) -> None:
        """Store the group's pictures and numbers, once its runs are there."""
        if parent.data.tags.get("ser.pictures") != group.record.tags["ser.pictures"]:
            folder = self.staging / parent.info.run_id
            try:
                self.pool.submit(draw_group, group, folder).result()
            except FileNotFoundError:  # a build is making one of its runs again: left for the next import
                return
            self.client.log_artifacts(parent.info.run_id, str(folder))
        changed = self._update(parent, group.record)
        if not is_new:
            self._count("changed" if changed else "unchanged")
        if group.record.finished and parent.info.status != "FINISHED":
            self.client.set_terminated(parent.info.run_id, end_time=group.record.end)

    def _update(self, found: Run, record: Record, parent: str = "") -> bool:
        """Update the tags and final metrics that have changed; returns whether any had."""
        now = round(1000 * time.time())  # of a metric's values the newest is shown
        tags = [RunTag(k, v) for k, v in tags_of(record, parent).items() if found.data.tags.get(k) != v]
        metrics = [Metric(k, v, now, 0) for k, v in record.metrics.items() if _differs(found.data.metrics.get(k), v)]
        if tags or metrics:
            self.client.log_batch(found.info.run_id, metrics=metrics, tags=tags)
        return bool(tags or metrics)

    def _remove(self, found: Run | None) -> None:
        self._count("replaced" if found else "new")
        if found:
            self.client.delete_run(found.info.run_id)

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _add(self, experiment: Experiment, new: Iterable[tuple[TrackedRun, str, Run | None]]) -> None:
        """Draw and read ahead in other processes, and store what is ready."""
        root = _local(experiment.artifact_location) if self.engine else None
        waiting: deque[tuple[New, Run | None]] = deque()
        for run, parent, found in new:
            number = uuid.uuid4().hex
            folder = root / number / "artifacts" if root else self.staging / number
            waiting.append((New(run, parent, number, folder, self.pool.submit(run_details, run, folder)), found))
            if len(waiting) >= 2 * AT_ONCE:
                self._store(experiment, [waiting.popleft() for _ in range(AT_ONCE)], is_direct=bool(root))
        while waiting:
            batch = [waiting.popleft() for _ in range(min(AT_ONCE, len(waiting)))]
            self._store(experiment, batch, is_direct=bool(root))

    def _store(self, experiment: Experiment, batch: Sequence[tuple[New, Run | None]], is_direct: bool) -> None:
        ready = []
        for item, found in batch:
            try:
                item.details.result()
            except FileNotFoundError:  # a build is making it again
                continue
            self._remove(found)
            ready.append(item)
        if is_direct and ready:
            self._insert(experiment, ready)
        elif ready:
            for item in ready:
                self._send(experiment, item)

    def _send(self, experiment: Experiment, item: New) -> None:
        """Through MLflow's interface, to any store. FINISHED comes last: a run that is not is made again next time."""
        record = item.run.record
        created = self.client.create_run(experiment.experiment_id, record.start, item.tags, record.name).info.run_id
        self.client.log_artifacts(created, str(item.folder))
        self.client.log_batch(created, params=_params(record))
        # Values whose time was not recorded get the time of the run's end.
        metrics = (Metric(name, value, record.end, step) for name, step, value in item.points)
        while chunk := list(islice(metrics, METRICS_AT_ONCE)):
            self.client.log_batch(created, metrics=chunk)
        self.client.set_terminated(created, end_time=record.end)

    def _insert(self, experiment: Experiment, items: Sequence[New]) -> None:
        """Put the same rows straight into the database, all or none: MLflow's interface takes several times as long."""
        with self.engine.begin() as database:
            for table, rows in rows_of(experiment, items).items():
                if rows:
                    database.execute(sqlalchemy.insert(table), rows)


def _params(record: Record) -> list[Param]:
    return [Param(name, value) for name, value in record.params.items()]


def _digest(found: Run) -> str:
    return found.data.tags.get("ser.digest", "")


def _differs(old: float | None, new: float) -> bool:
    return old is None or (old != new and not (math.isnan(old) and math.isnan(new)))


def _local(location: str) -> Path | None:
    """The folder of an experiment's artifacts, if it is on this machine."""
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None
