"""The trivial baseline: what a system that hears nothing scores, to be printed beside every result.

It scores every class with its share of the training part, so it always predicts the most frequent one (the first of
equals); of attributes it predicts the training part's mean, whose CCC is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ser.runs.contract import Context, Fold, Outcome

CHOOSES_NOTHING = True


@dataclass(frozen=True)
class Settings:
    """There is nothing to set."""


def predict(fold: Fold, settings: Settings, model: Mapping[str, np.ndarray]) -> np.ndarray:
    """The test part's scores by the `model` of an earlier run."""
    return np.tile(model["scores"], (len(fold.test.utterances), 1))


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Scores float64 [n_test, labels], every row the same; the logarithm of 0 is -inf. Reads no store."""
    targets = fold.train.targets
    if targets.ndim == 1:
        shares = np.bincount(targets, minlength=len(fold.labels)) / len(targets)
        with np.errstate(divide="ignore"):
            scores = np.log(shares)
    else:
        scores = targets.mean(axis=0, dtype=np.float64)
    model = {"scores": scores}
    return Outcome(scores=predict(fold, settings, model), model=model)
