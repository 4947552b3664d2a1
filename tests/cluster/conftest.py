"""One real Slurm for all tests in this folder, and the environment of its user."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.slurm import Slurm, missing


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
