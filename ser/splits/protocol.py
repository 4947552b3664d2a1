"""The protocol: everything that decides what a number means, read from an experiment file.

Longer than 300 lines, because a third of them tell what is wrong with a protocol, key by key.

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

`FOLD_KEYS` and `DEV_KEYS` list the kinds of folds and dev parts; folds.py says what each one does. Only the
standard library is imported: this file is read while the workflow is parsed.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ser.errors import InputError, did_you_mean, listed

SELECTIONS = ("clean", "test_selected", "last_epoch")
AGGREGATIONS = ("fold_mean", "pooled")
SUBSETS = ("all", "improvised", "scripted")
ATTRIBUTES = ("arousal", "valence", "dominance")
GROUPS = ("speaker", "session")
LEAKS = ("speakers", "sessions", "sentences", "audio")  # what test may share with train
DEV_LEAKS = {f"dev_{kind}": kind for kind in LEAKS}  # and what it may share with dev alone; `speakers` allows both
FOLD_KEYS = {
    "leave_one_out": ("group", "number", "texts"),
    "group_k_fold": ("group", "number", "seed", "texts"),
    "listed": ("group", "groups"),
    "random_k_fold": ("number", "seed"),
    "random": ("number", "fraction", "seed"),
    "official": ("train", "dev", "test", "also_report"),
}
DEV_KEYS = {
    "next_group": (),
    "other_of_session": (),
    "speaker_of_next_session": ("seed",),
    "random": ("fraction", "seed"),
    "random_split": ("fraction", "seed"),
    "official": (),
    "drawn": ("part", "per_emotion"),
    "none": (),
}
_MAY_BE_LEFT_OUT = {("official", "dev"), ("official", "also_report"), ("speaker_of_next_session", "seed")}
# Keys that came later: protocols without them are recognised by their digests as before.
_UNLESS_USED = ("texts",)
_KEYS = (
    *("corpus", "labels", "targets", "scale", "emotions", "train_only", "subset", "min_seconds", "folds", "dev"),
    *("aggregation", "leaks"),
)


@dataclass(frozen=True)
class Folds:
    """How utterances are dealt into folds.

    `fraction` of the utterances is tested in each fold of kind random. `texts` is the number of parts of the texts: a
    fold tests one part said by its speakers, and trains on the others said by others (0: texts are not kept apart).
    `groups` are the speakers or sessions that each fold tests, of kind listed; their `number` is that of the lists.
    `train`, `dev` and `test` name official parts, which make one fold. `also_report` names dev parts that are
    scored alongside the test parts; no selection rule trains on them, and test_selected never selects on them.
    """

    kind: str
    group: str = ""
    number: int = 0
    texts: int = 0
    groups: tuple[tuple[str, ...], ...] = ()
    seed: int = 0
    fraction: float = 0.0
    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    also_report: tuple[str, ...] = ()

    @property
    def per_group(self) -> int:
        """How many folds test a group, or a fold's part of the groups: one for each part of the texts."""
        return self.texts or 1


@dataclass(frozen=True)
class Dev:
    """Where a fold's dev part comes from. A `seed` of None takes the first speaker instead of drawing one. `random`
    draws its share of each class; `random_split` draws from all utterances in order of name, the same way in every
    fold, as torch.utils.data.random_split does after torch.manual_seed(seed) (S3PRL's `emotion`). A dev part that is
    `drawn` has `per_emotion` utterances of each emotion, out of the tested `part`.
    """

    kind: str
    fraction: float = 0.0
    seed: int | None = None
    part: str = ""
    per_emotion: int = 0


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
        _check_keys(fields, _KEYS, where)
        _require(fields, ("corpus", "folds", "dev", "aggregation"), where)
        if ("labels" in fields) == ("targets" in fields):
            raise InputError(f"{where}: give either labels (classes) or targets (attributes)")
        targets = _names(fields["targets"], f"{where}: targets", ATTRIBUTES) if "targets" in fields else ()
        folds = _folds(fields["folds"], f"{where}: folds")
        protocol = cls(
            corpus=_name(fields["corpus"], f"{where}: corpus"),
            classes=() if targets else _classes(fields["labels"], f"{where}: labels"),
            targets=targets,
            scale=_scale(fields.get("scale"), f"{where}: scale") if targets else None,
            emotions=None if fields.get("emotions") is None else _names(fields["emotions"], f"{where}: emotions"),
            train_only=_names(fields.get("train_only", ()), f"{where}: train_only", least=0),
            subset=_name(fields.get("subset", "all"), f"{where}: subset", SUBSETS),
            folds=folds,
            dev=_dev(fields["dev"], folds, f"{where}: dev"),
            aggregation=_name(fields["aggregation"], f"{where}: aggregation", AGGREGATIONS),
            leaks=tuple(sorted(_names(fields.get("leaks", ()), f"{where}: leaks", (*LEAKS, *DEV_LEAKS), least=0))),
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
        folds, dev = (
            {key: value for key in ("kind", *keys) if (value := getattr(of, key)) or key not in _UNLESS_USED}
            for of, keys in ((self.folds, FOLD_KEYS[self.folds.kind]), (self.dev, DEV_KEYS[self.dev.kind]))
        )
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
    _name(selection, "selection", SELECTIONS)
    if selection == "clean" and protocol.dev.kind == "none":
        raise InputError(
            f"protocol of {protocol.corpus}: selection clean needs a dev part, but dev is none: "
            f"declare one, or use last_epoch"
        )


def _classes(value: Any, where: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise InputError(f"{where}: must map each class to its emotions, not {value!r}")
    names = _names([name for name, _ in pairs], where, least=2)
    emotions = [_names(words, f"{where}.{name}") for name, words in pairs]
    _names(sum(emotions, ()), where)  # no emotion in two classes
    return tuple(zip(names, emotions, strict=True))


def _scale(value: Any, where: str) -> tuple[float, float]:
    if not (
        isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value)) and value[0] < value[1]
    ):
        raise InputError(f"{where}: must be [lowest, highest] value of the attributes, not {value!r}")
    return float(value[0]), float(value[1])


