"""The difference of two rows, or of one row under two rules: its interval, and whether it could be chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic

import numpy as np

from ser.evaluations.intervals import Clusters, Interval, Metrics, Seeds, intervals, mean_values
from ser.evaluations.swaps import MOST_EXACT, Name, exchanged, exchanges, p_values, t_p_values

MOST_WITHOUT_TEST = 5  # clusters: no p of exchanges is below 2 / 2^5
FEWEST_SEEDS = 5  # with fewer, t rejects too often (benchmarks/coverage.py)


@dataclass(frozen=True)
class Difference:
    """`first` minus `second`: the same folds of the same seeds, or of one seed that stands for all. Without a `second`
    it is `first` itself. `labels` are the classes, in the order of the confusion matrices; none for other sums.
    """

    metrics: Metrics
    first: Seeds
    second: Seeds
    clusters: Clusters
    labels: tuple[str, ...] = ()

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Metric -> interval of the difference."""
        return intervals(self.metrics, self.first, self.clusters, self.second, self.labels)

    @property
    def n_seeds(self) -> int:
        """How many seeds it is over."""
        return max(len(self.first), len(self.second))

    @cached_property
    def values(self) -> tuple[dict[str, float], ...]:
        """Metric -> value, of each side."""
        sides = (seeds for seeds in (self.first, self.second) if seeds)
        return tuple(mean_values(self.metrics, seeds, self.clusters.everyone) for seeds in sides)


@dataclass(frozen=True)
class Tests(Generic[Name]):
    """Of differences over the same clusters: `p` is metric -> difference -> p, alone and over the family, which all of
    them are. `test` says which test it is, `none` why a difference has none.
    """

    test: str
    p: Mapping[str, Mapping[Name, tuple[float, float]]]
    none: Mapping[Name, str]

    @classmethod
    def of(cls, differences: Mapping[Name, Difference]) -> "Tests[Name]":
        """Exchanges of whole clusters; where seeds are crossed with them, t. A metric that is undefined has none."""
        clusters = next((of.clusters for of in differences.values()), None)
        if clusters is None:
            return cls("", {}, {})
        n, kind = len(clusters), f"{clusters.kind}s"
        if clusters.is_crossed:
            few = {
                name: f"no test: {of.n_seeds} of at least {FEWEST_SEEDS} seeds"
                for name, of in differences.items()
                if of.n_seeds < FEWEST_SEEDS
            }
            return cls("t", _by_t({name: of for name, of in differences.items() if name not in few}), few)
        if n <= MOST_WITHOUT_TEST:
            reason = f"no test: exchanges of {n} {kind} have no p below {2 / 2**n:.2g}"
            return cls("", {}, dict.fromkeys(differences, reason))
        swaps = exchanges(n)
        number = f"all {len(swaps)}" if n <= MOST_EXACT else str(len(swaps))
        return cls(f"{number} exchanges of {kind}", _by_exchanges(differences, swaps), {})

    def columns(self, metric: str, name: Name) -> dict[str, Any]:
        """`test, p, family, p_family` of a difference; empty where there is no test."""
        if name not in self.p.get(metric, {}):
            return {}
        alone, together = self.p[metric][name]
        texts = (f"{p:.4f}" if p >= 0.0001 else "< 0.0001" for p in (alone, together))
        return {"test": self.test, "family": len(self.p[metric]), **dict(zip(("p", "p_family"), texts, strict=True))}


def _by_exchanges(
    differences: Mapping[Name, Difference], swaps: np.ndarray
) -> dict[str, dict[Name, tuple[float, float]]]:
    found: dict[str, dict[Name, np.ndarray]] = {}
    for name, of in differences.items():
        for metric, values in exchanged(of.metrics, of.first, of.second, of.clusters, swaps).items():
            if of.intervals[metric].error is not None:
                found.setdefault(metric, {})[name] = values
    return {metric: p_values(of_metric) for metric, of_metric in found.items()}


def _by_t(differences: Mapping[Name, Difference]) -> dict[str, dict[Name, tuple[float, float]]]:
    found: dict[str, dict[Name, tuple[float, float, float]]] = {}
    for name, of in differences.items():
        for metric, interval in of.intervals.items():
            if interval.error is not None and interval.freedom is not None:
                difference = of.values[0][metric] - of.values[1][metric]
                found.setdefault(metric, {})[name] = difference, interval.error, interval.freedom
    return {metric: t_p_values(of_metric) for metric, of_metric in found.items()}
