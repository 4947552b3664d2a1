"""The training loop: what it selects, what it repeats, what it refuses."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from helpers.training import CENTRES, SETTINGS, Task, assert_same, fold, part
from ser.errors import InputError
from ser.runs.contract import Context
from ser.training import loop as training
from ser.training.loop import fit, predict
from ser.training.task import Example


def test_learns_and_reports():
    outcome = fit(Task(), fold(), replace(SETTINGS, epochs=15), Context(seed=1))
    assert outcome.scores.shape == (9, 3) and outcome.scores.dtype == np.float64
    np.testing.assert_allclose(np.exp(outcome.scores[::2]).sum(1), 1, atol=1e-6)  # one segment: probabilities
    assert outcome.history[-1]["train_loss"] < outcome.history[0]["train_loss"] / 1.3
    assert outcome.facts["parameters"] == outcome.facts["parameters_trainable"] == 3 * 16 + 16 + 2 * 16 + 16 * 3 + 3
    best = outcome.facts["best_epoch"]
    losses = [row["dev_loss"] for row in outcome.history]
    assert losses[best - 1] == min(losses) == outcome.facts["dev_loss"]
    assert [row["epoch"] for row in outcome.history] == list(range(1, 16))


def test_same_seed_same_bits_other_seed_other_bits():
    first, again, other = (fit(Task(), fold(), SETTINGS, Context(seed=seed)) for seed in (1, 1, 2))
    assert_same(first, again)
    assert first.scores.tobytes() != other.scores.tobytes()


def test_columns_after_the_labels_are_returned_and_choose_nothing():
    class More(Task):
        def scores(self, outputs):
            return torch.cat([super().scores(outputs), 100 + outputs[:, :2]], dim=1)

    context = Context(seed=1, score_test_each_epoch=True)
    plain, more = (fit(task, fold(), SETTINGS, context) for task in (Task(), More()))
    assert more.scores.shape == (9, 5) and (more.scores[:, 3:] > 50).all()
    assert_same(replace(more, scores=more.scores[:, :3]), plain)
    assert more.test_epochs.tobytes() == plain.test_epochs.tobytes()


class Scripted(Task):
    """Its network's single weight is the number of the epoch, so the epoch that was kept can be read off."""

    def __init__(self, accuracy: list[float]) -> None:
        super().__init__()
        self.accuracy = accuracy

    def network(self):
        module = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(module.weight)
        return module

    def collate(self, segments, generator):
        return {"y": torch.tensor([int(s.target) for s in segments]), "i": torch.tensor([s.index for s in segments])}

    def forward(self, network, batch):
        if network.training:
            with torch.no_grad():
                network.weight += 1 / math.ceil(33 / 8 - 1)  # 33 = 8 + 8 + 8 + 9
            return network.weight * 0
        wrong = batch["i"] >= round(12 * self.accuracy[round(network.weight.item()) - 1])
        return nn.functional.one_hot((batch["y"] + wrong) % 3, 3).float()

    def loss(self, outputs, batch, epoch):
        return outputs.sum()

    def scores(self, outputs):
        return outputs


def scripted(accuracy, **changes):
    settings = replace(SETTINGS, **{"epochs": len(accuracy), "weight_decay": 0.0, "criterion": "WA", **changes})
    return settings, Scripted(accuracy)


def test_best_epoch_is_the_first_of_equals():
    settings, task = scripted([0.25, 0.75, 0.5, 0.75, 0.5])
    outcome = fit(task, fold(), settings, Context(seed=1))
    assert (outcome.facts["best_epoch"], outcome.facts["epochs_run"], outcome.facts["dev_WA"]) == (2, 5, 0.75)
    assert outcome.model["weight"].item() == 2


def test_patience_stops():
    settings, task = scripted([0.25, 0.75, 0.5, 0.75, 0.5, 1.0], patience=2)
    outcome = fit(task, fold(), settings, Context(seed=1))
    assert (outcome.facts["best_epoch"], outcome.facts["epochs_run"]) == (2, 4)


