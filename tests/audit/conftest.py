"""A sound split, for the tests that spoil it."""

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.builders import iemocap_like, protocol
from ser.manifests.utterance import write_manifest
from ser.splits.make import make_split
from ser.splits.split import Split
from ser.splits.write import write_split


@pytest.fixture
def sound(tmp_path: Path) -> tuple[Path, Split]:
    """Sessions apart, in the project's own form, with the runs of two seeds; audio that nobody shares."""
    utterances = [replace(row, sentence=row.utterance) for row in iemocap_like() if row.style == "improvised"]
    folds = {"kind": "leave_one_out", "group": "session", "number": 5}
    made = protocol(folds=folds, dev={"kind": "speaker_of_next_session", "seed": 1}, leaks=[])
    split = make_split(made, "clean", utterances)
    write_split(split, made, tmp_path / "split.csv", tmp_path / "split.json")
    write_manifest(tmp_path / "manifest.csv", utterances)
    return tmp_path, split
