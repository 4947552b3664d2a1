"""The files of a split: its rows as CSV, and the facts about them as JSON."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError
from ser.files import atomic_file
from ser.sealed import Provenance, hashes_of, write_sealed
from ser.splits.protocol import Protocol
from ser.splits.split import PARTS, UNKNOWN, Split, target_columns


def write_split(
    split: Split, protocol: Protocol, csv_path: Path, json_path: Path, provenance: Provenance | None = None
) -> None:
    """Write the rows (CSV) and the facts about them, `protocol` and `provenance` included (JSON, ser/sealed.py).

    Raises InputError unless both are in one folder, where `read_split` looks for them.
    """
    if csv_path.resolve().parent != json_path.resolve().parent:
        raise InputError(f"{csv_path} and {json_path} make up one split: put them into one folder")
    folds = range(1, split.n_folds + 1)
    texts = target_texts(split.labels, split.targets)
    parts = np.array(PARTS)[split.parts].tolist()
    names = ["utterance", "speaker", "session", "gender"]
    columns = [split.utterances, split.speakers, split.sessions, split.genders]
    if split.reported != ("",):
        names, columns = [*names, "partition"], [*columns, split.partitions]
    if not split.are_classes:
        names, columns = [*names, "emotion"], [*columns, split.emotions]
    with atomic_file(csv_path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, *target_columns(split.labels, split.are_classes), *(f"fold{k}" for k in folds)])
        writer.writerows([*row, *text, *part] for *row, text, part in zip(*columns, texts, parts, strict=True))
    write_sealed(
        json_path,
        {
            **(provenance or Provenance("")).facts,
            "sha256": hashes_of([csv_path], json_path.parent),
            "corpus": split.corpus,
            "labels": split.labels,
            "scale": split.scale,
            "n_folds": split.n_folds,
            "reported": split.reported,
            "protocol": protocol.mapping,
            "selection": split.selection,
            "seed": split.seed,
            "protocol_hash": split.protocol_hash,
            "data_hash": split.data_hash,
            "csv": csv_path.name,
            "n_utterances": len(split.utterances),
            "n_speakers": len(set(split.speakers) - set(UNKNOWN)),
            "counts": [
                {"fold": k, **{part: _counts(split, split.rows(k, part)) for part in ("train", "dev", "test")}}
                for k in folds
            ],
            "counts_reported": {part: _counts(split, split.scored(1, part)) for part in split.reported if part},
            "left_out": split.left_out,
            "leaks_declared": protocol.leaks,
            "leaks_found": split.leaks,
            "notes": split.notes,
        },
    )


def target_texts(labels: tuple[str, ...], targets: np.ndarray) -> list[list[str]]:
    """Targets as the CSV spells them, row by row: the class's name, or each attribute."""
    if targets.ndim == 2:
        # The shortest text that reads back as the same float32.
        texts: list[list[str]] = targets.astype(np.float32).astype(str).tolist()
        return texts
    return [[labels[target]] for target in targets]


def _counts(split: Split, rows: np.ndarray) -> dict[str, Any]:
    """The numbers of utterances, known speakers and, with classes, utterances per class in `rows`."""
    counts: dict[str, Any] = {
        "utterances": len(rows),
        "speakers": len({split.speakers[row] for row in rows} - set(UNKNOWN)),
    }
    if split.are_classes:
        per_class = np.bincount(split.targets[rows], minlength=len(split.labels)).tolist()
        counts["classes"] = dict(zip(split.labels, per_class, strict=True))
    return counts
