"""The criteria by which the epoch is chosen.

They are not reported numbers, and are kept apart from `ser/evaluations/metrics.py` on purpose: a run depends on
this file and not on that one, so editing a reported metric trains nothing again.
"""

import numpy as np

from ser.errors import InputError

# by how many dimensions the targets have: 1 for classes, 2 for attributes
_CRITERIA = {1: ("UA", "WA", "WA+UA", "loss"), 2: ("CCC", "loss")}


def check_criterion(criterion: str, targets: np.ndarray) -> None:
    """Raise InputError where `criterion` does not fit targets int [n] (classes) or float [n, attributes]."""
    legal = _CRITERIA[targets.ndim]
    if criterion not in legal:
        kind = {1: "classes", 2: "attributes"}[targets.ndim]
        raise InputError(f"setting criterion is {criterion}; with {kind} it must be {' or '.join(legal)}")


def dev_metrics(targets: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """The criteria on the dev part: loss (mean negative log-probability), WA and UA for classes; loss (1 - CCC)
    and CCC, with population variances, averaged over attributes.

    Unlike the reported UA, this one is over the classes that the dev part has: one that it lacks cannot help to
    choose an epoch.
    """
    if targets.ndim == 1:
        right = scores.argmax(axis=1) == targets
        recalls = [right[targets == label].mean() for label in np.unique(targets)]
        loss = -scores[np.arange(len(targets)), targets].mean()
        return {"loss": float(loss), "WA": float(right.mean()), "UA": float(np.mean(recalls))}
    x, y = targets.astype(np.float64), scores
    spread = x.var(axis=0) + y.var(axis=0) + (x.mean(axis=0) - y.mean(axis=0)) ** 2
    covariance = ((x - x.mean(axis=0)) * (y - y.mean(axis=0))).mean(axis=0)
    ccc = float(np.mean(2 * covariance / np.maximum(spread, np.finfo(np.float64).tiny)))
    return {"loss": 1 - ccc, "CCC": ccc}


def is_better(row: dict[str, float], best: dict[str, float], criterion: str) -> bool:
    """Whether an epoch's history row is strictly better on the dev part than the best so far."""
    return _value(row, criterion) > _value(best, criterion)


def _value(row: dict[str, float], criterion: str) -> float:
    if criterion == "loss":
        return -row["dev_loss"]
    return sum(row[f"dev_{name}"] for name in criterion.split("+"))
