"""The criteria by which an epoch is chosen."""

import numpy as np
import pytest

from ser.errors import InputError
from ser.evaluations import metrics
from ser.training.criterion import check_criterion, dev_metrics, is_better


def test_dev_metrics_by_hand():
    scores = np.log([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    found = dev_metrics(np.array([0, 1, 1, 1]), scores)
    loss = -np.mean(np.log([0.5, 0.8, 0.3, 0.5]))
    assert found == {"loss": pytest.approx(loss), "WA": 0.75, "UA": pytest.approx((1 + 2 / 3) / 2)}
    x = np.array([[1.0, 5.0], [2.0, 6.0], [3.0, 7.0]])
    found = dev_metrics(x, np.stack([x[:, 0], [6.0, 6.0, 6.0]], axis=1))
    assert found == {"loss": pytest.approx(0.5), "CCC": pytest.approx(0.5)}


def test_criteria_agree_with_the_reported_metrics_where_all_classes_are_present():
    rng = np.random.default_rng(0)
    targets, scores = rng.integers(0, 4, 60), rng.normal(size=(60, 4))
    confusion = metrics.confusion_matrix(targets, scores.argmax(1), 4)
    found = dev_metrics(targets, scores)
    assert found["WA"] == pytest.approx(metrics.wa(confusion)) and found["UA"] == pytest.approx(metrics.ua(confusion))
    x, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 3))
    assert dev_metrics(x, x + y)["CCC"] == pytest.approx(np.mean(metrics.ccc(x.T, (x + y).T)))


def test_better_is_strict_and_a_loss_is_better_when_lower():
    row, best = ({"dev_loss": 0.5, "dev_WA": 0.5, "dev_UA": ua} for ua in (0.5, 0.4))
    assert is_better(row, best, "UA") and is_better(row, best, "WA+UA")
    assert not is_better(row, best, "WA") and not is_better(row, best, "loss")
    assert is_better({"dev_loss": 0.4}, {"dev_loss": 0.5}, "loss")


def test_a_criterion_that_does_not_fit_the_targets_is_named():
    check_criterion("WA+UA", np.zeros(3, int))
    check_criterion("CCC", np.zeros((3, 2)))
    with pytest.raises(InputError, match="with classes it must be UA or WA or WA"):
        check_criterion("CCC", np.zeros(3, int))
    with pytest.raises(InputError, match="with attributes it must be CCC or loss"):
        check_criterion("UA", np.zeros((3, 2)))
