"""The predictions of a group's runs, summed per speaker, fold and reported part."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ser.evaluations.intervals import Clusters, Seeds, Sums
from ser.evaluations.loading import OF_THE_GROUP, Run, predictions_of, read_runs
from ser.evaluations.metrics import moments
from ser.evaluations.names import AVERAGE
from ser.evaluations.speakers import Speakers
from ser.runs.auxiliary import Auxiliary
from ser.runs.predictions import Predictions
from ser.splits.split import Split, of_seed

# The folds of each seed, by what is predicted: "" is the labels, another the name of what is classified besides.
Kinds = Mapping[str, Seeds]


@dataclass(frozen=True)
class GatheredPart:
    """One reported part: `sums` over speakers, the `clusters` of these, their `genders` and `names`.

    `counts` are `n_seeds, n_folds, n_utterances, n_speakers`, the last only of speakers that the corpus names.
    """

    sums: Kinds
    clusters: Clusters
    genders: np.ndarray
    names: tuple[str, ...]
    counts: dict[str, int]

    @property
    def aggregations(self) -> dict[str, Kinds]:
        """Aggregation -> each seed's folds; `pooled` has one, of all utterances together."""
        pooled = {kind: [[Sums.merged(folds)] for folds in seeds] for kind, seeds in self.sums.items()}
        return {"fold_mean": self.sums, "pooled": pooled}


@dataclass(frozen=True)
class Gathered:
    """The runs of a group: the `folds` (counted from 1) that each of `seeds` has, and what all runs share (`facts`).

    `dev`: metric -> its mean over the runs on what chose the epoch, where a metric of the labels is known of it.
    `sha256`: (seed, fold) -> the digests of the run's metrics.json and predictions.csv; `machines`: (seed, fold) -> the
    kind of machine that made it (compute/machine.py).
    """

    seeds: list[int]
    folds: list[int]
    facts: dict[str, Any]
    sha256: dict[tuple[int, int], dict[str, str]]
    machines: dict[tuple[int, int], dict[str, str]]
    dev: dict[str, float]
    parts: dict[str, GatheredPart]  # in the order of `Split.reported`

    @property
    def trains_on_dev(self) -> bool:
        """Whether the runs' system chooses nothing and trained on the dev part as well."""
        return "dev" in (self.facts["trained_on"] or ())


# The split, a run and its predictions -> those to put in their place.
Instead = Callable[[Split, Run, Predictions], Predictions]
# The same, several times: what is read for one of them is there for the others.
Variants = Callable[[Split, Run, Predictions], Sequence[Predictions]]


@dataclass(frozen=True)
class Loaded:
    """The runs of a group with what they predicted: (seed, fold) -> run, predictions, for the `folds` that each of
    `seeds` has; `facts` are those of the first run.
    """

    splits: Sequence[Split]
    seeds: list[int]
    folds: list[int]
    runs: Mapping[tuple[int, int], Run]
    predictions: Mapping[tuple[int, int], Predictions]
    facts: dict[str, Any]

    def gathered(self) -> Gathered:
        """Summed per speaker, fold and reported part."""
        return self._gathered(self.predictions)

    def instead(self, instead: Instead) -> Gathered:
        """The same of one other prediction of each utterance, as `variants` has several."""
        return self.variants(lambda *of_run: [instead(*of_run)])[0]

    def variants(self, variants: Variants) -> list[Gathered]:
        """The same of other predictions of the same utterances, such as those of other epochs; they are of the labels
        only.
        """
        of_runs = {
            run: [replace(one, auxiliary=None) for one in variants(self._of(run[0]), self.runs[run], found)]
            for run, found in self.predictions.items()
        }
        return [
            self._gathered(dict(zip(of_runs, of_variant, strict=True)))
            for of_variant in zip(*of_runs.values(), strict=True)
        ]

    def _of(self, seed: int) -> Split:
        return of_seed(self.splits, seed)

    @cached_property
    def _parts(self) -> dict[str, tuple[Speakers, int, dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]]]:
        """Part -> its speakers, how many utterances it has, and of each run the places of these in the predictions and
        the speaker of each.
        """
        found = {}
        for part in self.splits[0].reported:
            rows = {(seed, fold): self._of(seed).scored(fold, part) for seed, fold in self.predictions}
            scored = {seed: np.unique(np.concatenate([rows[seed, fold] for fold in self.folds])) for seed in self.seeds}
            speakers = Speakers([(self._of(seed), scored[seed]) for seed in self.seeds])
            places = {
                (seed, fold): (
                    np.searchsorted(self._of(seed).scored(fold), of_run),
                    speakers.index(self._of(seed), of_run),
                )
                for (seed, fold), of_run in rows.items()
            }
            found[part] = speakers, len(scored[self.seeds[0]]), places  # as many for each seed
        return found

    def _gathered(self, predictions: Mapping[tuple[int, int], Predictions]) -> Gathered:
        auxiliary = [found.auxiliary for found in predictions.values() if found.auxiliary]
        n_classes = 1 + max((max(of_run.targets.max(), of_run.predicted.max()) for of_run in auxiliary), default=0)
        parts = {}
        for part, (speakers, n_utterances, places) in self._parts.items():
            sums: dict[str, dict[tuple[int, int], Sums]] = defaultdict(dict)
            for (seed, fold), (of_run, index) in places.items():
                found = predictions[seed, fold].at(of_run)
                sums[""][seed, fold] = _sums(self._of(seed), index, found)
                if found.auxiliary:
                    sums[found.auxiliary.name][seed, fold] = _confusions(index, found.auxiliary, n_classes)
            parts[part] = GatheredPart(
                {kind: [[of[seed, fold] for fold in self.folds] for seed in self.seeds] for kind, of in sums.items()},
                speakers.clusters(sums[""].values()),
                speakers.genders,
                speakers.names,
                {
                    "n_seeds": len(self.seeds),
                    "n_folds": len(self.folds),
                    "n_utterances": n_utterances,
                    "n_speakers": speakers.n_named,
                },
            )
        shared = {key: self.facts.get(key) for key in OF_THE_GROUP}
        sha256 = {run: self.runs[run].sha256 for run in predictions}
        machines = {run: self.runs[run].facts.get("machine", {}) for run in predictions}
        dev = _dev_scores([self.runs[run].facts.get("facts", {}) for run in predictions], self.splits[0])
        return Gathered(self.seeds, self.folds, shared, sha256, machines, dev, parts)


