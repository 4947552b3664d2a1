"""openSMILE functionals, one vector per utterance; an optional extra, because its licence is not free for all uses."""

from typing import Any

import numpy as np

from ser.errors import InputError
from ser.features.audio import RATE
from ser.features.extraction import Extractor
from ser.features.spec import OpenSmile


def load(settings: OpenSmile, **_: Any) -> Extractor:
    """What `ser.features.extraction` calls; each waveform gives float32 [1, dim].

    Raises InputError where the package is not installed.
    """
    try:
        import opensmile
    except ImportError:
        raise InputError(
            "feature opensmile: the package is not installed: `python -m pip install opensmile`, after reading its"
            " licence, which is not free for all uses; or use kind functionals"
        ) from None
    smile = opensmile.Smile(opensmile.FeatureSet[settings.feature_set], opensmile.FeatureLevel.Functionals)

    def one(x: np.ndarray) -> np.ndarray:
        return smile.process_signal(x, RATE).to_numpy(np.float32)

    return Extractor(lambda waveforms: [one(x) for x in waveforms], identity={"opensmile": opensmile.__version__})
