"""Evaluation: from the predictions of all runs of a group to its numbers over folds and seeds, with intervals."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.metrics import attribute_metrics, class_metrics, moments
from ser.predictions import read_predictions
from ser.protocol import Protocol
from ser.splits import PARTS, UNKNOWN, Split
from ser.statistics import Metrics, Sums, mean_over_folds, speaker_intervals

# What all runs of a group have in common.
OF_THE_GROUP = (
    "system",
    "settings",
    "features",
    "encoders",
    "code_version",
    "device",
    "threads",
    "versions",
)


def evaluate(split: Split, folders: Sequence[Path], partial: bool = False) -> dict[str, Any]:
    """The numbers of a group: `results[aggregation][metric]` and what they rest on; `folders` hold its runs.

    `value` is the mean over seeds and `seed_std` the standard deviation (n - 1), in the metric's own unit (WA, UA and
    macro_f1 are fractions); nan or None where undefined, and `notes` say why. `confusion` is each seed's over all
    folds, rows the reference; empty for attributes. `partial`: the numbers are over the folds that every seed has.

    Raises InputError for a run that is missing (without `partial`: any; with it: all folds of one seed), given twice,
    or of another split or group.
    """
    runs, facts = _read_runs(split, folders, partial)
    seeds = sorted({seed for seed, _ in runs})
    numbers = [fold for fold in range(1, split.protocol.n_folds + 1) if all((seed, fold) in runs for seed in seeds)]
    n_speakers, speakers = _speakers(split, numbers)
    sums = {(seed, fold): _sums(split, fold, runs[seed, fold], speakers) for seed in seeds for fold in numbers}
    per_fold = [[sums[seed, fold] for fold in numbers] for seed in seeds]
    pooled = [[Sums.merged(folds)] for folds in per_fold]
    metrics = _metrics(split.protocol)
    tested = np.flatnonzero(_is_tested(split, numbers))
    counts = {
        "n_seeds": len(seeds),
        "n_folds": len(numbers),
        "n_utterances": len(tested),
        "n_speakers": len({split.speakers[row] for row in tested} - set(UNKNOWN)),
    }
    return {
        "protocol_hash": split.protocol_hash,
        "data_hash": split.data_hash,
        "selection": split.selection,
        "corpus": split.protocol.corpus,
        "labels": split.protocol.labels,
        **{key: facts.get(key) for key in OF_THE_GROUP},
        "results": {
            "fold_mean": _results(metrics, per_fold, n_speakers, counts),
            "pooled": _results(metrics, pooled, n_speakers, counts),
        },
        "runs": [
            {"seed": seed, "fold": fold, "metrics": _values(metrics, [sums[seed, fold]], n_speakers)}
            for seed in seeds
            for fold in numbers
        ],
        "confusion": {
            str(seed): folds[0].values.sum(axis=0).astype(np.int64)
            for seed, folds in zip(seeds, pooled, strict=True)
            if split.protocol.classes
        },
        "leaks": split.leaks,
        "notes": split.notes,
    }


def _results(
    metrics: Metrics, seeds: Sequence[Sequence[Sums]], n_speakers: int, counts: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """Metric -> its value, spread and interval; `seeds` holds each seed's folds."""
    per_seed = [_values(metrics, folds, n_speakers) for folds in seeds]
    per_fold = [_values(metrics, [fold], n_speakers) for fold in seeds[0]]
    results = {}
    for name, interval in speaker_intervals(metrics, seeds, n_speakers).items():
        values = [value[name] for value in per_seed]
        notes = [interval.reason] if interval.reason else []
        if undefined := [number for number, value in enumerate(per_fold, 1) if np.isnan(value[name])]:
            where = f" in fold {listed(undefined)}" if len(per_fold) > 1 else ""
            notes = [f"{name} is undefined{where}: the test part lacks a class, or does not vary"]
        results[name] = {
            "value": float(np.mean(values)),
            "seed_std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            "ci_low": interval.low,
            "ci_high": interval.high,
            **counts,
            "notes": notes,
        }
    return results


def _values(metrics: Metrics, folds: Sequence[Sums], n_speakers: int) -> dict[str, float]:
    return {name: float(v[0]) for name, v in mean_over_folds(metrics, folds, np.ones((1, n_speakers))).items()}


