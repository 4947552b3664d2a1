"""The protocol: everything that decides what a number means, read from an experiment file.

    corpus: iemocap
    labels: {angry: [angry], happy: [happy, excited]}   # class -> the manifest's emotions, in the scores' order
    targets: [arousal, valence, dominance]              # or attributes instead of labels,
    scale: [1, 7]                                       #   in this nominal range,
    emotions: [angry, happy]                            #   of the rows with these emotions (null: of all rows)
    min_seconds: 2                                      # optional: of utterances longer than this
    subset: all                                         # all | improvised | scripted: the manifest's `style`
    folds: {kind: leave_one_out, group: speaker, number: 10}
    dev: {kind: next_group}
    aggregation: fold_mean                              # what the paper reports: fold_mean | pooled
    leaks: [sessions, dev_speakers]                     # what test may share with training and dev, or dev alone

Folds of speakers or sessions may keep texts apart as well:

    folds: {kind: leave_one_out, group: speaker, number: 10, texts: 2}    # 2 parts of the texts: 20 folds

The speakers (or sessions) that each fold tests may be listed, where somebody published folds of their own:

    folds: {kind: listed, group: speaker, groups: [["01", "11"], ["04", "10"]]}

Official parts are one fold: one model, and a number for each part that it is scored on.

    folds: {kind: official, train: [train], dev: [dev], test: [test1, test2], also_report: [dev]}
    dev: {kind: official}

Or the dev part is drawn from a tested part, so many utterances of each emotion, anew for each seed; the rest is tested.

    folds: {kind: official, train: [train], test: [dev, test1, test2]}
    dev: {kind: drawn, part: dev, per_emotion: 300}
    train_only: [no_agreement]                          # emotions whose utterances are neither drawn nor tested

kinds.py lists the kinds of folds and dev parts; folds.py says what each one does. Only the standard library is
imported: this file is read while the workflow is parsed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ser.errors import InputError
from ser.splits.checks import check_keys, checked_name, checked_names, is_number, require_keys
from ser.splits.kinds import Dev, Folds, mapping_of

SELECTIONS = ("clean", "test_selected", "last_epoch")
AGGREGATIONS = ("fold_mean", "pooled")
SUBSETS = ("all", "improvised", "scripted")
ATTRIBUTES = ("arousal", "valence", "dominance")
LEAKS = ("speakers", "sessions", "sentences", "audio")  # what test may share with train
DEV_LEAKS = {f"dev_{kind}": kind for kind in LEAKS}  # and what it may share with dev alone; `speakers` allows both
_KEYS = (
    *("corpus", "labels", "targets", "scale", "emotions", "train_only", "subset", "min_seconds", "folds", "dev"),
    *("aggregation", "leaks"),
)


@dataclass(frozen=True)
class Protocol:
    """One corpus's labels, subset, folds, dev part and averaging.

    `classes` holds (class, emotions) pairs, empty where `targets` names attributes; `emotions` None means all.
    Utterances of the emotions `train_only` are in no dev or test part.
    Utterances of `min_seconds` or less are left out (0: none).
    """

    corpus: str
    classes: tuple[tuple[str, tuple[str, ...]], ...]
    targets: tuple[str, ...]
    scale: tuple[float, float] | None
    emotions: tuple[str, ...] | None
    train_only: tuple[str, ...]
    subset: str
    folds: Folds
    dev: Dev
    aggregation: str
    leaks: tuple[str, ...]
    min_seconds: float = 0.0

    @classmethod
    def from_mapping(cls, fields: Mapping[str, Any], where: str = "protocol") -> "Protocol":
        """The protocol that `fields` describes: a mapping as at the top of this file, or another protocol's `mapping`.

        Raises InputError, beginning with `where`, for an unknown or missing key, kind, group, part or number, for
        an emotion in two classes, and for a dev part that its folds cannot provide.
        """
        if not isinstance(fields, Mapping):
            raise InputError(f"{where}: must be a mapping, not {fields!r}")
        check_keys(fields, _KEYS, where)
        require_keys(fields, ("corpus", "folds", "dev", "aggregation"), where)
        if ("labels" in fields) == ("targets" in fields):
            raise InputError(f"{where}: give either labels (classes) or targets (attributes)")
        targets = checked_names(fields["targets"], f"{where}: targets", ATTRIBUTES) if "targets" in fields else ()
        emotions, leaks = fields.get("emotions"), fields.get("leaks", ())
        folds = Folds.from_mapping(fields["folds"], f"{where}: folds")
        protocol = cls(
            corpus=checked_name(fields["corpus"], f"{where}: corpus"),
            classes=() if targets else _classes(fields["labels"], f"{where}: labels"),
            targets=targets,
            scale=_scale(fields.get("scale"), f"{where}: scale") if targets else None,
            emotions=None if emotions is None else checked_names(emotions, f"{where}: emotions"),
            train_only=checked_names(fields.get("train_only", ()), f"{where}: train_only", least=0),
            subset=checked_name(fields.get("subset", "all"), f"{where}: subset", SUBSETS),
            folds=folds,
            dev=Dev.from_mapping(fields["dev"], folds, f"{where}: dev"),
            aggregation=checked_name(fields["aggregation"], f"{where}: aggregation", AGGREGATIONS),
            leaks=tuple(sorted(checked_names(leaks, f"{where}: leaks", (*LEAKS, *DEV_LEAKS), least=0))),
            min_seconds=_seconds(fields.get("min_seconds", 0), f"{where}: min_seconds"),
        )
        for key in ("scale", "emotions", "train_only"):
            if protocol.classes and fields.get(key) is not None:
                raise InputError(f"{where}: {key} goes with targets; with labels, remove it")
        return protocol

    def is_drawn(self, selection: str) -> bool:
        """Whether each seed has a split of its own under a selection rule."""
        return self.dev.kind == "drawn" and selection == "clean"

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns of the scores: the classes, or the attributes."""
        return self.targets or tuple(name for name, _ in self.classes)

    @property
    def are_classes(self) -> bool:
        """Whether the targets are classes, not attributes."""
        return bool(self.classes)

    @property
    def n_folds(self) -> int:
        """The number of folds; official parts make one."""
        return self.folds.number * self.folds.per_group or 1

    @property
    def reported(self) -> tuple[str, ...]:
        """The parts with numbers of their own: official parts, or "", everything that the folds test."""
        return (*self.folds.test, *self.folds.also_report) or ("",)

    @property
    def mapping(self) -> dict[str, Any]:
        """What `from_mapping` reads, with every default filled in; labels are pairs, as JSON objects have no order."""
        if self.targets:
            what: dict[str, Any] = {"targets": self.targets, "scale": self.scale, "emotions": self.emotions}
            what |= {"train_only": self.train_only} if self.train_only else {}
        else:
            what = {"labels": self.classes}
        folds, dev = mapping_of(self.folds), mapping_of(self.dev)
        rest = {"corpus": self.corpus, "subset": self.subset, "aggregation": self.aggregation}
        if self.min_seconds:  # most protocols leave nothing out, and are recognised by their digests without it
            what["min_seconds"] = self.min_seconds
        text = json.dumps({**rest, **what, "folds": folds, "dev": dev, "leaks": self.leaks})
        mapping: dict[str, Any] = json.loads(text)
        return mapping

    def digest(self, selection: str) -> str:
        """16 hex digits of the SHA-256 over `mapping` and the selection rule: equal digests, equal meaning.

        Raises InputError for a selection rule that does not exist or that the dev part does not allow.
        """
        check_selection(self, selection)
        text = json.dumps({"protocol": self.mapping, "selection": selection}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_selection(protocol: Protocol, selection: str) -> None:
    """Raises InputError for an unknown selection rule, and for `clean` without a dev part to select on."""
    checked_name(selection, "selection", SELECTIONS)
    if selection == "clean" and protocol.dev.kind == "none":
        raise InputError(
            f"protocol of {protocol.corpus}: selection clean needs a dev part, but dev is none: "
            f"declare one, or use last_epoch"
        )


def _classes(value: Any, where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise InputError(f"{where}: must map each class to its emotions, not {value!r}")
    names = checked_names([name for name, _ in pairs], where, least=2)
    emotions = [checked_names(words, f"{where}.{name}") for name, words in pairs]
    checked_names(sum(emotions, ()), where)  # no emotion in two classes
    return tuple(zip(names, emotions, strict=True))


def _scale(value: Any, where: str) -> tuple[float, float]:
    if not (isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value)) and value[0] < value[1]):
        raise InputError(f"{where}: must be [lowest, highest] value of the attributes, not {value!r}")
    return float(value[0]), float(value[1])


def _seconds(value: Any, where: str) -> float:
    if not is_number(value) or value < 0:
        raise InputError(f"{where}: must be a number of seconds from 0 on, not {value!r}")
    return float(value)