def test_without_dev_the_last_epoch_is_kept():
    settings, task = scripted([1.0, 0.5, 0.25], patience=1)
    outcome = fit(task, fold(dev=part("dev", 0)), settings, Context(seed=1))
    assert outcome.facts["best_epoch"] == outcome.model["weight"].item() == 3
    assert "dev_WA" not in outcome.facts


def test_utterance_score_is_the_mean_of_its_segments():
    class Lengths(Task):
        def collate(self, segments, generator):
            return {"x": torch.tensor([[float(len(s)), 0.0, s.index] for s in segments])}

        def scores(self, outputs):
            return outputs

    task, test = Lengths(), part("test", 9)
    scores = predict(task, nn.Identity(), test, replace(SETTINGS, batch_size=4), "cpu")
    lengths = [np.mean([len(s) for s in task.examples(test, None) if s.index == i]) for i in range(9)]
    assert scores[:, 0].tolist() == lengths and scores[:, 2].tolist() == list(range(9))


def test_accumulation_is_one_large_batch():
    def task():
        made = Task()
        made.network = lambda: nn.Linear(3, 3)
        made.collate = lambda segments, generator: {
            "x": torch.tensor(np.array([CENTRES[s.target] + s.index / 10 for s in segments]), dtype=torch.float32),
            "y": torch.tensor([int(s.target) for s in segments]),
        }
        return made

    data = fold(train=part("train", 32))
    whole = fit(task(), data, replace(SETTINGS, batch_size=16), Context(seed=1))
    halves = fit(task(), data, replace(SETTINGS, batch_size=4, accumulation=4), Context(seed=1))
    np.testing.assert_allclose(whole.scores, halves.scores, atol=1e-5)


def test_steps_per_epoch_goes_round_the_training_part():
    task = Task()
    fit(task, fold(), replace(SETTINGS, epochs=2, steps_per_epoch=5, accumulation=2), Context(seed=1))
    # one pass is 4 batches of 8, 8, 8 and 9; an epoch is 10 batches
    assert [n for n, training in task.seen if training] == [8, 8, 8, 9, 8, 8, 8, 9, 8, 8] * 2


class WithoutNorm(Task):
    def network(self):
        return nn.Linear(3, 3)


@pytest.mark.parametrize("n", [31, 32, 33, 34])
@pytest.mark.parametrize("bucketing", [0, 8])
def test_a_last_batch_alone_is_that_of_torch(n, bucketing):
    task, given = WithoutNorm(), replace(SETTINGS, last_batch="alone", epochs=1, bucketing=bucketing)
    outcome = fit(task, fold(train=part("train", n)), given, Context(seed=1))
    theirs = [len(batch) for batch in DataLoader(range(n), batch_size=8)]
    assert sorted(size for size, training in task.seen if training) == sorted(theirs)
    assert np.isfinite(outcome.scores).all()


def test_a_last_example_that_joins_is_learnt_with_the_others():
    task = Task()
    fit(task, fold(), replace(SETTINGS, last_batch="joined", epochs=1), Context(seed=1))
    assert [size for size, training in task.seen if training] == [8, 8, 8, 9]


def test_a_batch_norm_that_cannot_learn_from_one_example_is_named():
    with pytest.raises(InputError, match="batch norm cannot learn from a batch of one .*: set last_batch to joined"):
        fit(Task(), fold(), replace(SETTINGS, last_batch="alone"), Context(seed=1))


def test_buckets_hold_examples_of_like_length():
    class Long(Task):
        def examples(self, part, generator):
            return [Example(i, name, 0, 1 + i * 7 % 32, part.targets[i]) for i, name in enumerate(part.utterances)]

        def collate(self, segments, generator):
            if generator is not None:
                self.lengths.append([len(segment) for segment in segments])
            return super().collate(segments, generator)

    def spreads(bucketing):
        task = Long()
        task.lengths = []
        settings = replace(SETTINGS, epochs=2, batch_size=4, bucketing=bucketing)
        fit(task, fold(train=part("train", 32)), settings, Context(seed=1))
        for epoch in (task.lengths[:8], task.lengths[8:]):
            assert sorted(length for lengths in epoch for length in lengths) == list(range(1, 33))  # every example once
        assert task.lengths[:8] != task.lengths[8:]
        return [max(lengths) - min(lengths) for lengths in task.lengths]

    assert spreads(8) == [3] * 16  # one pool: neighbours in length share a batch
    assert np.mean(spreads(4)) < np.mean(spreads(0))


