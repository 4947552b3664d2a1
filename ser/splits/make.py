"""Making a split: a protocol applied to a manifest."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.manifests.utterance import Utterance
from ser.splits.columns import Column, Columns
from ser.splits.folds import deal
from ser.splits.leaks import check_leaks, described, find_leaks, shared_values
from ser.splits.left_out import left_out_emotions
from ser.splits.protocol import DEV_LEAKS, Protocol, check_selection
from ser.splits.split import PARTS, Split
from ser.splits.write import target_texts


def make_split(protocol: Protocol, selection: str, utterances: Sequence[Utterance], seed: int | None = None) -> Split:
    """Apply `protocol` under `selection` (see `folds.deal`) to the utterances of a manifest; `seed`: of the draw.

    Raises InputError for utterances that share a name, a style, emotion or class that the corpus does not have,
    groups or parts other than those declared, an empty part, and an undeclared leak.
    """
    check_selection(protocol, selection)
    left_out: Counter[str] = Counter()
    chosen = _choose(protocol, sorted(utterances, key=lambda row: row.utterance), left_out)
    targets = _targets(protocol, chosen)
    columns = Columns(
        emotion=Column.of([row.emotion for row in chosen]),
        speaker=Column.of([row.speaker for row in chosen]),
        session=Column.of([row.session for row in chosen]),
        partition=Column.of([row.partition for row in chosen]),
        sentence=Column.of([row.sentence for row in chosen]),
        gender=Column.of([row.gender for row in chosen]),
        strata=np.zeros(len(chosen), np.int64) if protocol.targets else targets,
    )
    parts = deal(protocol, selection, columns, seed)
    used: np.ndarray = np.any(parts, axis=1)  # False in official parts that the protocol does not name
    left_out.update(
        f"emotion {row.emotion} outside train" if row.emotion in protocol.train_only else f"part {row.partition}"
        for row, is_used in zip(chosen, used, strict=True)
        if not is_used
    )
    chosen = [row for row, is_used in zip(chosen, used, strict=True) if is_used]
    targets, parts = targets[used], parts[used]
    _check_parts(protocol, selection, parts)
    found = find_leaks(chosen, parts)
    check_leaks(protocol, selection, found)
    partitions = tuple(row.partition if protocol.folds.kind == "official" else "" for row in chosen)
    return Split(
        corpus=protocol.corpus,
        labels=protocol.labels,
        scale=protocol.scale,
        reported=protocol.reported,
        fold_group=protocol.folds.group,
        selection=selection,
        seed=seed,
        protocol_hash=protocol.digest(selection),
        data_hash=_data_hash(chosen, target_texts(protocol.labels, targets), parts, partitions),
        utterances=tuple(row.utterance for row in chosen),
        speakers=tuple(row.speaker for row in chosen),
        sessions=tuple(row.session for row in chosen),
        genders=tuple(row.gender for row in chosen),
        partitions=partitions,
        emotions=tuple("" if protocol.classes else row.emotion for row in chosen),
        targets=targets,
        parts=parts,
        left_out=dict(sorted(left_out.items())),
        leaks=found,
        notes=(*left_out_emotions(left_out), *_notes(protocol, chosen, targets, parts, found)),
    )


def _choose(protocol: Protocol, utterances: Sequence[Utterance], left_out: Counter[str]) -> list[Utterance]:
    """The utterances that the protocol covers; the others are counted in `left_out`."""
    where = f"protocol of {protocol.corpus}"
    names = Counter(row.utterance for row in utterances)
    if twice := [name for name, number in names.items() if number > 1]:
        raise InputError(f"{where}: utterances appear twice in the manifest: {listed(twice)}")
    wanted = protocol.emotions
    if protocol.classes:
        wanted = tuple(emotion for _, emotions in protocol.classes for emotion in emotions)
    emotions = sorted({row.emotion for row in utterances})
    if absent := sorted(set(wanted or ()) - set(emotions)):
        raise InputError(
            f"{where}: no utterance is labelled {listed(absent)}; the manifest has: {listed(emotions)}: name these"
        )
    styles = sorted({row.style for row in utterances})
    if protocol.subset != "all" and protocol.subset not in styles:
        raise InputError(f"{where}: subset {protocol.subset}: the manifest's styles are {styles}: use subset all")
    chosen = []
    for row in utterances:
        absent = [name for name in protocol.targets if getattr(row, name) is None]
        if protocol.subset not in ("all", row.style):
            left_out[f"style {row.style}"] += 1
        elif wanted is not None and row.emotion not in wanted:
            left_out[f"emotion {row.emotion}"] += 1
        elif 0 < protocol.min_seconds >= row.num_samples / max(1, row.sample_rate):
            left_out[f"{protocol.min_seconds:g} s or shorter"] += 1
        elif absent:
            left_out[f"without {absent[0]}"] += 1
        else:
            chosen.append(row)
    return chosen


def _targets(protocol: Protocol, chosen: Sequence[Utterance]) -> np.ndarray:
    if protocol.targets:
        rows = [[getattr(row, name) for name in protocol.targets] for row in chosen]
        return np.array(rows, np.float32).reshape(len(chosen), len(protocol.targets))
    index = {emotion: i for i, (_, emotions) in enumerate(protocol.classes) for emotion in emotions}
    targets = np.array([index[row.emotion] for row in chosen], np.int64)
    counts = np.bincount(targets, minlength=len(protocol.labels))
    if not counts.all():
        empty = [label for label, count in zip(protocol.labels, counts, strict=True) if not count]
        raise InputError(f"protocol of {protocol.corpus}: no utterance of class {listed(empty)} in the subset")
    return targets


def _check_parts(protocol: Protocol, selection: str, parts: np.ndarray) -> None:
    for part in ("train", "test", *(["dev"] if selection == "clean" else [])):
        empty = np.flatnonzero(~(parts == PARTS.index(part)).any(axis=0)) + 1
        if len(empty):
            raise InputError(
                f"protocol of {protocol.corpus}, selection {selection}: the {part} part of fold {listed(empty)} is "
                f"empty: choose other folds or another dev part"
            )


def _data_hash(
    chosen: Sequence[Utterance], targets: Sequence[Sequence[str]], parts: np.ndarray, partitions: Sequence[str]
) -> str:
    digest = hashlib.sha256()
    for row, target, part, official in zip(chosen, targets, parts.tolist(), partitions, strict=True):
        where = f"{part}\t{official}" if official else f"{part}"
        digest.update(f"{row.utterance}\t{row.sha256}\t{row.start}\t{row.end}\t{target}\t{where}\n".encode())
    return digest.hexdigest()[:16]


def _notes(
    protocol: Protocol,
    chosen: Sequence[Utterance],
    targets: np.ndarray,
    parts: np.ndarray,
    found: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    """What is not an error but matters to a reader of the numbers."""
    train, dev, test, reported = (parts == PARTS.index(part) for part in PARTS[1:])
    partition = np.array([row.partition for row in chosen])
    for label, name in enumerate(protocol.labels if protocol.classes else ()):
        of_class = (targets == label)[:, None]
        for part, members in (("train", train), ("dev", dev), ("test", test)):
            without = (np.flatnonzero(~(members & of_class).any(axis=0)) + 1).tolist()
            if members.any() and without:
                yield f"no {name} in the {part} part of fold {listed(without)}"
        if lacking := [part for part in protocol.reported if part and not (of_class[:, 0] & (partition == part)).any()]:
            yield f"no {name} in {listed(lacking)}"
    speaker = Column.of([row.speaker for row in chosen])
    nameless = {row.speaker for row in chosen if not row.gender}
    if protocol.folds.balance and nameless:
        yield f"the corpus does not name the gender of {len(nameless)} speakers, by which folds should be balanced"
    if unknown := int((~speaker.known[speaker.codes]).sum()):
        yield f"{unknown} utterances have an unknown speaker and are not held against the other parts"
    held_out = dev | reported
    if protocol.dev.kind == "drawn" and dev.any():
        number, part = protocol.dev.per_emotion, protocol.dev.part
        drawn = f"{number} utterances of each emotion drawn from the official part {part}"
        yield f"the epoch is chosen on {drawn}, others for each seed"
    both = [k + 1 for k in range(parts.shape[1]) if shared_values(speaker, held_out[:, k], train[:, k]).any()]
    if both:
        yield f"dev shares speakers with train in fold {listed(both)}"
    unnamed = [] if any(row.sentence for row in chosen) else ["sentences"]
    if "sessions" in protocol.leaks and not any(row.session for row in chosen):  # else: many corpora have none
        unnamed.append("sessions")
    for kind in unnamed:
        yield f"whether test shares {kind} cannot be checked: the manifest does not name them"
    there = {DEV_LEAKS.get(kind, kind) for kind in (*found, *unnamed)}
    if absent := [kind for kind in protocol.leaks if DEV_LEAKS.get(kind, kind) not in there]:
        yield f"leaks declared but not found: {', '.join(absent)}"
    if found:
        yield f"test shares {described(found)}, as declared"
    if protocol.scale:
        low, high = protocol.scale
        if outside := int(((targets < low) | (targets > high)).any(axis=1).sum()):
            yield f"{outside} utterances have an attribute outside {low:g} to {high:g}"
