"""The fold that a system is given: which utterances are in each part, and stores that lack some of them."""

import numpy as np
import pytest

from helpers.builders import iemocap_like, protocol
from helpers.split_cases import REPORTED, names, of_parts, official
from ser.errors import InputError
from ser.runs.contract import Fold
from ser.splits.make import make_split


@pytest.mark.parametrize(
    ("selection", "chosen_on"), [("clean", ["dev"]), ("test_selected", ["test1", "test2"]), ("last_epoch", [])]
)
def test_a_reported_dev_part_is_scored_and_never_trains(selection: str, chosen_on: list[str]) -> None:
    split = make_split(protocol(**REPORTED), selection, official())
    fold = Fold.of(split, 1, {})
    assert fold.train.utterances == tuple(of_parts("train"))
    assert fold.dev.utterances == tuple(of_parts(*chosen_on))
    assert fold.test.utterances == tuple(of_parts("dev", "test1", "test2"))  # in the order of their names
    assert names(split, split.rows(1, "test")) == of_parts("test1", "test2")
    for part in ("dev", "test1", "test2"):
        assert names(split, split.scored(1, part)) == of_parts(part)


def test_fold_gives_parts_and_checks_stores() -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    store = dict.fromkeys(split.utterances)
    fold = Fold.of(split, 2, {"spectrogram": store})
    assert (fold.number, fold.labels) == (2, ("angry", "happy", "sad", "neutral"))
    assert fold.test.speakers == ("Ses01M",) * 10
    assert fold.test.targets.dtype == np.int64
    assert [fold.labels[target] for target in fold.test.targets[:5]] == ["angry", "angry", "happy", "happy", "happy"]
    assert len({*fold.train.utterances, *fold.dev.utterances, *fold.test.utterances}) == 100
    del store["Ses01_im_M_sad_0"], store["Ses05_im_M_sad_0"]
    with pytest.raises(InputError, match="store spectrogram lacks .*: Ses01_im_M_sad_0, Ses05_im_M_sad_0: make"):
        Fold.of(split, 2, {"spectrogram": store})
    with pytest.raises(InputError, match="no fold 11: folds go from 1 to 10"):
        Fold.of(split, 11, {})
