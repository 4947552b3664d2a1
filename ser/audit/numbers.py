"""The numbers that follow from someone's predictions on their own split, with intervals, beside what they claim."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ser.audit.corpus import Corpus
from ser.audit.dealing import natural
from ser.audit.findings import TEST, Dealt, Finding
from ser.errors import InputError, did_you_mean, listed
from ser.evaluations.evaluate import metrics_of, part_numbers
from ser.evaluations.gather import Loaded
from ser.evaluations.intervals import mean_values
from ser.evaluations.loading import Run
from ser.evaluations.names import metric_names, rounded, unit_of
from ser.runs.given import Given, read_columns
from ser.runs.given_files import fold_file, given_seeds
from ser.runs.predictions import Predictions
from ser.splits.protocol import ATTRIBUTES, SELECTIONS
from ser.splits.split import UNKNOWN, Split

AVERAGES = {"fold_mean": "mean of the folds", "pooled": "all folds pooled"}


@dataclass(frozen=True)
class Claim:
    """A value as somebody prints it: per cent, or a coefficient, with so many decimals."""

    metric: str
    value: float
    decimals: int

    @classmethod
    def parse(cls, text: str) -> "Claim":
        """Of `UA=71.2`. Raises InputError for anything else."""
        found = re.fullmatch(r"(\w+)=(-?\d+)(?:\.(\d+))?", text.strip())
        if not found:
            raise InputError(f"--claimed {text}: not a metric and its value: write UA=71.2")
        decimals = found[3] or ""
        return cls(found[1], float(f"{found[2]}.{decimals or 0}"), len(decimals))

    @property
    def hint(self) -> str:
        """A question, where the value looks like one in another unit than the metric is printed in."""
        if unit_of(self.metric) == "per cent" and 0 < self.value <= 1:
            return f"is {self.value:g} meant as {100 * self.value:g} per cent?"
        if unit_of(self.metric) != "per cent" and 1 < abs(self.value) <= 100:
            return f"is {self.value:g} meant as {self.value / 100:g}?"
        return ""

    def agrees(self, value: float) -> bool:
        """Whether a value in the metric's own unit is printed so, if it is rounded."""
        scaled = 100 * value if unit_of(self.metric) == "per cent" else value
        return bool(abs(scaled - self.value) <= 0.5 * 10**-self.decimals + 1e-9)


def numbers(dealt: Dealt, predictions: Path, claims: Sequence[Claim]) -> tuple[dict[str, Any], list[Finding]]:
    """`averages[fold_mean|pooled][metric]` (see `evaluate.numbers`), `folds` with each fold's, and `claims`; and what
    is wrong with these. A fold that tests nothing has no number.

    Raises InputError where no fold tests anything, where the predictions are not exactly those of what the folds test,
    and for a claim about a metric that does not exist.
    """
    dealt = dealt.tested()
    if not dealt.dealing.folds:
        raise InputError(f"{dealt.dealing.path}: no fold tests anything: name its test part, or leave predictions out")
    columns = _read(predictions, dealt)
    labels, are_classes = _labels(dealt, columns)
    split = _split(dealt, labels, are_classes)
    known = metric_names(split)
    for claim in claims:
        if claim.metric not in known:
            raise InputError(f"--claimed {claim.metric}: no such metric here: {did_you_mean(claim.metric, known)}")
    _check_missing(predictions, split, dealt.dealing.folds, columns)
    found = {
        (seed, fold): _predictions(split, Given.of(path, of_fold, labels, are_classes), fold)
        for (seed, fold), (path, of_fold) in columns.items()
    }
    runs = {run: Run(predictions, {"seed": run[0], "fold": run[1]}, {}) for run in found}
    seeds, folds = sorted({seed for seed, _ in found}), [*range(1, split.n_folds + 1)]
    part = Loaded([split], seeds, folds, runs, found, {}).gathered().parts[""]
    everyone = part.clusters.everyone
    averages = {name: part_numbers(split, part, kinds) for name, kinds in part.aggregations.items()}
    each = [
        {"fold": name} | mean_values(metrics_of(split), [[of_seed[place]] for of_seed in part.sums[""]], everyone)
        for place, name in enumerate(dealt.dealing.folds)
    ]
    compared = [_compared(claim, averages) for claim in claims]
    facts = {
        "labels": labels,
        "clusters": split.fold_group or "speaker",
        "averages": averages,
        "folds": each,
        "claims": compared,
    }
    return facts, [_wrong(of) for of in compared if not of["agrees_with"]]


