"""What is wrong with someone's split: what test shares with train and dev, and what is dealt out badly."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ser.audit.corpus import Corpus
from ser.audit.dealing import Dealing
from ser.errors import listed
from ser.splits.columns import Column
from ser.splits.leaks import find_leaks, shared_values
from ser.splits.protocol import DEV_LEAKS, LEAKS
from ser.splits.split import PARTS, UNKNOWN

TRAIN, DEV, TEST = (PARTS.index(part) for part in ("train", "dev", "test"))
# Kind of leak -> what is shared, in words, and the manifest's column that names it.
SHARED = {
    "speakers": ("speakers", "speaker"),
    "sessions": ("sessions", "session"),
    "sentences": ("texts", "sentence"),
    "audio": ("recordings", ""),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, in a sentence; the `folds` that have it, by their names, and some names."""

    kind: str
    text: str
    folds: tuple[str, ...] = ()
    number: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dealt:
    """A split as the checks take it: `parts` int8 [utterances, folds] (`split.PARTS`), where one that is in several is
    tested, or develops; `labels`: each utterance's class, "" if nobody says one.
    """

    corpus: Corpus
    dealing: Dealing
    parts: np.ndarray
    labels: tuple[str, ...]

    @classmethod
    def of(cls, corpus: Corpus, dealing: Dealing) -> "Dealt":
        """What a split makes of a corpus; classes are the split's, or if it says none the manifest's emotions."""
        parts = np.zeros((len(corpus.utterances), len(dealing.folds)), np.int8)
        for place, found in dealing.parts.items():
            parts[place] = max(PARTS.index(part) for part in found)
        given = dealing.labels
        labels = [given.get(i, "") if given else row.emotion for i, row in enumerate(corpus.utterances)]
        return cls(corpus, dealing, parts, tuple(labels))

    @property
    def used(self) -> np.ndarray:
        """bool [utterances]: which are in any part of any fold."""
        used: np.ndarray = np.any(self.parts, axis=1)
        return used

    def tested(self) -> "Dealt":
        """The same without the folds that test nothing; `dealing.parts` keeps their numbers."""
        where = (self.parts == TEST).any(axis=0)
        return replace(self, dealing=replace(self.dealing, folds=self.folds(where)), parts=self.parts[:, where])

    def folds(self, where: np.ndarray) -> tuple[str, ...]:
        """The names of the folds where bool [folds] is true."""
        return tuple(self.dealing.folds[fold] for fold in np.flatnonzero(where))

    def names(self, where: np.ndarray) -> list[str]:
        """The utterances where bool [utterances] is true."""
        return [self.corpus.utterances[place].utterance for place in np.flatnonzero(where)]

    def sizes(self) -> list[dict[str, Any]]:
        """Per fold: the utterances and known speakers of each part."""
        speakers = np.array([row.speaker for row in self.corpus.utterances])
        found = []
        for k, fold in enumerate(self.dealing.folds):
            sizes: dict[str, Any] = {"fold": fold}
            for part, code in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
                inside = self.parts[:, k] == code
                known = {*speakers[inside].tolist()} - {*UNKNOWN}
                sizes[part] = {"utterances": int(inside.sum()), "speakers": len(known)}
            found.append(sizes)
        return found


def findings(dealt: Dealt) -> Iterator[Finding]:
    """Everything that is wrong with a split, the worst first."""
    yield from _shared(dealt)
    yield from _several(dealt)
    yield from _unknown(dealt)
    yield from _classes(dealt)
    yield from _tested(dealt)


