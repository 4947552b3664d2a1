"""Where the predictions that other code made are: `seed<s>/fold<k>.csv` in a group's folder (given.py reads them)."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from ser.errors import InputError, listed
from ser.files import sha256_of


def given_seeds(folder: Path, folds: Sequence[int | str]) -> tuple[int, ...]:
    """The seeds of which `folder` has predictions of all `folds`, ascending.

    Raises InputError where a folder or file has another name than expected, and where a fold lacks or is too many.
    """
    found = {}
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        name = re.fullmatch(r"seed(0|[1-9]\d{0,9})", path.name)
        if not name:
            raise InputError(f"{path}: not a seed's predictions: name the folder seed1, seed2, ...")
        found[int(name[1])] = path
    if not found:
        raise InputError(f"{folder}: no predictions: put them into seed1/fold1.csv, ...")
    wanted = [fold_file(folder, fold).name for fold in folds]
    found = dict(sorted(found.items()))
    for path in found.values():
        names = {file.name for file in path.iterdir() if not file.name.startswith(".")}
        if missing := [name for name in wanted if name not in names]:
            raise InputError(f"{path}: no {listed(missing)}: the split has {len(folds)} folds: give each its file")
        if other := sorted(names - {*wanted}):
            raise InputError(
                f"{path}: {listed(other)}: the split has {len(folds)} folds: keep {wanted[0]} to {wanted[-1]}"
            )
    return tuple(found)


def fold_file(folder: Path, fold: int | str) -> Path:
    """The predictions of a fold in a seed's folder."""
    return folder / f"fold{fold}.csv"


def given_digest(folder: Path) -> str:
    """64 hex digits over the names and contents of a seed's files. Raises InputError if they are gone."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder: put the predictions back, or leave their row out")
    hashes = [f"{path.name} {sha256_of(path)}\n" for path in sorted(folder.glob("fold*.csv"))]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
