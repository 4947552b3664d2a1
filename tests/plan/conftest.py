"""The project in which the experiment of helpers/plans.py is planned."""

from pathlib import Path

import pytest

from helpers.plans import write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "corpora").mkdir()
    return write_project(tmp_path)
