"""The machine's GPUs, and slots on them: small runs share a GPU, large ones take a whole one.

Snakemake hands out no GPU ids. A slot is a lock on a file, which is released when its process ends, however it ends, so
a killed run blocks nothing. The files are in the machine's own temporary folder: a GPU belongs to one machine, but
several machines may share a project folder. Anyone may write there, so the folder with the slots must be the user's.
"""

import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from filelock import FileLock, Timeout

from ser.errors import InputError, listed

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5
ANOTHER = "remove it, or set TMPDIR to another folder"


def gpu_ids() -> list[str]:
    """Ids of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES spells them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        return list(takewhile(lambda name: name and not name.startswith("-"), names))  # as CUDA reads it
    # Numbered from 0 whatever the device files are called: a container may be given /dev/nvidia3 alone.
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


@contextmanager
def gpu_slots(wanted: int, per_gpu: int, folder: Path | None = None) -> Iterator[str | None]:
    """Wait for `wanted` of the `per_gpu` slots of one GPU, make it the only visible one, and hold the slots.

    Yields the GPU's id; None, at once, if no slot is wanted, there is no GPU, or Slurm has given this job just one.
    CUDA reads CUDA_VISIBLE_DEVICES when it is first used, so this must come before that. Raises InputError where the
    slots are not this user's own, or cannot be used.
    """
    ids, job = gpu_ids(), os.environ.get("SLURM_JOB_ID", "")
    if not wanted or not ids or (job and len(ids) == 1):
        yield None
        return
    # In a Slurm job, ids are the job's own: GPU 0 of one job is not GPU 0 of another.
    folder = folder or Path(tempfile.gettempdir()) / f"ser-gpu-{os.getuid()}{job and f'-{job}'}"
    _make_own(folder)
    has_waited = False
    while True:
        taken: list[Path] = []
        for gpu in ids:
            with ExitStack() as held:
                by_others = _take(held, [folder / f"{gpu}.{slot}" for slot in range(per_gpu)], min(wanted, per_gpu))
                if not by_others:
                    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
                    yield gpu
                    return
                taken += by_others
        if not has_waited:
            holders = listed((f"{path} has {path.read_text() or 'another process'}" for path in taken), 4)
            log.info("waiting for %d of the %d slots of a GPU: %s", min(wanted, per_gpu), per_gpu, holders)
        has_waited = True
        time.sleep(POLL_SECONDS)


def _make_own(folder: Path) -> None:
    """Make the folder with the slots, unless it is there; another user's could be locked for ever."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise InputError(f"{folder}: no place for the slots of GPUs: {error.strerror}: {ANOTHER}") from None
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or mode & 0o077:
        raise InputError(
            f"{folder}: the slots of GPUs need a folder that is yours alone, but this belongs to user {status.st_uid} "
            f"and has mode {mode:04o}: {ANOTHER}"
        )


def _take(held: ExitStack, paths: list[Path], wanted: int) -> list[Path]:
    """Lock `wanted` of the files, without waiting; those obtained are in `held`.

    Returns nothing or, if there were too few, those that others have locked. A locked file says who holds it.
    """
    by_others = []
    for path in paths:
        try:
            held.enter_context(FileLock(path, timeout=0))
        except Timeout:
            by_others.append(path)
            continue
        except OSError as error:
            raise InputError(f"{path}: not a slot of a GPU that can be used: {error.strerror}: {ANOTHER}") from None
        with suppress(OSError):  # a full disk
            path.write_text(f"process {os.getpid()} of {Path.cwd()}", encoding="utf-8")
        wanted -= 1
        if not wanted:
            return []
    return by_others
