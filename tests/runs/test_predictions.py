"""predictions.csv: it reads back as written; scores that are not numbers and other labels are refused."""

from pathlib import Path

import numpy as np
import pytest

from helpers.builders import fold
from ser.errors import InputError
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
