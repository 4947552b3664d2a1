"""The course of training: history.csv, and its mean over runs."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ser.errors import InputError

History = Mapping[str, np.ndarray]
# The dev metric that is shown, and its name; the criterion may be another (training/criterion.py).
DEV = {"dev_UA": "UA of the dev part", "dev_CCC": "CCC of the dev part"}


def read_history(path: Path) -> dict[str, np.ndarray]:
    """history.csv: column -> float64 [epochs]; empty for a system that does not train by epochs.

    Raises InputError for any other file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = [*csv.reader(file)] or [[]]
        values = np.array(rows, np.float64).reshape(len(rows), len(header))
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: not a history of training ({error}): remove its folder and build again") from None
    return dict(zip(header, values.T, strict=True)) if rows else {}


def dev_column(history: History) -> str:
    """The column of the dev metric that is shown; "" where there was no dev part."""
    return next((name for name in DEV if name in history), "")


def mean_by_epoch(histories: Sequence[History], column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Epochs, the mean of `column` over the runs that reached each, and how many runs did."""
    reached = np.concatenate([history["epoch"] for history in histories])
    epochs, where = np.unique(reached, return_inverse=True)
    runs = np.bincount(where)
    return epochs, np.bincount(where, np.concatenate([history[column] for history in histories])) / runs, runs
