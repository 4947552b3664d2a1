"""The short form of the benchmark of growing corpora."""

import json
import sys
from pathlib import Path

import pytest

import _sections
import growth


def test_what_grows_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "growth.json"
    monkeypatch.setattr(sys, "argv", ["growth.py", "--short", "--output", str(output)])
    growth.main()
    found = json.loads(output.read_text())
    assert [each["utterances"] for each in found["corpora"]] == [6, 12]
    assert {"manifest", "audio", "splits", "features", "evaluate", "table"} <= found["rules"].keys()
    assert {"train/bench/attention_fcn", "train/bench/probe"} <= found["rules"].keys()
    for by_size in found["rules"].values():
        assert all(used["mib"] > 1 and used["cpu"] >= 0 and used["jobs"] > 0 for used in by_size.values())
    assert "| manifest | 1 |" in "\n".join(_sections.growth(found))