def _metrics(protocol: Protocol) -> Metrics:
    return class_metrics if protocol.classes else lambda sums: attribute_metrics(sums, protocol.targets)


def _is_tested(split: Split, folds: Sequence[int]) -> np.ndarray:
    columns = [fold - 1 for fold in folds]
    return (split.parts[:, columns] == PARTS.index("test")).any(axis=1)


def _speakers(split: Split, folds: Sequence[int]) -> tuple[int, np.ndarray]:
    """How many speakers there are to resample, and int64 [n] each utterance's (-1 for those that are not tested).

    Unknown speakers are told apart by their session: one podcast's unknown voice is not another's.
    """
    names = [
        f"{speaker}/{session}" if speaker in UNKNOWN else speaker
        for speaker, session in zip(split.speakers, split.sessions, strict=True)
    ]
    tested = sorted({names[row] for row in np.flatnonzero(_is_tested(split, folds))})
    index = {name: i for i, name in enumerate(tested)}
    return len(tested), np.array([index.get(name, -1) for name in names])


def _sums(split: Split, fold: int, folder: Path, speakers: np.ndarray) -> Sums:
    """Per-speaker sums of one run's predictions, which are checked against the split."""
    protocol, rows, path = split.protocol, split.rows(fold, "test"), folder / "predictions.csv"
    found = read_predictions(path, protocol.labels, are_classes=bool(protocol.classes))
    same = found.utterances == tuple(split.utterances[row] for row in rows)
    if not same or not np.allclose(found.targets, split.targets[rows], rtol=1e-6):
        raise InputError(f"{path}: not the test utterances and targets of fold {fold}: make the run again")
    drawn, index = np.unique(speakers[rows], return_inverse=True)
    if protocol.classes:
        n = len(protocol.labels)
        cells = np.ravel_multi_index((index, found.targets, found.predicted), (len(drawn), n, n))
        return Sums(drawn, np.bincount(cells, minlength=len(drawn) * n * n).reshape(-1, n, n))
    middle = np.mean(protocol.scale)  # one constant for all folds, see `moments`
    each = moments((found.targets - middle)[..., None], (found.predicted - middle)[..., None])
    values = np.zeros((len(drawn), *each.shape[1:]))
    np.add.at(values, index, each)
    return Sums(drawn, values)


def _read_runs(
    split: Split, folders: Sequence[Path], partial: bool
) -> tuple[dict[tuple[int, int], Path], dict[str, Any]]:
    """(seed, fold) -> folder, for every fold of every seed (`partial`: at least one); the facts of the first run."""
    runs: dict[tuple[int, int], Path] = {}
    first: dict[str, Any] = {}
    wrong: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        facts = _read_facts(folder / "metrics.json")
        first = first or facts
        expected = {key: first.get(key) for key in OF_THE_GROUP}
        expected |= {"protocol_hash": split.protocol_hash, "data_hash": split.data_hash}
        for key in (key for key, value in expected.items() if facts.get(key) != value):
            wrong[f"of another {key}"].append(folder)
        run = facts["seed"], facts["fold"]
        if not 1 <= run[1] <= split.protocol.n_folds:
            wrong[f"seed {run[0]} fold {run[1]} is not a fold of the split"].append(folder)
        if run in runs:
            wrong[f"seed {run[0]} fold {run[1]} again"].append(folder)
        runs[run] = folder
    if wrong:
        what = "; ".join(f"{reason}: {listed(of_reason)}" for reason, of_reason in wrong.items())
        raise InputError(f"runs that do not belong to this split and group: {what}: make them again, or leave them out")
    seeds = sorted({seed for seed, _ in runs})
    wanted = [(seed, fold) for seed in seeds for fold in range(1, split.protocol.n_folds + 1)]
    missing = [f"seed {seed} fold {fold}" for seed, fold in wanted if (seed, fold) not in runs]
    common = set.intersection(*({f for s, f in runs if s == seed} for seed in seeds)) if seeds else set()
    if not common or (missing and not partial):
        raise InputError(f"runs missing: {listed(missing) or 'all'}: make them, or leave their seed out")
    return runs, first


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts["seed"], int) or not isinstance(facts["fold"], int):
            raise ValueError("seed and fold must be integers")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: the run is not finished") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a run's metrics ({error!r}): make the run again") from None
    return facts
