"""A row that has been trained, with all that predicting takes: project.py finds one, exported.py reads one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ser.errors import InputError


@dataclass(frozen=True)
class Model:
    """What one run learned: `path` are its tensors (safetensors). `names`: the system's name
    for a tensor -> its name there ({}: they are the same).
    """

    seed: int
    fold: int
    path: Path
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A row's `name` (`<experiment>/<row>/<protocol>/<selection>`) and what its runs were given.

    `labels` are classes, or attributes in the range `scale`. `features`: the system's name for a feature -> its
    validated spec; `encoders`: its names for what it trains further -> names in params.yaml, whose folders are
    `checkpoints`, with those that features name. `about`: what is said with each prediction, JSON; `warnings` among it
    are lines for whoever reads them.
    """

    name: str
    system: str
    settings: Mapping[str, Any]
    labels: tuple[str, ...]
    scale: tuple[float, float] | None
    features: Mapping[str, Mapping[str, Any]]
    encoders: Mapping[str, str]
    checkpoints: Mapping[str, Path]
    models: tuple[Model, ...]
    about: Mapping[str, Any]

    @property
    def tag(self) -> str:
        """The row and its protocol's hash, in one word."""
        return f"{self.name}@{self.about['protocol_hash']}"

    def of(self, fold: int | None = None, seed: int | None = None) -> "Trained":
        """With the models of this fold and seed alone (None: of any). Raises InputError if there are none."""
        wanted = tuple(m for m in self.models if fold in (None, m.fold) and seed in (None, m.seed))
        if not wanted:
            known = ", ".join(f"seed {m.seed} fold {m.fold}" for m in self.models)
            raise InputError(f"{self.name}: no such model: it has {known}")
        return replace(self, models=wanted)
