"""Whether DVC's cache has room for what a stage has made: DVC itself would complain once per file, and go on."""

import shutil
import tempfile
from pathlib import Path

from dvc.config import Config
from dvc_objects.fs.system import reflink

from ser.errors import InputError


def check_disk_space(outputs: list[Path]) -> None:
    """Raise InputError where the cache cannot be used, or its disk is too small for what is new in `outputs`."""
    cache = Path(Config(dvc_dir=".dvc")["cache"].get("dir") or ".dvc/cache")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache).free
        if _shares_blocks(cache):
            return
    except OSError as error:
        raise InputError(
            f"{cache}: DVC's cache cannot be used: {error.strerror}: choose another: dvc cache dir DIR"
        ) from None
    needed = _new_bytes(outputs)
    if needed > free:
        raise InputError(
            f"{cache}: DVC's cache needs {_megabytes(needed)} but its disk has {_megabytes(free)} left: free some, or "
            f"choose another folder: dvc cache dir DIR; what was computed is kept; `dvc repro` continues from here"
        )


def _new_bytes(outputs: list[Path]) -> int:
    """Roughly what is not in the cache yet: the size of the files that are newer than dvc.lock."""
    lock = Path("dvc.lock")
    since = lock.stat().st_mtime if lock.exists() else 0.0
    paths = (path for output in outputs for path in [output, *output.rglob("*")])
    files = (path.stat() for path in paths if path.is_file())
    return sum(status.st_size for status in files if status.st_mtime > since)


def _shares_blocks(cache: Path) -> bool:
    """Whether the file system makes copies that take no space, as btrfs and xfs do."""
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        source, target = Path(folder, "a"), Path(folder, "b")
        source.write_bytes(b"\0" * 4096)
        try:
            reflink(str(source), str(target))
        except OSError:
            return False
        return True


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
