"""Kind `log_stft`: the lowest `n_bins` of a log-magnitude STFT, [frames, n_bins] float32."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ser.features.framing import Framing
from ser.features.spec import Extractor


@dataclass(frozen=True, kw_only=True)
class Settings(Framing):
    """The defaults are those of the published code of CA-MSER and MFHCA: 0 to 4 kHz in steps of 20 Hz, dB below the
    utterance's maximum; but its edges are a reflection, and its signal is pre-emphasised.
    """

    window: Literal["hamming", "hann"] = "hamming"
    window_ms: float = 40.0
    n_fft: int = 800
    n_bins: int = 200
    reference: Literal["utterance_max", "one", "none"] = "utterance_max"

    def problems(self) -> Iterator[str]:
        """What cannot work together."""
        yield from super().problems()
        if not 0 < self.n_bins <= self.n_fft // 2 + 1:
            yield f"n_bins {self.n_bins} must be from 1 to n_fft / 2 + 1"


def extractor(settings: Settings, **_: Any) -> Extractor:
    """The spectrogram of each waveform."""
    from ser.features.spectrogram import Spectrogram

    return Spectrogram(settings, settings.n_bins).extractor()
