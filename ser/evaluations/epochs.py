"""What clean runs predicted at other epochs than they chose: at one chosen on the test part, and at the last."""

from collections.abc import Sequence

import numpy as np

from ser.errors import InputError
from ser.evaluations.gather import Variants
from ser.evaluations.loading import Run
from ser.runs.epochs import read_epochs
from ser.runs.files import TEST_EPOCHS
from ser.runs.predictions import Predictions
from ser.sealed import described_file
from ser.splits.columns import stratified
from ser.splits.split import Split
from ser.training.criterion import dev_metrics, is_better


class Epochs:
    """What a run under `clean` predicted at epochs that it did not choose; `found` are its own predictions.

    Raises InputError where the scores are missing, are not those that the run wrote, or not all.
    """

    def __init__(self, split: Split, run: Run, found: Predictions) -> None:
        file = described_file(run.folder / "metrics.json", run.facts, TEST_EPOCHS)
        self._scores, epochs = read_epochs(file), run.facts["facts"]["epochs_run"]
        if self._scores.shape != (epochs, len(found.utterances), len(split.labels)):
            raise InputError(f"{file}: not the scores of {epochs} epochs: remove {run.folder} and build again")
        scored = split.scored(run.fold)
        self._tested = np.searchsorted(scored, split.rows(run.fold, "test"))
        self._targets, self._run, self._found = split.targets[scored], run, found

    def chosen_on_test(self) -> Predictions:
        """At the epoch that is best on all that the fold tests."""
        return self._at(np.full(len(self._targets), self._best(self._tested)))

    def last(self) -> Predictions:
        """When training ended."""
        return self._at(np.full(len(self._targets), len(self._scores)))

    def chosen_on_other_half(self, draw: int) -> Predictions:
        """Each half of the test part at the epoch that is best on the other half.

        What is chosen on an utterance can then not be chosen for it: what `chosen_on_test` has above this is at most
        what a maximum over so many epochs has by chance. The halves are drawn by `draw`, seed and fold, class by class.
        """
        first = np.isin(self._tested, self._half([draw, self._run.facts["seed"], self._run.fold]))
        halves = self._tested[first], self._tested[~first]
        chosen = np.full(len(self._targets), self._run.facts["facts"]["best_epoch"])
        for half, other in (halves, halves[::-1]):
            if len(other):
                chosen[half] = self._best(other)
        return self._at(chosen)

    def _best(self, places: np.ndarray) -> int:
        """The epoch, counted from 1, that is best at some places by the row's criterion; the first of equals."""
        return best_epoch(self._targets[places], self._scores[:, places], self._run.facts["settings"]["criterion"])

    def _half(self, seed: Sequence[int]) -> np.ndarray:
        """The places of a random half of what is tested, of each class."""
        classes = self._targets[self._tested] if self._targets.ndim == 1 else np.zeros(len(self._tested))
        half: np.ndarray = self._tested[stratified(classes, np.random.default_rng(seed))][::2]
        return half

    def _at(self, epochs: np.ndarray) -> Predictions:
        """What was predicted for each utterance at its epoch int64 [n], counted from 1; at the run's own: its own."""
        found, own = self._found, epochs == self._run.facts["facts"]["best_epoch"]
        if own.all():
            return found
        scores = self._scores[epochs - 1, np.arange(len(epochs))]
        predicted = scores.argmax(axis=1) if self._targets.ndim == 1 else scores.astype(np.float64)
        predicted[own] = found.predicted[own]
        return Predictions(found.utterances, found.targets, predicted)


def chosen_on_test(split: Split, run: Run, found: Predictions) -> Predictions:
    """The predictions of a run under `clean` at the epoch that is best on its test part; `found` are its own.

    It is the choice that `test_selected` makes: by the row's criterion, the first of the best, over all that the fold
    tests, also where several official parts have numbers of their own; a dev part that is only reported has no say.

    Raises InputError where the scores of the epochs are missing, are not those that the run wrote, or not all.
    """
    return Epochs(split, run, found).chosen_on_test()


def at_other_epochs(halvings: int) -> Variants:
    """What a run under `clean` predicted at the epoch that `chosen_on_test` takes, at the last one, and `halvings`
    times at those that are chosen on the other half (`Epochs`). Raises InputError as `chosen_on_test` does.
    """

    def variants(split: Split, run: Run, found: Predictions) -> list[Predictions]:
        epochs = Epochs(split, run, found)
        halves = (epochs.chosen_on_other_half(draw) for draw in range(halvings))
        return [epochs.chosen_on_test(), epochs.last(), *halves]

    return variants


def best_epoch(targets: np.ndarray, scores: np.ndarray, criterion: str) -> int:
    """The first of the best epochs, counted from 1: targets int64 [n] or float32 [n, K], scores [epochs, n, K]."""
    values = [dev_metrics(targets, of_epoch.astype(np.float64)) for of_epoch in scores]
    rows = [{f"dev_{name}": value for name, value in of_epoch.items()} for of_epoch in values]
    best = 0
    for epoch, row in enumerate(rows):
        if is_better(row, rows[best], criterion):
            best = epoch
    return best + 1
