"""Files: outputs that appear whole or not at all, what a content's hash is, and names that the configuration uses."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def words(package: str, root: Path = ROOT) -> list[str]:
    """What `ser/<package>/` (such as `corpora` or `systems`) lets the configuration say: the names of its files."""
    return sorted(path.stem for path in (root / "ser" / package).glob("*.py") if path.stem != "__init__")


def sha256_of(path: Path | str) -> str:
    """64 hex digits over the bytes of a file. Raises OSError where it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends well and is removed otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")  # the same each time: what a kill left is overwritten
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(directory: Path) -> Iterator[Path]:
    """An empty folder beside `directory` to fill, which takes its place when the block ends well.

    If the block raises, `directory` is as it was. A killed process leaves a `.part` or `.old` folder beside it,
    which the next call removes.
    """
    part, old = (directory.with_name(f".{directory.name}.{word}") for word in ("part", "old"))
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if directory.exists():
            directory.rename(old)
        part.rename(directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
