"""The state of an unfinished run: resuming after a stop or a kill gives the same bits; damaged states are ignored."""

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers import ROOT, flipped
from helpers.training import SETTINGS, Task, assert_same, fold
from ser.runs.contract import Context
from ser.training import loop as training
from ser.training import state as state_module
from ser.training.loop import fit
from ser.training.state import Saver


class Stopped(Exception):
    pass


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "rmsprop"])
def test_stopped_and_resumed_run_gives_the_same_bits(tmp_path, monkeypatch, average_decay, optimiser):
    settings = replace(SETTINGS, average_decay=average_decay, optimiser=optimiser)
    undisturbed = fit(Task(), fold(), settings, Context(seed=1))

    class Dying(Task):
        def loss(self, outputs, batch, epoch):
            if epoch == 3 and len(self.seen) % 2:
                raise Stopped  # in the middle of the fourth epoch
            return super().loss(outputs, batch, epoch)

    context = Context(seed=1, key="k", directory=tmp_path)
    with pytest.raises(Stopped):
        fit(Dying(), fold(), settings, context)
    np.random.seed(99)  # a new process has a different global state
    torch.manual_seed(99)
    counting = Task()
    assert_same(undisturbed, fit(counting, fold(), settings, context))
    assert sum(training for _, training in counting.seen) == 3 * math.ceil(33 / 8) - 3  # 33 = 8 + 8 + 8 + 9
    finished = Task()
    assert_same(undisturbed, fit(finished, fold(), settings, context))
    assert not any(training for _, training in finished.seen)


