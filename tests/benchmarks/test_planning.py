"""The short forms of the benchmarks of planning and of the import into MLflow."""

import sys

import pytest

import planning
import tracking


def test_planning_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["planning.py", "--runs", "1", "--repeats", "1"])
    planning.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| `snakemake")]
    jobs = [int(line.split("|")[3]) for line in lines]
    assert len(jobs) == 5 and jobs[0] > jobs[4] > jobs[3] > jobs[1] == jobs[2] == 0


def test_an_import_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tracking.py", "--seeds", "1", "--epochs", "2"])
    tracking.main()
    said = capsys.readouterr().out
    assert said.startswith("65 runs of 2 epochs") and said.rstrip().endswith("changed by the second import: 0")
