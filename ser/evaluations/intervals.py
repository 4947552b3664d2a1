"""Intervals: how much a number would change with other speakers, and with other seeds.

Utterances of a speaker are not independent, and where a fold tests a session, neither are its speakers. So whole
clusters are left out, one at a time (the delete-one jackknife: Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapter 11), and the interval is the value ± t(clusters - 1) times the standard error. With ten speakers the
percentile bootstrap is too narrow (benchmarks/coverage.py).

All metrics are functions of sums over utterances: leaving a cluster out is a product of weights and speakers' sums.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ser.errors import listed
from ser.evaluations.names import bounds_of

LEVEL = 0.95
FEWEST_CLUSTERS = 3
_BATCH = 4_000_000  # weights held at a time

Metrics = Callable[[np.ndarray], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Sums:
    """One fold's test part: `speakers` int64 [s], indices into all speakers, each once; `values` float64 [s, ...],
    what the metrics are computed from (confusion matrices or moments), summed over each speaker's utterances.
    """

    speakers: np.ndarray
    values: np.ndarray

    @classmethod
    def merged(cls, parts: Sequence["Sums"]) -> "Sums":
        """All parts as one: the pooled test part of several folds."""
        speakers, index = np.unique(np.concatenate([part.speakers for part in parts]), return_inverse=True)
        values = np.zeros((len(speakers), *parts[0].values.shape[1:]))
        np.add.at(values, index, np.concatenate([part.values for part in parts]))
        return cls(speakers, values)


Seeds = Sequence[Sequence[Sums]]  # each seed's folds


@dataclass(frozen=True)
class Clusters:
    """What is independent of each other: `of` int64 [speakers], the cluster of each, counted from 0; `kind` is speaker
    or session. `is_crossed`: a model tests several of them, so that seeds are a second factor.
    """

    of: np.ndarray
    kind: str
    is_crossed: bool

    def __len__(self) -> int:
        return int(self.of.max()) + 1

    @property
    def everyone(self) -> np.ndarray:
        """The weights of the speakers, float64 [speakers], with none left out."""
        return np.ones(len(self.of))

    @property
    def without_one(self) -> Iterator[np.ndarray]:
        """The weights of the speakers, float64 [r, speakers], with one cluster left out in each row."""
        size = max(1, _BATCH // len(self.of))
        for start in range(0, len(self), size):
            left_out = np.arange(start, min(start + size, len(self)))
            yield (self.of != left_out[:, None]).astype(np.float64)


@dataclass(frozen=True)
class Interval:
    """The limits at 95 %, or None for both and the reason; how they were computed, from how many clusters, with which
    standard error and degrees of freedom.
    """

    low: float | None = None
    high: float | None = None
    method: str = ""
    n_clusters: int = 0
    error: float | None = None
    freedom: float | None = None
    reason: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """As evaluations have it."""
        return {
            "ci_low": self.low,
            "ci_high": self.high,
            "ci_method": self.method,
            "n_clusters": self.n_clusters,
            "ci_df": self.freedom,
        }


def mean_over_folds(metrics: Metrics, folds: Sequence[Sums], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> [r], its mean over folds where speaker s counts `weights[r, s]` times.

    A fold counts by the share of its speakers that are there, so that in leave-one-speaker-out a speaker who is left
    out takes the fold along, and weights of 1 give the plain mean. A mean is nan if the metric is nan in a fold that
    counts.
    """
    total = np.zeros(len(weights))
    means: dict[str, np.ndarray] = {}
    for fold in folds:
        drawn = weights[:, fold.speakers]
        share = drawn.mean(axis=1)
        total += share
        sums = (drawn @ fold.values.reshape(len(fold.speakers), -1)).reshape(-1, *fold.values.shape[1:])
        for name, value in metrics(sums).items():
            means[name] = means.get(name, 0) + np.where(share > 0, share * value, 0)
    return {name: mean / total for name, mean in means.items()}


