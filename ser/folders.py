"""A folder that is there whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(directory: Path) -> Iterator[Path]:
    """Give an empty folder beside `directory` to fill; it takes the place of `directory` when the block ends well.

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
            os.rename(directory, old)
        os.rename(part, directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
