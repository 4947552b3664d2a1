"""What of a plan is done, failed and left, from the files in work/ alone, and how long the rest will take."""

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ser.compute.failures import own_error
from ser.compute.gpu import gpu_ids
from ser.errors import InputError, did_you_mean
from ser.forecast.durations import UNKNOWN, Duration, Durations
from ser.forecast.jobs import Job, jobs_of
from ser.forecast.unfinished import done_share
from ser.plan.groups import Group, Plan
from ser.plan.load import Params
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.places import Places
from ser.plan.sizes import corpus_size

STATES = ("done", "outdated", "failed", "begun", "planned")  # of a run; begun: running, or interrupted


@dataclass
class Line:
    """What is said of a row, a corpus or an experiment: runs by state, and what those that are left take.

    `core` are seconds of one core of all that is left, `gpu` seconds of an A100 of the part of it that a GPU does.
    `bases` counts jobs by what says how long they take, UNKNOWN among them; `training`: the same of those that train.
    """

    runs: Counter[str] = field(default_factory=Counter)
    core: float = 0.0
    gpu: float = 0.0
    core_without_gpu: float = 0.0
    bases: Counter[str] = field(default_factory=Counter)
    training: Counter[str] = field(default_factory=Counter)

    @property
    def unknown(self) -> int:
        """Jobs whose duration nothing says."""
        return self.bases[UNKNOWN]

    def add(self, duration: Duration, trains: bool, n: float = 1.0) -> None:
        """Count a share `n` of a job."""
        self.bases[duration.basis] += 1
        if trains:
            self.training[duration.basis] += 1
        if duration.core is None:
            return
        self.core += n * duration.core
        self.gpu += n * (duration.gpu or 0.0)
        self.core_without_gpu += n * duration.core if duration.gpu is None else 0.0

    def seconds(self, cores: int, gpus: int) -> float:
        """Of a machine that is kept busy."""
        if gpus:
            return max(self.core_without_gpu / cores, self.gpu / gpus)
        return self.core / cores

    def left(self, cores: int, gpus: int) -> str:
        """The same in words; "" if nothing is left. What reads and writes tables says nothing of what trains."""
        if self.unknown and {*self.training} <= {UNKNOWN}:
            return UNKNOWN
        about = duration_text(self.seconds(cores, gpus)) if self.core else ""
        return f"at least {about}" if self.unknown else about


@dataclass(frozen=True)
class Status:
    """`lines`: key, by what was asked for, -> line; `total`: of them all; `failures`: job, reason and log;
    `skipped`: reason -> names of groups.
    """

    scale: str
    lines: Mapping[tuple[str, ...], Line]
    total: Line
    failures: list[tuple[str, str, str]]
    skipped: Mapping[str, list[Group]]
    cores: int
    gpus: int


