"""The short form of the benchmark of the demo."""

import json
import sys
from pathlib import Path

import pytest

import _sections
import demo


def test_where_its_time_goes_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "demo.json"
    monkeypatch.setattr(sys, "argv", ["demo.py", "--short", "--output", str(output)])
    demo.main()
    found = json.loads(output.read_text())
    of_jobs = sum(used["cpu"] for used in found["rules"].values())
    assert 0 < of_jobs < found["cpu"] < found["wall"] * (found["cores"] + 0.5)
    assert {"demo_corpus", "manifest", "train", "evaluate", "table"} <= found["rules"].keys()
    assert "| starting |" in "\n".join(_sections.demo(found))
