"""The split: which utterances train, develop and test in each fold. make.py makes it, write.py writes it.

Runs and evaluations know a protocol only as this file's `Split`, and do not depend on the code that makes it.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError
from ser.sealed import Inputs, Order

PARTS = ("", "train", "dev", "test", "reported")  # by their code in Split.parts; "": not in this fold
UNKNOWN = ("", "unknown")  # speakers and sessions that a corpus does not name


@dataclass(frozen=True)
class Split:
    """The utterances of a protocol, sorted by name, and their part in each fold.

    `labels` are the classes, or the attributes, whose range is then `scale` (None: classes). `targets` is int64 [n],
    indices into the classes, or float32 [n, attributes] in the corpus's own scale. `parts` is int8 [n, folds],
    indices into `PARTS`; under `test_selected` dev is the test part and is not marked as dev. `partitions` are the
    official parts, each "" where the protocol's folds are of another kind, and `reported` those that have numbers of
    their own ("": everything that the folds test); `fold_group` is what a fold tests whole, speaker or session
    ("": neither); utterances whose part is `reported` are scored and otherwise not
    used. `emotions` are the corpus's, each "" where the targets are classes. `seed` is the one whose runs this split
    is for (None: those of all seeds), because its dev part was drawn from a reported part: the rest of that part is
    scored. `left_out` counts the manifest's other utterances by reason, `leaks` is
    what `find_leaks` returned, `notes` is what else a reader of the numbers should know. `protocol_hash` stands for
    what the numbers mean; `data_hash` is a hash, 16 hex digits, over utterances, audio, targets and parts.
    """

    corpus: str
    labels: tuple[str, ...]
    scale: tuple[float, float] | None
    reported: tuple[str, ...]
    fold_group: str
    selection: str
    seed: int | None
    protocol_hash: str
    data_hash: str
    utterances: tuple[str, ...]
    speakers: tuple[str, ...]
    sessions: tuple[str, ...]
    genders: tuple[str, ...]
    partitions: tuple[str, ...]
    emotions: tuple[str, ...]
    targets: np.ndarray
    parts: np.ndarray
    left_out: Mapping[str, int]
    leaks: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]

    @property
    def n_folds(self) -> int:
        """The number of folds; official parts make one."""
        return int(self.parts.shape[1])

    @property
    def are_classes(self) -> bool:
        """Whether the targets are classes, not attributes."""
        return self.scale is None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes; none where the targets are attributes."""
        return self.labels if self.are_classes else ()

    def rows(self, number: int, part: str) -> np.ndarray:
        """int64: the rows of `part` (train, dev or test) in fold `number`, counted from 1.

        Raises InputError for a fold that does not exist.
        """
        if (part, self.selection) == ("dev", "test_selected"):
            part = "test"
        return np.flatnonzero(self._column(number) == PARTS.index(part))

    def scored(self, number: int, *parts: str) -> np.ndarray:
        """int64: the rows that a run of fold `number` scores, those of `parts` or of all reported parts.

        Raises InputError for a fold that does not exist.
        """
        if self.reported == ("",):
            return self.rows(number, "test")
        is_drawn = (self._column(number) == PARTS.index("dev")) & (self.seed is not None)
        is_used = self._column(number) != 0
        return np.flatnonzero(np.isin(self.partitions, parts or self.reported) & is_used & ~is_drawn)

    def spare(self, number: int) -> np.ndarray:
        """int64: the rows of the dev part of fold `number` that may train a system which chooses nothing on it.

        None where dev is scored (it is the test part, or reported), where it was drawn from a part that
        is scored, and where test shares something with dev that it does not share with train: it would then be shared
        with train. Raises InputError for a fold that does not exist.
        """
        only_dev = {kind.removeprefix("dev_") for kind in self.leaks if kind.startswith("dev_")} - {*self.leaks}
        dev = self.rows(number, "dev")
        may_train = self.seed is None and not only_dev
        return np.setdiff1d(dev if may_train else dev[:0], self.scored(number))

    def _column(self, number: int) -> np.ndarray:
        if not 1 <= number <= self.n_folds:
            raise InputError(f"no fold {number}: folds go from 1 to {self.n_folds}")
        return self.parts[:, number - 1]


def of_seed(splits: Sequence[Split], seed: int) -> Split:
    """The split for the runs of a seed, among those of a group. Raises InputError if it has none."""
    for split in splits:
        if split.seed in (None, seed):
            return split
    raise InputError(f"no split of {splits[0].corpus} for seed {seed}: make it, or leave the seed out")


def target_columns(labels: tuple[str, ...], are_classes: bool) -> list[str]:
    """The columns of the targets in the split's CSV."""
    return ["target"] if are_classes else [f"target_{label}" for label in labels]


def read_split(json_path: Path | str) -> Split:
    """The split that `write_split` wrote; its CSV is beside the JSON.

    Raises InputError for a missing file, one that is not a split file, and a CSV other than the one written.
    """
    return open_split(Path(json_path), Inputs(Order()))


def open_split(json_path: Path, inputs: Inputs) -> Split:
    """A split as an input of a job. Raises InputError as `read_split` does, or for one that was not ordered."""
    try:
        facts = inputs.read(json_path)
        return _parse(facts, json_path.with_name(facts["csv"]).read_bytes().decode())
    except (OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{json_path}: not a split file ({error!r}): make the split again") from None


def _parse(facts: Mapping[str, Any], text: str) -> Split:
    labels, scale = tuple(facts["labels"]), facts["scale"] and tuple(facts["scale"])
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    targets = [columns[name] for name in target_columns(labels, scale is None)]
    index = {label: i for i, label in enumerate(labels)}
    codes = {part: code for code, part in enumerate(PARTS)}
    parts = [list(map(codes.__getitem__, columns[f"fold{k}"])) for k in range(1, facts["n_folds"] + 1)]
    return Split(
        corpus=facts["corpus"],
        labels=labels,
        scale=scale,
        reported=tuple(facts["reported"]),
        fold_group=facts["protocol"]["folds"].get("group", ""),
        selection=facts["selection"],
        seed=facts["seed"],
        protocol_hash=facts["protocol_hash"],
        data_hash=facts["data_hash"],
        utterances=columns["utterance"],
        speakers=columns["speaker"],
        sessions=columns["session"],
        genders=columns["gender"],
        partitions=columns.get("partition", ("",) * len(rows)),
        emotions=columns.get("emotion", ("",) * len(rows)),
        targets=(
            np.array(list(map(index.__getitem__, targets[0])), np.int64)
            if scale is None
            else np.array([list(map(float, column)) for column in targets], np.float32).T.copy()
        ),
        parts=np.array(parts, np.int8).T.copy(),
        left_out=facts["left_out"],
        leaks=facts["leaks_found"],
        notes=tuple(facts["notes"]),
    )
