"""What keeps the steps of a ladder apart: folds over texts as well, and dev parts that are held out of training."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.builders import protocol
from helpers.split_cases import names
from ser.errors import InputError
from ser.manifests.utterance import Utterance
from ser.splits.make import make_split
from ser.splits.split import Split


def recited(**names: int) -> list[Utterance]:
    """Each named speaker says so many takes of the texts a, b, c, d in both emotions."""
    return [
        Utterance(f"{speaker}_{text}_{emotion}_{take}", "x.wav", speaker=speaker, sentence=text, emotion=emotion)
        for speaker, takes in names.items()
        for text in "abcd"
        for emotion in ("angry", "sad")
        for take in range(takes)
    ]


RECITED = {
    "labels": {"angry": ["angry"], "sad": ["sad"]},
    "subset": "all",
    "folds": {"kind": "leave_one_out", "group": "speaker", "number": 3, "texts": 2},
    "leaks": [],
}


def said(split: Split, number: int, part: str) -> set[tuple[str, str]]:
    """(speaker, text) of the utterances of a part."""
    return {tuple(name.split("_")[:2]) for name in names(split, split.rows(number, part))}


def test_texts_apart_each_speaker_is_tested_on_each_part_of_the_texts_once() -> None:
    """Of four texts that are equally frequent, every other one makes up a part."""
    split = make_split(protocol(**RECITED), "clean", recited(x=1, y=2, z=3))
    assert split.n_folds == protocol(**RECITED).n_folds == 6
    for number, (speaker, following, other, half, rest) in enumerate(
        [
            ("x", "y", "z", "ac", "bd"),
            ("x", "y", "z", "bd", "ac"),
            ("y", "z", "x", "ac", "bd"),
            ("y", "z", "x", "bd", "ac"),
            ("z", "x", "y", "ac", "bd"),
            ("z", "x", "y", "bd", "ac"),
        ],
        1,
    ):
        assert said(split, number, "test") == {(speaker, text) for text in half}
        assert said(split, number, "dev") == {(following, text) for text in rest}
        assert said(split, number, "train") == {(other, text) for text in rest}
    tested = np.concatenate([split.rows(number, "test") for number in range(1, 7)])
    assert sorted(tested) == list(range(48))
    assert split.leaks == {}


def test_texts_are_dealt_by_their_number_of_utterances() -> None:
    """Five of a, four of b, three of c and two of d: a and d are one part, b and c the other."""
    rows = [
        Utterance(f"{speaker}_{text}_{emotion}_{take}", "x.wav", speaker=speaker, sentence=text, emotion=emotion)
        for speaker in "xyz"
        for text, takes in zip("abcd", (5, 4, 3, 2), strict=True)
        for emotion in ("angry", "sad")
        for take in range(takes)
    ]
    split = make_split(protocol(**RECITED), "last_epoch", rows)
    assert said(split, 1, "test") == {("x", "a"), ("x", "d")} and said(split, 2, "test") == {("x", "b"), ("x", "c")}
    assert said(split, 1, "train") == {(speaker, text) for speaker in "yz" for text in "bc"}


def test_texts_apart_from_folds_of_several_speakers() -> None:
    folds = {"kind": "group_k_fold", "group": "speaker", "number": 3, "seed": 1}
    rows = recited(**dict.fromkeys("uvwxyz", 1))
    apart = make_split(protocol(**RECITED | {"folds": {**folds, "texts": 2}}), "clean", rows)
    whole = make_split(protocol(**RECITED | {"folds": folds, "leaks": ["sentences"]}), "clean", rows)
    for number in range(1, 7):
        for part in ("test", "dev", "train"):
            half = "ac" if (part == "test") == (number % 2 == 1) else "bd"
            expected = {pair for pair in said(whole, (number + 1) // 2, part) if pair[1] in half}
            assert said(apart, number, part) == expected


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([replace(row, sentence="") for row in recited(x=1, y=1, z=1)], "but 24 utterances have no sentence: name the"),
        (
            [row for row in recited(x=1, y=1, z=1) if row.sentence == "a"],
            "but the corpus has 1 sentences: name the tex",
        ),
        (recited(x=1), "it declares 3 speakers, but the manifest has 1: x: set folds.number"),
    ],
)
def test_texts_cannot_be_kept_apart_without_texts_or_with_one_speaker(rows: list[Utterance], message: str) -> None:
    with pytest.raises(InputError) as error:
        make_split(protocol(**RECITED), "clean", rows)
    assert message in str(error.value) and "\n" not in str(error.value)
