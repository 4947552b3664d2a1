"""A feature: its settings, checked; its name; and what computes it.

A spec is a mapping with `kind` and that kind's settings. A kind is a file in `ser/features/kinds/`: a frozen dataclass
`Settings` (a field without a default is required; `problems()` says which values cannot work together), a function
`extractor(settings, **options) -> Extractor`, and, where it may not be computable on every machine, `missing() -> str`.
This file and the kinds are read while the workflow is parsed: heavy imports wait until a feature is computed.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from ser.errors import InputError
from ser.files import words

if TYPE_CHECKING:
    import numpy as np

_UNIONS = (types.UnionType, typing.Union)  # int | str, int | Literal[...]


@dataclass(frozen=True)
class Extractor:
    """What the function `extractor(settings, encoder_dir=, checkpoint=, device=)` of each kind returns.

    `compute` takes waveforms, float32 [samples] at 16 kHz, and returns an array [frames, ...] for each, the same
    whatever else is in the list. `bytes_per_second` that it returns per second of audio (0: next to nothing) and
    `shard_seconds` bound a shard. `by_length`: it is fastest on waveforms of similar length.
    `identity` is what else determines the values; it goes into the store's key and metadata.
    """

    compute: Callable[[list[np.ndarray]], list[np.ndarray]]
    bytes_per_second: float = 0.0
    shard_seconds: float = 1800.0
    by_length: bool = False
    dtype: str = "float32"
    identity: Mapping[str, str] = field(default_factory=dict)


def open_extractor(spec: Mapping[str, Any], **options: Any) -> Extractor:
    """The extractor of a validated spec; `options` are those of `extractor`, of which a kind takes what it needs."""
    extractor: Extractor = _kind(spec["kind"]).extractor(_settings(spec), **options)
    return extractor


def missing(spec: Mapping[str, Any]) -> str:
    """Why a validated spec cannot be computed on this machine; empty: it can."""
    reason: str = getattr(_kind(spec["kind"]), "missing", str)()
    return reason


def validate_spec(spec: Mapping[str, Any], where: str = "feature") -> dict[str, Any]:
    """The spec with its defaults filled in, `kind` first; whole numbers become floats where a float is meant.

    Raises InputError, starting with `where`, for an unknown kind, for settings that are unknown, missing
    or of a wrong type, and for values that cannot work together.
    """
    kind = spec.get("kind")
    if kind not in (known := words("features/kinds")):
        raise InputError(f"{where}: kind is {kind!r}: use one of {', '.join(known)}")
    settings = _kind(kind).Settings
    hints = typing.get_type_hints(settings)
    required = [f.name for f in fields(settings) if f.default is MISSING]
    problems = [f"unknown setting {name!r}" for name in sorted(set(spec) - set(hints) - {"kind"}, key=str)]
    problems += [f"missing setting {name!r}" for name in required if name not in spec]
    if problems:
        raise InputError(f"{where}: {', '.join(problems)}: {kind} has {', '.join(hints) or 'no settings'}")
    values = {}
    for name in hints.keys() & spec.keys():
        values[name] = float(spec[name]) if hints[name] is float and type(spec[name]) is int else spec[name]
        if not _fits(values[name], hints[name]):
            problems.append(f"{name} is {spec[name]!r}, not {_described(hints[name])}")
    if not problems:
        values = asdict(settings(**values))
        problems = list(settings(**values).problems()) if hasattr(settings, "problems") else []
    if problems:
        raise InputError(f"{where}: {'; '.join(sorted(problems))}")
    return {"kind": kind, **values}


def canonical(spec: Mapping[str, Any]) -> str:
    """The one JSON text of a validated spec: what is hashed, and what a store keeps as `feature`."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"))


def feature_name(spec: Mapping[str, Any]) -> str:
    """`<kind>-<8 hex digits>` of a validated spec; the name of its file."""
    return f"{spec['kind']}-{hashlib.sha256(canonical(spec).encode()).hexdigest()[:8]}"


def _kind(name: str) -> Any:
    kind = importlib.import_module(f"ser.features.kinds.{name}")
    if not hasattr(kind, "Settings"):
        raise InputError(f"{kind.__file__}: a feature kind needs a frozen dataclass `Settings`")
    return kind


def _settings(spec: Mapping[str, Any]) -> Any:
    values = dict(spec)
    return _kind(values.pop("kind")).Settings(**values)


def _fits(value: Any, hint: Any) -> bool:
    if typing.get_origin(hint) is Literal:
        return isinstance(value, str) and value in typing.get_args(hint)
    if typing.get_origin(hint) in _UNIONS:
        return any(_fits(value, part) for part in typing.get_args(hint))
    return type(value) is hint  # not isinstance: True is not a number


def _described(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " or ".join(typing.get_args(hint))
    if typing.get_origin(hint) in _UNIONS:
        return " or ".join(_described(part) for part in typing.get_args(hint))
    return {int: "a whole number", float: "a number", str: "text"}[hint]
