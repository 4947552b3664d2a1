"""The runs of a group and their predictions, read and checked against the split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.files import sha256_of
from ser.runs.predictions import Predictions, read_predictions
from ser.sealed import read_sealed
from ser.splits.split import Split, of_seed

# What all runs of a group have in common.
OF_THE_GROUP = (
    "system",
    "settings",
    "features",
    "encoders",
    "code_version",
    "trained_on",
    "device",
    "threads",
    "versions",
)


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, what its metrics.json says, and the SHA-256 of that file and of the predictions that
    it wrote.
    """

    folder: Path
    facts: dict[str, Any]
    sha256: dict[str, str]

    @property
    def fold(self) -> int:
        """Counted from 1."""
        return int(self.facts["fold"])


def read_runs(
    splits: Sequence[Split], folders: Sequence[Path], made_from: Mapping[int, str] | None, partial: bool
) -> tuple[dict[tuple[int, int], Run], dict[str, Any]]:
    """(seed, fold) -> run, for every fold of every seed (`partial`: at least one); the facts of the first run."""
    split = splits[0]
    runs: dict[tuple[int, int], Run] = {}
    first: dict[str, Any] = {}
    wrong: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        path = folder / "metrics.json"
        if partial and not path.is_file():
            continue
        facts = _read_facts(path)
        is_planned = made_from is None or facts.get("made_from") == made_from.get(facts["seed"])
        if partial and not is_planned:
            continue
        first = first or facts
        expected = {key: first.get(key) for key in OF_THE_GROUP}
        expected |= {"protocol_hash": split.protocol_hash, "data_hash": of_seed(splits, facts["seed"]).data_hash}
        for key in (key for key, value in expected.items() if facts.get(key) != value):
            wrong[f"different {key}"].append(folder)
        run = facts["seed"], facts["fold"]
        if not is_planned:
            wrong["made from other settings, code or recordings than planned"].append(folder)
        if not 1 <= run[1] <= split.n_folds:
            wrong[f"seed {run[0]} fold {run[1]} is not a fold of the split"].append(folder)
        if run in runs:
            wrong[f"seed {run[0]} fold {run[1]} given twice"].append(folder)
        sha256 = {"metrics.json": sha256_of(path), "predictions.csv": facts["sha256"]["predictions.csv"]}
        runs[run] = Run(folder, facts, sha256)
    if wrong:
        what = "; ".join(f"{reason}: {listed(of_reason)}" for reason, of_reason in wrong.items())
        raise InputError(f"runs that do not belong to this split and group: {what}: make them again, or leave them out")
    seeds = sorted({seed for seed, _ in runs})
    wanted = [(seed, fold) for seed in seeds for fold in range(1, split.n_folds + 1)]
    missing = [f"seed {seed} fold {fold}" for seed, fold in wanted if (seed, fold) not in runs]
    common = set.intersection(*({f for s, f in runs if s == seed} for seed in seeds)) if seeds else set()
    if not common or (missing and not partial):
        raise InputError(f"runs missing: {listed(missing) or 'all'}: make them, or leave their seed out")
    return runs, first


def predictions_of(split: Split, run: Run) -> Predictions:
    """One run's predictions, checked to be what the run wrote, of exactly what the fold scores."""
    path, rows = run.folder / "predictions.csv", split.scored(run.fold)
    if path.is_file() and sha256_of(path) != run.sha256["predictions.csv"]:
        raise InputError(f"{path}: not what the run wrote (SHA-256 in metrics.json): remove {run.folder}, build again")
    found = read_predictions(path, split.labels, split.are_classes)
    same = found.utterances == tuple(split.utterances[row] for row in rows)
    if not same or not np.allclose(found.targets, split.targets[rows], rtol=1e-6):
        raise InputError(f"{path}: not the test utterances and targets of fold {run.fold}: make the run again")
    return found


def _read_facts(path: Path) -> dict[str, Any]:
    facts = read_sealed(path)
    try:
        if not isinstance(facts["seed"], int) or not isinstance(facts["fold"], int):
            raise ValueError("seed and fold must be integers")
        if not isinstance(facts["sha256"]["predictions.csv"], str):
            raise ValueError("no SHA-256 of the predictions")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a run's metrics ({error!r}): make the run again") from None
    return facts
