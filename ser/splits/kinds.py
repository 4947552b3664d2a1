"""The kinds of folds and dev parts that a protocol may have: their keys, and what is wrong with them, key by key.

folds.py says what each one does. Only the standard library is imported: this file is read while the workflow is parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ser.errors import InputError, listed
from ser.splits.checks import check_keys, checked_name, checked_names, is_number, require_keys

GROUPS = ("speaker", "session")
FOLD_KEYS = {
    "leave_one_out": ("group", "number", "texts"),
    "group_k_fold": ("group", "number", "seed", "texts", "balance"),
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
_UNLESS_USED = ("texts", "balance")


@dataclass(frozen=True)
class Folds:
    """How utterances are dealt into folds.

    `fraction` of the utterances is tested in each fold of kind random. `texts` is the number of parts of the texts: a
    fold tests one part said by its speakers, and trains on the others said by others (0: texts are not kept apart).
    `balance` is gender where each fold shall test as many women as men, as far as the corpus names their gender.
    `groups` are the speakers or sessions that each fold tests, of kind listed; their `number` is that of the lists.
    `train`, `dev` and `test` name official parts, which make one fold. `also_report` names dev parts that are
    scored alongside the test parts; no selection rule trains on them, and test_selected never selects on them.
    """

    kind: str
    group: str = ""
    number: int = 0
    texts: int = 0
    balance: str = ""
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

    @classmethod
    def from_mapping(cls, value: Any, where: str) -> "Folds":
        """Those that the entry `folds` of a protocol describes. Raises InputError, beginning with `where`."""
        fields = _kind(value, FOLD_KEYS, where)
        parts = {
            key: checked_names(fields[key], f"{where}: {key}", least=int(key in ("train", "test")))
            for key in FOLD_KEYS["official"]
            if key in fields
        }
        reported = parts.get("also_report", ())
        dealt = [names for key, names in parts.items() if key != "also_report"]
        checked_names(sum(dealt, ()), where, least=0)  # no part twice
        if other := [name for name in reported if name not in parts.get("dev", ())]:
            raise InputError(f"{where}: also_report: {listed(other)}: name dev parts; test parts are reported anyway")
        if fields.get("balance") and fields["group"] != "speaker":
            raise InputError(f"{where}: balance goes with folds of speakers, not of {fields['group']}s: remove it")
        if "groups" in fields:
            fields["groups"] = _groups(fields["groups"], f"{where}: groups")
            fields["number"] = len(fields["groups"])
        return cls(**{**fields, **parts})


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

    @classmethod
    def from_mapping(cls, value: Any, folds: Folds, where: str) -> "Dev":
        """The one that the entry `dev` describes, for these folds. Raises InputError, beginning with `where`."""
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
                f"listed, other_of_session leave_one_out of speakers, speaker_of_next_session leave_one_out of "
                f"sessions, official (and only it) folds with dev parts, drawn one of the tested parts"
            )
        return cls(**fields)


def mapping_of(of: Folds | Dev) -> dict[str, Any]:
    """What `from_mapping` reads, with every default filled in."""
    keys = (FOLD_KEYS if isinstance(of, Folds) else DEV_KEYS)[of.kind]
    return {key: value for key in ("kind", *keys) if (value := getattr(of, key)) or key not in _UNLESS_USED}


def _groups(value: Any, where: str) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise InputError(f"{where}: must be one list of names for each of at least 2 folds, not {value!r}")
    groups = tuple(checked_names(names, f"{where} of fold {number}") for number, names in enumerate(value, 1))
    checked_names(sum(groups, ()), where)  # nobody in two folds
    return groups


def _kind(value: Any, kinds: Mapping[str, tuple[str, ...]], where: str) -> dict[str, Any]:
    """The mapping `value`, checked: its `kind` is one of `kinds`, its other keys are those of the kind."""
    if not isinstance(value, Mapping) or "kind" not in value:
        raise InputError(f"{where}: must be a mapping with kind: {' | '.join(kinds)}, not {value!r}")
    kind = checked_name(value["kind"], f"{where}: kind", kinds)
    check_keys(value, ("kind", *kinds[kind]), f"{where}: {kind}")
    optional = [key for key in kinds[kind] if (kind, key) in _MAY_BE_LEFT_OUT or key in _UNLESS_USED]
    require_keys(value, [key for key in kinds[kind] if key not in optional], f"{where}: {kind}")
    for key, (is_valid, what) in _VALUES.items():
        left_out = value.get(key) is None and key in optional
        if key in value and not left_out and not is_valid(value[key]):
            raise InputError(f"{where}: {key} must be {what}, not {value[key]!r}")
    return dict(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_VALUES = {
    "group": (GROUPS.__contains__, " or ".join(GROUPS)),
    "number": (lambda value: _is_integer(value) and value >= 2, "an integer of at least 2"),
    "texts": (lambda value: _is_integer(value) and value >= 2, "an integer of at least 2"),
    "balance": ("gender".__eq__, "gender"),
    "seed": (lambda value: _is_integer(value) and value >= 0, "an integer of at least 0"),
    "per_emotion": (lambda value: _is_integer(value) and value >= 1, "an integer of at least 1"),
    "part": (lambda value: isinstance(value, str), "the name of an official part"),
    "fraction": (lambda value: is_number(value) and 0 < value < 1, "between 0 and 1"),
}
