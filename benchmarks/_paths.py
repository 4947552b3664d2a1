"""Imported first by the benchmarks that share code with the tests or the scripts, which are in no package."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "workflow_scripts")]