def notes(dealt: Dealt) -> Iterator[str]:
    """What is no fault of the split, but a reader of its numbers should know."""
    has_dev, with_dev = (dealt.parts == DEV).any(axis=0), _doubled(dealt, "dev", "test")
    if not (has_dev | with_dev).any():
        yield "no dev part: if an epoch or a setting was chosen, it was chosen on train or on test; ask which"
    speaker = Column.of([row.speaker for row in dealt.corpus.utterances])
    both = [_both(dealt, speaker, k, DEV, TRAIN).any() for k in range(len(dealt.dealing.folds))]
    if any(both):
        folds = _in(dealt, np.array(both))
        yield f"dev shares speakers with train in {folds}: what is chosen on it is chosen on voices that train"
    if left := Counter(
        " ".join(filter(None, kind)) or "no class" for kind in _kinds(dealt, ~dealt.used & ~_unused(dealt))
    ):
        yield f"left out as a whole: {listed(f'{kind} ({number})' for kind, number in sorted(left.items()))}"
    used = {label for label, is_used in zip(dealt.labels, dealt.used, strict=True) if is_used}
    for code, part in ((DEV, "dev"), (TEST, "test")):
        for label in sorted(used - {""}):
            of_class = np.array([name == label for name in dealt.labels])[:, None]
            without = (dealt.parts == code).any(axis=0) & ~((dealt.parts == code) & of_class).any(axis=0)
            if without.any():
                yield f"no {label} in {part} of {_in(dealt, without)}" + (
                    ": its UA is undefined" if code == TEST else ""
                )


def not_checked(dealt: Dealt) -> Iterator[str]:
    """What cannot be known from what was given."""
    for what, column in SHARED.values():
        if column and column not in dealt.corpus.columns:
            yield f"whether test shares {what}: the manifest has no `{column}`"
    if not dealt.corpus.audio:
        yield "whether test shares recordings: the manifest has no `sha256`, and the files are not there: give --root"
    if not any(dealt.labels):
        yield "whether every class is trained: neither the manifest (`emotion`) nor the split (`label`) names classes"
    nameless = sum(
        row.speaker in UNKNOWN for row, used in zip(dealt.corpus.utterances, dealt.used, strict=True) if used
    )
    if nameless and "speaker" in dealt.corpus.columns:
        yield f"whether {nameless} utterances share their speaker: the manifest does not name them"


def _shared(dealt: Dealt) -> Iterator[Finding]:
    """What test shares with train, and with dev, which chooses."""
    utterances = dealt.corpus.utterances
    with_dev = np.where(dealt.parts == TRAIN, 0, dealt.parts)
    found = find_leaks(utterances, dealt.parts), find_leaks(utterances, with_dev)
    for part, code, kinds in (("train", TRAIN, LEAKS), ("dev", DEV, tuple(DEV_LEAKS))):
        for kind in kinds:
            leak = found[code == DEV].get(kind)
            if leak is None:
                continue
            plain = DEV_LEAKS.get(kind, kind)
            folds = np.isin(np.arange(len(dealt.dealing.folds)) + 1, leak["folds"])
            reach = _reach(dealt, plain, code)
            what = SHARED[plain][0] if leak["number"] > 1 else SHARED[plain][0].removesuffix("s")
            yield Finding(
                kind,
                f"test shares {leak['number']} {what} with {part} in {_in(dealt, folds)}, "
                f"which concerns {100 * reach:.0f} % of what is tested",
                dealt.folds(folds),
                leak["number"],
                tuple(leak["examples"]),
            )


def _reach(dealt: Dealt, kind: str, code: int) -> float:
    """The share of the tested utterances, over all folds, that have one of what is shared with a part."""
    utterances = dealt.corpus.utterances
    values = {
        "speakers": [row.speaker for row in utterances],
        "sessions": [row.session for row in utterances],
        "sentences": [row.sentence for row in utterances],
        "audio": [f"{row.sha256} {row.start} {row.end}" if row.sha256 else "" for row in utterances],
    }
    column, tested = Column.of(values[kind]), dealt.parts == TEST
    hit = [
        (tested[:, k] & _both(dealt, column, k, TEST, code)[column.codes]).sum()
        for k in range(len(dealt.dealing.folds))
    ]
    return float(sum(hit) / max(1, tested.sum()))


def _both(dealt: Dealt, column: Column, fold: int, *codes: int) -> np.ndarray:
    """bool [names]: what two parts of a fold have in common."""
    first, second = (dealt.parts[:, fold] == code for code in codes)
    return shared_values(column, first, second)


def _several(dealt: Dealt) -> Iterator[Finding]:
    """Utterances in two parts of a fold, or twice in one."""
    for first, second, why in (
        ("train", "test", ""),
        ("dev", "test", ", so that what is chosen on dev is chosen on test"),
        ("train", "dev", ""),
    ):
        if found := [key for key, parts in dealt.dealing.parts.items() if {first, second} <= {*parts}]:
            yield _of_places(dealt, f"{first}_and_{second}", found, f"both in {first} and in {second}{why}")
    if twice := [key for key, parts in dealt.dealing.parts.items() if len({*parts}) < len(parts)]:
        yield _of_places(dealt, "twice", twice, "twice in one part")


