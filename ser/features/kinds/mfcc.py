"""Kind `mfcc`: cepstral coefficients, [frames, n_mfcc] float32, the orthonormal DCT-II of a log-Mel spectrogram."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ser.features.kinds import log_mel
from ser.features.spec import Extractor


@dataclass(frozen=True, kw_only=True)
class Settings(log_mel.Settings):
    """`n_mfcc` and `hop_ms` are those of CA-MSER's published code (40 coefficients, 300 frames in 3 s); the window is
    that of its spectrogram and the 128 bands are those of its log-Mel option: both are our choice.
    """

    window: Literal["hamming", "hann"] = "hamming"
    window_ms: float = 40.0
    n_fft: int = 800
    n_mels: int = 128
    f_min: float = 0.0
    n_mfcc: int = 40

    def problems(self) -> Iterator[str]:
        """What cannot work together."""
        yield from super().problems()
        if not 0 < self.n_mfcc <= self.n_mels:
            yield f"n_mfcc {self.n_mfcc} must be from 1 to n_mels"


def extractor(settings: Settings, **_: Any) -> Extractor:
    """The coefficients of each waveform. Raises InputError if Mel bands are narrower than the FFT's bins."""
    from ser.features.spectrogram import Spectrogram, cosines, whole_mel_bank

    bank = whole_mel_bank(settings, "mfcc")
    return Spectrogram(settings, settings.n_mels, bank, cosines(settings.n_mels, settings.n_mfcc)).extractor()
