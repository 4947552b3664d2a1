"""The frame of every workflow script: its own checkout's code, and one line for bad input."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

# The code that is hashed as an input must be the code that runs, whichever `ser` is installed.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ser.errors import InputError, in_one_line
from ser.files import alone_with
from ser.sealed import Order

_HELD = ExitStack()
_OUTPUTS: list[Path | str] = []


def job_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with what the jobs have in common that make artifacts."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--order", type=Order.parse, default=Order(), help="what to make, from what; by hand: anything")
    return parser


def be_alone_with(*outputs: Path | str) -> bool:
    """`alone_with` until this process ends, to be called before anything is read: who began first then writes first.

    Returns whether that took waiting. Raises InputError in a job of a build that was killed, once a newer one has
    begun: what this job would write may be done already.
    """
    _OUTPUTS.extend(outputs)
    waited = _HELD.enter_context(alone_with(*outputs))
    build, newest = os.environ.get("SER_BUILD"), Path(".snakemake/ser.build")  # none: called by hand
    if build and newest.is_file() and newest.read_text() != build:
        raise InputError("a newer build has begun in this folder: this job of an older one ends here")
    return waited


def script(main: Callable[[], None]) -> None:
    """Call `main`; an `InputError`, or what the machine lacks, ends the process with one line and exit code 2, Ctrl-C
    with 130.

    What `ser` logs goes to stderr, which is the job's log.
    """
    log = logging.getLogger("ser")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    try:
        with _HELD, in_one_line(f"job {Path(sys.argv[0]).stem}", _OUTPUTS):
            main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted: the same command continues from here", file=sys.stderr)
        raise SystemExit(130) from None
