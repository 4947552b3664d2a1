"""Which utterances test, develop and train in each fold: the meaning of a protocol's kinds of folds."""

import numpy as np

from ser.errors import InputError, listed
from ser.splits.columns import Column, Columns, in_parts, stratified
from ser.splits.dev_parts import dev_part, drawn_part, of_group
from ser.splits.protocol import Protocol
from ser.splits.split import PARTS

TRAIN, DEV, TEST, REPORTED = (PARTS.index(part) for part in ("train", "dev", "test", "reported"))


def deal(protocol: Protocol, selection: str, columns: Columns, seed: int | None = None) -> np.ndarray:
    """Parts int8 [n, folds], indices into `split.PARTS`.

    Under `test_selected` the dev part is the test part; under `last_epoch` there is none. Under both, the
    utterances that the protocol sets aside for dev train, except in dev parts that are also reported: those are
    `reported`, which means scored and nothing else. `seed` is that of the draw, where the dev part is drawn.

    Raises InputError where the corpus does not have the groups, texts, parts or speakers that the protocol declares.
    """
    tested = _tested(protocol, columns)
    texts = _text_parts(protocol, columns.sentence)
    parts = np.zeros(tested.shape, dtype=np.int8)
    for k, test in enumerate(tested.T):
        if protocol.folds.kind == "official":
            rest = in_parts(columns.partition, (*protocol.folds.train, *protocol.folds.dev))
        else:
            group, text = divmod(k, protocol.folds.per_group)
            rest = ~of_group(protocol, tested, group)
            if protocol.folds.texts:
                rest &= texts != text
        parts[rest, k] = TRAIN
        parts[test, k] = TEST
        parts[in_parts(columns.partition, protocol.folds.also_report), k] = REPORTED
        if protocol.is_drawn(selection):
            parts[drawn_part(protocol, columns, seed), k] = DEV
        elif selection == "clean":
            parts[dev_part(protocol, columns, tested, k, rest) & rest, k] = DEV
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
    fold_of = _fold_of(protocol, columns)
    if folds.texts:  # the folds of a group follow each other
        fold_of = fold_of * folds.texts + _text_parts(protocol, columns.sentence)
    tested: np.ndarray = fold_of[:, None] == np.arange(protocol.n_folds)
    return tested


def _text_parts(protocol: Protocol, sentence: Column) -> np.ndarray:
    """int64 [n]: the part of the texts that each utterance belongs to; 0 where texts are not kept apart."""
    number, found = protocol.folds.texts, len(sentence.names)
    if not number:
        return np.zeros(len(sentence.codes), np.int64)
    if not sentence.known.all() or found < number:
        unnamed = int((~sentence.known[sentence.codes]).sum())
        have = f"{unnamed} utterances have no sentence" if unnamed else f"the corpus has {found} sentences"
        raise InputError(
            f"protocol of {protocol.corpus}: folds.texts: {number} parts of the texts are to be apart, but {have}: "
            f"name the texts in the manifest's column `sentence`, or remove `texts`"
        )
    sizes = np.bincount(sentence.codes)
    part_of: np.ndarray = _balanced(sizes, np.argsort(-sizes, kind="stable"), number)[sentence.codes]
    return part_of


def _balanced(sizes: np.ndarray, order: np.ndarray, number: int) -> np.ndarray:
    """int64 [len(sizes)]: in this order, each goes to the one of `number` parts that has the fewest utterances so far,
    so no two parts differ by more than one of them.
    """
    totals, dealt = np.zeros(number, np.int64), np.zeros(len(sizes), np.int64)
    for one in order:
        dealt[one] = totals.argmin()
        totals[dealt[one]] += sizes[one]
    return dealt


def _balanced_of_each(sizes: np.ndarray, order: np.ndarray, kinds: np.ndarray, number: int) -> np.ndarray:
    """The same, but of each of the `kinds` [len(sizes)] no part has two more than another."""
    totals, dealt = np.zeros(number, np.int64), np.zeros(len(sizes), np.int64)
    for kind in np.unique(kinds):
        members = order[kinds[order] == kind]
        for start in range(0, len(members), number):
            once = members[start : start + number]
            dealt[once] = np.argsort(totals, kind="stable")[: len(once)]
            totals[dealt[once]] += sizes[once]
    return dealt


def _genders_of(columns: Columns) -> np.ndarray:
    """The gender of each speaker, as text; "" where the corpus names none, or two."""
    named = [{*columns.gender.codes[columns.speaker.codes == code]} for code in range(len(columns.speaker.names))]
    return np.array([columns.gender.names[min(codes)] if len(codes) == 1 else "" for codes in named])


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
        order = stratified(columns.strata, np.random.default_rng(folds.seed))
        fold_of = np.empty(len(order), np.int64)
        fold_of[order] = np.arange(len(order)) % folds.number
        return fold_of
    groups: Column = getattr(columns, folds.group)
    _check_groups(protocol, groups)
    if folds.kind == "leave_one_out":
        return groups.codes
    if folds.kind == "listed":
        tests = {name: number for number, names in enumerate(folds.groups) for name in names}
        in_fold: np.ndarray = np.array([tests[name] for name in groups.names])[groups.codes]
        return in_fold
    sizes = np.bincount(groups.codes)
    order = np.random.default_rng(folds.seed).permutation(len(sizes))
    if folds.balance:
        dealt = _balanced_of_each(sizes, order, _genders_of(columns), folds.number)
    else:
        dealt = _balanced(sizes, order, folds.number)
    by_group: np.ndarray = dealt[groups.codes]
    return by_group


def _check_groups(protocol: Protocol, groups: Column) -> None:
    folds, found = protocol.folds, len(groups.names)
    if not groups.known.all():
        unknown = int((~groups.known[groups.codes]).sum())
        raise InputError(
            f"protocol of {protocol.corpus}: {unknown} utterances have no known {folds.group}, so folds cannot "
            f"be made of {folds.group}s: name them in the manifest, or choose other folds"
        )
    if folds.kind == "listed":
        named = {name for names in folds.groups for name in names}
        if odd := sorted(named ^ {*groups.names}):
            raise InputError(
                f"protocol of {protocol.corpus}: its folds list {len(named)} {folds.group}s, and the manifest has "
                f"{found}; in one of the two alone: {listed(odd)}: complete the corpus, or choose other folds"
            )
    elif found < folds.number or (found > folds.number and folds.kind == "leave_one_out"):
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
    return in_parts(partition, folds.test)