def test_one_cycle_follows_torch():
    weight = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([weight], lr=0.01)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.01, total_steps=100, cycle_momentum=False)
    for step in range(100):
        assert 0.01 * training._schedule("one_cycle", step, 100) == pytest.approx(reference.get_last_lr()[0])
        optimiser.step()
        reference.step()


def test_learning_rate_reaches_its_peak_and_its_end():
    history = fit(Task(), fold(), replace(SETTINGS, epochs=10), Context(seed=1)).history
    rates = [row["learning_rate"] for row in history]
    assert max(rates) == pytest.approx(0.01, rel=0.02) and rates.index(max(rates)) in (2, 3)
    assert rates[-1] == pytest.approx(0.01 / 25 * 1e-4)


def test_attributes_are_selected_by_ccc():
    outcome = fit(Task(True), fold(True), replace(SETTINGS, criterion="CCC", epochs=12), Context(seed=1))
    assert outcome.scores.shape == (9, 2)
    assert outcome.facts["dev_CCC"] == max(row["dev_CCC"] for row in outcome.history) > 0.3


def test_bfloat16_still_learns():
    outcome = fit(Task(), fold(), replace(SETTINGS, precision="bfloat16"), Context(seed=1))
    assert np.isfinite(outcome.scores).all()
    assert all(array.dtype != np.float16 for array in outcome.model.values())


def test_history_is_json_without_clock_times():
    outcome = fit(Task(), fold(), SETTINGS, Context(seed=1))
    keys = {"epoch", "train_loss", "learning_rate", "dev_loss", "dev_WA", "dev_UA"}
    assert all(set(row) == keys for row in json.loads(json.dumps(outcome.history)))


def test_a_criterion_that_does_not_fit_is_named():
    with pytest.raises(InputError, match="setting criterion is CCC; with classes it must be UA or WA or"):
        fit(Task(), fold(), replace(SETTINGS, criterion="CCC"), Context(seed=1))


@pytest.mark.parametrize(
    ("optimiser", "same"),
    [
        ("sgd", lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
        ("rmsprop", lambda weights: torch.optim.RMSprop(weights, lr=0.05, weight_decay=0.01)),
    ],
)
def test_an_optimiser_is_torchs(optimiser, same):
    """A step on known gradients ends where torch's ends."""
    settings = replace(SETTINGS, optimiser=optimiser, learning_rate=0.05, weight_decay=0.01)
    ours, theirs = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    optimisers = training._start(ours, settings, "cpu").optimiser, same(theirs.parameters())
    for network, made in zip((ours, theirs), optimisers, strict=True):
        for step in (1.0, 2.0, -1.0):
            made.zero_grad()
            (step * network(torch.arange(6.0).reshape(2, 3))).square().mean().backward()
            made.step()
    assert torch.equal(ours.weight, theirs.weight) and torch.equal(ours.bias, theirs.bias)


def test_empty_training_part_is_named():
    with pytest.raises(InputError, match="fold 0: the train part has no utterances"):
        fit(Task(), fold(train=part("train", 0)), SETTINGS, Context(seed=1))


def test_missing_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="torch finds no GPU"):
        fit(Task(), fold(), SETTINGS, Context(seed=1, device="cuda"))


def test_loss_that_is_not_finite_stops_with_the_fix():
    class Diverging(Task):
        def loss(self, outputs, batch, epoch):
            return super().loss(outputs, batch, epoch) * math.nan

    with pytest.raises(InputError, match="the training loss is nan in epoch 1; lower learning_rate"):
        fit(Diverging(), fold(), SETTINGS, Context(seed=1))