def load(
    splits: Sequence[Split],
    folders: Sequence[Path],
    made_from: Mapping[int, str] | None = None,
    partial: bool = False,
) -> Loaded:
    """The runs in `folders`, all of one group; `splits`: the one for all seeds, or each seed's.

    `made_from`: seed -> the digest of all that its runs shall be made from (`ser.plan.made_from`); None: anything.
    `partial`: passes over runs that are not finished or made from something else, and over folds that not all seeds
    have.

    Raises InputError for a run that is missing or made from something else (`partial`: only where no fold is common to
    all seeds), given twice, or of another split or group, and for predictions that are not those that the run wrote,
    or are of other utterances or targets than the split's.
    """
    runs, facts = read_runs(splits, folders, made_from, partial)
    seeds = sorted({seed for seed, _ in runs})
    folds = [fold for fold in range(1, splits[0].n_folds + 1) if all((seed, fold) in runs for seed in seeds)]
    used = [(seed, fold) for seed in seeds for fold in folds]
    predictions = {(seed, fold): predictions_of(of_seed(splits, seed), runs[seed, fold]) for seed, fold in used}
    return Loaded(splits, seeds, folds, runs, predictions, facts)


def gather(
    splits: Sequence[Split],
    folders: Sequence[Path],
    made_from: Mapping[int, str] | None = None,
    partial: bool = False,
    instead: Instead | None = None,
) -> Gathered:
    """What `load` finds, summed; with `instead`, of other predictions. Raises InputError as it does."""
    loaded = load(splits, folders, made_from, partial)
    return loaded.instead(instead) if instead else loaded.gathered()


def _sums(split: Split, speakers: np.ndarray, found: Predictions) -> Sums:
    """Sums per speaker of predictions for utterances of `speakers` int64 [n]."""
    if split.scale is None:  # classes
        return _confusions(speakers, found, len(split.labels))
    drawn, index = np.unique(speakers, return_inverse=True)
    middle = np.mean(split.scale)  # one constant for all folds, see `moments`
    each = moments((found.targets - middle)[..., None], (found.predicted - middle)[..., None])
    values = np.zeros((len(drawn), *each.shape[1:]))
    np.add.at(values, index, each)
    return Sums(drawn, values)


def _confusions(speakers: np.ndarray, found: Predictions | Auxiliary, n: int) -> Sums:
    """The confusion matrix [n, n] of each of the `speakers` int64 [utterances]."""
    drawn, index = np.unique(speakers, return_inverse=True)
    cells = np.ravel_multi_index((index, found.targets, found.predicted), (len(drawn), n, n))
    return Sums(drawn, np.bincount(cells, minlength=len(drawn) * n * n).reshape(-1, n, n))


def _dev_scores(courses: Sequence[Mapping[str, Any]], split: Split) -> dict[str, float]:
    """Metric -> mean over runs; training/criterion.py names them, and its CCC is the mean over the attributes."""
    of_ccc = f"ccc_{AVERAGE}" if len(split.labels) > 1 else f"ccc_{split.labels[0]}"
    names = {"dev_WA": "WA", "dev_UA": "UA", "dev_CCC": of_ccc}
    known = {metric: [course[key] for course in courses if key in course] for key, metric in names.items()}
    return {metric: float(np.mean(of_runs)) for metric, of_runs in known.items() if len(of_runs) == len(courses)}
