"""Populations of speakers and seeds whose true values are known, and studies drawn from them (coverage.py)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ser.evaluations.intervals import Clusters, Metrics, Sums, mean_over_seeds
from ser.evaluations.metrics import attribute_metrics, class_metrics, moments

CLASSES = 4
LUCK = 0.2  # of a model, in logits: about 4 points
POPULATION = 400_000
STUDIES_OF_TRUTH = 8000
Generator = np.random.Generator


@dataclass(frozen=True)
class Study:
    """One simulated evaluation: each seed's folds, and what is independent in it."""

    seeds: list[list[Sums]]
    clusters: Clusters


@dataclass(frozen=True)
class Situation:
    """Where studies come from: the metric, its true value, and how one is drawn."""

    title: str
    metric: str
    metrics: Metrics
    truth: float
    draw: Callable[[Generator], Study]


def situations() -> Iterator[Situation]:
    """Those of the protocols."""
    for n_speakers in (4, 10, 24):
        for metric in ("WA", "UA"):
            title = f"{n_speakers} speakers, one left out at a time: {metric}"
            yield Situation(title, metric, class_metrics, _true_recall(0.0), _left_out(n_speakers, 1, 0.0))
    for n_speakers, n_folds in ((24, 6), (91, 5)):
        title = f"{n_speakers} speakers in {n_folds} folds, 5 seeds: UA"
        yield Situation(title, "UA", class_metrics, _true_recall(LUCK), _in_folds(n_speakers, n_folds, 5))
    title = "5 sessions of two speakers: UA"
    yield Situation(title, "UA", class_metrics, _true_recall(0.6), _left_out(5, 2, 0.6))
    yield Situation(
        "10 speakers, the network trained again in each fold: WA", "WA", class_metrics, _true_retrained(), _retrained
    )
    for n_seeds in (1, 2, 5):
        title = f"60 speakers of an official part, {n_seeds} seed{'s' * (n_seeds > 1)}: CCC"
        metrics = lambda sums: attribute_metrics(sums, ("arousal",))  # noqa: E731
        yield Situation(title, "ccc_arousal", metrics, _true_ccc(), _official(60, n_seeds))


def _recalls(generator: Generator, sessions: int, speakers: int, session_spread: float) -> np.ndarray:
    """[sessions * speakers, classes]."""
    return _recall(_logits(generator, sessions, speakers, session_spread))


def _recall(logits: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-logits))
    return found


def _logits(generator: Generator, sessions: int, speakers: int, session_spread: float) -> np.ndarray:
    """[sessions * speakers, classes]: speakers are better or worse, in all classes and in each."""
    of_session = np.repeat(generator.normal(0, session_spread, (sessions, 1)), speakers, axis=0)
    of_speaker = generator.normal(0, 0.5, (sessions * speakers, 1))
    of_class = generator.normal(0, 0.6, (sessions * speakers, CLASSES))
    found: np.ndarray = 0.8 + of_session + of_speaker + of_class
    return found


def _confusions(generator: Generator, recalls: np.ndarray) -> np.ndarray:
    """float64 [speakers, K, K], of 5 to 25 utterances of each class."""
    n = generator.integers(5, 26, recalls.shape)
    right = generator.binomial(n, recalls)
    found = np.zeros((*recalls.shape, CLASSES))
    found[..., np.arange(CLASSES), np.arange(CLASSES)] = right
    found[..., np.arange(CLASSES), (np.arange(CLASSES) + 1) % CLASSES] += n - right
    return found


def _true_recall(session_spread: float) -> float:
    """WA and UA of all speakers that there could be: numbers of utterances do not depend on them."""
    return float(_recalls(np.random.default_rng(0), POPULATION, 1, session_spread).mean())


