"""What is wrong with a value that a protocol gives: one line that begins with where it stands."""

from collections.abc import Collection, Mapping
from typing import Any

from ser.errors import InputError, did_you_mean


def is_number(value: Any) -> bool:
    """Whether it is one; True is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_keys(fields: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raises InputError for a key that is not `known`."""
    if unknown := [key for key in fields if key not in known]:
        raise InputError(f"{where}: unknown key {', '.join(map(repr, unknown))}{_hint(unknown[0], known)}")


def require_keys(fields: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    """Raises InputError unless `fields` has all `keys`."""
    if missing := [key for key in keys if key not in fields]:
        raise InputError(f"{where}: missing {', '.join(map(repr, missing))}")


def checked_name(value: Any, where: str, known: Collection[str] = ()) -> str:
    """The value. Raises InputError unless it is a name, and one of `known` if there are any."""
    if not isinstance(value, str) or not value or (known and value not in known):
        raise InputError(f"{where}: unknown {value!r}{_hint(value, known)}")
    return value


def checked_names(value: Any, where: str, known: Collection[str] = (), least: int = 1) -> tuple[str, ...]:
    """The values. Raises InputError unless they are at least so many names, each of them once."""
    if not isinstance(value, list | tuple) or len(value) < least:
        raise InputError(f"{where}: must be a list of at least {least} names, not {value!r}")
    names = tuple(checked_name(name, where, known) for name in value)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{where}: {', '.join(map(repr, twice))} given twice")
    return names


def _hint(value: Any, known: Collection[str]) -> str:
    return f": {did_you_mean(value, known)}" if known else ": give a name"
