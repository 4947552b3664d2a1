"""Behind each group of runs, what the page shows of it: the same as `ser trace`, once for all of a group's numbers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ser.evaluations.names import metric_names, rounded
from ser.forecast.durations import measured_seconds
from ser.forecast.jobs import Job, training_jobs
from ser.plan.groups import Group, Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import Places
from ser.verification.artifacts import Artifact, open_artifact
from ser.verification.chain import chain_of, runs_behind
from ser.verification.trace import SETTINGS, chosen_by, sections_behind

GONE = "Made from these as well, which are no longer here"
_DIGITS = 12  # of a hash


def provenance(plan: Plan, places: Places, made_from: MadeFrom) -> dict[str, dict[str, Any]]:
    """Group -> what is behind its numbers, as texts; of one that is not computed only what was planned.

    `aggregation`: the protocol's own averaging; `chosen_by`: official part -> what chose the epoch; `settings`: name,
    value, source of each; `sections`: heading and lines; `runs`: seed, fold, epoch, hash of the predictions, and
    metric -> value by official part; `jobs`: what made them, and in what time. Raises InputError for
    artifacts that are not as they were written.
    """
    opener = _Opener(made_from)
    jobs: dict[str, list[Job]] = {}
    for job in training_jobs(plan, places):
        for name in job.groups:
            jobs.setdefault(name, []).append(job)
    return {group.name: _of(plan, group, places, opener, jobs.get(group.name, [])) for group in plan.groups}


def _of(plan: Plan, group: Group, places: Places, opener: "_Opener", jobs: list[Job]) -> dict[str, Any]:
    experiment = plan.experiments[group.experiment]
    found: dict[str, Any] = {
        "title": experiment["rows"][group.row]["title"],
        "paper": experiment["title"],
        "reference": experiment.get("reference", ""),
        "skipped": group.skipped,
        "aggregation": group.protocol.aggregation,
        "chosen_by": {part: chosen_by(group, part) for part in group.protocol.reported},
        "settings": [[name, str(value), group.sources.get(name, "unknown")] for name, value in group.settings.items()],
    }
    if group.skipped:
        return found
    chain = list(chain_of(Path(places.evaluation(group.name)), opener.open))
    sections = sections_behind(group, chain, group.protocol.reported)
    here = {str(artifact.path) for artifact in chain}
    gone = sorted({path for artifact in chain for path in artifact.inputs} - here)
    if gone:
        sections.append((GONE, gone))
    return found | {
        "evaluation": [places.evaluation(group.name), chain[0].seal[:_DIGITS]],
        "sections": [section for section in sections if section[0] != SETTINGS],
        "runs": [
            [run.seed, run.fold, run.epoch, run.epochs, run.sha256[:_DIGITS], _shown(group, run.metrics)]
            for run in runs_behind(chain)
        ],
        "folder": f"{places.work}/runs/{group.name}",
        "jobs": list(_jobs(places, jobs)),
    }


def _shown(group: Group, metrics: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, str]]:
    """A run's metrics as the table prints them."""
    names = metric_names(group.protocol, group.auxiliary)
    return {part: {name: rounded(of[name], name) for name in names if name in of} for part, of in metrics.items()}


def _jobs(places: Places, jobs: list[Job]) -> Iterator[str]:
    for job in jobs:
        seconds = measured_seconds(places, job)
        runs = f"{len(job.runs)} runs" if len(job.runs) > 1 else "one run"
        yield f"{job.title}: {runs}, " + ("duration unknown here" if seconds is None else f"{seconds:.1f} s")


class _Opener:
    """Opens artifacts, each once, as many groups rest on the same; a checkpoint from outside is not read again."""

    def __init__(self, made_from: MadeFrom) -> None:
        self._orders = made_from.orders()
        self._known: dict[Path, Artifact] = {}

    def open(self, path: Path) -> Artifact | None:
        """`open_artifact`; None for what is gone, as only finished jobs have read it: features and what is below."""
        if not path.exists():
            return None
        if path not in self._known:
            digest = self._orders[str(path)].made_from if path.is_dir() and str(path) in self._orders else ""
            self._known[path] = Artifact(path, {}, digest, digest, "", {}) if digest else open_artifact(path)
        return self._known[path]
