"""What bfloat16 changes in scores: less than the tolerance that docs/performance.md names."""

import json
import sys

import pytest

import _sections
import precision


def test_scores_hardly_change(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "precision.json"
    monkeypatch.setattr(sys, "argv", ["precision.py", "--short", "--output", str(output)])
    precision.main()
    found = json.loads(output.read_text())
    assert 0.001 < found["error"]["median"] < found["error"]["largest"] < 0.02
    assert {"1", "2", "3", "mean of all"} == {*found["layers"]}
    for scores in found["layers"].values():
        assert 0 <= scores["same"] <= 1 and 0 <= scores["float32"] <= 100
    assert "## What bfloat16 changes" in "".join(_sections.precision(found))
