"""Evaluation: from the predictions of all runs of a group to its numbers over folds and seeds, with intervals."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ser.compute.machine import mixture
from ser.errors import listed
from ser.evaluations.gather import GatheredPart, Kinds, gather
from ser.evaluations.intervals import LEVEL, Clusters, Metrics, Sums, intervals, mean_over_seeds
from ser.evaluations.metrics import attribute_metrics, auxiliary_metrics, class_metrics
from ser.evaluations.names import rounded
from ser.files import sha256_of
from ser.splits.split import Split

GENDERS = {"women": "female", "men": "male"}  # key of a number -> as manifests have it
FEW = 5  # clusters: each one's own number is noted


def evaluate(
    splits: Sequence[Split], folders: Sequence[Path], made_from: Mapping[int, str] | None = None, partial: bool = False
) -> dict[str, Any]:
    """The numbers of a group: `results[part][aggregation][metric]` (see `numbers`) and what they rest on.

    `splits`: the one for all seeds, or each seed's. A part is an official one that the protocol reports, or "":
    everything tested. `folders` hold the group's runs. `runs` has each run's metrics per part and the SHA-256 of its
    files; `confusion[part]` each seed's matrix of the labels over all folds, rows the reference, and is empty for
    attributes; `dev` has metrics of what chose the epoch, as means over runs; `notes` are the split's, and say where a
    system trains on the dev part, too, and which runs were made on different kinds of machine. `partial`: the numbers
    are over the folds that every seed has.

    Raises InputError as `gather.gather` does, which explains `made_from`.
    """
    gathered = gather(splits, folders, made_from, partial)
    split = splits[0]
    results, confusion = {}, {}
    runs: list[dict[str, Any]] = [
        {"seed": seed, "fold": fold, "sha256": sha256, "metrics": {}}
        for (seed, fold), sha256 in gathered.sha256.items()
    ]
    for name, part in gathered.parts.items():
        results[name] = {
            aggregation: part_numbers(split, part, kinds) for aggregation, kinds in part.aggregations.items()
        }
        for kind, seeds in part.sums.items():
            for run, sums in zip(runs, (fold for folds in seeds for fold in folds), strict=True):
                values = mean_values(metrics_of(split, kind), [[sums]], part.clusters)
                run["metrics"].setdefault(name, {}).update(values)
        if split.are_classes:
            pooled = [folds[0].values.sum(axis=0) for folds in part.aggregations["pooled"][""]]
            confusion[name] = {str(s): m.astype(np.int64) for s, m in zip(gathered.seeds, pooled, strict=True)}
    return {
        "protocol_hash": split.protocol_hash,
        "data_hash": data_hash(splits),
        "selection": split.selection,
        "corpus": split.corpus,
        "labels": split.labels,
        **gathered.facts,
        "trained_by": gathered.facts["code_version"],
        "results": results,
        "runs": runs,
        "confusion": confusion,
        "dev": gathered.dev,
        "leaks": split.leaks,
        "notes": [
            *split.notes,
            *(["trains on the dev part too: it has nothing to choose"] if gathered.trains_on_dev else []),
            *mixture({"seed {} fold {}".format(*run): of for run, of in gathered.machines.items()}),
        ],
    }


def data_hash(splits: Sequence[Split]) -> str:
    """The hash of the utterances, audio, targets and parts of a group's splits, 16 hex digits."""
    hashes = [split.data_hash for split in splits]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256(" ".join(hashes).encode()).hexdigest()[:16]


def is_of(evaluation: Mapping[str, Any], folders: Mapping[tuple[int, int], Path]) -> bool:
    """Whether an evaluation was made from exactly the runs in `folders`: (seed, fold) -> a run's folder."""
    rests_on = {(run["seed"], run["fold"]): run.get("sha256") for run in evaluation["runs"]}
    return (
        rests_on.keys() == folders.keys()
        and all(rests_on.values())
        and all(
            (path := folders[run] / name).is_file() and sha256_of(path) == sha256
            for run, files in rests_on.items()
            for name, sha256 in files.items()
        )
    )


