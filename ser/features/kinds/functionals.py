"""Kind `functionals`: statistics of low-level descriptors, one vector per utterance, [1, dim] float32."""

from dataclasses import dataclass
from typing import Any

from ser.features.spec import Extractor


@dataclass(frozen=True)
class Settings:
    """There is nothing to set."""


def extractor(settings: Settings, **_: Any) -> Extractor:
    """The vector of each waveform."""
    from ser.features.descriptors import functionals

    return Extractor(lambda waveforms: [functionals(x)[None] for x in waveforms])
