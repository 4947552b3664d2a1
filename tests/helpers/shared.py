"""What takes long to build is built once in a session, by whichever process of pytest-xdist comes first."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from helpers.project import Project


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], Project]) -> Project:
    """The project that `build` made in the folder that it was given; not to be changed."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared" / name
    folder.mkdir(parents=True, exist_ok=True)
    project, finished = Project(folder / "project"), folder / "finished"
    with FileLock(folder / "lock"):
        if not finished.exists():
            shutil.rmtree(project.folder, ignore_errors=True)  # of a build that failed
            build(project.folder)
            finished.touch()
    return project


def copy_of(project: Project, folder: Path) -> Project:
    """A copy to change; file times are copied too, and with them what Snakemake and DVC know."""
    shutil.copytree(project.folder, folder, symlinks=True)
    return Project(folder)
