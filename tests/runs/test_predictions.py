"""predictions.csv: it reads back as written; scores that are not numbers and other labels are refused."""

from pathlib import Path

import numpy as np
import pytest

from helpers.builders import fold
from ser.errors import InputError
from ser.runs.auxiliary import Auxiliary
from ser.runs.predictions import read_predictions, write_predictions


def test_predictions_read_back(tmp_path: Path) -> None:
    part = fold(tmp_path, (np.zeros((2, 1)), [0, 1]), (np.zeros((3, 1)), [2, 1, 0]))
    scores = np.log(
        [[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3], [1, 0, 0]], where=[[1], [1], [0]], out=np.full((3, 3), -np.inf)
    )
    scores[2, 0] = 0
    write_predictions(tmp_path / "p.csv", part, scores)
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "utterance,speaker,target,predicted,score_angry,score_sad,score_calm",
        "test0,speaker_test,calm,calm,-1.60943791,-1.2039728,-0.693147181",
        "test1,speaker_test,sad,angry,-1.09861229,-1.09861229,-1.09861229",
        "test2,speaker_test,angry,angry,0,-inf,-inf",
    ]
    found = read_predictions(tmp_path / "p.csv", part.labels, are_classes=True)
    assert found.utterances == part.test.utterances
    assert (found.targets.tolist(), found.predicted.tolist()) == ([2, 1, 0], [2, 0, 0])
    with pytest.raises(InputError, match="not predictions of angry, sad"):
        read_predictions(tmp_path / "p.csv", ("angry", "sad"), are_classes=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    part = fold(tmp_path, (np.zeros((2, 1)), [0, 1]), (np.zeros((2, 1)), [2, 1]))
    scores = np.zeros((2, 3))
    scores[1, 1] = bad
    with pytest.raises(InputError, match="fold 1 has scores that are not numbers"):
        write_predictions(tmp_path / "p.csv", part, scores)
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize("are_classes", [True, False])
def test_what_is_classified_besides_is_in_the_last_columns(tmp_path: Path, are_classes: bool) -> None:
    targets = [2, 1, 0] if are_classes else [[1.5], [2], [7]]
    labels = ("angry", "sad", "calm") if are_classes else ("arousal",)
    part = fold(tmp_path, (np.zeros((1, 1)), targets[:1]), (np.zeros((3, 1)), targets), labels)
    regions = Auxiliary.of("region", np.array([31, 0, 4]), np.eye(32)[[30, 0, 5]])
    write_predictions(tmp_path / "p.csv", part, np.eye(3)[:, : len(labels)], regions)
    header, *rows = (tmp_path / "p.csv").read_text().splitlines()
    assert header.endswith(",target_region,predicted_region")
    assert [row.split(",")[-2:] for row in rows] == [["31", "30"], ["0", "0"], ["4", "5"]]
    found = read_predictions(tmp_path / "p.csv", labels, are_classes)
    assert found.targets.tolist() == targets
    assert found.auxiliary and found.auxiliary.name == "region"
    assert (found.auxiliary.targets.tolist(), found.auxiliary.predicted.tolist()) == ([31, 0, 4], [30, 0, 5])
    some = found.at(np.array([2, 0])).auxiliary
    assert some and (some.targets.tolist(), some.predicted.tolist()) == ([4, 31], [5, 30])
    (tmp_path / "p.csv").write_text((tmp_path / "p.csv").read_text().replace("predicted_region", "region"))
    with pytest.raises(InputError, match="its columns are .*,target_region,region"):
        read_predictions(tmp_path / "p.csv", labels, are_classes)


def test_the_class_predicted_is_the_first_of_the_highest_and_must_be_a_number() -> None:
    assert Auxiliary.of("region", np.zeros(2), np.array([[1.0, 2, 2], [0, -1, 0]])).predicted.tolist() == [1, 0]
    with pytest.raises(InputError, match="scores of region are not numbers: did training diverge"):
        Auxiliary.of("region", np.zeros(1), np.array([[0.0, np.nan]]))
