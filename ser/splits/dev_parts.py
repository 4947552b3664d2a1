"""Which utterances of a fold choose the epoch: the meaning of a protocol's kinds of dev parts."""

import numpy as np

from ser.errors import InputError, listed
from ser.splits.columns import Columns, in_parts, stratified
from ser.splits.protocol import Protocol


def dev_part(protocol: Protocol, columns: Columns, tested: np.ndarray, fold: int, rest: np.ndarray) -> np.ndarray:
    """bool [n]: the dev part of one fold, which the caller restricts to `rest`: what may train or develop."""
    kind, group = protocol.dev.kind, fold // protocol.folds.per_group
    if kind == "next_group":  # groups are in sorted, dealt or listed order: what the next one's folds test
        dev: np.ndarray = of_group(protocol, tested, (group + 1) % protocol.folds.number)
    elif kind == "official":
        dev = in_parts(columns.partition, protocol.folds.dev)
    elif kind == "other_of_session":
        dev = columns.speaker.codes == _other_of_session(protocol, columns, group)
    elif kind == "speaker_of_next_session":
        dev = columns.speaker.codes == _speaker_of_next_session(protocol, columns, group)
    elif kind == "random_split":
        candidates = np.flatnonzero(rest)
        n_train = int((1 - protocol.dev.fraction) * len(candidates))
        dev = np.zeros(len(rest), dtype=bool)
        dev[candidates[torch_permutation(len(candidates), protocol.dev.seed or 0)[n_train:]]] = True
    else:  # random: every 1/fraction-th of the stratified order, so each class gives its share, give or take one
        candidates = np.flatnonzero(rest)
        seed = [protocol.dev.seed, fold]
        generator = np.random.default_rng(seed)  # type: ignore[arg-type]  # protocol.py: a random dev part has a seed
        order = candidates[stratified(columns.strata[candidates], generator)]
        shares = np.floor(np.arange(len(order) + 1) * protocol.dev.fraction + 1e-9)
        dev = np.zeros(len(rest), dtype=bool)
        dev[order[np.diff(shares) > 0]] = True
    return dev


def torch_permutation(n: int, seed: int) -> np.ndarray:
    """int64 [n]: torch.randperm(n) after torch.manual_seed(seed), whose import would be slow; up to 2**32 / 20 items.

    Both libraries seed the Mersenne twister alike; torch draws 32 bits for each place, modulo what is left.
    """
    drawn = np.random.RandomState(seed & 0xFFFFFFFF).randint(0, 2**32, n, dtype=np.uint32).tolist()
    order = list(range(n))
    for place, bits in enumerate(drawn):
        other = place + bits % (n - place)
        order[place], order[other] = order[other], order[place]
    return np.array(order, np.int64)


def drawn_part(protocol: Protocol, columns: Columns, seed: int | None) -> np.ndarray:
    """int64: the utterances that `seed` draws for the dev part."""
    dev, emotion = protocol.dev, columns.emotion
    if seed is None:
        raise ValueError("a dev part that is drawn needs a seed")
    generator = np.random.default_rng(seed)
    drawn = []
    for code, name in enumerate(emotion.names):
        candidates = np.flatnonzero((emotion.codes == code) & in_parts(columns.partition, [dev.part]))
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


def of_group(protocol: Protocol, tested: np.ndarray, group: int) -> np.ndarray:
    """bool [n]: what the folds of one group test together, which is all of its texts."""
    per_group = protocol.folds.per_group
    together: np.ndarray = np.any(tested[:, group * per_group : (group + 1) * per_group], axis=1)
    return together
