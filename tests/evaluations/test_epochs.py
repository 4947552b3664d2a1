"""The epoch that is best on the test part: by the row's criterion, the first of the best, over all that is tested."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import flipped
from helpers.builders import edit_sealed, protocol
from helpers.runs import write_trained
from helpers.split_cases import DRAWN, REPORTED, official
from helpers.training import SETTINGS, Task, fold
from ser.errors import InputError
from ser.evaluations.epochs import Epochs, best_epoch, chosen_on_test
from ser.evaluations.gather import gather
from ser.evaluations.loading import Run
from ser.manifests.utterance import Utterance
from ser.runs.contract import Context
from ser.runs.predictions import Predictions, read_predictions
from ser.sealed import read_sealed
from ser.splits.make import make_split
from ser.splits.split import Split
from ser.training.loop import fit


def said(targets: np.ndarray, *right: bool) -> np.ndarray:
    """Scores of two classes that are right where `right` says so."""
    classes = np.where(right, targets, 1 - targets)
    return np.log(np.where(classes[:, None] == np.arange(2), 0.9, 0.1))


def read(folder: Path) -> Run:
    return Run(folder, read_sealed(folder / "metrics.json"), {})


def test_the_first_of_the_best_epochs_by_each_criterion() -> None:
    targets = np.array([0, 0, 0, 1])
    epochs = np.array(
        [said(targets, 1, 0, 0, 0), said(targets, 1, 1, 1, 0), said(targets, 1, 0, 0, 1), said(targets, 0, 1, 1, 1)]
    )
    values = {"WA": [1 / 4, 3 / 4, 2 / 4, 3 / 4], "UA": [1 / 6, 1 / 2, 2 / 3, 5 / 6]}
    assert best_epoch(targets, epochs, "WA") == 2 == 1 + int(np.argmax(values["WA"]))
    assert best_epoch(targets, epochs, "UA") == 4 == 1 + int(np.argmax(values["UA"]))
    assert best_epoch(targets, epochs[[2, 0, 2]], "WA+UA") == 1
    assert best_epoch(targets, epochs[[0, 1, 3]], "loss") == 2
    x = np.array([[1.0], [2.0], [3.0]], np.float32)
    assert best_epoch(x, np.stack([x[::-1], x + 1, x, x]), "CCC") == 3


def test_official_parts_are_tested_together_and_a_reported_dev_part_has_no_say(tmp_path: Path) -> None:
    split = make_split(protocol(**REPORTED), "clean", official())
    rows = split.scored(1)
    targets, parts = split.targets[rows], [split.partitions[row] for row in rows]
    right = {"dev": [1, 4, 0], "test1": [2, 0, 3], "test2": [2, 0, 2]}  # by part and epoch; four utterances each
    right = {part: [min(n, parts.count(part)) for n in of_part] for part, of_part in right.items()}
    place = [parts[:i].count(part) for i, part in enumerate(parts)]
    epochs = [
        said(targets, *(n < right[part][epoch] for n, part in zip(place, parts, strict=True))) for epoch in range(3)
    ]
    folder = write_trained(tmp_path, split, 1, 1, epochs, best=2, criterion="WA")
    own = read_predictions(folder / "predictions.csv", split.labels, True)
    found = chosen_on_test(split, read(folder), own)
    assert found.predicted.tolist() == epochs[2].argmax(axis=1).tolist() != own.predicted.tolist()
    assert found.utterances == own.utterances and found.targets.tolist() == own.targets.tolist()
    gathered = gather([split], [folder], instead=chosen_on_test)
    correct = {name: part.sums[""][0][0].values.sum(axis=0).trace() for name, part in gathered.parts.items()}
    assert correct == {"test1": right["test1"][2], "test2": right["test2"][2], "dev": right["dev"][2]}


def accuracy(of: Predictions) -> float:
    return float(np.mean(of.predicted == of.targets))


@pytest.fixture
def thirty_epochs(tmp_path: Path) -> Callable[[np.ndarray], tuple[Split, Run, Predictions]]:
    """A run of which `right` [30, n] says what each epoch had right of 400 utterances."""
    rows = [
        Utterance(f"s{s}_{i:03}", "x.wav", speaker=f"s{s}", emotion=("angry", "sad")[i % 2], sha256=f"{s}{i}")
        for s in range(3)
        for i in range(400)
    ]
    labels = {"angry": ["angry"], "sad": ["sad"]}
    folds = {"kind": "leave_one_out", "group": "speaker", "number": 3}
    split = make_split(protocol(corpus="c", labels=labels, subset="all", folds=folds, leaks=[]), "clean", rows)
    targets = split.targets[split.scored(1)]

    def write(right: np.ndarray) -> tuple[Split, Run, Predictions]:
        folder = write_trained(tmp_path, split, 1, 1, [said(targets, *of) for of in right], best=1, criterion="WA")
        return split, read(folder), read_predictions(folder / "predictions.csv", split.labels, True)

    return write


def test_what_luck_gives_is_not_there_on_the_other_half(thirty_epochs) -> None:
    """All epochs are as good as each other: the best on all utterances is luck, and no better on others."""
    of_run = thirty_epochs(np.random.default_rng(1).random((30, 400)) < 0.7)
    halves = [accuracy(Epochs(*of_run).chosen_on_other_half(draw)) for draw in range(20)]
    assert accuracy(chosen_on_test(*of_run)) > 0.73
    assert np.mean(halves) == pytest.approx(0.7, abs=0.02) and len({*halves}) > 5
    again = Epochs(*of_run).chosen_on_other_half(3)
    assert accuracy(again) == halves[3]  # drawn in the same way


def test_what_an_epoch_is_really_better_by_is_there_on_the_other_half(thirty_epochs) -> None:
    right = np.random.default_rng(1).random((30, 400)) < 0.5
    right[20] = np.arange(400) % 10 > 0
    of_run = thirty_epochs(right)
    assert accuracy(Epochs(*of_run).chosen_on_other_half(0)) == accuracy(chosen_on_test(*of_run)) == 0.9
    assert accuracy(Epochs(*of_run).last()) == right[29].mean()


def test_attributes_of_a_drawn_dev_part(tmp_path: Path) -> None:
    split = make_split(protocol(**DRAWN), "clean", official(), 1)
    rows = split.scored(1)
    assert set(split.rows(1, "test")) == set(rows) and not set(rows) & set(split.rows(1, "dev"))
    targets = split.targets[rows].astype(np.float64) + np.arange(len(rows))[:, None] / 100
    epochs = [targets[::-1] / 3, 0 * targets, targets.astype(np.float32) * 1.01]
    folder = write_trained(tmp_path, split, 1, 1, epochs, best=1, criterion="CCC")
    own = read_predictions(folder / "predictions.csv", split.labels, False)
    assert chosen_on_test(split, read(folder), own).predicted.tolist() == np.float32(epochs[2]).tolist()
    halves = Epochs(split, read(folder), own).chosen_on_other_half(1).predicted
    assert halves.tolist() == np.float32(epochs[2]).tolist()  # the best on any half
    edit_sealed(folder / "metrics.json", facts={"best_epoch": 3, "epochs_run": 3})
    assert chosen_on_test(split, read(folder), own) is own  # the same epoch: the run's own, to the last digit


@pytest.mark.parametrize("criterion", ["loss", "UA"])
def test_it_is_the_choice_that_test_selected_makes(criterion: str) -> None:
    """Where both rules train on the same, as with an official dev part that is reported, one run's choice made
    afterwards gives every digit of the other's.
    """
    settings = replace(SETTINGS, epochs=12, learning_rate=0.05, criterion=criterion)
    context = Context(seed=3, score_test_each_epoch=True)
    clean = fit(Task(), fold(), settings, context)
    selected = fit(Task(), fold(dev=fold().test), settings, context)
    assert clean.test_epochs is not None
    epoch = best_epoch(fold().test.targets, clean.test_epochs, criterion)
    assert epoch == selected.facts["best_epoch"] != clean.facts["best_epoch"]
    assert clean.test_epochs[epoch - 1].tobytes() == selected.scores.astype(np.float32).tobytes()


@pytest.fixture
def run(tmp_path: Path) -> tuple[Split, Path]:
    split = make_split(protocol(**REPORTED), "clean", official())
    targets = split.targets[split.scored(1)]
    epochs = [said(targets, *[True] * len(targets)), said(targets, *[False] * len(targets))]
    return split, write_trained(tmp_path / "run", split, 1, 1, epochs, best=2, criterion="UA")


def test_a_flipped_bit_of_the_scores_is_refused(run: tuple[Split, Path]) -> None:
    split, folder = run
    path = folder / "test_epochs.safetensors"
    whole = path.read_bytes()
    for place in (0, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(flipped(whole, place))
        with pytest.raises(InputError, match=r"test_epochs\.safetensors: not as .*metrics\.json describes: remove"):
            gather([split], [folder], instead=chosen_on_test)
    path.unlink()
    with pytest.raises(InputError, match=r"test_epochs\.safetensors: not as .*metrics\.json describes: remove"):
        gather([split], [folder], instead=chosen_on_test)
    gather([split], [folder])  # the numbers themselves never rest on them


def test_scores_of_too_few_epochs_are_refused(run: tuple[Split, Path]) -> None:
    split, folder = run
    edit_sealed(folder / "metrics.json", facts={"best_epoch": 2, "epochs_run": 3})
    with pytest.raises(InputError, match=r"test_epochs\.safetensors: not the scores of 3 epochs: remove .*run and"):
        gather([split], [folder], instead=chosen_on_test)