def mean_over_seeds(metrics: Metrics, seeds: Seeds, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> [r], the mean of `mean_over_folds` of each seed's folds."""
    values = [mean_over_folds(metrics, folds, weights) for folds in seeds]
    return {name: np.mean([value[name] for value in values], axis=0) for name in values[0]}


def mean_values(metrics: Metrics, seeds: Seeds, weights: np.ndarray) -> dict[str, float]:
    """Metric -> its mean over seeds and their folds, where speaker s counts `weights[s]` times."""
    return {name: float(value[0]) for name, value in mean_over_seeds(metrics, seeds, weights[None]).items()}


def intervals(
    metrics: Metrics, seeds: Seeds, clusters: Clusters, minus: Seeds = (), labels: Sequence[str] = ()
) -> dict[str, Interval]:
    """Metric -> interval of its mean over folds and seeds; `seeds` holds each seed's folds (one, where pooled).

    Where seeds are crossed with the clusters and there are several, their variance is added, seed_std² / seeds, and the
    degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946). With `minus` it is the interval of the
    difference, over the same clusters and seed by seed. Otherwise limits are values that the metric can take.

    There is none with fewer than three clusters, or where the metric is undefined without one of them; the reason says
    for which of the classes `labels`.
    """
    values = _by_seed(metrics, seeds, minus, clusters.everyone[None])
    if len(clusters) < FEWEST_CLUSTERS:
        reason = f"no interval: {len(clusters)} {clusters.kind}s"
        return dict.fromkeys(values, Interval(n_clusters=len(clusters), reason=reason))
    batches = [_by_seed(metrics, seeds, minus, weights) for weights in clusters.without_one]
    found = {}
    for name, of_seeds in values.items():
        without = np.concatenate([batch[name].mean(axis=0) for batch in batches])
        if np.isnan(without).any():
            alone = had_by(1, [*seeds, *minus], clusters, labels)
            reason = f"no interval: {name} is undefined without one of the {len(clusters)} {clusters.kind}s"
            reason += f": only one has {alone}" if alone else ""
            found[name] = Interval(n_clusters=len(clusters), reason=reason)
            continue
        limits = (-math.inf, math.inf) if minus else bounds_of(name)
        found[name] = _t_interval(of_seeds[:, 0], without, clusters, limits)
    return found


def had_by(number: int, seeds: Seeds, clusters: Clusters, labels: Sequence[str]) -> str:
    """`sad in fold 2, 5; calm in fold 2`: which of the classes `labels` so few of a fold's clusters have, if it has
    more; no folds are named where there is one.
    """
    found: dict[str, set[int]] = {}
    for folds in seeds if labels else ():
        for place, fold in enumerate(folds, 1):
            of = clusters.of[fold.speakers]
            for label, has in zip(labels, (fold.values.sum(axis=2) > 0).T, strict=True):
                if len(set(of[has])) == number < len(set(of)):
                    found.setdefault(label, set()).add(place)
    if all(len(folds) == 1 for folds in seeds):
        return ", ".join(found)
    return "; ".join(f"{label} in fold {listed(sorted(places))}" for label, places in found.items())


def _by_seed(metrics: Metrics, seeds: Seeds, minus: Seeds, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> [seeds, r], minus that of `minus` if it is given: seed by seed, or its one seed from all."""
    sides = [[mean_over_folds(metrics, folds, weights) for folds in side] for side in (seeds, minus) if side]
    found = {}
    for name in sides[0][0]:
        first, *second = (np.array([values[name] for values in side]) for side in sides)
        found[name] = first - second[0] if second else first
    return found


def _t_interval(of_seeds: np.ndarray, without: np.ndarray, clusters: Clusters, limits: tuple[float, float]) -> Interval:
    """Of the mean of `of_seeds` [S], which is `without` [G] each of the clusters."""
    n, n_seeds = len(without), len(of_seeds)
    variances, freedoms = [(n - 1) / n * np.sum((without - without.mean()) ** 2)], [n - 1]
    method = f"jackknife over {clusters.kind}s"
    if clusters.is_crossed and n_seeds > 1:
        variances.append(np.var(of_seeds, ddof=1) / n_seeds)
        freedoms.append(n_seeds - 1)
        method += " and seeds"
    variance = sum(variances)
    shares = sum(part**2 / freedom for part, freedom in zip(variances, freedoms, strict=True))
    freedom = float(variance**2 / shares) if shares else float(n - 1)
    value, error = float(of_seeds.mean()), math.sqrt(variance)
    width = float(stdtrit(freedom, 0.5 + LEVEL / 2)) * error
    return Interval(max(value - width, limits[0]), min(value + width, limits[1]), method, n, error, freedom)
