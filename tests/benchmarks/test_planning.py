"""The short forms of the benchmarks of planning, of a plan on a cluster, and of the import into MLflow."""

import sys
from pathlib import Path

import pytest

import cluster
import planning
import tracking


def test_planning_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(
        sys, "argv", ["planning.py", "--runs", "1", "--repeats", "1", "--experiments", "fair", "tf_transformer"]
    )
    planning.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| `snakemake")]
    jobs = [int(line.split("|")[3]) for line in lines]
    assert len(jobs) == 5 and jobs[0] > jobs[4] > jobs[3] > jobs[1] == jobs[2] == 0


def test_a_plan_with_drawn_scores_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On this machine: what is sent to Slurm is tested in tests/cluster."""
    cluster.measure(tmp_path / "project", {}, 1, {"attention_fcn": ["full"]})
    lines = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| `snakemake")]
    assert len(lines) == 2 and int(lines[0][2]) > 8 and int(lines[1][2]) == 0


def test_an_import_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tracking.py", "--seeds", "1", "--epochs", "2", "--rows", "mfhca"])
    tracking.main()
    said = capsys.readouterr().out
    assert said.startswith("5 runs of 2 epochs") and said.rstrip().endswith("changed by the second import: 0")
