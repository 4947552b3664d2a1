"""Fixtures that every part of the suite uses."""

import os
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.project import Project, copy_project

# Before torch is imported: its threads would wait for each other, busily, on cores that other tests need.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real recordings (EmoDB, part of RAVDESS); none of them are in the project."""
    folder = Path(os.environ.get("SER_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "emodb" / "wav").is_dir():
        pytest.skip(f"no real recordings at {folder}: set SER_DATA to a folder with emodb/wav")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the project."""
    return copy_project(tmp_path / "project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole builds first, and of these the longest, so that no long file is left to one process at the end."""
    items.sort(key=lambda item: (item.path.parent.name not in ("cluster", "workflow"), item.path.name != "test_dvc.py"))
