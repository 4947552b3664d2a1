"""The short form of the benchmark of checks."""

from pathlib import Path

import verification


def test_what_checks_cost_is_measured(tmp_path: Path) -> None:
    figures = verification.measure(tmp_path, gigabytes=0.005, repeats=1)
    assert figures["store_utterances"] == 7
    assert all(value > 0 for value in figures.values())
