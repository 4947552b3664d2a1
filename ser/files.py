"""Files: outputs that appear whole or not at all, hashes of contents, and names that the configuration may use."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def words(package: str, root: Path = ROOT) -> list[str]:
    """The names that `ser/<package>/` (such as `corpora` or `systems`) offers the configuration: those of its files."""
    return sorted(path.stem for path in (root / "ser" / package).glob("*.py") if path.stem != "__init__")


def sha256_of(path: Path | str) -> str:
    """SHA-256 of the bytes of a file, 64 hex digits. Raises OSError if it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, which replaces it if the block succeeds and is removed otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")  # always the same: what a killed process left is overwritten
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(directory: Path) -> Iterator[Path]:
    """An empty folder beside `directory` to fill, which replaces it if the block succeeds.

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
