"""The split: who trains, develops and tests in each fold. `ser/splitting.py` makes it; this file keeps and reads it.

Runs depend on this file and not on how the split was made: they depend on the split files themselves.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.features.store import Store
from ser.files import replacing
from ser.outputs import write_json
from ser.protocol import Protocol
from ser.run import Fold, Part

PARTS = ("", "train", "dev", "test", "reported")  # by their code in Split.parts; "": not in this fold
UNKNOWN = ("", "unknown")  # speakers and sessions that a corpus does not name


@dataclass(frozen=True)
class Split:
    """The utterances of a protocol, in the order of their names, and their part in each fold.

    `targets` is int64 [n], indices into `protocol.labels`, or float32 [n, attributes] in the corpus's own scale.
    `parts` is int8 [n, folds], indices into `PARTS`; under `test_selected` dev is the test part and is not marked
    apart. `reported` is a dev part that is scored and not used (`ser.folds.deal`). `partitions` are the official
    parts, each "" where the protocol's folds are of another kind. `left_out` counts the manifest's other utterances
    by reason, `leaks` is what `ser.leaks.find` found, `notes` is what else a reader of the numbers should know.
    `data_hash` is 16 hex digits over utterances, audio, targets and parts.
    """

    protocol: Protocol
    selection: str
    utterances: tuple[str, ...]
    speakers: tuple[str, ...]
    sessions: tuple[str, ...]
    partitions: tuple[str, ...]
    targets: np.ndarray
    parts: np.ndarray
    data_hash: str
    left_out: Mapping[str, int]
    leaks: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]

    @property
    def protocol_hash(self) -> str:
        return self.protocol.digest(self.selection)

    def rows(self, number: int, part: str) -> np.ndarray:
        """int64: the rows of `part` (train, dev or test) in fold `number`, counted from 1.

        Raises InputError for a fold that the protocol does not have.
        """
        if (part, self.selection) == ("dev", "test_selected"):
            part = "test"
        return np.flatnonzero(self._column(number) == PARTS.index(part))

    def scored(self, number: int, *parts: str) -> np.ndarray:
        """int64: the rows that a run of fold `number` scores, of `parts` or of all that the protocol reports.

        Raises InputError for a fold that the protocol does not have.
        """
        tested = self._column(number) == PARTS.index("test")
        beside = np.isin(self.partitions, self.protocol.folds.also_report)
        return np.flatnonzero((tested | beside) & np.isin(self.partitions, parts or self.protocol.reported))

    def _column(self, number: int) -> np.ndarray:
        if not 1 <= number <= self.protocol.n_folds:
            raise InputError(f"no fold {number}: folds go from 1 to {self.protocol.n_folds}")
        return self.parts[:, number - 1]

    def fold(self, number: int, stores: Mapping[str, Store], encoders: Mapping[str, Path] | None = None) -> Fold:
        """Fold `number`, counted from 1, over `stores`, with the checkpoint folders `encoders`.

        Raises InputError for a fold that the protocol does not have, and for a store without all its utterances.
        """
        parts = {name: self._part(self.rows(number, name)) for name in ("train", "dev")}
        parts["test"] = self._part(self.scored(number))
        needed = {utterance for part in parts.values() for utterance in part.utterances}
        for name, store in stores.items():
            if missing := sorted(utterance for utterance in needed if utterance not in store):
                raise InputError(f"store {name} lacks utterances of the split: {listed(missing)}: make it again")
        return Fold(
            number=number,
            labels=self.protocol.labels,
            stores=stores,
            encoders=encoders or {},
            scale=self.protocol.scale,
            **parts,
        )

    def _part(self, rows: np.ndarray) -> Part:
        return Part(
            tuple(self.utterances[row] for row in rows),
            tuple(self.speakers[row] for row in rows),
            self.targets[rows],
        )


def target_texts(protocol: Protocol, targets: np.ndarray) -> list[list[str]]:
    """Targets as the split file and predictions spell them, row by row: the class's name, or each attribute."""
    if protocol.targets:
        return targets.astype(np.float32).astype(str).tolist()  # shortest text that reads back as the same float32
    return [[protocol.labels[target]] for target in targets]


def target_columns(protocol: Protocol) -> list[str]:
    return [f"target_{name}" for name in protocol.targets] or ["target"]


