"""The files of a split: they read back as written, and other files are refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.builders import iemocap_like, protocol
from helpers.split_cases import REPORTED, official
from ser.errors import InputError
from ser.splits.make import make_split
from ser.splits.split import read_split
from ser.splits.write import write_split


@pytest.mark.parametrize("selection", ["clean", "test_selected"])
def test_the_split_file_keeps_official_parts(tmp_path: Path, selection: str) -> None:
    split = make_split(protocol(**REPORTED), selection, official())
    write_split(split, protocol(**REPORTED), tmp_path / "s.csv", tmp_path / "s.json")
    found = read_split(tmp_path / "s.json")
    assert found.partitions == split.partitions
    np.testing.assert_array_equal(found.scored(1, "dev"), split.scored(1, "dev"))
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "utterance,speaker,session,gender,partition,target,fold1"
    used = {"clean": "dev", "test_selected": "reported"}[selection]
    assert lines[1] == f"dev_angry_1,speaker_dev,podcast_dev,,dev,angry,{used}"
    facts = json.loads((tmp_path / "s.json").read_text())
    each = {"utterances": 4, "speakers": 1, "classes": {"angry": 2, "sad": 2}}
    assert facts["counts_reported"] == {"test1": each, "test2": each, "dev": each}
    assert facts["counts"][0]["test"]["utterances"] == 8
    moved = [replace(row, partition="test2") if row.utterance == "test1_sad_1" else row for row in official()]
    assert make_split(protocol(**REPORTED), selection, moved).data_hash != split.data_hash


def test_read_refuses_a_csv_that_is_not_the_one_written(tmp_path: Path) -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    write_split(split, protocol(), tmp_path / "s.csv", tmp_path / "s.json")
    (tmp_path / "s.csv").write_text((tmp_path / "s.csv").read_text().replace("angry,test", "angry,train", 1))
    with pytest.raises(InputError, match="s.csv: not as .*s.json describes"):
        read_split(tmp_path / "s.json")
    (tmp_path / "s.csv").unlink()
    with pytest.raises(InputError, match="s.csv: not as .*s.json describes"):
        read_split(tmp_path / "s.json")
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(InputError, match="s.json: damaged"):
        read_split(tmp_path / "s.json")


def test_the_two_files_of_a_split_lie_in_one_folder(tmp_path: Path) -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    with pytest.raises(InputError, match="make up one split: put them into one folder"):
        write_split(split, protocol(), tmp_path / "s.csv", tmp_path / "elsewhere" / "s.json")
