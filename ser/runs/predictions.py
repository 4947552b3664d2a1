"""predictions.csv: what a run predicted for each utterance that it scores.

Classes: `utterance, speaker, target, predicted, score_<label>...` (log-probabilities). Attributes: `utterance,
speaker, target_<attribute>..., predicted_<attribute>...`. Numbers have 9 significant digits, which restore any float32.
What a system classifies besides has two columns at the end, `target_<name>, predicted_<name>`: its classes' numbers.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ser.errors import InputError
from ser.files import atomic_file
from ser.runs.auxiliary import Auxiliary

if TYPE_CHECKING:  # evaluations read predictions, but must not depend on what runs are given
    from ser.runs.contract import Fold


@dataclass(frozen=True)
class Predictions:
    """`targets` and `predicted` are int64 [n], indices into the labels, or float64 [n, attributes]; `auxiliary` is what
    else was classified of the same utterances, if anything.
    """

    utterances: tuple[str, ...]
    targets: np.ndarray
    predicted: np.ndarray
    auxiliary: Auxiliary | None = None

    def at(self, places: np.ndarray) -> "Predictions":
        """The predictions at `places` int64 [m], in that order."""
        names, auxiliary = tuple(self.utterances[i] for i in places), self.auxiliary and self.auxiliary.at(places)
        return Predictions(names, self.targets[places], self.predicted[places], auxiliary)


def write_predictions(
    path: Path,
    fold: "Fold",
    scores: np.ndarray,
    auxiliary: Auxiliary | None = None,
    predicted: np.ndarray | None = None,
) -> None:
    """Write the scores [n_test, labels] of `fold`'s test part; the class `predicted` int64 [n_test] is, if it is not
    given, the first with the highest score. `auxiliary` has n_test classes.

    Raises InputError where a row has a score of nan, or no finite highest score.
    """
    scores = np.asarray(scores, np.float64)
    if scores.shape != (len(fold.test.utterances), len(fold.labels)):
        raise ValueError(f"scores {scores.shape} for {len(fold.test.utterances)} utterances, {len(fold.labels)} labels")
    if not np.isfinite(scores.max(axis=1)).all():  # -inf, the logarithm of 0, may stand beside a higher score
        raise InputError(f"{path}: fold {fold.number} has scores that are not numbers: did training diverge?")
    numbers = [[f"{score:.9g}" for score in row] for row in scores.tolist()]
    if fold.test.targets.ndim == 1:
        targets = [[fold.labels[target]] for target in fold.test.targets]
        predicted = scores.argmax(axis=1) if predicted is None else predicted
        numbers = [[fold.labels[best], *row] for best, row in zip(predicted, numbers, strict=True)]
    else:
        targets = [[f"{value:.9g}" for value in row] for row in fold.test.targets.tolist()]
    rows = list(zip(fold.test.utterances, fold.test.speakers, targets, numbers, strict=True))
    pairs = [()] * len(rows) if auxiliary is None else zip(auxiliary.targets, auxiliary.predicted, strict=True)
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_header(fold.labels, fold.test.targets.ndim == 1, auxiliary.name if auxiliary else ""))
        for (*names, target, row), pair in zip(rows, pairs, strict=True):
            writer.writerow([*names, *target, *row, *pair])


def read_predictions(path: Path, labels: Sequence[str], are_classes: bool) -> Predictions:
    """What `write_predictions` wrote, without the scores of classes. The columns say what else was classified.

    Raises InputError for a missing file, and for one with other labels.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        own = len(_header(labels, are_classes))
        name = "".join(header[own : own + 1]).removeprefix("target_")
        if header != _header(labels, are_classes, name):
            raise ValueError(f"its columns are {','.join(header)}")
        if are_classes:
            index = {label: i for i, label in enumerate(labels)}
            pairs = np.array([[index[row[2]], index[row[3]]] for row in rows], np.int64).reshape(-1, 2)
            targets, predicted = pairs.T
        else:
            values = np.array([list(map(float, row[2:own])) for row in rows]).reshape(-1, 2 * len(labels))
            targets, predicted = np.split(values, 2, axis=1)
        classes = np.array([list(map(int, row[own:])) for row in rows], np.int64).reshape(len(rows), len(header) - own)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: the run is not finished") from None
    except (LookupError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: not predictions of {', '.join(labels)} ({error}): make the run again") from None
    return Predictions(tuple(row[0] for row in rows), targets, predicted, Auxiliary(name, *classes.T) if name else None)


def _header(labels: Sequence[str], are_classes: bool, auxiliary: str = "") -> list[str]:
    more = [f"{kind}_{auxiliary}" for kind in ("target", "predicted") if auxiliary]
    if are_classes:
        return ["utterance", "speaker", "target", "predicted", *(f"score_{label}" for label in labels), *more]
    columns = (f"{kind}_{name}" for kind in ("target", "predicted") for name in labels)
    return ["utterance", "speaker", *columns, *more]
