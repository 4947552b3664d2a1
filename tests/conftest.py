"""Fixtures that every part of the suite uses."""

import os
from pathlib import Path

import pytest

from helpers import ROOT, warm
from helpers.project import Project, copy_project

# Before torch is imported: its threads would wait for each other, busily, on cores that other tests need.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the processes that pytest-xdist starts share this one's
        warm.start()


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


# The files that take longest, so that none is left to one process at the end; test_dvc_merge.py needs what test_dvc.py
# has built.
LONGEST = ("test_dvc.py", "test_build.py", "test_bench.py", "test_faults.py", "test_real.py", "test_dvc_merge.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then the other whole builds."""

    def place(item: pytest.Item) -> tuple[int, bool]:
        name = item.path.name
        is_long = name in LONGEST and item.path.parent.name in ("benchmarks", "cluster", "workflow")
        is_build = item.path.parent.name in ("cluster", "workflow")
        return LONGEST.index(name) if is_long else len(LONGEST), not is_build

    items.sort(key=place)
