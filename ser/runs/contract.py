"""What a system is given and what it returns: the contract between the pipeline and `ser/systems/*.py`.

Every file in `ser/systems/` has a frozen dataclass `Settings` and one function

    run(fold: Fold, settings: Settings, context: Context) -> Outcome

and nothing else is required of it. One that chooses nothing on the dev part, no epoch and no setting, says so by

    CHOOSES_NOTHING = True

and then trains on as much of the dev part as may train, and has none. One that classifies something besides the
labels says so, too (auxiliary.py). `REPORTED = True` says that nothing is trained here: the row's predictions are files
that other code made (given.py), and its settings `made_by` and `code` say whose.

What a run has learned predicts later (ser/prediction) by the class `Task` of a system that trains a network, with the
weights that it kept. Any other system has a function

    predict(fold: Fold, settings: Settings, model: Mapping[str, np.ndarray]) -> scores of `fold.test`

which is given `Outcome.model`; in both cases only the fold's test part is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.features.store import Store
from ser.runs.auxiliary import Auxiliary
from ser.splits.split import Split


@dataclass(frozen=True)
class Part:
    """The utterances of one part (train, dev or test) of a fold, in the split file's order.

    `emotions` are the corpus's, for systems that learn attributes and emotions; empty where the targets are classes.
    `targets` is int64 [n], indices into `Fold.labels`, or float32 [n, len(labels)] where the protocol's
    targets are attributes.
    """

    utterances: tuple[str, ...]
    speakers: tuple[str, ...]
    targets: np.ndarray
    emotions: tuple[str, ...] = ()

    @classmethod
    def of(cls, split: Split, rows: np.ndarray) -> "Part":
        """The part made up of `rows` int64 [n] of a split."""
        return cls(
            tuple(split.utterances[row] for row in rows),
            tuple(split.speakers[row] for row in rows),
            split.targets[rows],
            () if split.are_classes else tuple(split.emotions[row] for row in rows),
        )


@dataclass(frozen=True)
class Fold:
    """One fold of a protocol under one selection rule, with the stores that the row reads.

    `test` is what is scored: the test part, and official dev parts that are reported with it. `dev` is what the
    epoch is chosen on: held-out training data (`clean`), the test part itself (`test_selected`; never a reported
    dev part), or empty (`last_epoch`, and for a system that chooses nothing). `trained_on` are the split's parts that
    `train` is made of: for such a system also dev, where it may train (`Split.spare`). `encoders` are the checkpoint
    folders that the row trains further, by the system's names for them. `scale` is the range of attributes, lowest and
    highest (None: targets are classes). `given` is the folder of the predictions that other code made for all folds of
    this seed (None: they are made here); what that code trained on is not known, and `trained_on` empty. `fitted` is
    what an earlier run fitted on its training part (None: it is fitted on this one's): the fold is then for prediction
    alone, and the weights come from that run, too.
    """

    number: int
    labels: tuple[str, ...]
    train: Part
    dev: Part
    test: Part
    stores: Mapping[str, Store]
    encoders: Mapping[str, Path] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    trained_on: tuple[str, ...] = ("train",)
    given: Path | None = None
    fitted: Mapping[str, np.ndarray] | None = None

    @classmethod
    def of(
        cls,
        split: Split,
        number: int,
        stores: Mapping[str, Store],
        encoders: Mapping[str, Path] | None = None,
        chooses: bool = True,
        given: Path | None = None,
    ) -> "Fold":
        """Fold `number` of a split, counted from 1, over `stores`, with the checkpoint folders `encoders`; `chooses`:
        whether it is for a system that chooses anything on the dev part; `given`: the folder of other code's
        predictions, if it is for those.

        Raises InputError for a fold that the split does not have, and for a store that lacks utterances of it.
        """
        rows = {"train": split.rows(number, "train"), "dev": split.rows(number, "dev"), "test": split.scored(number)}
        trained_on: tuple[str, ...] = ("train",)
        if not chooses:
            spare = split.spare(number)
            rows |= {"train": np.union1d(rows["train"], spare), "dev": spare[:0]}
            trained_on = ("train", "dev") if len(spare) else trained_on
        parts = {name: Part.of(split, some) for name, some in rows.items()}
        needed = {utterance for part in parts.values() for utterance in part.utterances}
        for name, store in stores.items():
            if missing := sorted(utterance for utterance in needed if utterance not in store):
                raise InputError(f"store {name} lacks utterances of the split: {listed(missing)}: make the store again")
        return cls(
            number=number,
            labels=split.labels,
            stores=stores,
            encoders=encoders or {},
            scale=split.scale,
            trained_on=() if given else trained_on,
            given=given,
            fitted=None,
            **parts,
        )


@dataclass(frozen=True)
class Context:
    """How to compute, as opposed to what: nothing here is a setting of a paper.

    `directory` is where the run's state is kept (None: nowhere). `key` is the digest of everything that determines
    the run; a state written under another key is not resumed. `machine` says what kind of machine this is
    (compute/machine.py). `score_test_each_epoch`: also score the test part after each epoch, for the honest gap; no
    other bit of the outcome may depend on it.
    """

    seed: int
    key: str = ""
    directory: Path | None = None
    device: str = "cpu"
    threads: int = 1
    machine: Mapping[str, str] = field(default_factory=dict)
    score_test_each_epoch: bool = False


@dataclass
class Outcome:
    """The result of one run.

    `scores` is float64 [n_test, len(labels)]: log-probabilities, or the predicted attributes.
    `history` has one row per epoch; `model` is what a later prediction needs; `facts` goes into metrics.json.
    `test_epochs` is float32 [epochs, n_test, len(labels)], the scores after each epoch, where the context asks.
    `auxiliary` is what else was classified of the test part's n_test utterances, if anything. `predicted` is int64
    [n_test], the classes predicted (None: the first with the highest score).
    """

    scores: np.ndarray
    history: list[dict[str, float]] = field(default_factory=list)
    model: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    test_epochs: np.ndarray | None = None
    auxiliary: Auxiliary | None = None
    predicted: np.ndarray | None = None
