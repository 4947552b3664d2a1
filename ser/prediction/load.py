"""What `ser.load` does."""

from os import PathLike
from pathlib import Path

from ser.prediction.exported import read_export
from ser.prediction.predictor import Predictor


def load(folder: str | PathLike[str], fold: int | None = None) -> Predictor:
    """The predictor of an exported folder. Raises InputError for any other folder."""
    return Predictor(read_export(Path(folder)).of(fold))
