"""How long jobs take: as measured here where such jobs have run, by unit costs elsewhere.

Every job leaves its duration in work/<scale>/benchmarks/. A run that is left is expected to take as long as the runs of
its group did. Where none has run, it takes as long as other runs of its system did, those with the same settings first,
in proportion to what both are by unit costs (without them, by the audio that they pass); at scale demo, where all
networks and corpora are tiny, as other runs did. Where nothing was measured, ser/plan/costs.py has unit costs from
another machine, and assumptions about GPUs that nobody measured (docs/scaling.md).
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from ser.forecast.jobs import Job, Run
from ser.plan import costs
from ser.plan.code import uses_training_loop
from ser.plan.groups import Group
from ser.plan.places import Places

MEASURED, OTHER, UNIT = "measured here", "other rows measured here", "unit costs"
DEMO, UNKNOWN = "the demo on two cores of another machine", "unknown"
# Seconds of a core at scale demo, with a share of starting (benchmarks/results/demo.json); train: of one run.
_DEMO_SECONDS = {
    "demo_corpus": 2.4,
    "manifest": 0.4,
    "audio": 0.4,
    "demo_encoder": 0.4,
    "features": 1.9,
    "splits": 0.3,
    "train": 0.35,
    "evaluate": 0.3,
    "examples": 3.9,
}
_SECONDS = 5.0  # of a job that reads or writes tables only, on any corpus: most of it is the start of its process
Key = tuple[str, ...]


@dataclass(frozen=True)
class Duration:
    """Expected seconds of one core or, where a GPU does the work, of an A100; None: unknown. `basis`: what says so."""

    core: float | None
    gpu: float | None
    basis: str


class Durations:
    """Of the jobs of a plan; it learns from those that are done (`there`: their outputs) and from the runs that others
    have finished. `shares`: corpus -> its size here, as a share of the size that ser/plan/costs.py knows it by (1 where
    it is not named).
    """

    def __init__(
        self,
        places: Places,
        jobs: Iterable[Job],
        there: Collection[tuple[str, ...]],
        scale: str,
        shares: Mapping[str, float],
    ) -> None:
        self._is_demo, self._shares, self._sizes = scale == "demo", shares, dict[str, float | None]()
        known: dict[Key, list[float]] = defaultdict(list)
        for job in jobs:
            measured = _of_done(places, job) if job.outputs in there else _of_begun(places, job)
            if measured is None:
                continue
            if not job.runs:
                known[self._key(job)].append(measured)
                continue
            known[_own(job)].append(measured)  # of one of its runs
            size = sum(self._size(group) or 0.0 for group, _, _ in job.runs) / len(job.runs)
            for key in self._others(job) if size else ():
                known[key].append(measured / size)
        self._known = {key: median(values) for key, values in known.items()}

    def of(self, job: Job, left: Sequence[tuple[Run, float]] = ()) -> Duration:
        """Of a job, or of the runs of it that are `left`, with the share of each that is."""
        if job.runs:
            return self._of_runs(job, left)
        if self._key(job) in self._known:
            return Duration(self._known[self._key(job)], None, MEASURED)
        if self._is_demo:
            return Duration(_DEMO_SECONDS[job.rule], None, DEMO)
        if job.rule == "features" and costs.feature_cost(job.spec, job.corpus) is None:
            return Duration(None, None, UNKNOWN)
        if job.spec is not None or job.rule == "manifest":
            spec, share = job.spec or {"kind": "audio"}, self._shares.get(job.corpus, 1.0)
            gpu = share * costs.feature_seconds(spec, job.corpus, "A100") if "encoder" in spec else None
            return Duration(_SECONDS + share * costs.feature_seconds(spec, job.corpus, ""), gpu, UNIT)
        return Duration(_SECONDS, None, UNIT)

    def _of_runs(self, job: Job, left: Sequence[tuple[Run, float]]) -> Duration:
        n = sum(share for _, share in left)
        if _own(job) in self._known:
            return Duration(n * self._known[_own(job)], None, MEASURED)
        sizes = [self._size(run[0]) for run, _ in left]
        size = sum(share * (of or 0.0) for (_, share), of in zip(left, sizes, strict=True))
        for key in self._others(job) if all(sizes) else ():
            if key in self._known:
                return Duration(size * self._known[key], None, OTHER)
        if self._is_demo:
            return Duration(n * _DEMO_SECONDS["train"], None, DEMO)
        group = job.runs[0][0]
        if not _has_costs(group) and uses_training_loop(group.system):
            return Duration(None, None, UNKNOWN)
        if not _has_costs(group):
            return Duration(n * _SECONDS, None, UNIT)
        gpu = None
        if costs.takes_gpu(group.system, "auto"):
            on_gpu = [self._of_corpus(of[0], costs.run_seconds(of[0], "A100", is_expected=True)) for of, _ in left]
            gpu = sum(share * of for (_, share), of in zip(left, on_gpu, strict=True))
        return Duration(size, gpu, UNIT)

    def _key(self, job: Job) -> Key:
        """What the duration of a job without runs is filed under: another corpus has another size."""
        return (job.rule,) if self._is_demo or job.rule in ("splits", "evaluate") else (job.rule, job.name)

    def _others(self, job: Job) -> list[Key]:
        """What its seconds for each unit of size are filed under, nearest first."""
        group = job.runs[0][0]
        if self._is_demo:
            return [("system", group.system, group.corpus), ("system", group.system), ("any",)]
        same = [group.settings, group.features, group.encoders]
        return [("settings", group.system, json.dumps(same, sort_keys=True, default=dict)), ("system", group.system)]

    def _size(self, group: Group) -> float | None:
        """What a run is in comparison with others of its system: seconds by unit costs, or of audio; None: unknown."""
        if group.name not in self._sizes:
            whole = None
            if _has_costs(group):
                whole = self._of_corpus(group, costs.run_seconds(group, "", is_expected=True))
            elif uses_training_loop(group.system):
                whole = self._of_corpus(group, costs.audio_passed(group))
            self._sizes[group.name] = 1.0 if self._is_demo else whole
        return self._sizes[group.name]

    def _of_corpus(self, group: Group, whole: float) -> float:
        """The share of a cost that a corpus has here; steps are steps, whatever the corpus."""
        return whole if group.settings.get("steps_per_epoch") else whole * self._shares.get(group.corpus, 1.0)


def _own(job: Job) -> Key:
    return ("train", *sorted({group.name for group, _, _ in job.runs}))


def _has_costs(group: Group) -> bool:
    return costs.run_cost(group) is not None or f"run {group.system}" in costs.unit_costs()


def measured_seconds(places: Places, job: Job) -> float | None:
    """What a finished job took, with its parts, in seconds; None where no file says so."""
    path = Path(places.benchmark(job.rule, job.name))
    files = [path, *(path.parent.glob(f"{path.stem}.*of*.tsv") if job.rule == "features" else ())]
    found = [seconds for file in files if (seconds := _read(file)) is not None]
    return sum(found) if found else None


def _of_done(places: Places, job: Job) -> float | None:
    """The same of a finished job without runs, or of one of its runs."""
    seconds = measured_seconds(places, job)
    return seconds if seconds is None else seconds / (len(job.runs) or 1)


def _of_begun(places: Places, job: Job) -> float | None:
    """What each run took that a job has finished which goes on, or was killed; None unless there are two."""
    if not job.runs or Path(places.benchmark(job.rule, job.name)).is_file():  # written when it ends by itself
        return None
    if not Path(places.log(job.rule, job.name)).is_file():
        return None
    ends = sorted(path.stat().st_mtime for path in map(Path, job.outputs) if path.is_file())
    return median(second - first for first, second in pairwise(ends)) if len(ends) > 1 else None


def _read(file: Path) -> float | None:
    try:
        header, values = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
        return float(dict(zip(header, values, strict=True))["s"])
    except (OSError, ValueError, KeyError):
        return None
