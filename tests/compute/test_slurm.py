"""What Slurm's answers mean before a build; tests/cluster asks a real one."""

import subprocess
from pathlib import Path

import pytest

from ser.compute.slurm import check_queue
from ser.errors import InputError


def test_jobs_of_another_user_in_this_folder_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = "7|anna|rule_train|/lab/ser\n8|anna|rule_train|/home/anna/ser\n9|anna|a job | of hers|/lab/ser\n"

    def slurm(*command: str) -> subprocess.CompletedProcess[str]:
        of_user = any(word.startswith("--user") for word in command)
        return subprocess.CompletedProcess(command, 0, queue if command[0] == "squeue" and not of_user else "", "")

    monkeypatch.setattr("ser.compute.slurm._slurm", slurm)
    monkeypatch.setattr("shutil.which", lambda program: program)
    check_queue(Path("/home/bert/ser"), "squeue")
    with pytest.raises(InputError, match=r"^1 jobs of an earlier build \(user anna\) are .*, or: scancel 7$"):
        check_queue(Path("/lab/ser"), "squeue")
