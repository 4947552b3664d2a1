"""What is to be computed: groups of runs, and the plan that holds them all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ser.features.spec import feature_name
from ser.plan.places import Places
from ser.splits.protocol import Protocol

ONE_JOB_PER = ("fold", "seed", "system")  # how many runs share a process: one; all folds; all groups of a system, too


@dataclass(frozen=True)
class Group:
    """All runs, over folds and seeds, of one row under one protocol and one selection rule.

    `sources` says where each setting, feature and encoder is from: paper, code, secondary or chosen. `features` maps
    the system's names for features to their validated specs, `encoders` its names for the encoders that it trains
    further to their names in params.yaml. `auxiliary` names what its runs classify besides the labels, if anything
    (ser/runs/auxiliary.py). `skipped` says why nothing of this group is computed; empty if it is. `scores_epochs`:
    whether its runs score the test part after each epoch, for the honest gap. `reported`: whether its predictions are
    files that other code made, whose training nobody here has seen.
    """

    experiment: str
    row: str
    table: str
    protocol_name: str
    selection: str
    protocol: Protocol
    system: str
    settings: Mapping[str, Any]
    sources: Mapping[str, str]
    features: Mapping[str, Mapping[str, Any]]
    encoders: Mapping[str, str]
    seeds: tuple[int, ...]
    one_job_per: str
    auxiliary: str = ""
    note: str = ""
    skipped: str = ""
    scores_epochs: bool = False
    reported: bool = False

    @property
    def name(self) -> str:
        """`<experiment>/<row>/<protocol>/<selection>`."""
        return f"{self.experiment}/{self.row}/{self.protocol_name}/{self.selection}"

    def split(self, seed: int) -> str:
        """The name of the split for the runs of a seed: one for all seeds, unless each draws its own dev part."""
        name = f"{self.experiment}/{self.protocol_name}/{self.selection}"
        return f"{name}/seed{seed}" if self.protocol.is_drawn(self.selection) else name

    @property
    def splits(self) -> dict[str, int | None]:
        """The names of all its splits -> the seed that each is drawn by (None: it is for all seeds)."""
        is_drawn = self.protocol.is_drawn(self.selection)
        return {self.split(seed): seed if is_drawn else None for seed in self.seeds}

    @property
    def chart(self) -> str:
        """The name of its charts, which are drawn for one selection rule only."""
        return f"{self.experiment}-{self.row}-{self.protocol_name}"

    @property
    def folds(self) -> range:
        """Its folds, counted from 1."""
        return range(1, self.protocol.n_folds + 1)

    @property
    def runs(self) -> list[tuple[int, int]]:
        """(seed, fold) of each run, seed-major."""
        return [(seed, fold) for seed in self.seeds for fold in self.folds]

    @property
    def checkpoints(self) -> list[str]:
        """Every encoder that its runs read."""
        return checkpoints(self.features, self.encoders)

    @property
    def corpus(self) -> str:
        """The corpus that its protocol is about."""
        return self.protocol.corpus

    def stores(self, places: Places) -> dict[str, str]:
        """The system's name for a feature -> the store that it is read from."""
        return {
            name: places.audio(self.corpus)
            if spec["kind"] == "audio"
            else places.feature(self.corpus, feature_name(spec))
            for name, spec in self.features.items()
        }


def checkpoints(features: Mapping[str, Mapping[str, Any]], encoders: Mapping[str, str]) -> list[str]:
    """Every encoder that a row with these features, and encoders that it trains further, reads."""
    return [*(spec["encoder"] for spec in features.values() if "encoder" in spec), *encoders.values()]


@dataclass(frozen=True)
class Plan:
    """What is computed at the scale that params.yaml names; `specs`: feature name -> spec, all but `audio`."""

    scale: str
    groups: tuple[Group, ...]
    experiments: Mapping[str, Mapping[str, Any]]
    specs: Mapping[str, Mapping[str, Any]]

    @property
    def live(self) -> Iterator[Group]:
        """The groups that are computed."""
        return (group for group in self.groups if not group.skipped)

    @property
    def headlines(self) -> Iterator[Group]:
        """The groups that are drawn: under `clean`, an experiment's first row and its rows with a claim; all rows if it
        claims nothing.
        """
        for group in self.live:
            experiment = self.experiments[group.experiment]
            rows = {next(iter(experiment["rows"])), *(claim["row"] for claim in experiment["claims"])}
            if group.selection == "clean" and (group.row in rows or not experiment["claims"]):
                yield group
