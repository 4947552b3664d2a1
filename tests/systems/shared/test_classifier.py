"""What all classifiers share, computed again with numpy."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.training import SETTINGS, fold
from ser.systems import area_attention, attention_fcn, ca_mser, light_sernet, linear_probe, mfhca, tf_transformer
from ser.systems.shared.classifier import ClassifierTask


class Pair(ClassifierTask):
    reads = ("left", "right")


def test_the_network_takes_what_is_read_in_this_order() -> None:
    batch = {name: torch.rand(2, 3) for name in ("right", "target", "left")}
    found = Pair(fold(), SETTINGS).forward(lambda *given: given, batch)  # type: ignore[arg-type]  # shows its inputs
    assert found[0] is batch["left"] and found[1] is batch["right"] and len(found) == 2


@pytest.mark.parametrize(("weights", "smoothing"), [("none", 0.0), ("balanced", 0.0), ("none", 0.1)])
def test_loss_and_scores_by_hand(weights: str, smoothing: float) -> None:
    given = replace(SETTINGS, class_weights=weights, label_smoothing=smoothing)  # type: ignore[arg-type]
    data = fold()
    data = replace(data, train=replace(data.train, targets=np.array([0] * 20 + [1] * 10 + [2] * 3)))
    task = Pair(data, given)
    logits, target = np.random.default_rng(0).normal(0, 2, (5, 3)), np.array([0, 2, 1, 2, 0])
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(task.scores(torch.from_numpy(logits)), log_p, atol=1e-12)
    of_class = np.array([33 / 60, 33 / 30, 33 / 9]) if weights == "balanced" else np.ones(3)
    wanted = (1 - smoothing) * np.eye(3)[target] + smoothing / 3
    expected = -(wanted * of_class * log_p).sum() / of_class[target].sum()
    loss = task.loss(torch.from_numpy(logits).float(), {"target": torch.from_numpy(target)}, 0)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_every_network_that_classifies_shares_them() -> None:
    """Only Light-SERNet's focal loss and a mixed batch's loss are their own, and networks that read a whole batch."""
    systems = (area_attention, attention_fcn, ca_mser, light_sernet, linear_probe, mfhca, tf_transformer)
    assert all(system.Task.scores is ClassifierTask.scores for system in systems)
    assert [s.__name__.split(".")[-1] for s in systems if s.Task.loss is not ClassifierTask.loss] == [
        "attention_fcn",
        "light_sernet",
        "tf_transformer",
    ]
    assert [s.__name__.split(".")[-1] for s in systems if s.Task.forward is not ClassifierTask.forward] == [
        "ca_mser",
        "mfhca",
    ]