def _of_places(dealt: Dealt, kind: str, found: Sequence[tuple[int, int]], told: str) -> Finding:
    places, folds = sorted({place for place, _ in found}), {fold for _, fold in found}
    where = np.isin(np.arange(len(dealt.dealing.folds)), [*folds])
    names = tuple(dealt.corpus.utterances[place].utterance for place in places[:5])
    text = f"{told}: {_share(dealt, len(places))} in {_in(dealt, where)}"
    return Finding(kind, text, dealt.folds(where), len(places), names)


def _doubled(dealt: Dealt, *pair: str) -> np.ndarray:
    """bool [folds]: which have an utterance in both parts."""
    folds = [fold for (_, fold), parts in dealt.dealing.parts.items() if {*pair} <= {*parts}]
    where: np.ndarray = np.isin(np.arange(len(dealt.dealing.folds)), folds)
    return where


def _unknown(dealt: Dealt) -> Iterator[Finding]:
    if unknown := dealt.dealing.unknown:
        text = f"not in the manifest, so that nothing is known of them: {len(unknown)} of the split's utterances"
        yield Finding("unknown", text, number=len(unknown), examples=unknown[:5])
    left = _unused(dealt)
    if left.any():
        text = f"in no part of any fold, though others like them are: {left.sum()} of {len(left)} utterances"
        yield Finding("unused", text, number=int(left.sum()), examples=tuple(dealt.names(left)[:5]))


def _unused(dealt: Dealt) -> np.ndarray:
    """bool [utterances]: which are in no part, though others of the same emotion and style are."""
    used = {*_kinds(dealt, dealt.used)}
    left: np.ndarray = ~dealt.used & np.array([kind in used for kind in _kinds(dealt, dealt.used | True)])
    return left


def _kinds(dealt: Dealt, where: np.ndarray) -> list[tuple[str, str]]:
    """Emotion and style of the utterances where bool [utterances] is true."""
    return [(row.emotion, row.style) for row, of in zip(dealt.corpus.utterances, where, strict=True) if of]


def _classes(dealt: Dealt) -> Iterator[Finding]:
    for code, part in ((TRAIN, "train"), (TEST, "test")):
        empty = ~(dealt.parts == code).any(axis=0)
        if empty.any():
            yield Finding(f"no_{part}", f"nothing is in {part} of {_in(dealt, empty)}", dealt.folds(empty))
    trained, tested = dealt.parts == TRAIN, dealt.parts == TEST
    for label in sorted({*dealt.labels} - {""}):
        of_class = np.array([name == label for name in dealt.labels])[:, None]
        untrained = (tested & of_class).any(axis=0) & ~(trained & of_class).any(axis=0) & trained.any(axis=0)
        if untrained.any():
            text = f"{label} is tested and has no training utterances in {_in(dealt, untrained)}"
            yield Finding("class_not_trained", text, dealt.folds(untrained), int(untrained.sum()), (label,))


def _tested(dealt: Dealt) -> Iterator[Finding]:
    """Folds that do not test everything once; one fold, such as official parts, need not."""
    if len(dealt.dealing.folds) == 1:
        return
    times = (dealt.parts == TEST).sum(axis=1)
    for kind, where, told in (
        ("never_tested", dealt.used & (times == 0), "never tested"),
        ("tested_again", times > 1, "tested in several folds, so that pooled numbers count them as often"),
    ):
        if where.any():
            text = f"{told}: {_share(dealt, int(where.sum()))}"
            yield Finding(kind, text, number=int(where.sum()), examples=tuple(dealt.names(where)[:5]))


def _share(dealt: Dealt, number: int) -> str:
    return f"{number} of {dealt.used.sum()} utterances"


def _in(dealt: Dealt, where: np.ndarray) -> str:
    """The folds in words."""
    folds, n = dealt.folds(where), len(dealt.dealing.folds)
    if len(folds) == n:
        return "the only fold" if n == 1 else f"all {n} folds"
    return f"fold {listed(folds)}"
