"""Predictions of other code: what comes back is what was given, and every fault has its line."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.builders import iemocap_like, protocol
from helpers.runs import scores_of
from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome
from ser.runs.given_files import given_digest, given_seeds
from ser.runs.predictions import read_predictions, write_predictions
from ser.splits.make import make_split
from ser.splits.split import Split
from ser.systems.predictions import Settings, run

WHO = Settings(made_by="A. Person, emotion2vec and a linear head", code="https://example.org/code at 1a2b3c4")
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def split() -> Split:
    return make_split(protocol(), "clean", iemocap_like())


def written(folder: Path, split: Split, scores: np.ndarray | None = None) -> Path:
    """predictions.csv of fold 1, as a run writes it, in the place of what other code made."""
    fold = Fold.of(split, 1, {})
    path = folder / "seed1" / "fold1.csv"
    write_predictions(path, fold, scores_of(split, 1, 1) if scores is None else scores)
    return path


def read_back(path: Path, split: Split, number: int = 1) -> Outcome:
    return run(Fold.of(split, number, {}, given=path.parent), WHO, Context(seed=1))


def edit(path: Path, change: Callable[[Rows], Rows | None]) -> None:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows = change(rows) or rows
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_our_own_predictions_come_back_byte_for_byte_in_any_order(tmp_path: Path, split: Split) -> None:
    path = written(tmp_path, split)
    before = path.read_bytes()
    edit(path, lambda rows: rows[::-1])
    fold = Fold.of(split, 1, {}, given=path.parent)
    outcome = run(fold, WHO, Context(seed=1))
    write_predictions(tmp_path / "again.csv", fold, outcome.scores, None, outcome.predicted)
    assert (tmp_path / "again.csv").read_bytes() == before
    assert fold.trained_on == () and outcome.facts == {"reported": {"made_by": WHO.made_by, "code": WHO.code}}


def test_of_equal_scores_the_class_that_was_given_is_kept(tmp_path: Path, split: Split) -> None:
    path = written(tmp_path, split, np.zeros((10, 4)))
    edit(path, lambda rows: [row | {"predicted": "neutral"} for row in rows])
    fold = Fold.of(split, 1, {}, given=path.parent)
    outcome = run(fold, WHO, Context(seed=1))
    write_predictions(tmp_path / "again.csv", fold, outcome.scores, None, outcome.predicted)
    found = read_predictions(tmp_path / "again.csv", split.labels, True)
    assert {split.labels[place] for place in found.predicted} == {"neutral"}


def test_labels_alone_are_enough(tmp_path: Path, split: Split) -> None:
    path = written(tmp_path, split)
    said = read_predictions(path, split.labels, True).predicted
    edit(path, lambda rows: [{name: row[name] for name in ("utterance", "predicted")} for row in rows])
    outcome = read_back(path, split)
    assert outcome.predicted is not None and (outcome.predicted == said).all()
    assert (outcome.scores.max(axis=1) == 0).all() and np.isneginf(outcome.scores).sum() == 3 * len(said)


def test_attributes(tmp_path: Path) -> None:
    fields = {"labels": None, "targets": ["arousal", "valence"], "scale": [1, 5], "emotions": ["angry", "sad"]}
    split = make_split(protocol(**fields), "clean", iemocap_like())
    scores = np.random.default_rng(1).uniform(1, 5, (len(split.scored(1)), 2))
    path = written(tmp_path, split, scores)
    assert np.allclose(read_back(path, split).scores, scores, rtol=1e-8)
    edit(path, lambda rows: [row | {"predicted_valence": "inf" if i == 2 else "3"} for i, row in enumerate(rows)])
    with pytest.raises(InputError, match="predicted_valence is 'inf': give a number"):
        read_back(path, split)
    edit(path, lambda rows: [row | {"predicted_valence": "3", "target_arousal": "4.5"} for row in rows])
    with pytest.raises(InputError, match=r"column target_arousal differs from the split's in 4 utterances: .*4.5"):
        read_back(path, split)


FIRST = "Ses01_im_F_angry_0"
FAULTS: dict[str, tuple[Callable[[Rows], Rows | None], str]] = {
    "missing": (
        lambda rows: rows[1:],
        f"no prediction for 1 of 10 tested utterances: {FIRST}: predict them, too",
    ),
    "foreign": (
        lambda rows: [*rows, rows[0] | {"utterance": "03a01Fa"}],
        "1 of its 11 utterances are not tested in this fold: 03a01Fa: leave them out, or name them as the manifest",
    ),
    "twice": (lambda rows: [*rows, rows[0]], f"utterances are there twice: {FIRST}: keep one prediction of each"),
    "unknown label": (
        lambda rows: [rows[0] | {"predicted": "anger"}, *rows[1:]],
        f"predicted 'anger' for {FIRST}: the labels are angry, happy, sad, neutral",
    ),
    "not a number": (
        lambda rows: [rows[0] | {"score_sad": "nan"}, *rows[1:]],
        f"{FIRST}: score_sad is 'nan': give a number, or no scores at all",
    ),
    "columns exchanged": (
        lambda rows: [row | {"score_sad": row["score_angry"], "score_angry": row["score_sad"]} for row in rows],
        "predicted is not the class with the highest score for ",
    ),
    "other targets": (
        lambda rows: [rows[0] | {"target": "sad"}, *rows[1:]],
        f"column target differs from the split's in 1 utterances: {FIRST} (sad, not angry)",
    ),
    "no score of a label": (
        lambda rows: [{name: text for name, text in row.items() if name != "score_sad"} for row in rows],
        "no column score_sad: found utterance, speaker, target, predicted, score_angry",
    ),
    "unknown column": (
        lambda rows: [row | {"score_anger": "1"} for row in rows],
        "unknown column 'score_anger': did you mean 'score_angry'?",
    ),
    "no utterances": (
        lambda rows: [{"file": row["utterance"], "predicted": row["predicted"]} for row in rows],
        "no column utterance: found file, predicted: its columns: utterance, predicted and, if known, score_<label>",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_faulty_file_is_refused_by_name(tmp_path: Path, split: Split, kind: str) -> None:
    change, told = FAULTS[kind]
    path = written(tmp_path, split)
    edit(path, change)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: {re.escape(told)}"):
        read_back(path, split)


def test_the_file_of_another_fold_is_recognised(tmp_path: Path, split: Split) -> None:
    path = written(tmp_path, split)
    path.rename(path.with_name("fold3.csv"))
    with pytest.raises(
        InputError, match=r"10 of its 10 utterances are not tested in this fold, but in its train part: .*_sad_1: "
    ):
        read_back(path, split, 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"utterance;predicted\n", "columns must be separated by commas"),
        (b"\xff\xfe", "not a CSV file in UTF-8"),
        (b"utterance,predicted\na,sad,1\n", "line 2: 3 cells instead of 2"),
        (b"utterance,predicted,predicted\n", "column predicted is there twice"),
        (b"", "no column utterance, predicted"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, split: Split, content: bytes, told: str) -> None:
    path = tmp_path / "fold1.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told):
        read_back(path, split)


def test_the_seeds_are_those_of_the_folder_and_each_has_every_fold(tmp_path: Path) -> None:
    for seed in (3, 11):
        for fold in (1, 2):
            (tmp_path / f"seed{seed}").mkdir(exist_ok=True)
            (tmp_path / f"seed{seed}/fold{fold}.csv").write_text("utterance,predicted\n")
    (tmp_path / "README.md").touch()
    assert given_seeds(tmp_path, [1, 2]) == (3, 11)
    with pytest.raises(InputError, match=r"seed3: no fold3.csv: the split has 3 folds"):
        given_seeds(tmp_path, [1, 2, 3])
    with pytest.raises(InputError, match=r"seed3: fold2.csv: the split has 1 folds: keep fold1.csv to fold1.csv"):
        given_seeds(tmp_path, [1])
    before = given_digest(tmp_path / "seed3")
    (tmp_path / "seed3/fold2.csv").write_text("utterance,predicted\na,sad\n")
    assert given_digest(tmp_path / "seed3") != before
    (tmp_path / "seed01").mkdir()
    with pytest.raises(InputError, match="seed01: not a seed's predictions: name the folder seed1"):
        given_seeds(tmp_path, [1, 2])
    with pytest.raises(InputError, match="no predictions: put them into seed1/fold1.csv"):
        given_seeds(tmp_path / "seed3", [1, 2])


def test_without_a_folder_it_says_what_lacks(split: Split) -> None:
    with pytest.raises(InputError, match="no folder to read them from"):
        run(replace(Fold.of(split, 1, {}), given=None), WHO, Context(seed=1))
