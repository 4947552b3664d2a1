"""Intervals: how much a number would change with other speakers.

Utterances of a speaker are not independent, so speakers are resampled, not utterances (percentile bootstrap). All
metrics are functions of sums over utterances, so a resample is a product of speaker counts and per-speaker sums:
`scipy.stats.bootstrap` would gather them again for each resample, after a second's import.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
FEWEST_SPEAKERS = 3
MOST_UNDEFINED = 0.05  # of the resamples: above it, those that remain are not a fair sample
_SEED = 0
_BATCH = 4_000_000  # speaker counts held at a time

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


@dataclass(frozen=True)
class Interval:
    """The middle 95 % of the resampled values, or None for both limits and the reason."""

    low: float | None = None
    high: float | None = None
    reason: str = ""


def mean_over_folds(metrics: Metrics, folds: Sequence[Sums], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> [r], its mean over folds where speaker s counts `weights[r, s]` times.

    A fold counts by the share of its speakers that were drawn, so that in leave-one-speaker-out a speaker drawn
    twice is two folds, and weights of 1 give the plain mean. A mean is nan if the metric is nan in a fold that counts.
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


def speaker_intervals(
    metrics: Metrics, seeds: Sequence[Sequence[Sums]], n_speakers: int, minus: Sequence[Sequence[Sums]] = ()
) -> dict[str, Interval]:
    """Metric -> interval of its mean over folds and seeds; `seeds` holds each seed's folds (one, where pooled).

    The same speakers are drawn for all seeds, and for those of `minus`, whose mean is subtracted where given. With
    fewer than three speakers, or where too many resamples lack a class, there is no interval.
    """
    names = mean_over_folds(metrics, seeds[0], np.ones((1, n_speakers)))
    if n_speakers < FEWEST_SPEAKERS:
        return dict.fromkeys(names, Interval(reason=f"no interval: {n_speakers} speakers"))
    batches = []
    for weights in _resamples(n_speakers):
        values = mean_over_seeds(metrics, seeds, weights)
        if minus:
            other = mean_over_seeds(metrics, minus, weights)
            values = {name: value - other[name] for name, value in values.items()}
        batches.append(values)
    return {name: _percentiles(np.concatenate([batch[name] for batch in batches])) for name in names}


def mean_over_seeds(metrics: Metrics, seeds: Sequence[Sequence[Sums]], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> [r], the mean of `mean_over_folds` of each seed's folds."""
    values = [mean_over_folds(metrics, folds, weights) for folds in seeds]
    return {name: np.mean([value[name] for value in values], axis=0) for name in values[0]}


def _percentiles(values: np.ndarray) -> Interval:
    undefined = int(np.isnan(values).sum())
    if undefined > MOST_UNDEFINED * len(values):
        return Interval(reason=f"no interval: undefined in {undefined} of {len(values)} resamples of the speakers")
    low, high = np.nanpercentile(values, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(float(low), float(high))


def _resamples(n_speakers: int) -> Iterator[np.ndarray]:
    """How often each speaker is drawn, float64 [r, n_speakers], `RESAMPLES` rows in total."""
    generator = np.random.default_rng(_SEED)
    size = max(1, _BATCH // n_speakers)
    for start in range(0, RESAMPLES, size):
        rows = min(size, RESAMPLES - start)
        drawn = generator.integers(n_speakers, size=(rows, n_speakers)) + n_speakers * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n_speakers).reshape(rows, -1).astype(np.float64)
