"""Runs of a split as the training script writes them, for the tests of evaluations and of the honest gap."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helpers.builders import edit_sealed
from ser.files import sha256_of
from ser.plan.groups import Group
from ser.runs.auxiliary import Auxiliary
from ser.runs.contract import Fold
from ser.runs.epochs import write_epochs
from ser.runs.files import TEST_EPOCHS
from ser.runs.predictions import write_predictions
from ser.sealed import Order, write_sealed
from ser.splits.split import Split


class AsPlanned:
    """In place of a plan's digests: what `write_run` writes is made from what it should be."""

    def seeds(self, group: Group) -> dict[int, str]:
        return dict.fromkeys(group.seeds, "the plan")

    def evaluation(self, group: Group) -> Order:
        return Order("the plan")


def scores_of(split: Split, number: int, seed: int) -> np.ndarray:
    """Scores that are right about seven times in ten; where they are wrong, the class is drawn by seed and fold."""
    targets = Fold.of(split, number, {}).test.targets
    generator = np.random.default_rng([seed, number])
    said = np.where(generator.random(len(targets)) < 0.6, targets, generator.integers(4, size=len(targets)))
    return np.log(np.full((len(targets), 4), 0.1) + 0.6 * (said[:, None] == np.arange(4)))


def write_run(
    folder: Path,
    split: Split,
    number: int,
    seed: int,
    scores: np.ndarray | None = None,
    auxiliary: Auxiliary | None = None,
) -> Path:
    scores = scores_of(split, number, seed) if scores is None else scores
    part = Fold.of(split, number, {})
    write_predictions(folder / "predictions.csv", part, scores, auxiliary)
    facts = {"seed": seed, "fold": number, "protocol_hash": split.protocol_hash, "data_hash": split.data_hash}
    facts |= {"system": "majority", "settings": {}, "features": {}, "code_version": "c0de", "made_from": "the plan"}
    facts["sha256"] = {"predictions.csv": sha256_of(folder / "predictions.csv")}
    write_sealed(folder / "metrics.json", facts)
    return folder


def write_trained(
    folder: Path, split: Split, number: int, seed: int, epochs: Sequence[np.ndarray], best: int, criterion: str
) -> Path:
    """The run of a system that trains in epochs: its scores after each, of which it chose number `best` (from 1)."""
    write_run(folder, split, number, seed, epochs[best - 1])
    write_epochs(folder / TEST_EPOCHS, Fold.of(split, number, {}), np.array(epochs))
    hashes = {name: sha256_of(folder / name) for name in ("predictions.csv", TEST_EPOCHS)}
    course = {"best_epoch": best, "epochs_run": len(epochs)}
    settings = {"epochs": len(epochs), "criterion": criterion, "patience": 0}
    edit_sealed(folder / "metrics.json", sha256=hashes, facts=course, settings=settings)
    return folder


def write_runs(tmp_path: Path, split: Split, seeds: tuple[int, ...]) -> list[Path]:
    return [
        write_run(tmp_path / f"seed{seed}" / f"fold{number}", split, number, seed)
        for seed in seeds
        for number in range(1, split.n_folds + 1)
    ]
