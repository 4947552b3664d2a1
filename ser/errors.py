"""The one exception that means: the input is wrong, and here is how to mend it."""

from collections.abc import Iterable
from typing import Any


class InputError(Exception):
    """Bad input. The message is one clear line that names the file, the value and the fix."""


def listed(names: Iterable[Any], most: int = 20) -> str:
    """`a, b, c and 5 more`: the first `most` names, then how many others there are."""
    texts = list(map(str, names))
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
