"""What the test part of a fold shares with the utterances that the fold trains and selects on."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.manifests.utterance import Utterance
from ser.splits.columns import Column
from ser.splits.folds import DEV, TEST, TRAIN
from ser.splits.protocol import DEV_LEAKS, Protocol


def find_leaks(utterances: Sequence[Utterance], parts: np.ndarray) -> dict[str, dict[str, Any]]:
    """Kind of leak -> `folds` (counted from 1), `number` of names shared in any of them, the first `examples`.

    `parts` is int8 [n, folds] (`split.PARTS`). Kinds are those of `protocol.LEAKS`, for names that test shares with
    train, and of `protocol.DEV_LEAKS`, for those that it shares with dev and not with train; `audio` is the same
    stretch of the same file content, and its examples are tested utterances. Names that the corpus does not
    give (empty or `unknown`) do not count as leaks.
    """
    columns = {
        "speakers": Column.of([row.speaker for row in utterances]),
        "sessions": Column.of([row.session for row in utterances]),
        "sentences": Column.of([row.sentence for row in utterances]),
        "audio": Column.of([f"{row.sha256} {row.start} {row.end}" if row.sha256 else "" for row in utterances]),
    }
    tested, trained, developed = parts == TEST, parts == TRAIN, parts == DEV
    found = {}
    for dev_kind, kind in DEV_LEAKS.items():
        column = columns[kind]
        with_train, with_dev = (
            np.array([shared_values(column, tested[:, k], seen[:, k]) for k in range(parts.shape[1])])
            for seen in (trained, developed)
        )
        for name_of_kind, both in ((kind, with_train), (dev_kind, with_dev & ~with_train)):
            if not both.any():
                continue
            names = np.flatnonzero(both.any(axis=0))
            examples = [column.names[name] for name in names[:5]]
            if kind == "audio":
                examples = [_tested(utterances, column, tested, name) for name in names[:5]]
            folds = (np.flatnonzero(both.any(axis=1)) + 1).tolist()
            found[name_of_kind] = {"folds": folds, "number": len(names), "examples": examples}
    return found


def check_leaks(protocol: Protocol, selection: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises InputError, naming kinds, folds and examples, for leaks that the protocol does not declare."""
    undeclared = [kind for kind in found if not {kind, DEV_LEAKS.get(kind)} & {*protocol.leaks}]
    if undeclared:
        what = "; ".join(
            f"{described([kind])} in fold {listed(found[kind]['folds'])} ({found[kind]['number']}: "
            f"{', '.join(found[kind]['examples'])}{', ...' if found[kind]['number'] > 5 else ''})"
            for kind in undeclared
        )
        needed = [kind for kind in undeclared if DEV_LEAKS.get(kind) not in undeclared]
        declared = ", ".join([*protocol.leaks, *needed])
        raise InputError(
            f"protocol of {protocol.corpus}, selection {selection}: the test part shares {what}: change the folds, "
            f"or declare `leaks: [{declared}]` in the protocol"
        )


def described(found: Collection[str]) -> str:
    """Kinds of leaks in words: "sessions, sentences with train and dev, speakers with dev"."""
    kinds: dict[str, list[str]] = {}
    for dev_kind, kind in DEV_LEAKS.items():
        shared = [part for part, leak in (("train", kind), ("dev", dev_kind)) if leak in found]
        kinds.setdefault(" and ".join(shared), []).append(kind)
    return ", ".join(f"{', '.join(of_parts)} with {parts}" for parts, of_parts in kinds.items() if parts)


def shared_values(column: Column, some_rows: np.ndarray, other_rows: np.ndarray) -> np.ndarray:
    """bool [names]: the known names that occur in both sets of rows (bool [n] each)."""
    first, second = np.zeros(len(column.names), dtype=bool), np.zeros(len(column.names), dtype=bool)
    first[column.codes[some_rows]] = True
    second[column.codes[other_rows]] = True
    both: np.ndarray = first & second & column.known
    return both


def _tested(utterances: Sequence[Utterance], column: Column, tested: np.ndarray, name: int) -> str:
    """The first tested utterance with this name."""
    first = int(np.flatnonzero((column.codes == name) & tested.any(axis=1))[0])
    return utterances[first].utterance
