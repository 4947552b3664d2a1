"""What a tracking server shows of groups and runs, read from the plan and from what is finished in work/<scale>.

A group becomes a parent record, each of its runs a child. Nothing here knows MLflow; workflow_scripts/_mlflow*.py do.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ser.evaluations.evaluate import is_of
from ser.evaluations.names import unit_of
from ser.plan.claims import averaging, claim_columns, of_group
from ser.plan.groups import Group, Plan
from ser.plan.jobs import TrainingRule, rule_by_group
from ser.plan.places import Places
from ser.results.table import described, joined
from ser.sealed import read_sealed
from ser.tracking.names import group_metric, group_metrics, metric_name, shown_metrics


@dataclass(frozen=True)
class Record:
    """A group or a run. The same `key` and clone mean the same record; with another `digest` it has to be made
    again.

    `metrics` are fractions (CCC: -1 to 1), nan where undefined; `start` and `end` are milliseconds since 1970. `note`
    is for people; `script` and `commit` say what code made it, where known.
    """

    key: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    digest: str
    start: int
    end: int
    finished: bool
    note: str = ""
    script: str = ""
    commit: str = ""


@dataclass(frozen=True)
class TrackedRun:
    """A finished run: its record, and where to find what is read only for new runs (details.py)."""

    record: Record
    folder: Path
    labels: Sequence[str]
    are_classes: bool


@dataclass(frozen=True)
class TrackedGroup:
    """A group with at least one finished run. `shown` are the metrics that a list of groups shows."""

    experiment: str
    record: Record
    runs: Sequence[TrackedRun]
    evaluation: Mapping[str, Any]  # empty until it is there
    shown: Sequence[str]


def tracked(plan: Plan, places: Places, clone: str) -> Iterator[TrackedGroup]:
    """The groups of `plan` that have a finished run in `places`, which are those of `clone` (compute/clone.py).

    A run is finished once its metrics.json, which is written last, is there.
    """
    rules = rule_by_group(plan)
    for group in plan.live:
        if found := _Reader(plan, group, places, rules[group.name], clone).read():
            yield found


class _Reader:
    def __init__(self, plan: Plan, group: Group, places: Places, rule: TrainingRule, clone: str) -> None:
        self.plan, self.group, self.places, self.rule, self.clone = plan, group, places, rule, clone

    def read(self) -> TrackedGroup | None:
        facts = self.facts
        if not facts:
            return None
        evaluation = self._evaluation()
        metrics = {(run["seed"], run["fold"]): run["metrics"] for run in evaluation.get("runs", ())}
        runs = [self._run(*place, known, metrics.get(place, {})) for place, known in facts.items()]
        shown = shown_metrics(self.group.protocol)
        return TrackedGroup(self.group.experiment, self._parent(runs, evaluation), runs, evaluation, shown)

    @cached_property
    def facts(self) -> dict[tuple[int, int], dict[str, Any]]:
        """(seed, fold) -> metrics.json of the finished runs."""
        found = {}
        for place in self.group.runs:
            path = Path(self.places.metrics(self.group.name, *place))
            try:
                end = _mtime(path)
            except FileNotFoundError:
                continue
            found[place] = {**read_sealed(path), "end": end}
        return found

    def _evaluation(self) -> dict[str, Any]:
        """The group's evaluation; empty if there is none, or if it is of other runs than the present ones."""
        path = Path(self.places.evaluation(self.group.name))
        if not path.is_file():
            return {}
        evaluation = read_sealed(path)
        folders = {run: Path(self.places.run(self.group.name, *run)) for run in self.group.runs}
        return evaluation if is_of(evaluation, folders) else {}

    def _run(self, seed: int, fold: int, facts: Mapping[str, Any], metrics: Mapping[str, Any]) -> TrackedRun:
        path, params = Path(self.places.run(self.group.name, seed, fold)), self._params
        job, job_metrics, start = self._job(seed, fold)
        commit = facts.get("git_commit", "")
        tags = self._tags("run") | {
            "seed": str(seed),
            "fold": str(fold),
            "folder": path.as_posix(),
            "run_key": facts["key"],
            "code_version": facts["code_version"],
            "git_commit": commit or "unknown",
            "protocol_hash": facts["protocol_hash"],
            "data_hash": facts["data_hash"],
            "device": facts["device"],
            **{f"machine.{name}": text for name, text in facts["machine"].items()},
            **{f"reported.{name}": text for name, text in facts["facts"].get("reported", {}).items()},
            **{f"version.{name}": version for name, version in facts["versions"].items()},
            **job,
            **self._sources(),
        }
        values = {
            metric_name(part, name): float("nan") if value is None else value
            for part, of_part in metrics.items()
            for name, value in of_part.items()
        }
        numbers = {  # dev_UA itself is a curve
            f"best_{name}" if name.startswith("dev_") else name: float(number)
            for name, number in facts["facts"].items()
            if isinstance(number, int | float)
        }
        record = Record(
            key=f"{self._key}/seed{seed}/fold{fold}",
            name=f"seed {seed}, fold {fold}, {self._name}",  # columns are narrow: what sets it apart comes first
            params=params,
            tags=tags,
            metrics=values | numbers | job_metrics,
            digest=_digest(facts["seal"], params, tags),
            start=start,
            end=facts["end"],
            finished=True,
            script="workflow_scripts/train.py",
            commit=commit.removesuffix("-dirty"),
        )
        protocol = self.group.protocol
        return TrackedRun(record, path, protocol.labels, protocol.are_classes)

    def _parent(self, runs: Sequence[TrackedRun], evaluation: Mapping[str, Any]) -> Record:
        group, params = self.group, self._params
        row = self.plan.experiments[group.experiment]["rows"][group.row]
        note = joined(
            [
                row["title"],
                "synthetic speech: says nothing about the paper" if self.plan.scale == "demo" else "",
                group.note,
                *evaluation.get("notes", ()),
            ]
        )
        about = described(self.plan, group, "", "", "")
        tags = {
            **self._tags("group"),
            **{name: str(about[name]) for name in ("labels", "subset")},
            "aggregation": group.protocol.aggregation,
            "protocol_hash": group.protocol.digest(group.selection),
            "runs_finished": f"{len(runs)} of {len(group.runs)}",
            **self._claims(),
            **self._sources(),
        }
        results = evaluation.get("results", {})
        # Everything that the pictures show: if the digest changes, they are drawn again.
        shown = json.dumps([[run.record.digest for run in runs], results, evaluation.get("confusion")])
        return Record(
            key=self._key,
            name=self._name,
            params=params,
            tags=tags | {"ser.pictures": _digest(shown, {}, ())},
            metrics=group_metrics(group.protocol, results),
            digest=_digest("", params, tags),
            start=min(run.record.start for run in runs),
            end=max(run.record.end for run in runs),
            finished=bool(evaluation),
            note=note,
        )

    @property
    def _key(self) -> str:
        return f"{self.plan.scale}/{self.group.name}"

    @property
    def _name(self) -> str:
        return self.group.name.partition("/")[2]

    @cached_property
    def _params(self) -> dict[str, str]:
        group = self.group
        return {
            **{name: _text(value) for name, value in group.settings.items()},
            **{f"feature.{name}": _text(spec) for name, spec in group.features.items()},
            **{f"encoder.{name}": encoder for name, encoder in group.encoders.items()},
        }

    def _tags(self, kind: str) -> dict[str, str]:
        group = self.group
        return {
            "kind": kind,  # groups are found by it
            "scale": self.plan.scale,
            "row": group.row,
            "table": group.table or "none",
            "protocol": group.protocol_name,
            "corpus": group.corpus,
            "selection": group.selection,
            "system": group.system,
            "clone": self.clone,
        }

    def _sources(self) -> dict[str, str]:
        """By source, the settings, features and encoders that are from there: a tag for each would be a column for
        each. They are long, and a page shows tags in order, so they come last.
        """
        names: dict[str, list[str]] = {}
        for name, source in self.group.sources.items():
            names.setdefault(f"source.{source}", []).append(name)
        return {source: " ".join(sorted(of_source)) for source, of_source in sorted(names.items())}

    def _job(self, seed: int, fold: int) -> tuple[dict[str, str], dict[str, float], int]:
        """Tags and metrics of the job that made a run, and its start: a job may make many runs."""
        job = self.rule.job.format(group=self.group.name, seed=seed, fold=fold)
        runs = self.rule.runs(self.group, seed, fold)
        benchmark = Path(self.places.benchmark("train", job))
        tags = {
            "snakemake.rule": self.rule.name,
            "job.runs": f"{len(runs)} of seed {seed}" if len(runs) > 1 else "this one",
            "job.log": self.places.log("train", job),
            "job.benchmark": benchmark.as_posix(),
        }
        files = (Path(self.places.metrics(*run)) for run in runs)
        end = max(_mtime(file) for file in files if file.is_file())
        try:
            with benchmark.open(encoding="utf-8", newline="") as file:
                row = next(csv.DictReader(file, delimiter="\t"))
        except (FileNotFoundError, StopIteration):  # the job is still running, or ran elsewhere
            return tags, {}, end
        metrics = {
            name: float(row[column])
            for name, column in (("system/job_seconds", "s"), ("system/job_peak_memory_mb", "max_rss"))
            if row[column] not in ("-", "NA")  # a job that ended before it could be measured
        }
        return tags, metrics, end - round(1000 * float(row["s"]))

    def _claims(self) -> dict[str, str]:
        """What the paper states about this group, under the names of the group's metrics, with its source."""
        group, found = self.group, {}
        claims = self.plan.experiments[group.experiment]["claims"]
        for claim in of_group(claims, group.row, group.protocol_name, group.selection):
            columns, note = claim_columns(claim)
            aggregation = averaging(claim, group.protocol)
            name = f"claim.{group_metric(group.protocol, aggregation, claim.get('part', ''), claim['metric'])}"
            unit = " %" if unit_of(claim["metric"]) == "per cent" else ""
            found[name] = f"{columns['claim']}{unit}" if columns else "none"
            found[f"{name}.source"] = joined([columns.get("claim_source", ""), note])
        return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _digest(content: str, params: Mapping[str, str], tags: Iterable[str]) -> str:
    """16 hex digits. An update can change tags but not remove one, so their names count."""
    return hashlib.sha256(json.dumps([content, params, sorted(tags)], sort_keys=True).encode()).hexdigest()[:16]


def _mtime(path: Path) -> int:
    return round(1000 * path.stat().st_mtime)
