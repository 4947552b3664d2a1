"""Which utterances test, develop and train in each fold: the meaning of a protocol's kinds of folds and dev parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ser.errors import InputError, listed
from ser.splits.protocol import Protocol
from ser.splits.split import PARTS, UNKNOWN

TRAIN, DEV, TEST, REPORTED = (PARTS.index(part) for part in ("train", "dev", "test", "reported"))


@dataclass(frozen=True)
class Column:
    """A text column as integers: `names` sorted, `codes` int64 [n] indices into it."""

    names: tuple[str, ...]
    codes: np.ndarray

    @classmethod
    def of(cls, values: Sequence[str]) -> "Column":
        """The column made up of `values` [n]."""
        names = sorted(set(values))
        index = {name: code for code, name in enumerate(names)}
        return cls(tuple(names), np.fromiter((index[value] for value in values), np.int64, len(values)))

    @property
    def known(self) -> np.ndarray:
        """bool [names]: False for the names in `UNKNOWN`, which identify nobody and nothing."""
        return np.array([name not in UNKNOWN for name in self.names], dtype=bool)


@dataclass(frozen=True)
class Columns:
    """What folds are made from. `strata` int64 [n] are the classes, all 0 where targets are attributes."""

    emotion: Column
    speaker: Column
    session: Column
    partition: Column
    strata: np.ndarray


def deal(protocol: Protocol, selection: str, columns: Columns, seed: int | None = None) -> np.ndarray:
    """Parts int8 [n, folds], indices into `split.PARTS`.

    Under `test_selected` the dev part is the test part; under `last_epoch` there is none. Under both, the
    utterances that the protocol sets aside for dev train, except in dev parts that are also reported: those are
    `reported`, which means scored and nothing else. `seed` is that of the draw, where the dev part is drawn.

    Raises InputError where the corpus does not have the groups, parts or speakers that the protocol declares.
    """
    tested = _tested(protocol, columns)
    parts = np.zeros(tested.shape, dtype=np.int8)
    for k, test in enumerate(tested.T):
        if protocol.folds.kind == "official":
            rest = _in_parts(columns.partition, (*protocol.folds.train, *protocol.folds.dev))
        else:
            rest = ~test
        parts[rest, k] = TRAIN
        parts[test, k] = TEST
        parts[_in_parts(columns.partition, protocol.folds.also_report), k] = REPORTED
        if protocol.is_drawn(selection):
            parts[_drawn(protocol, columns, seed), k] = DEV
        elif selection == "clean":
            parts[_dev(protocol, columns, tested, k, rest) & rest, k] = DEV
    trains_only = np.array([name in protocol.train_only for name in columns.emotion.names])[columns.emotion.codes]
    parts[trains_only[:, None] & (parts != TRAIN)] = 0
    return parts


def _tested(protocol: Protocol, columns: Columns) -> np.ndarray:
    """bool [n, folds]: which utterances each fold tests."""
    folds = protocol.folds
    if folds.kind == "official":
        return _official(protocol, columns.partition)[:, None]
    if folds.kind == "random":
        return _random(protocol, len(columns.strata))
    tested: np.ndarray = _fold_of(protocol, columns)[:, None] == np.arange(folds.number)
    return tested


def _random(protocol: Protocol, n: int) -> np.ndarray:
    """Each fold's test part is drawn anew, so an utterance may be tested in several folds, or in none."""
    folds = protocol.folds
    tested = np.zeros((n, folds.number), dtype=bool)
    for k in range(folds.number):
        tested[np.random.default_rng([folds.seed, k]).permutation(n)[: round(folds.fraction * n)], k] = True
    return tested


def _fold_of(protocol: Protocol, columns: Columns) -> np.ndarray:
    """int64 [n]: the one fold, counted from 0, in which each utterance is tested."""
    folds = protocol.folds
    if folds.kind == "random_k_fold":
        order = _stratified(columns.strata, np.random.default_rng(folds.seed))
        fold_of = np.empty(len(order), np.int64)
        fold_of[order] = np.arange(len(order)) % folds.number
        return fold_of
    groups: Column = getattr(columns, folds.group)
    _check_groups(protocol, groups)
    if folds.kind == "leave_one_out":
        return groups.codes
    # Each group goes to the fold with the fewest utterances so far, so no two folds differ by more than one group.
    sizes, totals = np.bincount(groups.codes), np.zeros(folds.number, np.int64)
    fold_of_group = np.empty(len(sizes), np.int64)
    for group in np.random.default_rng(folds.seed).permutation(len(sizes)):
        fold_of_group[group] = totals.argmin()
        totals[fold_of_group[group]] += sizes[group]
    dealt: np.ndarray = fold_of_group[groups.codes]
    return dealt


