"""The classical baseline: functionals of the utterance, standardised, and a support vector machine.

The recipe of the openSMILE baselines: z-scores fitted on the training part, then `SVC`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Literal

import numpy as np

from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome, Part

CHOOSES_NOTHING = True


@dataclass(frozen=True)
class Settings:
    """`gamma` is that of the rbf kernel: `auto` is 1 / features, `scale` divides it by the variance of all values."""

    C: Annotated[float, "> 0"]
    gamma: Literal["scale", "auto"]
    kernel: Literal["rbf", "linear"]
    class_weights: Literal["none", "balanced"]


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train on `fold.train`; the seed is not used, as there is nothing to draw.

    Reads `fold.stores["functionals"]`, one frame per utterance. Scores are log-probabilities over the votes of the
    one-against-one machines (libsvm), with ties broken by their margins: the highest is what `SVC(break_ties=True)`
    predicts. They are not calibrated. A class without training utterances gets -inf.

    Raises InputError for attributes, for a training part of one class, and for more than one frame per utterance.
    """
    if fold.train.targets.ndim != 1:
        raise InputError("functionals_svm predicts classes, but the protocol's targets are attributes: give it labels")
    if len(np.unique(fold.train.targets)) < 2:
        raise InputError(
            f"fold {fold.number}: functionals_svm needs two classes to train on, but the training part has one"
        )
    # Imported here, as they take 2.5 s (scikit-learn imports pandas if it is there): bad input is reported first.
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    scaler = StandardScaler()
    train, test = scaler.fit_transform(_vectors(fold, fold.train)), scaler.transform(_vectors(fold, fold.test))
    gamma = 1 / (train.shape[1] * ((train.var() or 1) if settings.gamma == "scale" else 1))
    machine = SVC(
        C=settings.C,
        gamma=gamma,
        kernel=settings.kernel,
        class_weight="balanced" if settings.class_weights == "balanced" else None,
        decision_function_shape="ovr",
    ).fit(train, fold.train.targets)
    return Outcome(
        scores=_log_probabilities(machine.decision_function(test), machine.classes_, len(fold.labels)),
        model={
            "scaler_mean": scaler.mean_,
            "scaler_scale": scaler.scale_,
            "classes": machine.classes_,
            "support_vectors": machine.support_vectors_,
            "n_support": machine.n_support_,
            "dual_coef": machine.dual_coef_,
            "intercept": machine.intercept_,
            "gamma": np.array(gamma),
        },
        facts={"n_features": train.shape[1], "n_support_vectors": len(machine.support_vectors_)},
    )


def predict(fold: Fold, settings: Settings, model: Mapping[str, np.ndarray]) -> np.ndarray:
    """The test part's scores by the `model` of an earlier run, without scikit-learn: libsvm's sums in another order."""
    vectors = (_vectors(fold, fold.test) - model["scaler_mean"]) / model["scaler_scale"]
    support = model["support_vectors"]
    if settings.kernel == "linear":
        kernel = vectors @ support.T
    else:
        distances = np.array([((support - vector) ** 2).sum(axis=1) for vector in vectors])
        kernel = np.exp(-model["gamma"] * distances)
    values = _decision_values(kernel, model)
    return _log_probabilities(values, model["classes"], len(fold.labels))


def _vectors(fold: Fold, part: Part) -> np.ndarray:
    """float64 [n, features]."""
    if "functionals" not in fold.stores:
        raise InputError("functionals_svm reads the feature `functionals`: name one in the row's features")
    vectors = [fold.stores["functionals"][utterance] for utterance in part.utterances]
    for utterance, vector in zip(part.utterances, vectors, strict=True):
        if len(vector) != 1:
            raise InputError(
                f"functionals_svm reads one frame per utterance, but {utterance} has {len(vector)}: "
                f"make `functionals` a feature with one"
            )
    return np.concatenate(vectors).astype(np.float64)


def _decision_values(kernel: np.ndarray, model: Mapping[str, np.ndarray]) -> np.ndarray:
    """What `SVC.decision_function` returns, from kernel values [n, support vectors]: [n] for two classes, else each
    class's votes and, as a fraction below 1/3, its margins.
    """
    weights, intercepts, ends = model["dual_coef"], model["intercept"], np.cumsum(model["n_support"])
    of = [slice(end - size, end) for end, size in zip(ends, model["n_support"], strict=True)]  # vectors of each class
    if len(of) == 2:
        two: np.ndarray = kernel @ weights[0] + intercepts[0]
        return two
    votes, margins = np.zeros((2, len(kernel), len(of)))
    for intercept, (i, j) in zip(intercepts, combinations(range(len(of)), 2), strict=True):
        value = kernel[:, of[i]] @ weights[j - 1, of[i]] + kernel[:, of[j]] @ weights[i, of[j]] + intercept
        votes[:, i] += value >= 0
        votes[:, j] += value < 0
        margins[:, i] += value
        margins[:, j] -= value
    values: np.ndarray = votes + margins / (3 * (np.abs(margins) + 1))
    return values


def _log_probabilities(values: np.ndarray, classes: np.ndarray, n_classes: int) -> np.ndarray:
    """float64 [n, n_classes]: log-softmax of the decision values; of two classes, libsvm gives only the second's."""
    if values.ndim == 1:
        values = np.stack([np.zeros_like(values), values], axis=1)
    scores = np.full((len(values), n_classes), -np.inf)
    scores[:, classes] = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return scores
