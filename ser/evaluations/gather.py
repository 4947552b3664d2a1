"""The predictions of a group's runs, checked against the split and summed per speaker, fold and reported part."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.evaluations.intervals import Clusters, Sums
from ser.evaluations.metrics import moments
from ser.evaluations.names import AVERAGE
from ser.files import sha256_of
from ser.runs.auxiliary import Auxiliary
from ser.runs.predictions import Predictions, read_predictions
from ser.sealed import read_sealed
from ser.splits.split import UNKNOWN, Split, of_seed

# What all runs of a group have in common.
OF_THE_GROUP = (
    "system",
    "settings",
    "features",
    "encoders",
    "code_version",
    "trained_on",
    "device",
    "threads",
    "versions",
)


# The folds of each seed, by what is predicted: "" is the labels, another the name of what is classified besides.
Kinds = Mapping[str, Sequence[Sequence[Sums]]]


@dataclass(frozen=True)
class GatheredPart:
    """One reported part: `sums` over speakers, the `clusters` of these, and their `genders`.

    `counts` are `n_seeds, n_folds, n_utterances, n_speakers`, the last only of speakers that the corpus names.
    """

    sums: Kinds
    clusters: Clusters
    genders: np.ndarray
    counts: dict[str, int]

    @property
    def aggregations(self) -> dict[str, Kinds]:
        """Aggregation -> each seed's folds; `pooled` has one, of all utterances together."""
        pooled = {kind: [[Sums.merged(folds)] for folds in seeds] for kind, seeds in self.sums.items()}
        return {"fold_mean": self.sums, "pooled": pooled}


