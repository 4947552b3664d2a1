"""Tests of a difference between two rows by exchanging them, cluster by cluster, and over a family of differences.

If it did not matter which of two rows a cluster's predictions are from, each exchange of whole clusters would have been
as likely as what was observed. p is the share of exchanges whose difference is at least as large (Fisher's exact test
by randomisation); with up to 12 clusters all are tried. Over a family, exchanges are shared and the largest difference
counts, each in units of its own spread: Westfall and Young's max-T (Resampling-Based Multiple Testing, 1993).
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from scipy.special import stdtr

from ser.evaluations.intervals import Clusters, Metrics, Seeds, Sums

MOST_EXACT = 12  # clusters: 4,096 exchanges
DRAWN = 10_000
Name = TypeVar("Name", bound=Hashable)
_SEED = 0
_EQUAL = 1e-12  # differences of sums that are equal may differ in their last digits


def exchanges(n_clusters: int) -> np.ndarray:
    """float64 [r, clusters]: 1 where a cluster is exchanged. The first row exchanges none; all others if that is few,
    else `DRAWN` in total.
    """
    if n_clusters <= MOST_EXACT:
        return (np.arange(2**n_clusters)[:, None] >> np.arange(n_clusters) & 1).astype(np.float64)
    drawn = np.random.default_rng(_SEED).integers(2, size=(DRAWN, n_clusters)).astype(np.float64)
    drawn[0] = 0
    return drawn


def exchanged(
    metrics: Metrics, first: Seeds, second: Seeds, clusters: Clusters, swaps: np.ndarray
) -> dict[str, np.ndarray]:
    """Metric -> [r], `first` minus `second` with the clusters of each row of `swaps` [r, clusters] exchanged.

    Both hold the same folds of the same seeds; one that has a single seed is taken for each seed of the other.
    """
    n_seeds = max(len(first), len(second))
    pairs = [(first[i % len(first)], second[i % len(second)]) for i in range(n_seeds)]
    weights = swaps[:, clusters.of]
    total: dict[str, np.ndarray] = {}
    for one, other in pairs:
        sides = [_mean_of_mixed(metrics, one, other, share) for share in (1 - weights, weights)]
        for name in sides[0]:
            total[name] = total.get(name, 0) + (sides[0][name] - sides[1][name]) / n_seeds
    return total


def p_values(differences: Mapping[Name, np.ndarray]) -> dict[Name, tuple[float, float]]:
    """Comparison -> its p, alone and over all of them; `differences` [r] are those of the same exchanges, the first of
    which exchanges nothing.
    """
    names = list(differences)
    found = np.abs(np.array([differences[name] for name in names]))  # [comparisons, r]
    spread = np.sqrt(np.mean(found**2, axis=1, keepdims=True))
    found = np.divide(found, spread, out=np.zeros_like(found), where=spread > _EQUAL)
    alone = np.mean(found >= found[:, :1] - _EQUAL, axis=1)
    largest = found.max(axis=0)
    together = [np.mean(largest >= own - _EQUAL) for own in found[:, 0]]
    return {name: (float(p), float(q)) for name, p, q in zip(names, alone, together, strict=True)}


def t_p_values(differences: Mapping[Name, tuple[float, float, float]]) -> dict[Name, tuple[float, float]]:
    """Comparison -> its p, alone and over all of them, from the difference, its standard error and degrees of freedom.

    For models that test several clusters, which cannot be exchanged without the seeds. Over the family it is Holm's
    (Scandinavian Journal of Statistics 6, 1979), and no difference has more degrees of freedom there than the harmonic
    mean of all: each is a rough estimate, and the smallest of many p is that of the boldest (benchmarks/coverage.py).
    """
    shared = len(differences) / sum(1 / freedom for _, _, freedom in differences.values())
    alone, pooled = {}, {}
    for name, (difference, error, freedom) in differences.items():
        alone[name] = _t_p(difference, error, freedom)
        pooled[name] = _t_p(difference, error, min(freedom, shared))
    found, least = {}, 0.0
    for rank, name in enumerate(sorted(pooled, key=lambda name: pooled[name])):
        least = max(least, min(1.0, pooled[name] * (len(pooled) - rank)))
        found[name] = alone[name], least
    return found


def _t_p(difference: float, error: float, freedom: float) -> float:
    """Of both sides. Where nothing varies, a difference is certain."""
    return float(2 * stdtr(freedom, -abs(difference) / error)) if error > _EQUAL else float(abs(difference) <= _EQUAL)


def _mean_of_mixed(
    metrics: Metrics, first: Sequence[Sums], second: Sequence[Sums], share: np.ndarray
) -> dict[str, np.ndarray]:
    """Metric -> [r], its mean over folds where speaker s is `share[r, s]` from `first`, and the rest from `second`."""
    means: dict[str, np.ndarray] = {}
    for one, other in zip(first, second, strict=True):
        if not np.array_equal(one.speakers, other.speakers):
            raise ValueError("folds that test different speakers")
        of_first = share[:, one.speakers]
        shape = (len(one.speakers), -1)
        sums = of_first @ one.values.reshape(shape) + (1 - of_first) @ other.values.reshape(shape)
        for name, value in metrics(sums.reshape(-1, *one.values.shape[1:])).items():
            means[name] = means.get(name, 0) + value / len(first)
    return means
