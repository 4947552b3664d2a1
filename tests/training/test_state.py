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
from ser.training.loop import fit


class Stopped(Exception):
    pass


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
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
