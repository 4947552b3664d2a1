"""Kind `mfcc`: cepstral coefficients, [frames, n_mfcc] float32, the orthonormal DCT-II of a log-Mel spectrogram."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ser.features.kinds import log_mel
from ser.features.spec import Extractor


@dataclass(frozen=True, kw_only=True)
class Settings(log_mel.Settings):
    """The defaults are those of CA-MSER's published code, which calls librosa 0.8.1 with 40 coefficients, a hop of 160
    samples and HTK's scale, and leaves the rest to it; but its signal is pre-emphasised.
    """

    window: Literal["hamming", "hann"] = "hann"
    window_ms: float = 128.0
    n_fft: int = 2048
    n_mels: int = 128
    f_min: float = 0.0
    mel_scale: Literal["slaney", "htk"] = "htk"
    edges: Literal["silence", "reflection"] = "reflection"
    reference: Literal["utterance_max", "one", "none"] = "one"
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