def _left_out(sessions: int, speakers: int, session_spread: float) -> Callable[[Generator], Study]:
    n = sessions * speakers
    clusters = Clusters(np.arange(n) // speakers, "session" if speakers > 1 else "speaker", False)

    def draw(generator: Generator) -> Study:
        found = _confusions(generator, _recalls(generator, sessions, speakers, session_spread))
        return Study([[Sums(np.arange(n), found)]], clusters)

    return draw


def _in_folds(n_speakers: int, n_folds: int, n_seeds: int) -> Callable[[Generator], Study]:
    """Each model tests all speakers of a fold, for whom it is better or worse than others."""
    clusters = Clusters(np.arange(n_speakers), "speaker", True)
    fold = np.arange(n_speakers) % n_folds

    def draw(generator: Generator) -> Study:
        own = _logits(generator, n_speakers, 1, 0.0)
        seeds = []
        for _ in range(n_seeds):
            luck = generator.normal(0, LUCK, (n_folds, 1))[fold]
            found = _confusions(generator, _recall(own + luck))
            seeds.append([Sums(np.arange(n_speakers), found)])
        return Study(seeds, clusters)

    return draw


def _retrained(generator: Generator, n_speakers: int = 10, n: int = 60) -> Study:
    """Nearest class mean, of the other speakers' utterances, in 8 dimensions; speakers shift and differ by class."""
    targets = np.tile(np.arange(CLASSES), (n_speakers, n // CLASSES))
    centres = np.eye(CLASSES, 8) * 2.2
    shifts = generator.normal(0, 0.7, (n_speakers, 1, 8)) + generator.normal(0, 0.7, (n_speakers, CLASSES, 8))
    features = (centres + shifts)[np.arange(n_speakers)[:, None], targets] + generator.normal(size=(n_speakers, n, 8))
    sums = np.stack([features[:, targets[0] == k].sum(axis=1) for k in range(CLASSES)], axis=1)
    means = (sums.sum(axis=0) - sums) / ((n_speakers - 1) * n / CLASSES)  # of all but one speaker
    distances = ((features[:, :, None] - means[:, None]) ** 2).sum(axis=-1)
    cells = np.ravel_multi_index(
        (np.arange(n_speakers)[:, None], targets, distances.argmin(axis=-1)), (n_speakers, CLASSES, CLASSES)
    )
    found = np.bincount(cells.ravel(), minlength=n_speakers * CLASSES**2).reshape(n_speakers, CLASSES, CLASSES)
    folds = [Sums(np.array([speaker]), found[[speaker]].astype(np.float64)) for speaker in range(n_speakers)]
    return Study([[Sums.merged(folds)]], Clusters(np.arange(n_speakers), "speaker", False))


def _true_retrained() -> float:
    """What a network has on average that was trained on nine speakers."""
    generator, whole = np.random.default_rng(0), np.ones((1, 10))
    studies = (_retrained(generator).seeds for _ in range(STUDIES_OF_TRUTH))
    return float(np.mean([mean_over_seeds(class_metrics, seeds, whole)["WA"] for seeds in studies]))


SLOPE, SLOPE_SPREAD, BIAS_SPREAD = 0.6, 0.06, 0.12  # of seeds
OF_SPEAKER, OF_BOTH, NOISE = 0.35, 0.15, 0.5


def _official(n_speakers: int, n_seeds: int, n: int = 40) -> Callable[[Generator], Study]:
    """Predictions y = slope x + bias + what a speaker, and a speaker under a seed, adds; x is standard normal."""

    def draw(generator: Generator) -> Study:
        middles = generator.normal(0, 0.5, (n_speakers, 1))
        x = middles + generator.normal(0, math.sqrt(0.75), (n_speakers, n))
        of_speaker = generator.normal(0, OF_SPEAKER, (n_speakers, 1))
        seeds = []
        for _ in range(n_seeds):
            slope, bias = generator.normal(SLOPE, SLOPE_SPREAD), generator.normal(0, BIAS_SPREAD)
            of_both = generator.normal(0, OF_BOTH, (n_speakers, 1))
            y = slope * x + bias + of_speaker + of_both + generator.normal(0, NOISE, x.shape)
            seeds.append([Sums(np.arange(n_speakers), moments(x, y)[:, None])])
        return Study(seeds, Clusters(np.arange(n_speakers), "speaker", True))

    return draw


def _true_ccc() -> float:
    """The mean over all seeds of the CCC over all speakers."""
    generator = np.random.default_rng(0)
    slope, bias = generator.normal(SLOPE, SLOPE_SPREAD, POPULATION), generator.normal(0, BIAS_SPREAD, POPULATION)
    variance = slope**2 + OF_SPEAKER**2 + OF_BOTH**2 + NOISE**2
    return float(np.mean(2 * slope / (1 + variance + bias**2)))


def rows_alike(generator: Generator, n_speakers: int, n_rows: int, n_seeds: int = 1) -> list[list[list[Sums]]]:
    """Rows that are alike: speakers are easy or hard for all, and each row has its own strengths. With several seeds a
    model tests all speakers, and is better or worse than the next.
    """
    shared = generator.normal(0.8, 0.6, (n_speakers, 1))
    rows = []
    for _ in range(n_rows):
        own = generator.normal(0, 0.4, (n_speakers, 1)) + generator.normal(0, 0.4, (n_speakers, CLASSES))
        seeds = []
        for _ in range(n_seeds):
            luck = generator.normal(0, LUCK, 1) if n_seeds > 1 else 0
            seeds.append([Sums(np.arange(n_speakers), _confusions(generator, _recall(shared + own + luck)))])
        rows.append(seeds)
    return rows