def _check_groups(protocol: Protocol, groups: Column) -> None:
    folds, found = protocol.folds, len(groups.names)
    if not groups.known.all():
        unknown = int((~groups.known[groups.codes]).sum())
        raise InputError(
            f"protocol of {protocol.corpus}: {unknown} utterances have no known {folds.group}, so folds cannot "
            f"be made of {folds.group}s: name them in the manifest, or choose other folds"
        )
    if found < folds.number or (found > folds.number and folds.kind == "leave_one_out"):
        raise InputError(
            f"protocol of {protocol.corpus}: it declares {folds.number} {_what(protocol)}, but the manifest has "
            f"{found}: {listed(groups.names)}: set folds.number to what the corpus has, or correct the manifest"
        )


def _what(protocol: Protocol) -> str:
    group = f"{protocol.folds.group}s"
    return group if protocol.folds.kind == "leave_one_out" else f"folds of {group}"


def _official(protocol: Protocol, partition: Column) -> np.ndarray:
    folds = protocol.folds
    absent = [name for name in (*folds.train, *folds.dev, *folds.test) if name not in partition.names]
    if absent:
        raise InputError(
            f"protocol of {protocol.corpus}: no utterance is in official part {listed(absent)}; "
            f"the manifest has: {listed(partition.names)}"
        )
    return _in_parts(partition, folds.test)


def _dev(protocol: Protocol, columns: Columns, tested: np.ndarray, fold: int, rest: np.ndarray) -> np.ndarray:
    """bool [n]: the dev part of one fold, which the caller restricts to `rest`: what may train or develop."""
    kind = protocol.dev.kind
    if kind == "next_group":  # folds of speakers or sessions are in sorted or dealt order: the next fold's test part
        dev: np.ndarray = tested[:, (fold + 1) % protocol.n_folds]
    elif kind == "official":
        dev = _in_parts(columns.partition, protocol.folds.dev)
    elif kind == "other_of_session":
        dev = columns.speaker.codes == _other_of_session(protocol, columns, fold)
    elif kind == "speaker_of_next_session":
        dev = columns.speaker.codes == _speaker_of_next_session(protocol, columns, fold)
    else:  # random: every 1/fraction-th of the stratified order, so each class gives its share, give or take one
        candidates = np.flatnonzero(rest)
        seed = [protocol.dev.seed, fold]
        generator = np.random.default_rng(seed)  # type: ignore[arg-type]  # protocol.py: a random dev part has a seed
        order = candidates[_stratified(columns.strata[candidates], generator)]
        shares = np.floor(np.arange(len(order) + 1) * protocol.dev.fraction + 1e-9)
        dev = np.zeros(len(rest), dtype=bool)
        dev[order[np.diff(shares) > 0]] = True
    return dev


def _drawn(protocol: Protocol, columns: Columns, seed: int | None) -> np.ndarray:
    """int64: the utterances that `seed` draws for the dev part."""
    dev, emotion = protocol.dev, columns.emotion
    if seed is None:
        raise ValueError("a dev part that is drawn needs a seed")
    generator = np.random.default_rng(seed)
    drawn = []
    for code, name in enumerate(emotion.names):
        candidates = np.flatnonzero((emotion.codes == code) & _in_parts(columns.partition, [dev.part]))
        if not len(candidates) or name in protocol.train_only:
            continue
        if len(candidates) < dev.per_emotion:
            raise InputError(
                f"protocol of {protocol.corpus}: {dev.per_emotion} utterances of {name} are to be drawn from part "
                f"{dev.part}, which has {len(candidates)}: lower dev.per_emotion, or leave {name} out of `emotions`"
            )
        drawn.append(generator.choice(candidates, dev.per_emotion, replace=False))
    return np.concatenate(drawn)


def _other_of_session(protocol: Protocol, columns: Columns, fold: int) -> int:
    """The code of the only other speaker in the session of speaker `fold`."""
    speaker, session = columns.speaker, columns.session
    sessions = np.unique(session.codes[speaker.codes == fold])
    others = np.setdiff1d(speaker.codes[np.isin(session.codes, sessions)], [fold])
    if len(others) != 1 or not session.known[sessions].all():
        raise InputError(
            f"protocol of {protocol.corpus}: dev other_of_session needs two speakers in each session, but speaker "
            f"{speaker.names[fold]} of session {listed([session.names[code] for code in sessions])} shares it "
            f"with {listed([speaker.names[code] for code in others]) or 'nobody'}: choose another dev part"
        )
    return int(others[0])


def _speaker_of_next_session(protocol: Protocol, columns: Columns, fold: int) -> int:
    """The code of a speaker of the session after session `fold`: the first, or one drawn by the seed."""
    following = (fold + 1) % protocol.n_folds
    speakers = np.unique(columns.speaker.codes[columns.session.codes == following])
    if protocol.dev.seed is None:
        return int(speakers[0])
    return int(np.random.default_rng([protocol.dev.seed, fold]).choice(speakers))


def _stratified(strata: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A random order of all indices, class by class: dealt in turn, it gives every fold its share of each class."""
    drawn = generator.permutation(len(strata))
    order: np.ndarray = drawn[np.argsort(strata[drawn], kind="stable")]
    return order


def _in_parts(partition: Column, parts: Sequence[str]) -> np.ndarray:
    inside: np.ndarray = np.array([name in parts for name in partition.names], dtype=bool)[partition.codes]
    return inside