def _compared(claim: Claim, averages: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    values = {name: float(of[claim.metric]["value"]) for name, of in averages.items()}
    agrees = [name for name, value in values.items() if claim.agrees(value)]
    hint = "" if agrees else claim.hint
    return {"metric": claim.metric, "claimed": claim.value, **values, "agrees_with": agrees, "hint": hint}


def _wrong(compared: Mapping[str, Any]) -> Finding:
    metric = compared["metric"]
    computed = " and ".join(f"{rounded(compared[name], metric) or 'undefined'} ({AVERAGES[name]})" for name in AVERAGES)
    hint = compared["hint"] and f" ({compared['hint']})"
    return Finding("claim", f"{metric} is claimed to be {compared['claimed']:g}; the predictions give {computed}{hint}")


def _read(path: Path, dealt: Dealt) -> dict[tuple[int, int], tuple[Path, dict[str, list[str]]]]:
    """(seed, fold from 1) -> its file and columns."""
    if not path.is_dir():
        return _of_table(path, _named(read_columns(path), path, dealt.corpus), dealt)
    folds = dealt.dealing.folds
    seeded = any(child.is_dir() for child in path.glob("seed*"))
    folders = {seed: path / f"seed{seed}" for seed in given_seeds(path, folds)} if seeded else {1: path}
    files = {(seed, k): fold_file(folder, fold) for seed, folder in folders.items() for k, fold in enumerate(folds, 1)}
    return {run: (file, _named(read_columns(file), file, dealt.corpus)) for run, file in files.items()}


def _check_missing(
    path: Path, split: Split, folds: Sequence[str], columns: Mapping[tuple[int, int], tuple[Path, Mapping[str, Any]]]
) -> None:
    """Names what several folds lack together; of one, and of what is foreign, `Given.rows` says it."""
    lacking, number, of, seeds = [], 0, 0, {seed for seed, _ in columns}
    for (seed, fold), (_, of_run) in columns.items():
        tested, there = [split.utterances[row] for row in split.scored(fold)], {*of_run["utterance"]}
        missing = [name for name in tested if name not in there]
        if not there <= {*tested}:
            return
        number, of = number + len(missing), of + len(tested)
        if missing:
            which = f"seed {seed}, fold {folds[fold - 1]}" if len(seeds) > 1 else f"fold {folds[fold - 1]}"
            lacking.append(f"{which}: {len(missing)} of {len(tested)} ({listed(missing, 3)})")
    if len(lacking) > 1:
        raise InputError(
            f"{path}: no prediction for {number} of {of} tested utterances: {listed(lacking, 10)}: predict them, too"
        )


def _named(columns: dict[str, list[str]], path: Path, corpus: Corpus) -> dict[str, list[str]]:
    """The columns with the corpus's own names for the utterances, as far as it has them."""
    names = columns.pop("path", None) if "utterance" not in columns else columns["utterance"]
    if names is None:
        raise InputError(f"{path}: no column utterance or path: found {listed(columns)}")
    places = [corpus.find(name) for name in names]
    own = [name if at is None else corpus.utterances[at].utterance for name, at in zip(names, places, strict=True)]
    return {"utterance": own, **{name: cells for name, cells in columns.items() if name not in ("utterance", "path")}}


def _of_table(
    path: Path, columns: dict[str, list[str]], dealt: Dealt
) -> dict[tuple[int, int], tuple[Path, dict[str, list[str]]]]:
    """One table, cut by its columns `seed` and `fold`; without the latter, by the fold that tests an utterance."""
    names, folds = columns["utterance"], dealt.dealing.folds
    if not names:
        raise InputError(f"{path}: it holds no predictions")
    seeds = columns.pop("seed", ["1"] * len(names))
    if wrong := sorted({seed for seed in seeds if not re.fullmatch(r"\d{1,10}", seed)}):
        raise InputError(f"{path}: column seed: {listed(map(repr, wrong), 5)}: give whole numbers")
    if "fold" in columns:
        of_rows = columns.pop("fold")
        if wrong := sorted({fold for fold in of_rows if fold not in folds}, key=natural):
            raise InputError(f"{path}: column fold: {listed(wrong, 5)}: the split's folds are {listed(folds)}")
    else:
        of_rows = _folds_that_test(path, names, dealt)
    rows: dict[tuple[int, int], list[int]] = {(int(seed), k): [] for seed in seeds for k in range(1, len(folds) + 1)}
    for row, (seed, fold) in enumerate(zip(seeds, of_rows, strict=True)):
        rows[int(seed), folds.index(fold) + 1].append(row)
    return {
        run: (path, {name: [cells[row] for row in of_run] for name, cells in columns.items()})
        for run, of_run in rows.items()
    }


def _folds_that_test(path: Path, names: Sequence[str], dealt: Dealt) -> list[str]:
    tested = dealt.parts == TEST
    if again := [*np.array(dealt.names(tested.sum(axis=1) > 1))[:5]]:
        raise InputError(
            f"{path}: several folds test {listed(again)}: say by a column `fold` which prediction is whose"
        )
    places = [dealt.corpus.places.get(name) for name in names]
    foreign = [name for name, at in zip(names, places, strict=True) if at is None or not tested[at].any()]
    if foreign:
        raise InputError(f"{path}: {len(foreign)} utterances that no fold tests: {listed(foreign)}: leave them out")
    return [dealt.dealing.folds[int(tested[at].argmax())] for at in places if at is not None]


def _labels(dealt: Dealt, columns: Mapping[Any, tuple[Path, Mapping[str, Any]]]) -> tuple[tuple[str, ...], bool]:
    """The classes, or the attributes that are predicted, and which of the two they are."""
    path, first = next(iter(columns.values()))
    attributes = tuple(name for name in ATTRIBUTES if f"predicted_{name}" in first)
    if attributes and "predicted" not in first:
        return attributes, False
    labels = sorted({label for label, used in zip(dealt.labels, dealt.used, strict=True) if used} - {""})
    if not labels:
        raise InputError(f"{path}: nobody says what is right: the manifest needs `emotion`, or the split `label`")
    return tuple(labels), True


def _split(dealt: Dealt, labels: tuple[str, ...], are_classes: bool) -> Split:
    """What is used, as the evaluations take it."""
    corpus, places = dealt.corpus, np.flatnonzero(dealt.used)
    rows = [corpus.utterances[place] for place in places]
    tested = (dealt.parts[places] == TEST).any(axis=1)
    if are_classes:
        classes = [dealt.labels[place] for place in places]
        if without := [row.utterance for row, label in zip(rows, classes, strict=True) if not label]:
            raise InputError(
                f"{corpus.path}: no class of {listed(without, 5)}: name it, or leave them out of the split"
            )
        targets = np.array([labels.index(label) for label in classes], np.int64)
    else:
        values = [[getattr(row, name) for name in labels] for row in rows]
        lacking = [
            row.utterance for row, of, is_tested in zip(rows, values, tested, strict=True) if is_tested and None in of
        ]
        if lacking:
            raise InputError(f"{corpus.path}: no {' or '.join(labels)} of {listed(lacking, 5)}: add it")
        targets = np.array(values, np.float32)
    scale = None if are_classes else (float(np.nanmin(targets)), float(np.nanmax(targets)))
    return Split(
        corpus=corpus.path.stem,
        labels=labels,
        scale=scale,
        reported=("",),
        fold_group=_fold_group(dealt),
        selection=SELECTIONS[0],
        seed=None,
        protocol_hash="",
        data_hash="",
        utterances=tuple(row.utterance for row in rows),
        speakers=tuple(row.speaker for row in rows),
        sessions=tuple(row.session for row in rows),
        genders=tuple(row.gender for row in rows),
        partitions=("",) * len(rows),
        emotions=tuple(row.emotion for row in rows),
        targets=targets,
        parts=dealt.parts[places],
        left_out={},
        leaks={},
        notes=(),
    )


def _fold_group(dealt: Dealt) -> str:
    """session, where each fold tests sessions whole and there are several: their speakers are then not independent."""
    sessions = [row.session for row in dealt.corpus.utterances]
    tests: dict[str, set[int]] = {}
    for place, fold in zip(*np.nonzero(dealt.parts == TEST), strict=True):
        tests.setdefault(sessions[place], set()).add(int(fold))
    whole = all(len(folds) == 1 for folds in tests.values()) and not {*tests} & {*UNKNOWN}
    return "session" if whole and len(tests) > 1 and len(dealt.dealing.folds) > 1 else ""


def _predictions(split: Split, given: Given, fold: int) -> Predictions:
    rows = split.scored(fold)
    tested = [split.utterances[row] for row in rows]
    others = {split.utterances[row]: part for part in ("train", "dev") for row in split.rows(fold, part)}
    at = given.rows(tested, others)
    if split.are_classes:
        own = {split.utterances[row]: split.labels[split.targets[row]] for row in rows}
        given.check_targets({"target": [own[name] for name in given.columns["utterance"]]})
        said = [split.labels.index(given.columns["predicted"][row]) for row in at]
        return Predictions(tuple(tested), split.targets[rows], np.array(said, np.int64))
    values = np.array([given.columns[f"predicted_{name}"] for name in split.labels], np.float64)[:, at].T
    return Predictions(tuple(tested), split.targets[rows].astype(np.float64), values)
