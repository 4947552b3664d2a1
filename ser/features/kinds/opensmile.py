"""Kind `opensmile`: openSMILE functionals, [1, dim] float32.

Needs the optional extra `ser[opensmile]`: openSMILE's licence is not free for all uses.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

from ser.errors import InputError
from ser.features.spec import Extractor


@dataclass(frozen=True)
class Settings:
    """`feature_set` is one of openSMILE's own."""

    feature_set: Literal["eGeMAPSv02", "eGeMAPSv01b", "GeMAPSv01b", "ComParE_2016", "emobase"]


def missing() -> str:
    """Why openSMILE cannot be used here; empty: it can."""
    if importlib.util.find_spec("opensmile"):
        return ""
    return "the optional package opensmile is not installed (its licence is not free for all uses)"


def extractor(settings: Settings, **_: Any) -> Extractor:
    """The vector of each waveform. Raises InputError if the package is not installed."""
    try:
        import opensmile
    except ImportError:
        raise InputError(
            "feature opensmile: the package is not installed: `python -m pip install opensmile`, after reading its"
            " licence, which is not free for all uses; or use kind functionals"
        ) from None
    import numpy as np

    from ser.waveforms import RATE

    smile = opensmile.Smile(opensmile.FeatureSet[settings.feature_set], opensmile.FeatureLevel.Functionals)

    def one(x: np.ndarray) -> np.ndarray:
        vector: np.ndarray = smile.process_signal(x, RATE).to_numpy(np.float32)
        return vector

    return Extractor(lambda waveforms: [one(x) for x in waveforms], identity={"opensmile": opensmile.__version__})
