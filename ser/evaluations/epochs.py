"""What clean runs predicted at other epochs than they chose: at one chosen on the test part, and at the last."""

from collections.abc import Sequence

import numpy as np

from ser.errors import InputError
from ser.evaluations.gather import Instead, Run
from ser.runs.epochs import read_epochs
from ser.runs.files import TEST_EPOCHS
from ser.runs.predictions import Predictions
from ser.sealed import described_file
from ser.splits.split import Split
from ser.training.criterion import dev_metrics, is_better


class Epochs:
    """The `scores` [epochs, n, K] of a run for all that it scores; `tested` int64: the places of what its fold tests.

    Raises InputError where the scores are missing, are not those that the run wrote, or not all.
    """

    def __init__(self, split: Split, run: Run, found: Predictions) -> None:
        file = described_file(run.folder / "metrics.json", run.facts, TEST_EPOCHS)
        self.scores, epochs = read_epochs(file), run.facts["facts"]["epochs_run"]
        if self.scores.shape != (epochs, len(found.utterances), len(split.labels)):
            raise InputError(f"{file}: not the scores of {epochs} epochs: remove {run.folder} and build again")
        scored = split.scored(run.fold)
        self.tested = np.searchsorted(scored, split.rows(run.fold, "test"))
        self._targets, self._run, self._found = split.targets[scored], run, found

    def best(self, places: np.ndarray) -> int:
        """The epoch, counted from 1, that is best at some places by the row's criterion; the first of equals."""
        return best_epoch(self._targets[places], self.scores[:, places], self._run.facts["settings"]["criterion"])

    def half(self, seed: Sequence[int]) -> np.ndarray:
        """The places of a random half of what is tested, of each class."""
        drawn = np.random.default_rng(seed).permutation(self.tested)
        of_classes = self._targets[drawn] if self._targets.ndim == 1 else np.zeros(len(drawn))
        return drawn[np.argsort(of_classes, kind="stable")][::2]

    def at(self, epochs: np.ndarray) -> Predictions:
        """What was predicted for each utterance at its epoch int64 [n], counted from 1; at the run's own: its own."""
        found, own = self._found, epochs == self._run.facts["facts"]["best_epoch"]
        if own.all():
            return found
        scores = self.scores[epochs - 1, np.arange(len(epochs))]
        predicted = scores.argmax(axis=1) if self._targets.ndim == 1 else scores.astype(np.float64)
        predicted[own] = found.predicted[own]
        return Predictions(found.utterances, found.targets, predicted)


def chosen_on_test(split: Split, run: Run, found: Predictions) -> Predictions:
    """The predictions of a run under `clean` at the epoch that is best on its test part; `found` are its own.

    It is the choice that `test_selected` makes: by the row's criterion, the first of the best, over all that the fold
    tests, also where several official parts have numbers of their own; a dev part that is only reported has no say.

    Raises InputError where the scores of the epochs are missing, are not those that the run wrote, or not all.
    """
    epochs = Epochs(split, run, found)
    return epochs.at(np.full(len(found.targets), epochs.best(epochs.tested)))


def last_epoch(split: Split, run: Run, found: Predictions) -> Predictions:
    """The predictions of a run under `clean` when its training ended. Raises InputError as `chosen_on_test` does."""
    epochs = Epochs(split, run, found)
    return epochs.at(np.full(len(found.targets), len(epochs.scores)))


def chosen_on_other_half(draw: int) -> Instead:
    """Like `chosen_on_test`, but each half of the test part is predicted at the epoch that is best on the other half.

    What is chosen on an utterance can then not be chosen for it: what `chosen_on_test` has above this is what a maximum
    over so many epochs has by chance. The halves are drawn by `draw`, seed and fold, class by class.
    """

    def instead(split: Split, run: Run, found: Predictions) -> Predictions:
        epochs = Epochs(split, run, found)
        first = np.isin(epochs.tested, epochs.half([draw, run.facts["seed"], run.fold]))
        halves = epochs.tested[first], epochs.tested[~first]
        chosen = np.full(len(found.targets), run.facts["facts"]["best_epoch"])
        for half, other in (halves, halves[::-1]):
            if len(other):
                chosen[half] = epochs.best(other)
        return epochs.at(chosen)

    return instead


def best_epoch(targets: np.ndarray, scores: np.ndarray, criterion: str) -> int:
    """The first of the best epochs, counted from 1: targets int64 [n] or float32 [n, K], scores [epochs, n, K]."""
    values = [dev_metrics(targets, of_epoch.astype(np.float64)) for of_epoch in scores]
    rows = [{f"dev_{name}": value for name, value in of_epoch.items()} for of_epoch in values]
    best = 0
    for epoch, row in enumerate(rows):
        if is_better(row, rows[best], criterion):
            best = epoch
    return best + 1
