"""The machine's GPUs, and slots on them: small runs share a GPU, large ones take a whole one.

Snakemake hands out no GPU ids. A slot is a lock on a file, which is released when its process ends, however it ends, so
a killed run blocks nothing. The files are in the machine's own temporary folder: a GPU belongs to one machine, but
several machines may share a project folder.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.5


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
    CUDA reads CUDA_VISIBLE_DEVICES when it is first used, so this must come before that.
    """
    ids, job = gpu_ids(), os.environ.get("SLURM_JOB_ID", "")
    if not wanted or not ids or (job and len(ids) == 1):
        yield None
        return
    # In a Slurm job, ids are the job's own: GPU 0 of one job is not GPU 0 of another.
    folder = folder or Path(tempfile.gettempdir()) / f"ser-gpu-{os.getuid()}{job and f'-{job}'}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        for gpu in ids:
            with ExitStack() as held:
                if _take(held, [folder / f"{gpu}.{slot}" for slot in range(per_gpu)], min(wanted, per_gpu)):
                    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
                    yield gpu
                    return
        time.sleep(POLL_SECONDS)


def _take(held: ExitStack, paths: list[Path], wanted: int) -> bool:
    """Whether `wanted` of the files could be locked without waiting; the locks obtained are in `held` either way."""
    for path in paths:
        try:
            held.enter_context(FileLock(path, timeout=0))
        except Timeout:
            continue
        wanted -= 1
        if not wanted:
            return True
    return False
