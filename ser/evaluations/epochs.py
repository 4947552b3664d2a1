"""The epoch that a clean run would have chosen on its test part, and what it predicted then."""

import numpy as np

from ser.errors import InputError
from ser.evaluations.gather import Run
from ser.runs.epochs import read_epochs
from ser.runs.files import TEST_EPOCHS
from ser.runs.predictions import Predictions
from ser.sealed import described_file
from ser.splits.split import Split
from ser.training.criterion import dev_metrics, is_better


def chosen_on_test(split: Split, run: Run, found: Predictions) -> Predictions:
    """The predictions of a run under `clean` at the epoch that is best on its test part; `found` are its own.

    It is the choice that `test_selected` makes: by the row's criterion, the first of the best, over all that the fold
    tests, also where several official parts have numbers of their own; a dev part that is only reported has no say.

    Raises InputError where the scores of the epochs are missing, are not those that the run wrote, or not all.
    """
    file = described_file(run.folder / "metrics.json", run.facts, TEST_EPOCHS)
    scores, course = read_epochs(file), run.facts["facts"]
    if scores.shape != (course["epochs_run"], len(found.utterances), len(split.labels)):
        raise InputError(
            f"{file}: not the scores of {course['epochs_run']} epochs: remove {run.folder} and build again"
        )
    rows = split.rows(run.fold, "test")
    places = np.searchsorted(split.scored(run.fold), rows)
    epoch = best_epoch(split.targets[rows], scores[:, places], run.facts["settings"]["criterion"])
    if epoch == course["best_epoch"]:
        return found
    predicted = scores[epoch - 1].argmax(axis=1) if split.are_classes else scores[epoch - 1].astype(np.float64)
    return Predictions(found.utterances, found.targets, predicted)


def best_epoch(targets: np.ndarray, scores: np.ndarray, criterion: str) -> int:
    """The first of the best epochs, counted from 1: targets int64 [n] or float32 [n, K], scores [epochs, n, K]."""
    values = [dev_metrics(targets, of_epoch.astype(np.float64)) for of_epoch in scores]
    rows = [{f"dev_{name}": value for name, value in of_epoch.items()} for of_epoch in values]
    best = 0
    for epoch, row in enumerate(rows):
        if is_better(row, rows[best], criterion):
            best = epoch
    return best + 1
