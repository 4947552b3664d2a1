"""Public corpora by name, as audb has them (https://audeering.github.io/datasets): folders with audformat databases."""

import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path

from ser.errors import InputError
from ser.manifests.audformat_database import MISSING


def fetch_database(name: str, version: str | None, folder: Path) -> Path:
    """Fetch a database (None: its latest version) from the repositories that audb is configured for, and return its
    header. Raises InputError for a folder that is not empty, a database that there is not, and one that cannot be had;
    nothing of that is left.
    """
    try:
        import audb
    except ImportError:
        raise InputError(f"{name}: {MISSING}") from None
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: not empty: give a new folder")
    whole = folder.absolute()
    unfinished = whole.with_name(f"{whole.name}~")  # audb's, as long as it fetches
    new = [place for place in (unfinished, whole, *whole.parents) if place == whole or not place.exists()]
    try:
        with redirect_stdout(sys.stderr):  # what it says on the way
            audb.load_to(str(folder), name, version=version)
    except BaseException as error:  # Ctrl-C, or of the backend's own many kinds
        for place in new:
            shutil.rmtree(place, ignore_errors=True)
        if not isinstance(error, Exception):
            raise
        raise InputError(f"{name}: audb cannot fetch it: {' '.join(str(error).split())}") from None
    return folder / "db.yaml"
