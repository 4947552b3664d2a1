"""test_epochs.safetensors: the scores of the test part after each epoch of a run, which no choice of that run has seen.

One tensor `scores`, float32 [epochs, n_test, labels]: log-probabilities or attributes, in the order of predictions.csv.
It has no epochs where a system trains in none, where the selection rule is not `clean`, and where params.yaml says so
(`compute.score_test_each_epoch`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ser.errors import InputError
from ser.outputs import write_model

if TYPE_CHECKING:  # evaluations read the scores, but must not depend on what runs are given
    from ser.runs.contract import Fold


def write_epochs(path: Path, fold: "Fold", scores: np.ndarray | None) -> None:
    """Write the scores [epochs, n_test, labels] of `fold`'s test part; None: of no epoch."""
    shape = (len(fold.test.utterances), len(fold.labels))
    scores = np.zeros((0, *shape)) if scores is None else scores
    if scores.shape[1:] != shape:
        raise ValueError(f"scores {scores.shape} for {shape[0]} utterances, {shape[1]} labels")
    write_model(path, {"scores": scores.astype(np.float32)})


def read_epochs(path: Path) -> np.ndarray:
    """What `write_epochs` wrote: float32 [epochs, n_test, labels]. Raises InputError for any other file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        scores: np.ndarray = load_file(path)["scores"]
    except (SafetensorError, KeyError, FileNotFoundError) as error:
        raise InputError(f"{path}: not the scores of a run ({error}): remove its folder and build again") from None
    return scores