@dataclass(frozen=True)
class Gathered:
    """The runs of a group: the `folds` (counted from 1) that each of `seeds` has, and what all runs share (`facts`).

    `dev`: metric -> its mean over the runs on what chose the epoch, where a metric of the labels is known of it.
    `sha256`: (seed, fold) -> the digests of the run's metrics.json and predictions.csv; `machines`: (seed, fold) -> the
    kind of machine that made it (compute/machine.py).
    """

    seeds: list[int]
    folds: list[int]
    facts: dict[str, Any]
    sha256: dict[tuple[int, int], dict[str, str]]
    machines: dict[tuple[int, int], dict[str, str]]
    dev: dict[str, float]
    parts: dict[str, GatheredPart]  # in the order of `Split.reported`

    @property
    def trains_on_dev(self) -> bool:
        """Whether the runs' system chooses nothing and trained on the dev part as well."""
        return "dev" in (self.facts["trained_on"] or ())


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, what its metrics.json says, and the SHA-256 of that file and of the predictions that
    it wrote.
    """

    folder: Path
    facts: dict[str, Any]
    sha256: dict[str, str]

    @property
    def fold(self) -> int:
        """Counted from 1."""
        return int(self.facts["fold"])


# The split, a run and its predictions -> those to put in their place.
Instead = Callable[[Split, Run, Predictions], Predictions]


def gather(
    splits: Sequence[Split],
    folders: Sequence[Path],
    made_from: Mapping[int, str] | None = None,
    partial: bool = False,
    instead: Instead | None = None,
) -> Gathered:
    """The runs in `folders`, all of one group; `splits`: the one for all seeds, or each seed's.

    `made_from`: seed -> the digest of all that its runs shall be made from (`ser.plan.made_from`); None: anything.
    `partial`: passes over runs that are not finished or made from something else, and over folds that not all seeds
    have. `instead`: other predictions of the same utterances, such as those of another epoch; they are of the labels
    only.

    Raises InputError for a run that is missing or made from something else (`partial`: only where no fold is common to
    all seeds), given twice, or of another split or group, and for predictions that are not those that the run wrote,
    or are of other utterances or targets than the split's.
    """
    runs, facts = _read_runs(splits, folders, made_from, partial)
    seeds = sorted({seed for seed, _ in runs})
    folds = [fold for fold in range(1, splits[0].n_folds + 1) if all((seed, fold) in runs for seed in seeds)]
    used = [(seed, fold) for seed in seeds for fold in folds]
    of = {seed: of_seed(splits, seed) for seed in seeds}
    predictions = {(seed, fold): _predictions(of[seed], runs[seed, fold]) for seed, fold in used}
    if instead:
        predictions = {
            (seed, fold): replace(instead(of[seed], runs[seed, fold], found), auxiliary=None)
            for (seed, fold), found in predictions.items()
        }
    auxiliary = [found.auxiliary for found in predictions.values() if found.auxiliary]
    n_classes = 1 + max((max(of_run.targets.max(), of_run.predicted.max()) for of_run in auxiliary), default=0)
    parts = {}
    for part in splits[0].reported:
        rows = {(seed, fold): of[seed].scored(fold, part) for seed, fold in used}
        scored = {seed: np.unique(np.concatenate([rows[seed, fold] for fold in folds])) for seed in seeds}
        speakers = _Speakers([(of[seed], scored[seed]) for seed in seeds])
        sums: dict[str, dict[tuple[int, int], Sums]] = defaultdict(dict)
        for (seed, fold), of_run in rows.items():
            places = np.searchsorted(of[seed].scored(fold), of_run)  # in the predictions
            found, index = predictions[seed, fold].at(places), speakers.index(of[seed], of_run)
            sums[""][seed, fold] = _sums(of[seed], index, found)
            if found.auxiliary:
                sums[found.auxiliary.name][seed, fold] = _confusions(index, found.auxiliary, n_classes)
        parts[part] = GatheredPart(
            {kind: [[of_kind[seed, fold] for fold in folds] for seed in seeds] for kind, of_kind in sums.items()},
            speakers.clusters(sums[""].values()),
            speakers.genders,
            {
                "n_seeds": len(seeds),
                "n_folds": len(folds),
                "n_utterances": len(scored[seeds[0]]),  # as many for each seed
                "n_speakers": speakers.n_named,
            },
        )
    shared = {key: facts.get(key) for key in OF_THE_GROUP}
    sha256 = {run: runs[run].sha256 for run in used}
    machines = {run: runs[run].facts.get("machine", {}) for run in used}
    dev = _dev_scores([runs[run].facts.get("facts", {}) for run in used], splits[0])
    return Gathered(seeds, folds, shared, sha256, machines, dev, parts)


class _Speakers:
    """The speakers of the `scored` rows (int64) of any seed's split, and what of them is independent.

    Unknown speakers are distinguished by their session: one podcast's unknown voice is not another's. Where folds test
    sessions, so are all, and the sessions are independent: their speakers talk to each other and share a model.
    """

    def __init__(self, scored: Sequence[tuple[Split, np.ndarray]]) -> None:
        self._kind = "session" if scored[0][0].fold_group == "session" else "speaker"
        found = {self._name(split, row): (split, row) for split, rows in scored for row in rows}
        self._places = {name: place for place, name in enumerate(sorted(found))}
        ordered = [found[name] for name in self._places]
        speakers = [split.speakers[row] for split, row in ordered]
        self.n_named = len({*speakers} - {*UNKNOWN})
        genders = defaultdict(set)
        for split, rows in scored:
            for row in rows:
                genders[self._name(split, row)].add(split.genders[row])
        self.genders = np.array([min(of) if len(of := genders[name]) == 1 else "" for name in self._places])
        clusters = [split.sessions[row] for split, row in ordered] if self._kind == "session" else [*self._places]
        self._clusters = np.unique(clusters, return_inverse=True)[1]

    def clusters(self, folds: Iterable[Sums]) -> Clusters:
        """What of them is independent, and whether a model tests several of these; `folds` are those of all runs."""
        shares = any(len({*self._clusters[fold.speakers]}) > 1 for fold in folds)
        return Clusters(self._clusters, self._kind, shares)

    def index(self, split: Split, rows: np.ndarray) -> np.ndarray:
        """int64 [n]: the speaker of each of some rows."""
        return np.array([self._places[self._name(split, row)] for row in rows], np.int64)

    def _name(self, split: Split, row: int) -> str:
        speaker = split.speakers[row]
        is_of_session = speaker in UNKNOWN or self._kind == "session"
        return f"{speaker}/{split.sessions[row]}" if is_of_session else speaker


def _predictions(split: Split, run: Run) -> Predictions:
    """One run's predictions, checked to be what the run wrote, of exactly what the fold scores."""
    path, rows = run.folder / "predictions.csv", split.scored(run.fold)
    if path.is_file() and sha256_of(path) != run.sha256["predictions.csv"]:
        raise InputError(f"{path}: not what the run wrote (SHA-256 in metrics.json): remove {run.folder}, build again")
    found = read_predictions(path, split.labels, split.are_classes)
    same = found.utterances == tuple(split.utterances[row] for row in rows)
    if not same or not np.allclose(found.targets, split.targets[rows], rtol=1e-6):
        raise InputError(f"{path}: not the test utterances and targets of fold {run.fold}: make the run again")
    return found