def test_killed_process_resumes_with_the_same_bits(tmp_path):
    undisturbed = fit(Task(), fold(), SETTINGS, Context(seed=1))
    code = (
        "import os, signal; import helpers.training as t\n"
        "from pathlib import Path; from ser.runs.contract import Context; from ser.training.loop import fit\n"
        "class Killed(t.Task):\n"
        "    def loss(self, outputs, batch, epoch):\n"
        "        if epoch == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().loss(outputs, batch, epoch)\n"
        f"fit(Killed(), t.fold(), t.SETTINGS, Context(seed=1, key='k', directory=Path({str(tmp_path)!r})))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    task = Task()
    assert_same(undisturbed, fit(task, fold(), SETTINGS, Context(seed=1, key="k", directory=tmp_path)))
    assert sum(training for _, training in task.seen) == 4 * 4


@pytest.fixture
def two_bests(monkeypatch):
    """Of six epochs the first is the best until the third, and then that one; by their learning rates, as a resumed
    run sees them as well.
    """
    rates = [row["learning_rate"] for row in fit(Task(), fold(), SETTINGS, Context(seed=1)).history]
    monkeypatch.setattr(training, "is_better", lambda row, best, criterion: row["learning_rate"] == rates[2])


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_best_weights_are_written_once_and_only_where_the_state_does_not_have_them(
    tmp_path, monkeypatch, two_bests
):
    written, write = [], state_module._write
    monkeypatch.setattr(state_module, "_write", lambda path, *of: written.append(path.name) or write(path, *of))
    outcome = fit(Task(), fold(), SETTINGS, Context(seed=1, key="k", directory=tmp_path))
    assert outcome.facts["best_epoch"] == 3
    state = "state.safetensors"
    assert written == [state, "best-1.safetensors", state, state, "best-3.safetensors", state, state, state]
    assert files(tmp_path) == ["best-3.safetensors", state]


class Dying(Task):
    """Stops in the middle of an epoch, counted from 0."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def loss(self, outputs, batch, epoch):
        if epoch == self.at and len(self.seen) % 2:
            raise Stopped
        return super().loss(outputs, batch, epoch)


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
@pytest.mark.parametrize("at", range(1, 6))
def test_stopped_at_any_epoch_and_resumed_has_the_same_bits(tmp_path, two_bests, at, average_decay):
    settings = replace(SETTINGS, average_decay=average_decay)
    undisturbed = fit(Task(), fold(), settings, Context(seed=1))
    context = Context(seed=1, key="k", directory=tmp_path)
    for stop in (at, 5):
        with pytest.raises(Stopped):
            fit(Dying(stop), fold(), settings, context)
    counting = Task()
    assert_same(undisturbed, fit(counting, fold(), settings, context))
    assert sum(training for _, training in counting.seen) == math.ceil(33 / 8) - 1  # the last epoch alone


def test_stopped_before_the_state_that_needs_new_best_weights_goes_on_from_the_old_ones(
    tmp_path, monkeypatch, two_bests
):
    undisturbed = fit(Task(), fold(), SETTINGS, Context(seed=1))
    context, write = Context(seed=1, key="k", directory=tmp_path), state_module._write
    monkeypatch.setattr(state_module, "SMALL", 0)  # as large ones are: by time
    due = iter([True, True, False, True])
    monkeypatch.setattr(state_module.Saver, "__call__", lambda self: next(due))

    def stopping(path, facts, tensors):
        if path.name == "state.safetensors" and facts["epoch"] == 4:
            raise Stopped
        write(path, facts, tensors)

    monkeypatch.setattr(state_module, "_write", stopping)
    with pytest.raises(Stopped):
        fit(Task(), fold(), SETTINGS, context)
    assert files(tmp_path) == ["best-1.safetensors", "best-3.safetensors", "state.safetensors"]
    monkeypatch.undo()
    rates = [row["learning_rate"] for row in undisturbed.history]
    monkeypatch.setattr(training, "is_better", lambda row, best, criterion: row["learning_rate"] == rates[2])
    counting = Task()
    assert_same(undisturbed, fit(counting, fold(), SETTINGS, context))
    assert sum(training for _, training in counting.seen) == 4 * 4  # from the second epoch on
    assert files(tmp_path) == ["best-3.safetensors", "state.safetensors"]


@pytest.mark.parametrize("damage", ["gone", "flipped", "of another run"])
def test_a_state_without_its_best_weights_is_not_used(tmp_path, caplog, two_bests, damage):
    context = Context(seed=1, key="k", directory=tmp_path)
    undisturbed = fit(Task(), fold(), SETTINGS, context)
    best = tmp_path / "best-3.safetensors"
    if damage == "gone":
        best.unlink()
    elif damage == "flipped":
        best.write_bytes(flipped(best.read_bytes(), -1, 0))
    else:
        fit(Task(), fold(), SETTINGS, replace(context, key="other", directory=tmp_path / "other"))
        (tmp_path / "other" / best.name).replace(best)
    task = Task()
    assert_same(undisturbed, fit(task, fold(), SETTINGS, context))
    assert any(training for _, training in task.seen) and "training starts afresh" in caplog.text


def test_a_large_state_is_saved_by_time_and_a_small_one_always(monkeypatch):
    class Sized:
        nbytes = 1 << 30

    def saved(*seconds):
        """After which epochs, of these lengths."""
        times = iter(np.cumsum([0, *seconds]))
        saver = Saver(Sized(), lambda: next(times))
        return [n for n, _ in enumerate(seconds, 1) if saver()]

    assert saved(100, 70, 61) == [1, 2, 3]  # an epoch that is longer than a minute: each
    assert saved(20, 20, 20, 20, 20, 20, 20) == [3, 6]  # one more would make it more than a minute
    assert saved(35, 35, 35) == [1, 2, 3]
    assert saved(1, 1, 100, 1) == [3]
    Sized.nbytes = 1 << 20
    assert saved(1, 1, 1) == [1, 2, 3]


def test_a_flipped_bit_anywhere_starts_training_afresh(tmp_path, caplog):
    settings, file = replace(SETTINGS, epochs=2), tmp_path / "state.safetensors"
    context = Context(seed=1, key="k", directory=tmp_path)
    undisturbed = fit(Task(), fold(), settings, context)
    whole = file.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    inside = [start, len(whole) - 1, whole.index(b"epoch") - 1, whole.index(b"training") + 15, 0, 7, 8]
    for place in [*inside, *rng.integers(len(whole), size=30).tolist()]:
        changed = flipped(whole, place, int(rng.integers(8)))
        if place < start and whole[place : place + 1] == b" ":  # the header is filled up with blanks
            continue
        file.write_bytes(changed)
        caplog.clear()
        task = Task()
        assert_same(undisturbed, fit(task, fold(), settings, context))
        assert any(training for _, training in task.seen) and "training starts afresh" in caplog.text, place


@pytest.mark.parametrize("damage", ["other key", "torn", "not safetensors", "left-over temporary"])
def test_unusable_state_is_ignored_with_a_line_in_the_log(tmp_path, caplog, damage):
    undisturbed = fit(Task(), fold(), SETTINGS, Context(seed=1))
    fit(Task(), fold(), replace(SETTINGS, epochs=3), Context(seed=5, key="old", directory=tmp_path))
    file = tmp_path / "state.safetensors"
    key = "new" if damage == "other key" else "old"
    if damage == "torn":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "not safetensors":
        file.write_bytes(b"x" * 300)
    elif damage == "left-over temporary":
        file.rename(tmp_path / ".state.safetensors.tmp")
    with caplog.at_level("WARNING"):
        assert_same(undisturbed, fit(Task(), fold(), SETTINGS, Context(seed=1, key=key, directory=tmp_path)))
    assert ("starts afresh" in caplog.text) == (damage != "left-over temporary")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.safetensors"]


def test_a_state_of_another_kind_of_machine_is_not_continued(tmp_path, caplog):
    context = Context(seed=1, key="old", directory=tmp_path, machine={"blas": "Haswell", "torch": "AVX2"})
    fit(Task(), fold(), replace(SETTINGS, epochs=3), context)
    here = replace(context, key="new", machine={"blas": "Haswell", "torch": "AVX512"})
    assert_same(fit(Task(), fold(), SETTINGS, Context(seed=1)), fit(Task(), fold(), SETTINGS, here))
    told = "state.safetensors was made on another kind of machine (torch AVX2; this one: torch AVX512): training starts"
    assert told in caplog.text


def test_state_bytes_repeat(tmp_path):
    for name in ("a", "b"):
        fit(Task(), fold(), SETTINGS, Context(seed=1, key="k", directory=tmp_path / name))
    first, second = ((tmp_path / name / "state.safetensors").read_bytes() for name in ("a", "b"))
    assert first == second
