"""The runs of a group, for what compares groups."""

from collections.abc import Mapping
from pathlib import Path

from ser.compute.machine import mixture
from ser.evaluations.gather import Gathered, Loaded, load
from ser.plan.groups import Group
from ser.plan.made_from import MadeFrom
from ser.plan.places import Places
from ser.splits.split import read_split


def load_group(group: Group, places: Places, made_from: MadeFrom) -> Loaded:
    """All runs of a group, made as planned. Raises InputError as `load` does."""
    splits = [read_split(places.split(name)) for name in group.splits]
    folders = [Path(places.run(group.name, *run)) for run in group.runs]
    return load(splits, folders, made_from.seeds(group))


def mixture_of(groups: Mapping[str, Gathered]) -> list[str]:
    """A note if the runs of some groups, each with the name that the note calls it, differ in their machines."""
    return mixture(
        {
            f"{name} seed {seed} fold {fold}": machine
            for name, gathered in groups.items()
            for (seed, fold), machine in gathered.machines.items()
        }
    )
