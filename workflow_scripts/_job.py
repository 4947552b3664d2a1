"""Run a job's script: `_job.py COST LIBRARIES SCRIPT ...`; what it took goes into the file COST.

Where the build keeps a process that has the libraries loaded (ser/compute/warm.py), it is run there.
"""

import os
import runpy
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ser.compute.warm import run


def main() -> None:
    began, (cost, libraries, *arguments) = time.monotonic(), sys.argv[1:]
    Path(cost).unlink(missing_ok=True)  # never written to: it may be a link into DVC's cache
    if found := run(libraries, arguments):
        status, used = found
        _write(Path(cost), began, *used)
        if status < 0:
            if status != -signal.SIGKILL:
                signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        raise SystemExit(status)
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).resolve().parent)
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    finally:
        _write(Path(cost), began, time.process_time(), _peak())


def _peak() -> int:
    """KiB of memory, of Linux; getrusage would count what was there before this program began in the process."""
    path = Path("/proc/self/status")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _write(path: Path, began: float, processor: float, memory: int) -> None:
    seconds = time.monotonic() - began
    with suppress(OSError):  # a full disk: the job says so, and no result depends on this
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tcpu_time\tmax_rss\n{seconds:.2f}\t{processor:.2f}\t{memory / 1024:.0f}\n", "utf-8")


if __name__ == "__main__":
    main()
