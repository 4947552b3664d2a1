"""Rows whose predictions other code made: whose they are, and of which seeds (ser/systems/predictions.py)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ser.errors import InputError, listed
from ser.plan.groups import Group
from ser.plan.places import Places
from ser.runs.given_files import given_seeds

NOT_VERIFIED = "reported, not verified"  # begins the note of such a row's lines


def check_makers(settings: Mapping[str, Any], where: str) -> None:
    """Raises InputError, beginning with `where`, unless a row's settings say who made its predictions."""
    if empty := [name for name in ("made_by", "code") if not str(settings.get(name, "")).strip()]:
        raise InputError(f"{where}: {listed(empty)} is empty: say who made the predictions, and with which code")


def with_given(group: Group, row: Mapping[str, Any], root: Path, scale: str) -> Group:
    """A group with the seeds of its predictions, or those of them that its `row` names; skipped where there are none.

    Raises InputError as `given_seeds` does, for a seed of the row that is not there, and for several of a row that is
    deterministic.
    """
    said = "{}: made by {made_by} with {code}".format(NOT_VERIFIED, **group.settings)
    group = replace(group, note="; ".join(filter(None, [said, group.note])), one_job_per="seed")
    folder = Path(Places.of(scale).given(group.name))
    if group.skipped:
        return group
    if not (root / folder).is_dir():
        return replace(group, skipped=f"no predictions: put them into {folder}/seed1/fold1.csv, ...")
    there = given_seeds(root / folder, group.folds)
    seeds = tuple(row.get("seeds", there))
    if missing := [seed for seed in seeds if seed not in there]:
        raise InputError(f"{folder}: no seed{missing[0]}, which the row names: it has seeds {listed(there)}")
    if row.get("deterministic") and len(seeds) > 1:
        raise InputError(f"{folder}: seeds {listed(seeds)} of a row that is deterministic: keep one of them")
    return replace(group, seeds=seeds)
