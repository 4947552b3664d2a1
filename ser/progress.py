"""How far a long job has got: a bar on a terminal, whole lines in a log file."""

import sys
from typing import IO, Any

from tqdm import tqdm

_BAR = "{l_bar}{bar}| {n:.0f}/{total_fmt}{unit} [{elapsed}<{remaining}, {rate_fmt}]"
_LINE = "{desc}: {n:.0f}/{total_fmt}{unit} ({percentage:.0f} %), {rate_fmt}, {elapsed} gone, {remaining} left"


def progress(
    work: Any, description: str, unit: str = "items", *, stream: IO[str] | None = None, seconds: float = 10.0
) -> "tqdm[Any]":
    """A progress meter on stderr with count, rate and time left.

    `work` is what to iterate over, or the number of units expected; in that case call `update(n)` on the result,
    which is a context manager. A stream that is not a terminal gets a whole line without control characters about
    every `seconds` seconds, and one at the end.
    """
    stream = stream or sys.stderr
    options: dict[str, Any] = {"desc": description, "unit": f" {unit}", "file": stream, "bar_format": _BAR}
    if not stream.isatty():
        options |= {"file": _Lines(stream), "mininterval": seconds, "miniters": 1, "bar_format": _LINE}
    return tqdm(total=work, **options) if isinstance(work, int) else tqdm(work, **options)


class _Lines:
    """Passes tqdm's redrawn bar to a stream as lines."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        line = text.strip()  # drops the carriage return in front and the blanks that clear the line behind
        if line:
            self.stream.write(line + "\n")

    def flush(self) -> None:
        self.stream.flush()
