"""Small corpora and protocols as tables, for the tests of protocols, splits, evaluation and baselines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ser.features.packing import write_store
from ser.features.store import Store
from ser.manifests.utterance import Utterance, write_manifest
from ser.plan.groups import Group
from ser.runs.contract import Fold, Part
from ser.sealed import Provenance, hashes_of, read_sealed, write_sealed
from ser.splits.protocol import Protocol

EMOTIONS = ("angry", "happy", "excited", "sad", "neutral", "frustrated")


def iemocap_like(per_emotion: int = 2) -> list[Utterance]:
    """Five sessions of two speakers; each says `per_emotion` utterances of each emotion in each style.

    Scripted ones repeat the same script in all sessions, as IEMOCAP's do.
    """
    return [
        Utterance(
            utterance=f"Ses0{session}_{style[:2]}_{voice}_{emotion}_{take}",
            path=f"Session{session}/{style}/{voice}{emotion}{take}.wav",
            speaker=f"Ses0{session}{voice}",
            session=f"Ses0{session}",
            sentence=f"script0{take}" if style == "scripted" else "",
            emotion=emotion,
            arousal=2.5,
            valence=float(take + 1),
            dominance=3.25,
            num_samples=16000,
            sample_rate=16000,
            sha256=f"{session}{voice}{style}{emotion}{take}",
            style=style,
        )
        for session in range(1, 6)
        for voice in "FM"
        for style in ("improvised", "scripted")
        for emotion in EMOTIONS
        for take in range(per_emotion)
    ]


def protocol(**changes: Any) -> Protocol:
    """Leave one speaker out of the improvised part of the corpus above; `changes` replace keys, None removes one."""
    fields = {
        "corpus": "iemocap",
        "labels": {"angry": ["angry"], "happy": ["happy", "excited"], "sad": ["sad"], "neutral": ["neutral"]},
        "subset": "improvised",
        "folds": {"kind": "leave_one_out", "group": "speaker", "number": 10},
        "dev": {"kind": "next_group"},
        "aggregation": "fold_mean",
        "leaks": ["sessions"],
    }
    return Protocol.from_mapping({key: value for key, value in (fields | changes).items() if value is not None})


def group_of(made: Protocol, **changes: Any) -> Group:
    """The runs of seed 1 of a row under a protocol; `changes` replace fields."""
    fields = {
        **{"experiment": "paper", "row": "full", "table": "1", "protocol_name": "p", "selection": "clean"},
        **{"system": "majority", "settings": {}, "sources": {}, "features": {}, "encoders": {}},
        **{"seeds": (1,), "one_job_per": "fold"},
    }
    return Group(protocol=made, **fields | changes)


def manifest_of(path: Path, utterances: Sequence[Utterance]) -> Path:
    """A manifest at `path` (.csv), and a report beside it that describes it."""
    write_manifest(path, utterances)
    facts = Provenance("").facts | {"unreadable": [], "sha256": hashes_of([path], path.parent)}
    write_sealed(path.with_suffix(".json"), facts)
    return path


def edit_sealed(path: Path, **changes: Any) -> None:
    """Change entries of a describing file, as a job would have written it."""
    write_sealed(path, read_sealed(path) | changes)


def part(prefix: str, targets: Any) -> Part:
    """A part whose utterances are `<prefix>0`, `<prefix>1`, ... with these targets."""
    targets = np.asarray(targets)
    names = tuple(f"{prefix}{i}" for i in range(len(targets)))
    return Part(names, tuple(f"speaker_{prefix}" for _ in names), targets)


def fold(
    tmp_path: Path, train: tuple[Any, Any], test: tuple[Any, Any], labels: tuple[str, ...] = ("angry", "sad", "calm")
) -> Fold:
    """A fold over a real store `functionals`; `train` and `test` are (vectors [n, d], targets)."""
    parts = {"train": part("train", train[1]), "dev": part("dev", np.zeros(0, int)), "test": part("test", test[1])}
    names = [*parts["train"].utterances, *parts["test"].utterances]
    vectors = dict(zip(names, np.concatenate([train[0], test[0]]).astype(np.float32)[:, None], strict=True))
    path = tmp_path / "functionals.safetensors"
    write_store(path, names, lambda shard: [vectors[name] for name in shard], key="test", metadata={})
    return Fold(number=1, labels=labels, stores={"functionals": Store(path)}, **parts)
