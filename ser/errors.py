"""The one exception that means: the input is wrong, and here is how to fix it."""

import difflib
from collections.abc import Collection, Iterable
from typing import Any


class InputError(Exception):
    """Bad input. The message is one clear line that names the file, the value and the fix."""


def did_you_mean(value: Any, known: Collection[str]) -> str:
    """A hint for a name that is not in `known`: the nearest known name, or all of them."""
    near = difflib.get_close_matches(str(value), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"


def listed(names: Iterable[Any], most: int = 20) -> str:
    """`a, b, c and 5 more`: the first `most` names, then how many others there are."""
    texts = list(map(str, names))
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
