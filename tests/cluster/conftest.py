"""One real Slurm for all tests of this folder, and the project as its user has it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workflow.conftest import Project, copy_project

from .slurm import Slurm, missing


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A cluster of one node with two cores and a GPU."""
    if reason := missing():
        pytest.skip(reason)
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


@pytest.fixture
def profile(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a user of the cluster."""
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "profiles/slurm")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))


def cluster_project(folder: Path) -> Project:
    """A copy of the project whose profile asks Slurm for its jobs every second instead of every ten."""
    project = copy_project(folder)
    path = folder / "profiles/slurm/profile.yaml"
    text = path.read_text()
    assert "before-status-checks: 10" in text and "between-status-checks: 30" in text
    text = text.replace("before-status-checks: 10", "before-status-checks: 1")
    path.write_text(text.replace("between-status-checks: 30", "between-status-checks: 1"))
    return project
