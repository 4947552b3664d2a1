"""How long jobs take: as measured here where jobs of the same kind have run, by unit costs elsewhere.

Every job leaves its duration in work/<scale>/benchmarks/. A run that is left is expected to take as long as the runs of
its group did, or else of its system on its corpus; at scale demo, where all networks and corpora are tiny, of its
system, or any. Where nothing was measured, ser/plan/costs.py has unit costs from another machine, and assumptions
about GPUs that nobody measured (docs/scaling.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ser.forecast.jobs import Job
from ser.plan import costs
from ser.plan.code import uses_training_loop
from ser.plan.groups import Group
from ser.plan.places import Places

MEASURED, UNIT, DEMO, UNKNOWN = "measured here", "unit costs", "the demo on two cores of another machine", "unknown"
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
}
_SECONDS = 5.0  # of a job that reads or writes tables only, on any corpus: most of it is the start of its process


@dataclass(frozen=True)
class Duration:
    """Expected seconds of one core or, where a GPU does the work, of an A100; None: unknown. `basis`: what says so."""

    core: float | None
    gpu: float | None
    basis: str


def measured_seconds(places: Places, job: Job) -> float | None:
    """What a finished job took, with its parts; None where no file says so."""
    path = Path(places.benchmark(job.rule, job.name))
    files = [path, *(path.parent.glob(f"{path.stem}.*of*.tsv") if job.rule == "features" else ())]
    found = [seconds for file in files if (seconds := _read(file)) is not None]
    return sum(found) if found else None


class Durations:
    """Of the jobs of a plan; `done` are those whose outputs are there, from which it learns. `shares`: corpus -> its
    size here, as a share of the size that ser/plan/costs.py knows it by (1 where it is not named).
    """

    def __init__(self, places: Places, done: Iterable[Job], scale: str, shares: Mapping[str, float]) -> None:
        self._is_demo, self._shares = scale == "demo", shares
        known: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for job in done:
            seconds = measured_seconds(places, job)
            if seconds is None:
                continue
            for key in self._keys(job):
                known[key].append(seconds / (len(job.runs) or 1))
        self._known = {key: median(values) for key, values in known.items()}

    def of(self, job: Job, runs: Sequence[tuple[Group, int, int]] | None = None) -> Duration:
        """Of a job, or of those `runs` of it that are left."""
        n = len(job.runs if runs is None else runs) or 1
        for key in self._keys(job):
            if key in self._known:
                return Duration(n * self._known[key], None, MEASURED)
        if self._is_demo:
            return Duration(n * _DEMO_SECONDS[job.rule], None, DEMO)
        if job.runs:
            return _of_runs(job.runs[0][0], n, self._shares.get(job.corpus, 1.0))
        if job.rule == "features" and costs.feature_cost(job.spec, job.corpus) is None:
            return Duration(None, None, UNKNOWN)
        if job.spec is not None or job.rule == "manifest":
            spec, share = job.spec or {"kind": "audio"}, self._shares.get(job.corpus, 1.0)
            gpu = share * costs.feature_seconds(spec, job.corpus, "A100") if "encoder" in spec else None
            return Duration(_SECONDS + share * costs.feature_seconds(spec, job.corpus, ""), gpu, UNIT)
        return Duration(_SECONDS, None, UNIT)

    def _keys(self, job: Job) -> list[tuple[str, ...]]:
        """What its duration is filed under, nearest first."""
        if not job.runs:
            # another corpus has another size, and another encoder other costs
            return [(job.rule,)] if self._is_demo or job.rule in ("splits", "evaluate") else [(job.rule, job.name)]
        groups = {group.name for group, _, _ in job.runs}
        group = job.runs[0][0]
        own = [("train", *sorted(groups))]
        of_system = [("train", group.system, group.corpus)]
        return [*own, *of_system, *([("train", group.system), ("train",)] if self._is_demo else [])]


def _of_runs(group: Group, n: int, share: float) -> Duration:
    has_costs = costs.run_cost(group) is not None or f"run {group.system}" in costs.unit_costs()
    if not has_costs and uses_training_loop(group.system):
        return Duration(None, None, UNKNOWN)
    if not has_costs:
        return Duration(n * _SECONDS, None, UNIT)
    size = n if group.settings.get("steps_per_epoch") else n * share  # steps are steps, whatever the corpus
    gpu = costs.run_seconds(group, "A100", is_expected=True) if costs.takes_gpu(group.system, "auto") else None
    core = costs.run_seconds(group, "", is_expected=True)
    return Duration(size * core, None if gpu is None else size * gpu, UNIT)


def _read(file: Path) -> float | None:
    try:
        header, values = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
        return float(dict(zip(header, values, strict=True))["s"])
    except (OSError, ValueError, KeyError):
        return None