def part_numbers(split: Split, part: GatheredPart, kinds: Kinds, minus: Kinds | None = None) -> dict[str, Any]:
    """Metric -> `numbers` of each of `kinds`, which are a part's in one of its aggregations; with `minus`, the same of
    another group, of the difference.
    """
    found: dict[str, Any] = {}
    for kind, seeds in kinds.items():
        other = minus[kind] if minus else ()
        metrics = metrics_of(split, kind)
        found |= numbers(metrics, seeds, part.clusters, part.counts, other)
        for column, gender in () if minus else GENDERS.items():
            values = of_gender(metrics, seeds, part.genders == gender)
            for name, value in values.items():
                found[name][column] = value
    return found


def of_gender(metrics: Metrics, seeds: Sequence[Sequence[Sums]], speakers: np.ndarray) -> dict[str, float]:
    """Metric -> its mean over seeds and folds, of some speakers, bool [speakers]; nothing if there are none."""
    if not speakers.any():
        return {}
    found = mean_over_seeds(metrics, seeds, speakers[None].astype(np.float64))
    return {name: float(value[0]) for name, value in found.items()}


def metrics_of(split: Split, kind: str = "") -> Metrics:
    """The function from sums to the metrics of a kind (`gather.Kinds`), if not said otherwise those of the labels."""
    if kind:
        return lambda sums: auxiliary_metrics(sums, kind)
    return class_metrics if split.are_classes else lambda sums: attribute_metrics(sums, split.labels)


def numbers(
    metrics: Metrics,
    seeds: Sequence[Sequence[Sums]],
    clusters: Clusters,
    counts: Mapping[str, int],
    minus: Sequence[Sequence[Sums]] = (),
) -> dict[str, dict[str, Any]]:
    """Metric -> `value, seed_std`, the interval's `ci_low, ci_high, ci_method, n_clusters, ci_df`, `notes` and
    `counts`; `seeds` holds each seed's folds.

    `value` is the mean over seeds and `seed_std` the standard deviation (n - 1), in the metric's own unit (WA, UA and
    macro_f1 are fractions); nan or None where undefined, and `notes` say why. With `minus`, the same seeds and folds
    of another group, they are those of the difference, seed by seed and over the same clusters.
    """
    groups = [seeds, minus] if minus else [seeds]
    per_seed = [[mean_values(metrics, [folds], clusters) for folds in group] for group in groups]
    per_fold = [[mean_values(metrics, [[fold]], clusters) for fold in group[0]] for group in groups]
    results = {}
    for name, interval in intervals(metrics, seeds, clusters, minus).items():
        values = np.array([[value[name] for value in group] for group in per_seed])
        values = values[0] - values[1] if minus else values[0]
        undefined: np.ndarray = np.any(np.isnan([[value[name] for value in group] for group in per_fold]), axis=0)
        if undefined.any():
            where = f" in fold {listed(np.flatnonzero(undefined) + 1)}" if len(undefined) > 1 else ""
            notes = [f"{name} is undefined{where}: the test part lacks a class, or does not vary"]
        elif interval.reason:
            notes = [interval.reason]
        else:
            notes = [_few(metrics, name, seeds, clusters)] if len(clusters) <= FEW and not minus else []
        results[name] = {
            "value": float(np.mean(values)),
            "seed_std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            **interval.facts,
            **counts,
            "notes": notes,
        }
    return results


def _few(metrics: Metrics, name: str, seeds: Sequence[Sequence[Sums]], clusters: Clusters) -> str:
    """What few clusters have each, and how much wider than with many the interval is for it."""
    alone = (clusters.of == np.arange(len(clusters))[:, None]).astype(np.float64)
    each = ", ".join(rounded(value, name) or "undefined" for value in mean_over_seeds(metrics, seeds, alone)[name])
    wider = stdtrit(len(clusters) - 1, 0.5 + LEVEL / 2) / stdtrit(math.inf, 0.5 + LEVEL / 2)
    return f"{len(clusters)} {clusters.kind}s: {each}; an interval of so few is {wider:.1f} times as wide"


def mean_values(metrics: Metrics, seeds: Sequence[Sequence[Sums]], clusters: Clusters) -> dict[str, float]:
    """Metric -> its mean over seeds and their folds."""
    return {name: float(v[0]) for name, v in mean_over_seeds(metrics, seeds, np.ones((1, len(clusters.of)))).items()}