def status(
    params: Params,
    plan: Plan,
    chosen: Collection[Group],
    keys: Callable[[Group], tuple[str, ...]],
    is_estimate: bool = False,
) -> Status:
    """Of those groups of a plan that are `chosen`, whose lines are named by `keys`. `is_estimate`: of all of them, also
    those that are skipped here, as if nothing were done.
    """
    places, origins = Places.of(plan.scale), Origins(params, is_job=True)
    counted = plan  # as a whole: which runs share a job, and what is learned from others, does not depend on the choice
    if is_estimate:
        counted = replace(plan, groups=tuple(replace(group, skipped="") for group in plan.groups))
    jobs = jobs_of(counted, places, origins)
    there = {job.outputs for job in jobs if job.is_there}
    made_from = MadeFrom(plan, params, origins)
    shares = {corpus: _share(corpus, places, params) for corpus in {group.corpus for group in plan.groups}}
    durations = Durations(places, jobs, there, plan.scale, shares)
    names = {group.name: keys(group) for group in chosen if is_estimate or not group.skipped}
    lines = {key: Line() for key in names.values()}
    total, failures, needed = Line(), list[tuple[str, str, str]](), set[str]()
    for job in (job for job in jobs if job.runs):
        error, begun = _said(places, job)
        left = []
        for run in (run for run in job.runs if run[0].name in names):
            state = "planned" if is_estimate else _state(run, places, made_from, error, begun)
            for line in (total, lines[names[run[0].name]]):
                line.runs[state] += 1
            if state != "done":
                left.append((run, 1.0 if is_estimate or state == "outdated" else 1.0 - done_share(places, job, run)))
        if left:
            needed |= {run[0].name for run, _ in left}
            duration = durations.of(job, left)
            total.add(duration, trains=True)
            for key, n in Counter(names[run[0].name] for run, _ in left).items():
                lines[key].add(duration, True, n / len(left))
        if error and left and not is_estimate:
            failures.append((job.title, error, places.log(job.rule, job.name)))
    for job in (job for job in jobs if not job.runs):
        of = sorted(job.groups & (needed if job.rule != "evaluate" else {*names}))
        if not of or (job.outputs in there and not is_estimate):
            continue
        duration = durations.of(job)
        total.add(duration, trains=False)
        for key, n in Counter(names[name] for name in of).items():
            lines[key].add(duration, False, n / len(of))
        if not is_estimate and (error := _said(places, job)[0]):
            failures.append((job.title, error, places.log(job.rule, job.name)))
    skipped: dict[str, list[Group]] = {}
    for group in chosen:
        if group.skipped:
            skipped.setdefault(group.skipped, []).append(group)
    cores = len(os.sched_getaffinity(0))
    return Status(plan.scale, lines, total, failures, skipped, cores, len(gpu_ids()))


def choose(plan: Plan, **wanted: str | None) -> list[Group]:
    """Those groups of a plan that have the wanted experiment, row, corpus. Raises InputError if none has."""
    found = list(plan.groups)
    for what, name in wanted.items():
        known = sorted({getattr(group, what) for group in found})
        if name is not None and name not in known:
            raise InputError(f"--{what} {name}: nothing at scale {plan.scale} has it: {did_you_mean(name, known)}")
        found = [group for group in found if name in (None, getattr(group, what))]
    return found


def _state(run: tuple[Group, int, int], places: Places, made_from: MadeFrom, error: str, begun: bool) -> str:
    group, seed, fold = run
    try:
        facts = json.loads(Path(places.metrics(group.name, seed, fold)).read_text(encoding="utf-8"))
        return "done" if facts["made_from"] == made_from.runs(group, seed).made_from else "outdated"
    except FileNotFoundError:
        return "failed" if error else "begun" if begun else "planned"
    except (OSError, ValueError, KeyError, TypeError):
        return "outdated"


def _said(places: Places, job: Job) -> tuple[str, bool]:
    """The error that a job's log, or that of one of its parts, ends with; and whether it has a log."""
    path = Path(places.log(job.rule, job.name))
    logs = [path, *(path.parent.glob(f"{path.stem}.*of*.log") if job.rule == "features" else ())]
    return next(filter(None, (own_error(str(log)) for log in logs)), ""), any(log.is_file() for log in logs)


def _share(corpus: str, places: Places, params: Params) -> float:
    """How large a corpus is here, as a share of the size that its loader, or for one's own costs.py, names."""
    n, seconds = corpus_size(corpus)
    try:
        report = json.loads(Path(places.manifest(corpus, ".json")).read_text(encoding="utf-8"))
        return float(report["seconds"]) / (n * seconds)
    except (OSError, ValueError, KeyError, TypeError):
        manifest = Path(params["corpora"].get(corpus, {}).get("manifest", ""))
    if manifest.suffix != ".csv" or not manifest.is_file():
        return 1.0
    with manifest.open("rb") as file:
        return max(1, sum(1 for _ in file) - 1) / n


def duration_text(seconds: float) -> str:
    """About how long, in words."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{int(seconds < 10 * size)}f} {unit}"
    return f"{seconds:.0f} s"


def rests_on(line: Line) -> str:
    """What an estimate rests on, in words."""
    return ", ".join(f"{n} jobs: {basis}" for basis, n in line.bases.most_common())
