"""Slots on GPUs: who waits, who shares, and what a killed process leaves behind."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import ROOT
from ser.compute.gpu import gpu_ids, gpu_slots
from ser.errors import InputError

HOLDER = """
import sys, time
from pathlib import Path
from ser.compute.gpu import gpu_slots
with gpu_slots(int(sys.argv[1]), 4, Path(sys.argv[2])) as gpu:
    print(gpu, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts processes that hold slots of GPUs 0 and 3."""
    started = []

    def start(wanted: int) -> subprocess.Popen:
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0, 3", "PYTHONPATH": str(ROOT)}
        environment.pop("SLURM_JOB_ID", None)
        command = [sys.executable, "-c", HOLDER, str(wanted), str(tmp_path)]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def gpu_of(process: subprocess.Popen) -> str:
    return process.stdout.readline().strip()


def is_waiting(process: subprocess.Popen) -> bool:
    os.set_blocking(process.stdout.fileno(), False)
    time.sleep(1.5)
    nothing = not process.stdout.readline()
    os.set_blocking(process.stdout.fileno(), True)
    return nothing


def test_small_runs_share_a_gpu_and_a_large_one_takes_the_other(holder):
    small = [holder(1), holder(1)]
    assert [gpu_of(process) for process in small] == ["0", "0"]
    assert gpu_of(holder(4)) == "3"


def test_a_killed_process_gives_its_slots_back(holder):
    first, second = holder(4), None
    assert gpu_of(first) == "0"
    assert gpu_of(holder(3)) == "3"
    second = holder(4)
    assert is_waiting(second)
    os.kill(first.pid, signal.SIGKILL)
    assert gpu_of(second) == "0"


def test_a_wait_says_for_which_slots_and_who_has_them(holder, tmp_path, monkeypatch, caplog):
    first = holder(1)
    assert gpu_of(first) == "0"
    assert gpu_of(holder(4)) == "3"
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr("ser.compute.gpu.time.sleep", lambda seconds: (first.kill(), first.wait()))
    with caplog.at_level(logging.INFO), gpu_slots(4, 4, tmp_path) as gpu:
        assert gpu == "0"
    holds = f"{tmp_path}/0.0 has process {first.pid} of {Path.cwd()}"
    assert caplog.messages == [f"waiting for 4 of the 4 slots of a GPU: {holds}"]


@pytest.mark.parametrize("what", ["a file", "a link", "open to others", "another user's", "a slot is a folder"])
def test_slots_that_are_not_ones_own_are_refused(monkeypatch, tmp_path, what):
    """Another user could hold them for ever, or put something else in their place."""
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    folder = tmp_path / "slots"
    said = "need a folder that is yours alone, but this belongs to user"
    if what == "a file":
        folder.touch()
        said = "no place for the slots of GPUs: File exists"
    elif what == "a link":
        folder.symlink_to(tmp_path)
    elif what == "a slot is a folder":
        folder.mkdir(mode=0o700)
        (folder / "0.0").mkdir()
        said = "0.0: not a slot of a GPU that can be used: Is a directory"
    else:
        folder.mkdir(mode=0o700)
        if what == "open to others":
            folder.chmod(0o755)
        else:
            monkeypatch.setattr("ser.compute.gpu.os.getuid", lambda: 12345)
    with pytest.raises(InputError, match=f"{said}.*: remove it, or set TMPDIR"), gpu_slots(1, 4, folder):
        pass


def test_the_gpu_is_the_only_visible_one(monkeypatch, tmp_path):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7f,GPU-a2")
    assert gpu_ids() == ["GPU-7f", "GPU-a2"]
    monkeypatch.setenv("SLURM_JOB_ID", "7")  # two in one Slurm job: still to be shared out
    with gpu_slots(9, 4, tmp_path) as gpu:
        assert gpu == os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-7f"


def test_ids_are_read_as_cuda_reads_them(monkeypatch):
    for visible, ids in {"": [], "-1": [], "1,-1,2": ["1"], " 2 , 0": ["2", "0"]}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert gpu_ids() == ids


@pytest.mark.parametrize("reason", ["nothing wanted", "no GPU", "Slurm"])
def test_where_there_is_nothing_to_wait_for(monkeypatch, tmp_path, reason):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "" if reason == "no GPU" else "5")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    if reason == "Slurm":
        monkeypatch.setenv("SLURM_JOB_ID", "1")
    with gpu_slots(0 if reason == "nothing wanted" else 4, 4, tmp_path) as gpu:
        assert gpu is None
    assert not list(tmp_path.iterdir())
