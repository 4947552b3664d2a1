"""What tasks share: cross-entropy, the weights of classes in it, and the focal loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.training import SETTINGS
from ser.training.task import class_weights, cross_entropy


def test_balanced_class_weights():
    assert class_weights("none", np.array([0, 1]), 2) is None
    weights = class_weights("balanced", np.array([0, 0, 0, 1]), 3)
    np.testing.assert_allclose(weights, [4 / 9, 4 / 3, 0])


@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 0.5]])
def test_focal_loss_by_hand(weights):
    logits, target = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.5, 0.0]]), torch.tensor([0, 2])
    probability = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    p = probability[[0, 1], target]
    of_class = np.ones(3) if weights is None else np.array(weights)
    given = None if weights is None else torch.tensor(weights)
    for gamma in (0.0, 1.0, 2.0):
        expected = (of_class[target] * (1 - p) ** gamma * -np.log(p)).sum() / of_class[target].sum()
        assert cross_entropy(logits, target, given, SETTINGS, gamma).item() == pytest.approx(expected, rel=1e-6)
    smooth = replace(SETTINGS, label_smoothing=0.1)
    nearly = cross_entropy(logits, target, given, smooth, 1e-12)
    torch.testing.assert_close(nearly, cross_entropy(logits, target, given, smooth))
