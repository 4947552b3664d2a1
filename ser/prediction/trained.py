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


def spoken(trained: Trained) -> list[str]:
    """What the row predicts, what it scored, on what, and what to beware of: lines for a reader."""
    about = trained.about
    unit = "" if about["unit"] == "probability" else f" ({about['unit']})"
    models = len(trained.models)
    lines = [
        f"{trained.name}: {', '.join(trained.labels)}{unit}; "
        + (f"mean of {models} models (one per fold)" if models > 1 else f"the model of fold {trained.models[0].fold}"),
        f"protocol {about['protocol_hash']}: {about['corpus']}, {about['selection']}",
    ]
    # A model alone has tested its own fold only; the number is of all.
    of = "" if models == about["n_folds"] else f"all {about['n_folds']} folds together, each by its own model, "
    lines += [
        f"{of}scored {number['metric']} {number['text']['value']} ({number['text']['ci_low']} to "
        f"{number['text']['ci_high']}) on {number['n_utterances']} utterances of {number['n_speakers']} speakers"
        + (f", part {number['part']}" if number["part"] else "")
        for number in about["scored"]
        if number["metric"] in ("UA", "ccc_average") or len(about["scored"]) == 1
    ] or ["scored: the row is not evaluated yet"]
    return [
        *lines,
        *(f"note: {note}" for note in about["notes"]),
        *(f"warning: {warning}" for warning in about["warnings"]),
    ]
