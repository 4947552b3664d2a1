"""Folds: which utterances train, develop and test under each kind of folds and dev parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import random_split

from helpers import ROOT
from helpers.builders import iemocap_like, protocol
from helpers.releases import ravdess
from helpers.split_cases import DRAWN, NO_DEV, OFFICIAL, RANDOM, SESSIONS, names, of_parts, official, speakers
from ser.errors import InputError
from ser.plan.experiments import read_experiments
from ser.runs.contract import Fold
from ser.splits.dev_parts import torch_permutation
from ser.splits.make import make_split
from ser.splits.protocol import Protocol

SPEAKERS = [f"Ses0{session}{voice}" for session in range(1, 6) for voice in "FM"]


def test_leave_one_speaker_out_with_the_next_speaker_as_dev() -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        following = SPEAKERS[number % 10]
        assert speakers(split, number, "test") == {speaker}
        assert speakers(split, number, "dev") == {following}
        assert speakers(split, number, "train") == set(SPEAKERS) - {speaker, following}


def test_other_speaker_of_the_session_as_dev() -> None:
    split = make_split(protocol(dev={"kind": "other_of_session"}), "clean", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        partner = speaker[:-1] + ("M" if speaker[-1] == "F" else "F")
        assert speakers(split, number, "dev") == {partner}
        assert speakers(split, number, "train") == {s for s in SPEAKERS if s[:-1] != speaker[:-1]}
    assert split.leaks["dev_sessions"]["folds"] == list(range(1, 11))
    assert "sessions" not in split.leaks


def test_other_of_session_needs_exactly_two_speakers() -> None:
    rows = [replace(row, session="all") for row in iemocap_like()]
    with pytest.raises(InputError, match="Ses01F of session all shares it with Ses01M, Ses02F"):
        make_split(protocol(dev={"kind": "other_of_session"}), "clean", rows)


def test_speaker_of_next_session_as_dev() -> None:
    dev = {"kind": "speaker_of_next_session"}
    first = make_split(protocol(**SESSIONS, dev=dev), "clean", iemocap_like())
    for number in range(1, 6):
        following = number % 5 + 1
        assert speakers(first, number, "test") == {f"Ses0{number}F", f"Ses0{number}M"}
        assert speakers(first, number, "dev") == {f"Ses0{following}F"}
        assert f"Ses0{following}M" in speakers(first, number, "train")
    drawn = make_split(protocol(**SESSIONS, dev={**dev, "seed": 3}), "clean", iemocap_like())
    voices = [next(iter(speakers(drawn, number, "dev")))[-1] for number in range(1, 6)]
    assert set(voices) == {"F", "M"}
    assert [next(iter(speakers(drawn, n, "dev")))[:-1] for n in range(1, 6)] == [
        f"Ses0{n % 5 + 1}" for n in range(1, 6)
    ]


def test_other_of_session_needs_named_sessions() -> None:
    rows = [replace(row, session="") for row in iemocap_like() if row.session == "Ses01"]
    folds = {"kind": "leave_one_out", "group": "speaker", "number": 2}
    with pytest.raises(InputError, match="needs two speakers in each session"):
        make_split(protocol(folds=folds, dev={"kind": "other_of_session"}), "clean", rows)


def test_a_dev_speaker_who_is_also_tested_stays_tested() -> None:
    visit = replace(iemocap_like()[0], utterance="visit", speaker="Ses02F", sha256="visit")
    fields = {**SESSIONS, "leaks": ["speakers"], "dev": {"kind": "speaker_of_next_session"}}
    split = make_split(protocol(**fields), "clean", [*iemocap_like(), visit])
    assert "visit" in {split.utterances[row] for row in split.rows(1, "test")}
    assert "visit" not in {split.utterances[row] for row in split.rows(1, "dev")}


@pytest.mark.parametrize("dev", ["next_group", "other_of_session"])
def test_test_selected_is_judged_on_the_test_part_and_trains_on_the_rest(dev: str) -> None:
    split = make_split(protocol(dev={"kind": dev}), "test_selected", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        assert speakers(split, number, "train") == set(SPEAKERS) - {speaker}
        np.testing.assert_array_equal(split.rows(number, "dev"), split.rows(number, "test"))
    fold = Fold.of(split, 1, {})
    assert fold.dev.utterances == fold.test.utterances
    assert not set(fold.dev.utterances) & set(fold.train.utterances)


def test_last_epoch_trains_on_what_others_select_on() -> None:
    split = make_split(protocol(), "last_epoch", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        assert len(split.rows(number, "dev")) == 0
        assert speakers(split, number, "train") == set(SPEAKERS) - {speaker}


def test_group_k_fold_is_balanced_seeded_and_keeps_speakers_whole() -> None:
    rows = [row for row in iemocap_like() if row.speaker != "Ses01F" or row.emotion == "sad"]  # unequal speakers
    of_seed = {}
    for seed in range(4):
        folds = {"kind": "group_k_fold", "group": "speaker", "number": 4, "seed": seed}
        split = make_split(protocol(folds=folds), "clean", rows)
        tested = [speakers(split, number, "test") for number in range(1, 5)]
        assert sorted(s for fold in tested for s in fold) == SPEAKERS
        sizes = [len(split.rows(number, "test")) for number in range(1, 5)]
        assert max(sizes) - min(sizes) <= 10  # one speaker's utterances
        assert all(speakers(split, number, "dev") == tested[number % 4] for number in range(1, 5))
        assert of_seed.setdefault(seed, split.data_hash) == make_split(protocol(folds=folds), "clean", rows).data_hash
    assert len(set(of_seed.values())) > 1


# EmoBox's metadata, counted: the actors that each of its folds tests.
EMOBOX = ["01 11 20 21", "04 10 12 14", "08 09 19 23", "03 05 07 24", "02 15 16 18", "06 13 17 22"]


def test_emobox_folds_of_ravdess_test_the_actors_of_its_metadata() -> None:
    fields = read_experiments(ROOT)["fair"]["protocols"]["ravdess_emobox"]
    kept = {key: fields[key] for key in ("corpus", "labels", "subset", "folds", "dev", "aggregation", "leaks")}
    rows = ravdess()
    split = make_split(Protocol.from_mapping(kept), "clean", rows)
    tested = [set(actors.split()) for actors in EMOBOX]
    assert set.union(*tested) == {f"{actor:02}" for actor in range(1, 25)}
    for number in range(1, 7):
        following = tested[number % 6]
        assert speakers(split, number, "test") == tested[number - 1]
        assert speakers(split, number, "dev") == following
        assert speakers(split, number, "train") == set.union(*tested) - tested[number - 1] - following
        assert np.bincount(split.targets[split.rows(number, "test")]).tolist() == [16, 32, 32, 32, 32, 32, 32, 32]
    assert list(split.leaks) == ["sentences"]
    fewer = [row for row in rows if row.speaker <= "20"]
    more = [*rows, replace(rows[0], utterance="guest", speaker="25")]
    for other, found, odd in ((fewer, 20, "21, 22, 23, 24"), (more, 25, "25")):
        with pytest.raises(InputError, match=f"list 24 speakers, and .* has {found}; in one .*: {odd}: complete"):
            make_split(Protocol.from_mapping(kept), "clean", other)


def test_random_k_fold_is_stratified_and_seeded() -> None:
    rows = iemocap_like(per_emotion=3)  # 30 of each emotion, so 30 60 30 30 of the classes
    split = make_split(protocol(**RANDOM, **NO_DEV), "last_epoch", rows)
    for number in range(1, 5):
        tested = split.rows(number, "test")
        counts = np.bincount(split.targets[tested], minlength=4)
        assert abs(len(tested) - 150 / 4) < 1
        assert (np.abs(counts - np.array([30, 60, 30, 30]) / 4) < 1).all()
    assert sorted(np.concatenate([split.rows(n, "test") for n in range(1, 5)])) == list(range(150))
    other = {**RANDOM, "folds": {**RANDOM["folds"], "seed": 2}}
    assert (make_split(protocol(**RANDOM, **NO_DEV), "last_epoch", rows[::-1]).parts == split.parts).all()
    assert (make_split(protocol(**other, **NO_DEV), "last_epoch", rows).parts != split.parts).any()


def test_random_folds_are_drawn_anew_each() -> None:
    rows = iemocap_like(per_emotion=3)  # 150 utterances
    folds = {"kind": "random", "number": 10, "fraction": 0.2, "seed": 1}
    given = {**RANDOM, "folds": folds, "dev": {"kind": "random", "fraction": 0.1, "seed": 1}}
    split = make_split(protocol(**given), "clean", rows)
    tested = [set(split.rows(number, "test")) for number in range(1, 11)]
    assert {len(fold) for fold in tested} == {30}
    shared = [len(one & other) for i, one in enumerate(tested) for other in tested[:i]]
    assert 0 < np.mean(shared) < 12 and max(shared) < 30  # six are expected: a fifth of a fifth
    for number in range(1, 11):
        parts = [set(split.rows(number, part)) for part in ("train", "dev", "test")]
        assert [len(part) for part in parts] == [108, 12, 30] and len(set.union(*parts)) == 150
    assert (make_split(protocol(**given), "clean", rows[::-1]).parts == split.parts).all()
    chosen_on_test = make_split(protocol(**given), "test_selected", rows)
    assert [set(chosen_on_test.rows(number, "test")) for number in range(1, 11)] == tested
    assert {len(chosen_on_test.rows(number, "train")) for number in range(1, 11)} == {120}
    other = protocol(**{**given, "folds": {**folds, "seed": 2}})
    assert (make_split(other, "clean", rows).parts != split.parts).any()


@pytest.mark.parametrize(("fraction", "seed"), [(0.2, 0), (0.3, 7), (0.2, 2**32 + 1)])
def test_random_split_draws_what_torch_draws(fraction: float, seed: int) -> None:
    dev = {"kind": "random_split", "fraction": fraction, "seed": seed}
    split = make_split(protocol(**SESSIONS, dev=dev), "clean", iemocap_like(per_emotion=3)[::-1])
    for number in range(1, 6):
        rest = sorted(name for name in split.utterances if not name.startswith(f"Ses0{number}"))
        n_train = int((1 - fraction) * len(rest))
        torch.manual_seed(seed)
        train, drawn = random_split(rest, [n_train, len(rest) - n_train])  # type: ignore[var-annotated, arg-type]
        assert names(split, split.rows(number, "dev")) == sorted(drawn)
        assert names(split, split.rows(number, "train")) == sorted(train) and len(rest) == 120


@pytest.mark.parametrize("n", [1, 2, 5531])
def test_torch_permutation(n: int) -> None:
    torch.manual_seed(0)
    np.testing.assert_array_equal(torch_permutation(n, 0), torch.randperm(n).numpy())


def test_random_dev_is_stratified_and_its_shared_speakers_are_noted() -> None:
    dev = {"kind": "random", "fraction": 0.2, "seed": 1}
    split = make_split(protocol(**SESSIONS, dev=dev), "clean", iemocap_like(per_emotion=3))
    for number in range(1, 6):
        counts = np.bincount(split.targets[split.rows(number, "dev")], minlength=4)
        assert counts.sum() == 24  # a fifth of the 120 utterances that are not tested: 24 48 24 24
        assert (np.abs(counts - np.array([24, 48, 24, 24]) / 5) < 1).all()
    assert "dev shares speakers with train in fold 1, 2, 3, 4, 5" in split.notes
    assert split.leaks == {}
    other = make_split(protocol(**SESSIONS, dev={**dev, "seed": 2}), "clean", iemocap_like(per_emotion=3))
    assert (other.parts != split.parts).any()


def test_official_parts() -> None:
    split = make_split(protocol(**OFFICIAL), "clean", official())
    assert split.parts.shape == (16, 1)
    assert names(split, split.rows(1, "test")) == names(split, split.scored(1)) == of_parts("test1", "test2")
    assert names(split, split.scored(1, "test2")) == of_parts("test2")
    assert speakers(split, 1, "dev") == {"speaker_dev"}
    assert split.left_out == {"emotion other": 10, "part test3": 4}
    merged = make_split(protocol(**OFFICIAL), "last_epoch", official())
    assert speakers(merged, 1, "train") == {"speaker_train", "speaker_dev"}
    fields = {**OFFICIAL, "folds": {**OFFICIAL["folds"], "test": ["test9"]}}
    with pytest.raises(InputError, match="official part test9; the manifest has: dev, test1"):
        make_split(protocol(**fields), "clean", official())


def test_groups_must_be_as_many_as_declared() -> None:
    two = [row for row in iemocap_like() if row.session == "Ses01"]
    with pytest.raises(InputError, match="declares 10 speakers, but the manifest has 2: Ses01F, Ses01M: set"):
        make_split(protocol(), "clean", two)
    with pytest.raises(InputError, match="declares 9 speakers, but the manifest has 10"):
        make_split(protocol(folds={"kind": "leave_one_out", "group": "speaker", "number": 9}), "clean", iemocap_like())
    with pytest.raises(InputError, match="declares 3 folds of speakers, but the manifest has 2"):
        make_split(protocol(folds={"kind": "group_k_fold", "group": "speaker", "number": 3, "seed": 1}), "clean", two)
    with pytest.raises(InputError, match="the train part of fold 1, 2 is empty"):
        make_split(protocol(folds={"kind": "leave_one_out", "group": "speaker", "number": 2}), "clean", two)


def test_a_drawn_dev_part_is_another_for_each_seed_and_the_rest_is_tested() -> None:
    drawn = set()
    for seed in range(1, 21):
        split = make_split(protocol(**DRAWN), "clean", official(), seed)
        dev, tested = names(split, split.rows(1, "dev")), names(split, split.scored(1, "dev"))
        assert [name.rsplit("_", 1)[0] for name in dev] == ["dev_angry", "dev_sad"]
        assert sorted([*dev, *tested]) == of_parts("dev")
        assert names(split, split.scored(1)) == sorted([*tested, *of_parts("test1")])
        assert names(split, split.rows(1, "train")) == sorted([*of_parts("train"), "train_other_1", "train_other_2"])
        assert split.left_out == {"emotion other outside train": 8, "part test2": 4, "part test3": 4}
        assert list(split.leaks) == ["dev_speakers", "dev_sessions"]
        drawn.add(tuple(dev))
    assert len(drawn) == 4
    again = make_split(protocol(**DRAWN), "clean", official()[::-1], 20)
    assert (again.data_hash, again.seed) == (split.data_hash, 20)
    assert any("each emotion drawn from the official part dev, others for each seed" in note for note in split.notes)


def test_nothing_is_drawn_where_the_test_part_chooses() -> None:
    split = make_split(protocol(**DRAWN), "test_selected", official())
    assert names(split, split.rows(1, "dev")) == names(split, split.scored(1)) == of_parts("dev", "test1")


def test_an_emotion_with_too_few_utterances_cannot_be_drawn() -> None:
    fields = protocol(**DRAWN | {"dev": {**DRAWN["dev"], "per_emotion": 300}})
    with pytest.raises(InputError, match="300 utterances of angry are to be drawn from part dev, which has 2: lower"):
        make_split(fields, "clean", official(), 1)
