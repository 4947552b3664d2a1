"""The trivial baseline predicts what is most frequent in training."""

from pathlib import Path

import numpy as np

from helpers.builders import fold
from ser.evaluations import metrics
from ser.runs.contract import Context
from ser.runs.predictions import read_predictions, write_predictions
from ser.systems import majority


def test_scores_are_the_training_parts_shares(tmp_path: Path) -> None:
    given = fold(tmp_path, (np.zeros((5, 2)), [1, 1, 2, 1, 1]), (np.zeros((3, 2)), [0, 1, 2]))
    outcome = majority.run(given, majority.Settings(), Context(seed=1))
    assert outcome.scores.shape == (3, 3)
    np.testing.assert_allclose(np.exp(outcome.scores), np.tile([0, 0.8, 0.2], (3, 1)))
    write_predictions(tmp_path / "p.csv", given, outcome.scores)
    assert read_predictions(tmp_path / "p.csv", given.labels, are_classes=True).predicted.tolist() == [1, 1, 1]


def test_the_test_part_is_not_looked_at(tmp_path: Path) -> None:
    train = (np.zeros((3, 2)), [2, 2, 0])
    outcomes = [
        majority.run(fold(tmp_path, train, (np.zeros((4, 2)), targets)), majority.Settings(), Context(seed=1)).scores
        for targets in ([0, 0, 0, 0], [1, 1, 1, 1])
    ]
    np.testing.assert_array_equal(*outcomes)
    assert (outcomes[0].argmax(axis=1) == 2).all()


def test_attributes_get_the_mean_and_a_ccc_of_0(tmp_path: Path) -> None:
    targets = np.array([[1.0, 5], [3, 6], [5, 4]], np.float32)
    given = fold(tmp_path, (np.zeros((3, 2)), targets), (np.zeros((3, 2)), targets), labels=("arousal", "valence"))
    outcome = majority.run(given, majority.Settings(), Context(seed=1))
    assert outcome.scores.tolist() == [[3, 5]] * 3
    np.testing.assert_allclose(metrics.ccc(targets.T, outcome.scores.T), 0, atol=1e-15)