def _seconds(value: Any, where: str) -> float:
    if not _is_number(value) or value < 0:
        raise InputError(f"{where}: must be a number of seconds from 0 on, not {value!r}")
    return float(value)


def _folds(value: Any, where: str) -> Folds:
    fields = _kind(value, FOLD_KEYS, where)
    parts = {
        key: _names(fields[key], f"{where}: {key}", least=int(key in ("train", "test")))
        for key in FOLD_KEYS["official"]
        if key in fields
    }
    reported = parts.get("also_report", ())
    _names(sum((names for key, names in parts.items() if key != "also_report"), ()), where, least=0)  # no part twice
    if other := [name for name in reported if name not in parts.get("dev", ())]:
        raise InputError(f"{where}: also_report: {listed(other)}: name dev parts; test parts are reported anyway")
    if "groups" in fields:
        fields["groups"] = _groups(fields["groups"], f"{where}: groups")
        fields["number"] = len(fields["groups"])
    return Folds(**{**fields, **parts})


def _groups(value: Any, where: str) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise InputError(f"{where}: must be one list of names for each of at least 2 folds, not {value!r}")
    groups = tuple(_names(names, f"{where} of fold {number}") for number, names in enumerate(value, 1))
    _names(sum(groups, ()), where)  # nobody in two folds
    return groups


def _dev(value: Any, folds: Folds, where: str) -> Dev:
    fields = _kind(value, DEV_KEYS, where)
    kind = fields["kind"]
    allowed = {
        "next_group": folds.kind in ("leave_one_out", "group_k_fold", "listed"),
        "other_of_session": (folds.kind, folds.group) == ("leave_one_out", "speaker"),
        "speaker_of_next_session": (folds.kind, folds.group) == ("leave_one_out", "session"),
        "official": bool(folds.dev),
        "drawn": fields.get("part") in folds.test and not folds.dev,
    }
    if not allowed.get(kind, not folds.dev):
        raise InputError(
            f"{where}: {kind} does not go with folds {folds.kind}{folds.group and f' of {folds.group}s'}"
            f"{' with dev parts' if folds.dev else ''}: next_group needs leave_one_out, group_k_fold or "
            f"listed, other_of_session leave_one_out of speakers, speaker_of_next_session leave_one_out of sessions, "
            f"official (and only it) folds with dev parts, drawn one of the tested parts"
        )
    return Dev(**fields)


def _kind(value: Any, kinds: Mapping[str, tuple[str, ...]], where: str) -> dict[str, Any]:
    """The mapping `value`, checked: its `kind` is one of `kinds`, its other keys are those of the kind."""
    if not isinstance(value, Mapping) or "kind" not in value:
        raise InputError(f"{where}: must be a mapping with kind: {' | '.join(kinds)}, not {value!r}")
    kind = _name(value["kind"], f"{where}: kind", kinds)
    _check_keys(value, ("kind", *kinds[kind]), f"{where}: {kind}")
    optional = [key for key in kinds[kind] if (kind, key) in _MAY_BE_LEFT_OUT or key in _UNLESS_USED]
    _require(value, [key for key in kinds[kind] if key not in optional], f"{where}: {kind}")
    for key, (is_valid, what) in _VALUES.items():
        left_out = value.get(key) is None and key in optional
        if key in value and not left_out and not is_valid(value[key]):
            raise InputError(f"{where}: {key} must be {what}, not {value[key]!r}")
    return dict(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_VALUES = {
    "group": (GROUPS.__contains__, " or ".join(GROUPS)),
    "number": (lambda value: _is_integer(value) and value >= 2, "an integer of at least 2"),
    "texts": (lambda value: _is_integer(value) and value >= 2, "an integer of at least 2"),
    "seed": (lambda value: _is_integer(value) and value >= 0, "an integer of at least 0"),
    "per_emotion": (lambda value: _is_integer(value) and value >= 1, "an integer of at least 1"),
    "part": (lambda value: isinstance(value, str), "the name of an official part"),
    "fraction": (lambda value: _is_number(value) and 0 < value < 1, "between 0 and 1"),
}


def _check_keys(fields: Mapping[str, Any], known: Collection[str], where: str) -> None:
    if unknown := [key for key in fields if key not in known]:
        raise InputError(f"{where}: unknown key {', '.join(map(repr, unknown))}{_hint(unknown[0], known)}")


def _require(fields: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    if missing := [key for key in keys if key not in fields]:
        raise InputError(f"{where}: missing {', '.join(map(repr, missing))}")


def _name(value: Any, where: str, known: Collection[str] = ()) -> str:
    if not isinstance(value, str) or not value or (known and value not in known):
        raise InputError(f"{where}: unknown {value!r}{_hint(value, known)}")
    return value


def _names(value: Any, where: str, known: Collection[str] = (), least: int = 1) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) < least:
        raise InputError(f"{where}: must be a list of at least {least} names, not {value!r}")
    names = tuple(_name(name, where, known) for name in value)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{where}: {', '.join(map(repr, twice))} given twice")
    return names


def _hint(value: Any, known: Collection[str]) -> str:
    return f": {did_you_mean(value, known)}" if known else ": give a name"
