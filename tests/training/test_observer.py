"""Scoring the test part after each epoch leaves no trace in what a run trains, chooses and predicts."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from helpers.training import SETTINGS, Task, assert_same, fold, part
from ser.runs.contract import Context
from ser.training import loop
from ser.training.loop import fit
from ser.training.observer import EpochScores

ON = Context(seed=1, score_test_each_epoch=True)
OFF = Context(seed=1)


def generators() -> tuple[object, bytes, bytes]:
    words = np.random.get_state()[1]
    return random.getstate(), words.tobytes(), torch.get_rng_state().numpy().tobytes()  # type: ignore[union-attr]


class Drawing(Task):
    """Its scores draw from every global generator: whoever scores once more must put them back."""

    def scores(self, outputs):
        noise = random.random() + np.random.random() + torch.rand(()).item()
        return super().scores(outputs) + 0 * noise


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
@pytest.mark.parametrize("patience", [0, 2])
@pytest.mark.parametrize("task", [Task, Drawing])
def test_every_bit_is_the_same_with_and_without(task, patience, average_decay):
    settings = replace(SETTINGS, epochs=12, patience=patience, average_decay=average_decay, criterion="UA")
    off, on = fit(task(), fold(), settings, OFF), fit(task(), fold(), settings, ON)
    assert_same(off, on)
    assert off.test_epochs is None and on.test_epochs.dtype == np.float32
    assert on.test_epochs.shape == (on.facts["epochs_run"], 9, 3)
    assert len({scores.tobytes() for scores in on.test_epochs}) == len(on.test_epochs)
    chosen = on.test_epochs[on.facts["best_epoch"] - 1]
    assert chosen.tobytes() == on.scores.astype(np.float32).tobytes()


def test_a_network_that_trains_in_bfloat16_is_watched_in_it_and_scored_in_float32():
    settings = replace(SETTINGS, precision="bfloat16", criterion="UA")
    off, on = fit(Task(), fold(), settings, OFF), fit(Task(), fold(), settings, ON)
    assert_same(off, on)
    chosen = on.test_epochs[on.facts["best_epoch"] - 1]
    assert chosen.tobytes() != on.scores.astype(np.float32).tobytes()
    np.testing.assert_allclose(chosen, on.scores, atol=0.05)


def test_the_choice_cannot_follow_the_test_part():
    """The test part's labels may be anything, and so may its utterances: training chooses and learns the same."""
    one = fit(Task(), fold(), SETTINGS, ON)
    shuffled = part("test", 9)
    shuffled.targets[:] = (shuffled.targets + 1) % 3
    other = fit(Task(), fold(test=shuffled), SETTINGS, ON)
    assert one.test_epochs.tobytes() != other.test_epochs.tobytes()
    assert one.history == other.history and one.facts == other.facts
    assert {k: v.tobytes() for k, v in one.model.items()} == {k: v.tobytes() for k, v in other.model.items()}


def test_what_trains_and_chooses_has_no_name_for_what_is_kept():
    for function in (loop._epoch, loop._goes_on, loop._train_epoch, loop.is_better, loop.dev_metrics):
        names = {*function.__code__.co_varnames, *function.__code__.co_names}
        assert not {name for name in names if "observer" in name or "test" in name}, function
    assert not {name for name in vars(loop.State(nn.Linear(1, 1), None, None, None)) if "test" in name}


def test_modes_and_generators_are_as_before():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
    network[1].eval()

    def score(module: nn.Module) -> np.ndarray:
        module.eval()
        random.random(), np.random.random(), torch.rand(3)
        return np.full((4, 3), 0.1)

    observer, before = EpochScores(score, 2, "cpu"), generators()
    assert observer(network) is None and observer(network) is None
    assert generators() == before
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert observer.scores.tobytes() == np.full((2, 4, 2), 0.1, np.float32).tobytes()
    assert observer.of_last(1) is None
    np.testing.assert_array_equal(observer.of_last(2), np.full((4, 3), 0.1))
    resumed = EpochScores(score, 2, "cpu")
    resumed.restore(observer.tensors)
    assert resumed.of_last(2) is None  # kept in float32 only


class Stopped(Exception):
    pass


class Dying(Task):
    def loss(self, outputs, batch, epoch):
        if epoch == 3:
            raise Stopped
        return super().loss(outputs, batch, epoch)


def test_a_resumed_run_has_the_scores_of_all_epochs(tmp_path):
    undisturbed = fit(Task(), fold(), SETTINGS, ON)
    context = replace(ON, key="k", directory=tmp_path)
    with pytest.raises(Stopped):
        fit(Dying(), fold(), SETTINGS, context)
    for resumed in (fit(Task(), fold(), SETTINGS, context), fit(Task(), fold(), SETTINGS, context)):
        assert_same(undisturbed, resumed)
        assert undisturbed.test_epochs.tobytes() == resumed.test_epochs.tobytes()


@pytest.mark.parametrize("first", [ON, OFF])
def test_a_state_without_scores_is_not_continued_where_they_are_wanted(tmp_path, caplog, first):
    then = OFF if first is ON else ON
    undisturbed = fit(Task(), fold(), SETTINGS, then)
    with pytest.raises(Stopped):
        fit(Dying(), fold(), SETTINGS, replace(first, key="k", directory=tmp_path))
    found = fit(Task(), fold(), SETTINGS, replace(then, key="k", directory=tmp_path))
    assert_same(undisturbed, found)
    afresh = "state.safetensors was saved without test_scores: training starts afresh" in caplog.text
    assert afresh == (then is ON)
    assert then is OFF or found.test_epochs.tobytes() == undisturbed.test_epochs.tobytes()