def _sums(split: Split, speakers: np.ndarray, found: Predictions) -> Sums:
    """Sums per speaker of predictions for utterances of `speakers` int64 [n]."""
    if split.scale is None:  # classes
        return _confusions(speakers, found, len(split.labels))
    drawn, index = np.unique(speakers, return_inverse=True)
    middle = np.mean(split.scale)  # one constant for all folds, see `moments`
    each = moments((found.targets - middle)[..., None], (found.predicted - middle)[..., None])
    values = np.zeros((len(drawn), *each.shape[1:]))
    np.add.at(values, index, each)
    return Sums(drawn, values)


def _confusions(speakers: np.ndarray, found: Predictions | Auxiliary, n: int) -> Sums:
    """The confusion matrix [n, n] of each of the `speakers` int64 [utterances]."""
    drawn, index = np.unique(speakers, return_inverse=True)
    cells = np.ravel_multi_index((index, found.targets, found.predicted), (len(drawn), n, n))
    return Sums(drawn, np.bincount(cells, minlength=len(drawn) * n * n).reshape(-1, n, n))


def _read_runs(
    splits: Sequence[Split], folders: Sequence[Path], made_from: Mapping[int, str] | None, partial: bool
) -> tuple[dict[tuple[int, int], Run], dict[str, Any]]:
    """(seed, fold) -> run, for every fold of every seed (`partial`: at least one); the facts of the first run."""
    split = splits[0]
    runs: dict[tuple[int, int], Run] = {}
    first: dict[str, Any] = {}
    wrong: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        path = folder / "metrics.json"
        if partial and not path.is_file():
            continue
        facts = _read_facts(path)
        is_planned = made_from is None or facts.get("made_from") == made_from.get(facts["seed"])
        if partial and not is_planned:
            continue
        first = first or facts
        expected = {key: first.get(key) for key in OF_THE_GROUP}
        expected |= {"protocol_hash": split.protocol_hash, "data_hash": of_seed(splits, facts["seed"]).data_hash}
        for key in (key for key, value in expected.items() if facts.get(key) != value):
            wrong[f"different {key}"].append(folder)
        run = facts["seed"], facts["fold"]
        if not is_planned:
            wrong["made from other settings, code or recordings than planned"].append(folder)
        if not 1 <= run[1] <= split.n_folds:
            wrong[f"seed {run[0]} fold {run[1]} is not a fold of the split"].append(folder)
        if run in runs:
            wrong[f"seed {run[0]} fold {run[1]} given twice"].append(folder)
        sha256 = {"metrics.json": sha256_of(path), "predictions.csv": facts["sha256"]["predictions.csv"]}
        runs[run] = Run(folder, facts, sha256)
    if wrong:
        what = "; ".join(f"{reason}: {listed(of_reason)}" for reason, of_reason in wrong.items())
        raise InputError(f"runs that do not belong to this split and group: {what}: make them again, or leave them out")
    seeds = sorted({seed for seed, _ in runs})
    wanted = [(seed, fold) for seed in seeds for fold in range(1, split.n_folds + 1)]
    missing = [f"seed {seed} fold {fold}" for seed, fold in wanted if (seed, fold) not in runs]
    common = set.intersection(*({f for s, f in runs if s == seed} for seed in seeds)) if seeds else set()
    if not common or (missing and not partial):
        raise InputError(f"runs missing: {listed(missing) or 'all'}: make them, or leave their seed out")
    return runs, first


def _dev_scores(courses: Sequence[Mapping[str, Any]], split: Split) -> dict[str, float]:
    """Metric -> mean over runs; training/criterion.py names them, and its CCC is the mean over the attributes."""
    of_ccc = f"ccc_{AVERAGE}" if len(split.labels) > 1 else f"ccc_{split.labels[0]}"
    names = {"dev_WA": "WA", "dev_UA": "UA", "dev_CCC": of_ccc}
    known = {metric: [course[key] for course in courses if key in course] for key, metric in names.items()}
    return {metric: float(np.mean(of_runs)) for metric, of_runs in known.items() if len(of_runs) == len(courses)}


def _read_facts(path: Path) -> dict[str, Any]:
    facts = read_sealed(path)
    try:
        if not isinstance(facts["seed"], int) or not isinstance(facts["fold"], int):
            raise ValueError("seed and fold must be integers")
        if not isinstance(facts["sha256"]["predictions.csv"], str):
            raise ValueError("no SHA-256 of the predictions")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a run's metrics ({error!r}): make the run again") from None
    return facts
