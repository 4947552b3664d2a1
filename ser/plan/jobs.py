"""The jobs that train: which runs one process makes, and how the script that trains is called."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from ser.plan.groups import Group, Plan
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.places import Places

MOST = 4  # groups in a process: with more, cores wait at the end, and Snakemake's start for hundreds of outputs a rule
T = TypeVar("T")


@dataclass(frozen=True)
class TrainingRule:
    """Jobs of one rule. Each has a seed, and makes either all folds or one ({fold}) of all `groups` (`is_shared`), or
    of one of them ({group}).
    """

    name: str
    groups: tuple[Group, ...]
    is_shared: bool = False

    @property
    def folds(self) -> tuple[int | str, ...]:
        """What a job makes of a group that it does not share: all of its folds, or the wildcard."""
        return ("{fold}",) if self.groups[0].one_job_per == "fold" else tuple(self.groups[0].folds)

    @property
    def job(self) -> str:
        """A job's name, in logs, benchmarks and states, with its wildcards."""
        whose = f"{self.groups[0].experiment}/{self.name}" if self.is_shared else "{group}"
        return f"{whose}/seed{{seed}}" + ("-fold{fold}" if "{fold}" in self.folds else "")

    @property
    def what(self) -> str:
        """A job in words, with its wildcards."""
        groups = f"{len(self.groups)} groups of {self.groups[0].experiment}" if self.is_shared else "{wildcards.group}"
        folds = "fold {wildcards.fold}" if "{fold}" in self.folds else "all folds"
        return f"{groups}, seed {{wildcards.seed}}, {folds}"

    def does(self, wildcards: Any) -> str:
        """What a job does, before `what`."""
        return "reading given predictions of" if self.of(wildcards)[0].reported else "training"

    def folders(self, places: Places) -> list[str]:
        """The folders of the runs that a job makes, with its wildcards."""
        if self.is_shared:
            return [places.run(group.name, "{seed}", fold) for group in self.groups for fold in group.folds]
        return [places.run("{group}", "{seed}", fold) for fold in self.folds]

    def of(self, wildcards: Any) -> Sequence[Group]:
        """The groups whose runs a job makes."""
        return self.groups if self.is_shared else [self._by_name[wildcards.group]]

    @cached_property
    def _by_name(self) -> dict[str, Group]:
        return {group.name: group for group in self.groups}

    def runs(self, group: Group, seed: int, fold: int) -> list[tuple[str, int, int]]:
        """(group, seed, fold) of all runs of the job that makes one run of `group`."""
        if "{fold}" in self.folds:
            return [(group.name, seed, fold)]
        return [(one.name, seed, k) for one in (self.groups if self.is_shared else [group]) for k in one.folds]

    def by_groups(self, function: Callable[[Sequence[Group], Any], T]) -> Callable[[Any], T]:
        """`function` of a job's groups and wildcards, as Snakemake calls one of the wildcards."""
        return lambda wildcards: function(self.of(wildcards), wildcards)

    def by_group(self, function: Callable[[Group], T]) -> Callable[[Any], T]:
        """The same for what is alike in all groups of a job."""
        return lambda wildcards: function(self.of(wildcards)[0])


def training_rules(plan: Plan) -> list[TrainingRule]:
    """The rules that make all runs of a plan.

    Groups whose jobs make one fold have one rule, and those whose jobs make all folds of a seed one for each number of
    folds; where all groups of a system share jobs (`one_job_per`: system), each job has its own.
    """
    found: dict[tuple[Any, ...], list[Group]] = {}
    for group in plan.live:
        kinds = {
            "fold": (),
            "seed": (len(group.folds),),
            "system": (group.experiment, group.system, group.corpus),
        }
        found.setdefault(kinds[group.one_job_per], []).append(group)
    rules = []
    for kind, groups in found.items():
        if len(kind) < 3:
            rules.append(TrainingRule(f"train_{kind[0]}_folds" if kind else "train", tuple(groups)))
            continue
        shares = _shares(groups)
        for number, share in enumerate(shares, 1):
            name = f"train_{'_'.join(kind)}" + (f"_{number}" if len(shares) > 1 else "")
            rules.append(TrainingRule(name, share, is_shared=True))
    return rules


def _shares(groups: Sequence[Group]) -> list[tuple[Group, ...]]:
    """Groups that share jobs: up to `MOST`, all with the same seeds."""
    of_seeds: dict[tuple[int, ...], list[Group]] = {}
    for group in groups:
        of_seeds.setdefault(group.seeds, []).append(group)
    return [tuple(some[i : i + MOST]) for some in of_seeds.values() for i in range(0, len(some), MOST)]


def rule_by_group(plan: Plan) -> dict[str, TrainingRule]:
    """A group's name -> the rule that makes its runs."""
    return {group.name: rule for rule in training_rules(plan) for group in rule.groups}


def train_options(
    group: Group,
    seed: int,
    folds: Sequence[int],
    *,
    device: str,
    threads: int,
    output: str,
    places: Places,
    origins: Origins,
    made_from: MadeFrom,
) -> list[str]:
    """The options of workflow_scripts/train.py for some runs of a group, which go into the folder `output`."""
    stores = [f"{name}={path}" for name, path in group.stores(places).items()]
    encoders = [f"{name}={origins.encoder(encoder)}" for name, encoder in group.encoders.items()]
    return [
        *("--system", group.system, "--group", group.name),
        *("--settings", json.dumps(dict(group.settings), sort_keys=True)),
        *(["--auxiliary", group.auxiliary] if group.auxiliary else []),
        *(["--given", places.given(group.name, seed)] if group.reported else []),
        *(["--store", *stores] if stores else []),
        *(["--encoder", *encoders] if encoders else []),
        *("--split", places.split(group.split(seed)), "--seed", str(seed), "--folds", *map(str, folds)),
        *("--device", device, "--threads", str(threads)),
        *("--order", made_from.runs(group, seed).text, "--output-dir", output),
        *(["--score-test-each-epoch"] if group.scores_epochs else []),
    ]
