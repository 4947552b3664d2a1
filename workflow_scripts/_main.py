"""The frame of every workflow script: bad input becomes one line on stderr and exit code 2."""

import sys
from collections.abc import Callable

from ser.errors import InputError


def run(main: Callable[[], None]) -> None:
    """Call `main`; an `InputError` ends the process with its one line and exit code 2."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