def write(split: Split, csv_path: Path, json_path: Path) -> None:
    """Write the rows (CSV) and what is to be known about them (JSON).

    Raises InputError where they would not lie in one folder, in which `read` looks for them.
    """
    if csv_path.resolve().parent != json_path.resolve().parent:
        raise InputError(f"{csv_path} and {json_path} make up one split: put them into one folder")
    folds = range(1, split.protocol.n_folds + 1)
    texts = target_texts(split.protocol, split.targets)
    parts = np.array(PARTS)[split.parts].tolist()
    names, columns = ["utterance", "speaker", "session"], [split.utterances, split.speakers, split.sessions]
    if _is_official(split.protocol):
        names, columns = [*names, "partition"], [*columns, split.partitions]
    with replacing(csv_path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, *target_columns(split.protocol), *(f"fold{k}" for k in folds)])
        writer.writerows([*row, *text, *part] for *row, text, part in zip(*columns, texts, parts, strict=True))
    write_json(
        json_path,
        {
            "protocol": split.protocol.mapping,
            "selection": split.selection,
            "protocol_hash": split.protocol_hash,
            "data_hash": split.data_hash,
            "csv": csv_path.name,
            "csv_sha256": hashlib.sha256(csv_path.read_bytes()).hexdigest(),
            "n_utterances": len(split.utterances),
            "n_speakers": len(set(split.speakers) - set(UNKNOWN)),
            "counts": [
                {"fold": k, **{part: _counts(split, split.rows(k, part)) for part in ("train", "dev", "test")}}
                for k in folds
            ],
            "counts_reported": {
                part: _counts(split, split.scored(1, part)) for part in split.protocol.reported if part
            },
            "left_out": split.left_out,
            "leaks_declared": split.protocol.leaks,
            "leaks_found": split.leaks,
            "notes": split.notes,
        },
    )


def read(json_path: Path | str) -> Split:
    """The split that `write` wrote; its CSV lies beside the JSON.

    Raises InputError for a missing file, one that is not a split's, and a CSV other than the one written.
    """
    json_path = Path(json_path)
    try:
        facts = json.loads(json_path.read_text(encoding="utf-8"))
        csv_path = json_path.with_name(facts["csv"])
        content = csv_path.read_bytes()
        if hashlib.sha256(content).hexdigest() != facts["csv_sha256"]:
            raise InputError(f"{csv_path}: not the file that {json_path.name} describes: make the split again")
        return _parse(facts, content.decode())
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: no such file: make the split first") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{json_path}: not a split's file ({error!r}): make the split again") from None


def _parse(facts: Mapping[str, Any], text: str) -> Split:
    protocol = Protocol.from_mapping(facts["protocol"])
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    targets = [columns[name] for name in target_columns(protocol)]
    index = {label: i for i, label in enumerate(protocol.labels)}
    codes = {part: code for code, part in enumerate(PARTS)}
    parts = [list(map(codes.__getitem__, columns[f"fold{k}"])) for k in range(1, protocol.n_folds + 1)]
    return Split(
        protocol=protocol,
        selection=facts["selection"],
        utterances=columns["utterance"],
        speakers=columns["speaker"],
        sessions=columns["session"],
        partitions=columns["partition"] if _is_official(protocol) else ("",) * len(rows),
        targets=(
            np.array([list(map(float, column)) for column in targets], np.float32).T.copy()
            if protocol.targets
            else np.array(list(map(index.__getitem__, targets[0])), np.int64)
        ),
        parts=np.array(parts, np.int8).T.copy(),
        data_hash=facts["data_hash"],
        left_out=facts["left_out"],
        leaks=facts["leaks_found"],
        notes=tuple(facts["notes"]),
    )


def _is_official(protocol: Protocol) -> bool:
    return protocol.folds.kind == "official"


def _counts(split: Split, rows: np.ndarray) -> dict[str, Any]:
    """Utterances, known speakers, and utterances per class of some rows."""
    counts = {
        "utterances": len(rows),
        "speakers": len({split.speakers[row] for row in rows} - set(UNKNOWN)),
    }
    if split.protocol.classes:
        per_class = np.bincount(split.targets[rows], minlength=len(split.protocol.labels)).tolist()
        counts["classes"] = dict(zip(split.protocol.labels, per_class, strict=True))
    return counts
