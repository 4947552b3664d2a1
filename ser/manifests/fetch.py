"""Public corpora by name, as audb has them (https://audeering.github.io/datasets): folders with audformat databases."""

from pathlib import Path

from ser.errors import InputError
from ser.manifests.audformat_database import MISSING


def fetch_database(name: str, version: str | None, folder: Path) -> Path:
    """Fetch a database (None: its latest version) from the repositories that audb is configured for, and return its
    header. Raises InputError for a folder that is not empty, a database that there is not, and one that cannot be had.
    """
    try:
        import audb
    except ImportError:
        raise InputError(f"{name}: {MISSING}") from None
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: not empty: give a new folder")
    try:
        audb.load_to(str(folder), name, version=version)
    except Exception as error:  # of the backend's own many kinds
        raise InputError(f"{name}: audb cannot fetch it: {' '.join(str(error).split())}") from None
    return folder / "db.yaml"
