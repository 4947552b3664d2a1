"""The frame of every workflow script: its own checkout's code, and one line for bad input."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

# The code that is hashed as an input must be the code that runs, whichever `ser` is installed.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ser.errors import InputError
from ser.sealed import Order


def job_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with what the jobs have in common that make artifacts."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--order", type=Order.parse, default=Order(), help="what to make, from what; by hand: anything")
    return parser


def script(main: Callable[[], None]) -> None:
    """Call `main`; an `InputError` ends the process with its one line and exit code 2, Ctrl-C with 130."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted: the same command continues from here", file=sys.stderr)
        raise SystemExit(130) from None
