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
    sentence: Column
    gender: Column
    strata: np.ndarray


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
            rest = _in_parts(columns.partition, (*protocol.folds.train, *protocol.folds.dev))
        else:
            group, text = divmod(k, protocol.folds.per_group)
            rest = ~_of_group(protocol, tested, group)
            if protocol.folds.texts:
                rest &= texts != text
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


def _of_group(protocol: Protocol, tested: np.ndarray, group: int) -> np.ndarray:
    """bool [n]: what the folds of one group test together, which is all of its texts."""
    per_group = protocol.folds.per_group
    together: np.ndarray = np.any(tested[:, group * per_group : (group + 1) * per_group], axis=1)
    return together


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
        order = _stratified(columns.strata, np.random.default_rng(folds.seed))
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
    return _in_parts(partition, folds.test)


def _dev(protocol: Protocol, columns: Columns, tested: np.ndarray, fold: int, rest: np.ndarray) -> np.ndarray:
    """bool [n]: the dev part of one fold, which the caller restricts to `rest`: what may train or develop."""
    kind, group = protocol.dev.kind, fold // protocol.folds.per_group
    if kind == "next_group":  # groups are in sorted, dealt or listed order: what the next one's folds test
        dev: np.ndarray = _of_group(protocol, tested, (group + 1) % protocol.folds.number)
    elif kind == "official":
        dev = _in_parts(columns.partition, protocol.folds.dev)
    elif kind == "other_of_session":
        dev = columns.speaker.codes == _other_of_session(protocol, columns, group)
    elif kind == "speaker_of_next_session":
        dev = columns.speaker.codes == _speaker_of_next_session(protocol, columns, group)
    elif kind == "random_split":
        candidates = np.flatnonzero(rest)
        n_train = int((1 - protocol.dev.fraction) * len(candidates))
        dev = np.zeros(len(rest), dtype=bool)
        dev[candidates[_torch_permutation(len(candidates), protocol.dev.seed or 0)[n_train:]]] = True
    else:  # random: every 1/fraction-th of the stratified order, so each class gives its share, give or take one
        candidates = np.flatnonzero(rest)
        seed = [protocol.dev.seed, fold]
        generator = np.random.default_rng(seed)  # type: ignore[arg-type]  # protocol.py: a random dev part has a seed
        order = candidates[_stratified(columns.strata[candidates], generator)]
        shares = np.floor(np.arange(len(order) + 1) * protocol.dev.fraction + 1e-9)
        dev = np.zeros(len(rest), dtype=bool)
        dev[order[np.diff(shares) > 0]] = True
    return dev


def _torch_permutation(n: int, seed: int) -> np.ndarray:
    """int64 [n]: torch.randperm(n) after torch.manual_seed(seed), whose import would be slow; up to 2**32 / 20 items.

    Both libraries seed the Mersenne twister alike; torch draws 32 bits for each place, modulo what is left.
    """
    drawn = np.random.RandomState(seed & 0xFFFFFFFF).randint(0, 2**32, n, dtype=np.uint32).tolist()
    order = list(range(n))
    for place, bits in enumerate(drawn):
        other = place + bits % (n - place)
        order[place], order[other] = order[other], order[place]
    return np.array(order, np.int64)


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


def _other_of_session(protocol: Protocol, columns: Columns, one: int) -> int:
    """The code of the only other speaker in the session of speaker `one`."""
    speaker, session = columns.speaker, columns.session
    sessions = np.unique(session.codes[speaker.codes == one])
    others = np.setdiff1d(speaker.codes[np.isin(session.codes, sessions)], [one])
    if len(others) != 1 or not session.known[sessions].all():
        raise InputError(
            f"protocol of {protocol.corpus}: dev other_of_session needs two speakers in each session, but speaker "
            f"{speaker.names[one]} of session {listed([session.names[code] for code in sessions])} shares it "
            f"with {listed([speaker.names[code] for code in others]) or 'nobody'}: choose another dev part"
        )
    return int(others[0])


def _speaker_of_next_session(protocol: Protocol, columns: Columns, session: int) -> int:
    """The code of a speaker of the session after this one: the first, or one drawn by the seed."""
    following = (session + 1) % protocol.folds.number
    speakers = np.unique(columns.speaker.codes[columns.session.codes == following])
    if protocol.dev.seed is None:
        return int(speakers[0])
    return int(np.random.default_rng([protocol.dev.seed, session]).choice(speakers))


def _stratified(strata: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A random order of all indices, class by class: dealt in turn, it gives every fold its share of each class."""
    drawn = generator.permutation(len(strata))
    order: np.ndarray = drawn[np.argsort(strata[drawn], kind="stable")]
    return order


def _in_parts(partition: Column, parts: Sequence[str]) -> np.ndarray:
    inside: np.ndarray = np.array([name in parts for name in partition.names], dtype=bool)[partition.codes]
    return inside
