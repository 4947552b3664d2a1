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
from ser.evaluations.differences import Difference
from ser.evaluations.gather import GatheredPart, Kinds, gather
from ser.evaluations.intervals import LEVEL, Interval, Metrics, had_by, mean_over_seeds, mean_values
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
                values = mean_values(metrics_of(split, kind), [[sums]], part.clusters.everyone)
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
        labels = () if kind else split.classes
        of = Difference(metrics_of(split, kind), seeds, minus[kind] if minus else (), part.clusters, labels)
        found |= numbers(of, part.counts)
        for column, gender in () if minus else GENDERS.items():
            if (speakers := part.genders == gender).any():
                for name, value in mean_values(of.metrics, seeds, speakers.astype(np.float64)).items():
                    found[name][column] = value
    return found


def of_each_speaker(split: Split, part: GatheredPart) -> dict[str, np.ndarray]:
    """Metric of the labels -> float64 [speakers]: of each speaker's own utterances in a part, all folds together, the
    mean over seeds; nan where it is undefined, because a speaker lacks a class or does not vary.
    """
    pooled = part.aggregations["pooled"][""]
    return mean_over_seeds(metrics_of(split), pooled, np.eye(len(part.names)))


def metrics_of(split: Split, kind: str = "") -> Metrics:
    """The function from sums to the metrics of a kind (`gather.Kinds`), if not said otherwise those of the labels."""
    if kind:
        return lambda sums: auxiliary_metrics(sums, kind)
    return class_metrics if split.are_classes else lambda sums: attribute_metrics(sums, split.labels)


def numbers(of: Difference, counts: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Metric -> `value, seed_std`, the interval's `ci_low, ci_high, ci_method, n_clusters, ci_df`, `notes` and
    `counts`.

    `value` is the mean over seeds and `seed_std` the standard deviation (n - 1), in the metric's own unit (WA, UA and
    macro_f1 are fractions); nan or None where undefined, and `notes` say why. Of a difference, whose sides have the
    same seeds, they are seed by seed and over the same clusters.
    """
    metrics, clusters, everyone = of.metrics, of.clusters, of.clusters.everyone
    groups = [seeds for seeds in (of.first, of.second) if seeds]
    per_seed = [[mean_values(metrics, [folds], everyone) for folds in group] for group in groups]
    results = {}
    for name, interval in of.intervals.items():
        values = np.array([[value[name] for value in group] for group in per_seed])
        values = values[0] - values[1] if of.second else values[0]
        if np.isnan(values).any():
            notes = [_undefined(name, of)]
        elif interval.reason:
            notes = [interval.reason]
        else:
            notes = [_few(name, of, interval)] if len(clusters) <= FEW and not of.second else []
        results[name] = {
            "value": float(np.mean(values)),
            "seed_std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            **interval.facts,
            **counts,
            "notes": notes,
        }
    return results


def _undefined(name: str, of: Difference) -> str:
    """In which folds, of any seed: a mean is undefined if one of them is."""
    seeds = [*of.first, *of.second]
    values = [[mean_values(of.metrics, [[fold]], of.clusters.everyone)[name] for fold in folds] for folds in seeds]
    where = np.flatnonzero(np.isnan(values).any(axis=0)) + 1
    if lacking := had_by(0, seeds, of.clusters, of.labels):
        return f"{name} is undefined: the test part lacks {lacking}"
    in_folds = f" in fold {listed(where)}" if len(values[0]) > 1 else ""
    return f"{name} is undefined{in_folds}: the test part lacks a class, or does not vary"


def _few(name: str, of: Difference, interval: Interval) -> str:
    """What few clusters have each, and how much wider than with many its t makes the interval."""
    n, clusters = len(of.clusters), of.clusters
    alone = (clusters.of == np.arange(n)[:, None]).astype(np.float64)
    values = mean_over_seeds(of.metrics, of.first, alone)[name]
    each = ", ".join(rounded(value, name) or "undefined" for value in values)
    wider = stdtrit(interval.freedom, 0.5 + LEVEL / 2) / stdtrit(math.inf, 0.5 + LEVEL / 2)
    return f"{n} {clusters.kind}s: {each}; an interval of so few is {wider:.1f} times as wide"
