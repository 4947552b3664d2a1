"""Someone else's numbers: what other code predicted, scored like our own rows.

Nothing is trained here. The predictions are files (ser/runs/given.py); what trained them is reported, not verified.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome, Part
from ser.runs.given import Given
from ser.runs.given_files import fold_file

REPORTED = True


@dataclass(frozen=True)
class Settings:
    """`made_by`: who made them, with what; `code`: the address or commit of the code that did."""

    made_by: str
    code: str


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """The predictions of a fold, in its own order; classes without scores have 0 for the one predicted, else -inf.

    Raises InputError where the file is not one of predictions for exactly the utterances that the fold tests.
    """
    if fold.given is None:
        raise InputError("predictions: no folder to read them from: call train.py with --given")
    are_classes = fold.scale is None
    given = Given.read(fold_file(fold.given, fold.number), fold.labels, are_classes)
    others = {name: part for part in ("train", "dev") for name in getattr(fold, part).utterances}
    rows = given.rows(fold.test.utterances, others)
    given.check_targets(_targets(fold.test, fold.labels, given, rows))
    facts: dict[str, Any] = {"reported": {"made_by": settings.made_by, "code": settings.code}}
    names = [f"{'score' if are_classes else 'predicted'}_{label}" for label in fold.labels]
    if not are_classes:
        return Outcome(_numbers(given, names, rows), facts=facts)
    predicted = np.array([fold.labels.index(given.columns["predicted"][row]) for row in rows], np.int64)
    if given.has_scores:
        return Outcome(_numbers(given, names, rows), facts=facts, predicted=predicted)
    scores = np.where(np.arange(len(fold.labels)) == predicted[:, None], 0.0, -np.inf)
    return Outcome(scores, facts=facts, predicted=predicted)


def _numbers(given: Given, names: list[str], rows: list[int]) -> np.ndarray:
    """The columns `names` in the order of `rows`: float64 [n, names]."""
    return np.array([given.columns[name] for name in names], np.float64)[:, rows].T


def _targets(part: Part, labels: tuple[str, ...], given: Given, rows: list[int]) -> dict[str, list[str]]:
    """The split's targets as the file would have them: column -> text of each of its rows."""
    if part.targets.ndim == 1:
        columns = {"target": [labels[target] for target in part.targets]}
    else:
        columns = {f"target_{name}": [str(value) for value in part.targets[:, i]] for i, name in enumerate(labels)}
    order = np.argsort(rows)
    return {name: [texts[place] for place in order] for name, texts in columns.items()}
