"""Kinds of folds, a corpus in official parts, and what is where in a split: for tests of splits, runs, evaluations."""

import numpy as np

from ser.manifests.utterance import Utterance
from ser.splits.split import Split

SESSIONS = {"folds": {"kind": "leave_one_out", "group": "session", "number": 5}, "leaks": []}
RANDOM = {"folds": {"kind": "random_k_fold", "number": 4, "seed": 1}, "leaks": ["speakers", "sessions"]}
NO_DEV = {"dev": {"kind": "none"}}

OFFICIAL = {
    "corpus": "msp_podcast",
    "labels": {"angry": ["angry"], "sad": ["sad"]},
    "subset": "all",
    "folds": {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1", "test2"]},
    "dev": {"kind": "official"},
    "leaks": [],
}
# Of the part dev one utterance of each emotion is drawn, the rest is tested; "other" only trains.
DRAWN = {
    **OFFICIAL,
    "labels": None,
    "targets": ["arousal", "valence"],
    "scale": [1, 7],
    "train_only": ["other"],
    "folds": {"kind": "official", "train": ["train"], "test": ["dev", "test1"]},
    "dev": {"kind": "drawn", "part": "dev", "per_emotion": 1},
    "leaks": ["dev_speakers", "dev_sessions"],
}
REPORTED = {**OFFICIAL, "folds": {**OFFICIAL["folds"], "also_report": ["dev"]}}


def official() -> list[Utterance]:
    """Two utterances of each class and part; speakers and sessions are in one part; test1 and test2 share theirs."""
    return [
        Utterance(
            utterance=f"{part}_{emotion}_{take}",
            path="x.wav",
            speaker=f"speaker_{part.rstrip('12')}",
            session=f"podcast_{part.rstrip('12')}",
            emotion=emotion,
            arousal=float(take),
            valence=7.5,
            sha256=f"{part}{emotion}{take}",
            partition=part,
        )
        for part in ("train", "dev", "test1", "test2", "test3")
        for emotion in ("angry", "sad", "other")
        for take in (1, 2)
    ]


def speakers(split: Split, number: int, part: str) -> set[str]:
    """The speakers of a part of fold `number`."""
    return {split.speakers[row] for row in split.rows(number, part)}


def names(split: Split, rows: np.ndarray) -> list[str]:
    """The utterances in these rows of a split."""
    return [split.utterances[row] for row in rows]


def of_parts(*parts: str) -> list[str]:
    """The utterances of `official()` in these parts that OFFICIAL has a class for."""
    return [f"{part}_{emotion}_{take}" for part in parts for emotion in ("angry", "sad") for take in (1, 2)]
