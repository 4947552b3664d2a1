"""The project in which the experiment of helpers/plans.py is planned."""

import shutil
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.plans import SYSTEM


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    (tmp_path / "ser" / "systems").mkdir(parents=True)
    (tmp_path / "ser" / "systems" / "net.py").write_text(SYSTEM)
    for path in (ROOT / "ser" / "corpora").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    (tmp_path / "experiments").mkdir()
    (tmp_path / "corpora").mkdir()
    return tmp_path
