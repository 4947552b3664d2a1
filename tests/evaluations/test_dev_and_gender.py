"""What stands beside a number: the score of what chose the epoch, and the numbers of women and men."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.builders import edit_sealed, iemocap_like, protocol
from helpers.runs import scores_of, write_runs
from helpers.split_cases import SESSIONS
from ser.evaluations import metrics
from ser.evaluations.evaluate import evaluate
from ser.runs.contract import Fold
from ser.splits.make import make_split


def test_women_and_men_have_numbers_of_their_own(tmp_path: Path) -> None:
    """Of the five pairs the women are in half of the folds; of the sixth nobody knows."""
    named = [replace(row, gender={"F": "female", "M": "male"}[row.speaker[-1]]) for row in iemocap_like()]
    rows = [replace(row, gender="") if row.session == "Ses05" else row for row in named]
    split = make_split(protocol(), "clean", rows)
    found = evaluate([split], write_runs(tmp_path, split, (1, 2)))["results"][""]
    for key, voice in (("women", "F"), ("men", "M")):
        matrices = np.array(
            [
                [
                    metrics.confusion_matrix(
                        Fold.of(split, k, {}).test.targets, scores_of(split, k, seed).argmax(axis=1), 4
                    )
                    for k, speaker in enumerate(sorted({*split.speakers}), 1)
                    if speaker[-1] == voice and speaker[:5] != "Ses05"
                ]
                for seed in (1, 2)
            ]
        )
        assert matrices.shape == (2, 4, 4, 4)
        assert found["fold_mean"]["UA"][key] == pytest.approx(metrics.ua(matrices).mean())
        assert found["pooled"]["UA"][key] == pytest.approx(metrics.ua(matrices.sum(axis=1)).mean())
    unnamed = make_split(protocol(), "clean", iemocap_like())
    found = evaluate([unnamed], write_runs(tmp_path / "unnamed", unnamed, (1,)))
    assert "women" not in found["results"][""]["pooled"]["UA"] and found["dev"] == {}


def test_what_chose_the_epoch_has_a_score_where_all_runs_say_it(tmp_path: Path) -> None:
    split = make_split(protocol(**SESSIONS), "clean", iemocap_like())
    folders = write_runs(tmp_path, split, (1,))
    for number, folder in enumerate(folders):
        edit_sealed(folder / "metrics.json", facts={"dev_UA": number / 10, "dev_loss": 1.0})
    assert evaluate([split], folders)["dev"] == {"UA": pytest.approx(0.2)}
    edit_sealed(folders[0] / "metrics.json", facts={})
    assert evaluate([split], folders)["dev"] == {}
