"""A random sample of the runs, trained once more: the same bits on the same kind of machine."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ser.compute.gpu import gpu_ids
from ser.compute.machine import limits
from ser.errors import InputError
from ser.files import ROOT
from ser.plan.groups import Group, Plan
from ser.plan.jobs import train_options
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.places import Places
from ser.runs.predictions import read_predictions
from ser.sealed import read_sealed
from ser.verification.artifacts import Check

# Where the bits are not promised (another kind of machine or other versions; some layers on a GPU): the share of the
# utterances that may be predicted otherwise, or how far attributes may move on average, as a share of their range.
TOLERANCE = 0.1
_KIND = ("device", "machine", "versions", "threads")


@dataclass(frozen=True)
class Rerun:
    """A run and what came of it this time.

    `promised`: whether it has to have the same bits: on a CPU of the same kind, with the same versions and threads.
    `same_bits`: predictions, history, weights and the epochs' scores are the same files. `difference`: as `TOLERANCE`
    counts it.
    """

    run: str
    seconds: float
    promised: bool
    same_bits: bool
    difference: float


class Rerunner:
    """Trains runs of a plan again, in a folder of their own that is removed."""

    def __init__(
        self, plan: Plan, places: Places, origins: Origins, made_from: MadeFrom, compute: Mapping[str, Any]
    ) -> None:
        """`compute`: the block of params.yaml."""
        self._plan, self._places, self._origins, self._made_from = plan, places, origins, made_from
        self._threads, self._environment = compute["threads"], os.environ | limits(compute["cpu"])

    def sample(
        self, number: int, seed: int, progress: Callable[[float], object] | None = None
    ) -> tuple[Check, list[Rerun]]:
        """`number` runs, drawn by `seed` without replacement. `progress` gets the number of runs done."""
        check = Check("runs", f"a sample of the runs trained again (drawn by seed {seed}), compared bit by bit")
        runs = [(group, *run) for group in self._plan.live for run in group.runs if not group.reported]
        drawn = np.random.default_rng(seed).choice(len(runs), min(number, len(runs)), replace=False)
        found = []
        for i in sorted(drawn.tolist()):
            path = self._places.run(runs[i][0].name, *runs[i][1:])
            try:
                if reason := self._cannot(*runs[i]):
                    check.not_checked.append(f"{path}: {reason}")
                else:
                    found.append(again := self._run_again(*runs[i]))
                    check.checked += 1
                    check.problems += _judged(path, again)
            except InputError as error:
                check.problems.append(str(error))
            if progress:
                progress(1)
        check.not_checked += [f"{group.name}: {group.note}" for group in self._plan.live if group.reported]
        if (left := len(runs) - len(drawn)) > 0:
            check.not_checked.append(f"{left} of {len(runs)} runs were not drawn")
        return check, found

    def _cannot(self, group: Group, seed: int, fold: int) -> str:
        facts = read_sealed(Path(self._places.metrics(group.name, seed, fold)))
        return "made on a GPU, and there is none here" if facts["device"] == "cuda" and not gpu_ids() else ""

    def _run_again(self, group: Group, seed: int, fold: int) -> Rerun:
        folder = Path(self._places.run(group.name, seed, fold))
        facts = read_sealed(folder / "metrics.json")
        start = time.monotonic()
        with tempfile.TemporaryDirectory(dir=self._places.work, prefix=".verify-") as other:
            command = [
                *(sys.executable, str(ROOT / "workflow_scripts/train.py")),
                *train_options(
                    group,
                    seed,
                    [fold],
                    device=facts["device"],
                    threads=self._threads,
                    output=other,
                    places=self._places,
                    origins=self._origins,
                    made_from=self._made_from,
                ),
            ]
            done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
            if done.returncode:
                why = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
                raise InputError(f"{folder}: cannot be trained again: {why[0]}")
            again = read_sealed(Path(other, f"fold{fold}/metrics.json"))
            difference = _difference(group, folder, Path(other, f"fold{fold}"))
        return Rerun(
            run=f"{group.name}/seed{seed}/fold{fold}",
            seconds=round(time.monotonic() - start, 1),
            promised=facts["device"] == "cpu" and all(facts.get(key) == again.get(key) for key in _KIND),
            same_bits=facts["sha256"] == again["sha256"],
            difference=difference,
        )


def _difference(group: Group, *folders: Path) -> float:
    labels, are_classes = group.protocol.labels, group.protocol.are_classes
    first, second = (read_predictions(folder / "predictions.csv", labels, are_classes) for folder in folders)
    if are_classes:
        return float(np.mean(first.predicted != second.predicted))
    low, high = group.protocol.scale or (0, 1)
    return float(np.mean(np.abs(first.predicted - second.predicted)) / (high - low))


def _judged(path: str, again: Rerun) -> list[str]:
    if again.same_bits:
        return []
    if not again.promised:
        if again.difference <= TOLERANCE:
            return []
        return [f"{path}: {100 * again.difference:.1f} % of its predictions differ when it is trained again"]
    return [f"{path}: other bits when it is trained again ({100 * again.difference:.1f} % of its predictions differ)"]
