"""Files: outputs that appear whole or not at all, hashes of contents, and names that the configuration may use."""

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ser.errors import InputError

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent.parent


def words(package: str, root: Path = ROOT) -> list[str]:
    """The names that `ser/<package>/` (such as `corpora` or `systems`) offers the configuration: those of its files."""
    return sorted(path.stem for path in (root / "ser" / package).glob("*.py") if path.stem != "__init__")


def sha256_of(path: Path | str) -> str:
    """SHA-256 of the bytes of a file, 64 hex digits. Raises OSError if it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def alone_with(*outputs: Path | str) -> Iterator[bool]:
    """Wait until no other process that asked for the same writes `outputs`; yields whether that took waiting.

    A build that is killed leaves its jobs running, and the next build starts the same jobs. The locks are files in
    .snakemake/ser.locks of the working folder, which jobs on a cluster share; they end with their process. Raises
    InputError where a lock is another user's alone.
    """
    folder, waited = Path(".snakemake/ser.locks"), False
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        for path in sorted({os.path.relpath(Path(output).resolve()) for output in outputs}):  # in order: no deadlock
            lock = FileLock(folder / hashlib.sha256(path.encode()).hexdigest())
            try:
                held.enter_context(lock.acquire(timeout=0))
            except PermissionError as error:
                raise InputError(f"{path}: {error.filename} is another user's: build in a clone of your own") from None
            except Timeout:
                if not waited:
                    log.info("another process is still writing %s: waiting for it to end", path)
                waited = True
                held.enter_context(lock.acquire())
        yield waited


@contextmanager
def atomic_file(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, which replaces it if the block succeeds and is removed otherwise.

    Its name is always the same, so two processes must not write the same file at once (`alone_with`). An OSError names
    `path`, whatever wrote.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")  # always the same: what a killed process left is overwritten
    temporary.unlink(missing_ok=True)
    temporary.touch()
    mode = temporary.stat().st_mode  # as the umask wants it: safetensors would let only the owner read its file
    try:
        with naming(path):
            yield temporary
            if temporary.stat().st_mode != mode:
                temporary.chmod(mode)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Names `path` in the OSError of a write that does not say where it failed, such as that of a full disk."""
    try:
        yield
    except Exception as error:
        if code := re.search(r"\(os error (\d+)\)", str(error)):  # of safetensors, which is written in Rust
            raise OSError(int(code[1]), os.strerror(int(code[1])), str(path)) from None
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        raise


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
