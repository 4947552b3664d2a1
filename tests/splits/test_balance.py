"""Folds that test as many women as men."""

import pytest

from helpers.builders import protocol
from helpers.split_cases import speakers
from ser.manifests.utterance import Utterance
from ser.splits.make import make_split
from ser.splits.split import Split


def actors(genders: str) -> list[Utterance]:
    """A speaker for each letter, f, m or -, with four to six utterances of two emotions."""
    names = {"f": "female", "m": "male", "-": ""}
    return [
        Utterance(f"{s:02}_{i}", "x.wav", speaker=f"{s:02}", gender=names[gender], emotion=("angry", "sad")[i % 2],
                  sha256=f"{s}{i}")
        for s, gender in enumerate(genders)
        for i in range(4 + s % 3)
    ]  # fmt: skip


def split_of(rows: list[Utterance], number: int, seed: int = 1, **folds: str) -> Split:
    kinds = {"kind": "group_k_fold", "group": "speaker", "number": number, "seed": seed, **folds}
    labels = {"angry": ["angry"], "sad": ["sad"]}
    return make_split(protocol(corpus="c", labels=labels, subset="all", folds=kinds, leaks=[]), "clean", rows)


def women_and_men(rows: list[Utterance], split: Split) -> list[tuple[int, int]]:
    gender = {row.speaker: row.gender for row in rows}
    tested = [[gender[name] for name in speakers(split, k, "test")] for k in range(1, split.n_folds + 1)]
    return [(of_fold.count("female"), of_fold.count("male")) for of_fold in tested]


@pytest.mark.parametrize("seed", range(5))
def test_folds_balanced_by_gender_test_as_many_women_as_men(seed: int) -> None:
    rows = actors("mf" * 12)  # as RAVDESS's actors
    assert women_and_men(rows, split_of(rows, 6, seed, balance="gender")) == [(2, 2)] * 6
    uneven = actors("f" * 7 + "m" * 4)
    found = women_and_men(uneven, split_of(uneven, 3, seed, balance="gender"))
    assert sorted(women for women, _ in found) == [2, 2, 3] and sorted(men for _, men in found) == [1, 1, 2]
    assert max(map(sum, found)) == 4  # whoever is left over goes where fewer are


def test_without_balance_a_fold_may_test_one_gender_only() -> None:
    rows = actors("mf" * 12)
    found = [women_and_men(rows, split_of(rows, 6, seed)) for seed in range(5)]
    assert any(0 in of_fold for of_split in found for of_fold in of_split)


def test_a_gender_that_is_not_named_is_noted() -> None:
    rows = actors("mf-" * 4)
    note = "the corpus does not name the gender of 4 speakers, by which folds should be balanced"
    assert note in split_of(rows, 4, balance="gender").notes
    assert note not in split_of(rows, 4).notes
    assert women_and_men(rows, split_of(rows, 4, balance="gender")) == [(1, 1)] * 4
