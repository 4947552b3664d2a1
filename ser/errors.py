"""The one exception that means: the input is wrong, and here is how to fix it."""

import difflib
import errno
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_MOST = 8_000  # characters of a message: twenty long paths, but not all that a damaged file holds
_AGAIN = "then start the same command again: what is finished is kept"
_ROOM = "make room on that disk"
_RIGHTS = "give yourself the right to read or write there (chmod -R u+rwX), or use another folder"
_MENDS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _RIGHTS),
}
_TOO_LITTLE = "too little memory"
# What torch says, on CPUs and GPUs, in a RuntimeError; what Python says; and what `in_one_line` makes of either.
NO_MEMORY = re.compile(rf"allocate memory|not enough memory|out of memory|MemoryError|{_TOO_LITTLE}", re.IGNORECASE)
# What would break a line, or cannot be printed: control characters, and bytes of file names that are not UTF-8.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class InputError(Exception):
    """Bad input. The message is one clear line that names the file, the value and the fix."""

    def __str__(self) -> str:
        text = one_line(super().__str__())
        return text if len(text) <= _MOST else f"{text[:_MOST]} ... {text[-500:]}"  # the fix comes last


def one_line(text: str) -> str:
    """The text with escapes for whatever would break the line or cannot be printed."""
    return UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


@contextmanager
def in_one_line(job: str, outputs: Collection[Any] = ()) -> Iterator[None]:
    """Turns what the machine does to `job` into InputError: a full disk, missing rights, a broken link, no memory.

    It names the file in question or, where none is known, the first of `outputs`.
    """
    try:
        yield
    except OSError as error:
        file = error.filename or next(iter(outputs), "")
        mend = _MENDS.get(error.errno or 0, "put this right")
        raise InputError(f"{file}: {job} stopped: {error.strerror or error}: {mend}, {_AGAIN}") from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not NO_MEMORY.search(str(error)):
            raise
        file, mend = next(iter(outputs), ""), "run fewer jobs at once, or use a machine with more"
        raise InputError(f"{file}: {job} stopped: {_TOO_LITTLE}: {mend}, {_AGAIN}") from None


def shown(value: Any, write: Callable[[Any], str] = repr) -> str:
    """The value for a message, cut where it is long."""
    text = write(value)
    return text if len(text) < 300 else f"{text[:300]}..."


def did_you_mean(value: Any, known: Collection[str]) -> str:
    """A hint for a name that is not in `known`: the nearest known name, or all of them."""
    near = difflib.get_close_matches(str(value), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"


def listed(names: Iterable[Any], most: int = 20) -> str:
    """`a, b, c and 5 more`: the first `most` names, then how many others there are."""
    texts = list(map(str, names))
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
