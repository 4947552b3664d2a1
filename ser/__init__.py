"""What the pipeline plans and computes: corpora, features, protocols, systems, metrics, the table."""

from importlib import import_module
from os import PathLike
from typing import Any

__all__ = ["load"]


def load(folder: str | PathLike[str], fold: int | None = None) -> Any:
    """The `ser.prediction.predictor.Predictor` of a folder that `ser export` wrote: it has `labels` and
    `predict(path_or_array, rate)`. `fold`: the model of this fold alone. Raises InputError for any other folder.
    """
    # By its name: this file is part of every rule's code, and so would be what it imports (ser/plan/code.py).
    return import_module("ser.prediction.load").load(folder, fold)
