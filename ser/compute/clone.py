"""Which clone of the project this is: its `work/` is its own, and MLflow knows its runs by it."""

import getpass
import os
import platform
from pathlib import Path
from uuid import uuid4

from ser.errors import InputError
from ser.files import alone_with, atomic_file

OWN = "build in a clone of your own and share through DVC (docs/sharing.md)"


def clone_name(record: Path) -> str:
    """`user@host:folder id`, as the file `record` in work/ has it; written there by the first call.

    A clone that is moved keeps its name, a copy of it gets another. Raises InputError if another clone has the same
    work/: neither would see the other's builds.
    """
    with alone_with(record):
        name = record.read_text(encoding="utf-8").strip() if record.is_file() else ""
        if not name or _is_copy(Path(name.partition(":")[2].rpartition(" ")[0]), record):
            name = f"{_user()}@{platform.node()}:{Path.cwd()} {uuid4().hex[:8]}"
            name = name.replace("'", "_")  # MLflow is asked for it in quotes
            with atomic_file(record) as temporary:
                temporary.write_text(f"{name}\n", encoding="utf-8")
    return name


def _is_copy(other: Path, record: Path) -> bool:
    """Whether this is a copy of the clone in the folder `other`. Raises InputError if it has the same work/."""
    try:
        if other.samefile(Path.cwd()):
            return False
        if (other / record).samefile(record):
            raise InputError(f"{record.parent}: also that of the clone in {other}: {OWN}")
        return (other / record).read_bytes() == record.read_bytes()
    except OSError:  # that clone was moved, or is on another machine
        return False


def check_writable(*paths: Path | str) -> None:
    """Raise InputError for the first of `paths` that is there and that this user must not change."""
    for path in map(Path, paths):
        if path.exists() and not os.access(path, os.W_OK):
            raise InputError(f"{path.absolute()}: belongs to user {path.stat().st_uid}, you may not write there: {OWN}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())
