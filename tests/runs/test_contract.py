"""The fold that a system is given: which utterances are in each part, and stores that lack some of them."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.builders import iemocap_like, protocol
from helpers.split_cases import DRAWN, OFFICIAL, RANDOM, REPORTED, SESSIONS, names, of_parts, official
from ser.errors import InputError
from ser.runs.contract import Fold
from ser.splits.folds import TRAIN
from ser.splits.leaks import find_leaks
from ser.splits.make import make_split
from ser.splits.protocol import LEAKS


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


MAY_TRAIN = {
    "the next speaker": ({}, ["clean"]),
    "a speaker of the next session": (SESSIONS | {"dev": {"kind": "speaker_of_next_session"}}, ["clean"]),
    "the other speaker of the session, who is nearer to the test part than train": (
        {"dev": {"kind": "other_of_session"}},
        [],
    ),
    "a share of what is not tested": (RANDOM | {"dev": {"kind": "random", "fraction": 0.2, "seed": 1}}, ["clean"]),
    "an official part": (OFFICIAL, ["clean"]),
    "an official part that is reported": (REPORTED, []),
    "drawn from a part that is tested": (DRAWN, []),
    "drawn, and everybody speaks once": (DRAWN | {"leaks": []}, []),
}


@pytest.mark.parametrize("selection", ["clean", "test_selected", "last_epoch"])
@pytest.mark.parametrize("dev", MAY_TRAIN)
def test_what_chooses_nothing_trains_on_dev_where_it_may_and_never_on_what_is_scored(dev: str, selection: str) -> None:
    fields, rules = MAY_TRAIN[dev]
    made, corpus = protocol(**fields), official() if "corpus" in fields else iemocap_like()
    if "everybody speaks once" in dev:
        corpus = [replace(row, speaker=row.utterance, session=row.utterance) for row in corpus]
    split = make_split(made, selection, corpus, 1 if made.is_drawn(selection) else None)
    for number in range(1, split.n_folds + 1):
        usual, fold = Fold.of(split, number, {}), Fold.of(split, number, {}, chooses=False)
        also = usual.dev.utterances if selection in rules else ()
        assert len(also) > 0 or selection not in rules
        assert fold.train.utterances == tuple(sorted({*usual.train.utterances, *also}))
        assert fold.trained_on == (("train", "dev") if also else ("train",)) and usual.trained_on == ("train",)
        assert fold.dev.utterances == () and fold.test.utterances == usual.test.utterances
        assert not {*fold.train.utterances} & {*fold.test.utterances}
        targets = dict(zip(split.utterances, split.targets.tolist(), strict=True))
        assert fold.train.targets.tolist() == [targets[name] for name in fold.train.utterances]
    # Nothing is shared with the training part then that was not before.
    parts, row_of = split.parts.copy(), {row.utterance: row for row in corpus}
    for number in range(1, split.n_folds + 1):
        parts[split.spare(number), number - 1] = TRAIN
    found = find_leaks([row_of[name] for name in split.utterances], parts)
    assert {kind for kind in found if kind in LEAKS} == {kind for kind in split.leaks if kind in LEAKS}


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
