"""Kind `log_mel`: a log-Mel spectrogram, [frames, n_mels] float32."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ser.features.framing import Framing
from ser.features.spec import Extractor


@dataclass(frozen=True, kw_only=True)
class Settings(Framing):
    """`mel_scale` is Slaney's (librosa's default) or HTK's; `mel_norm`: its bands have equal area (librosa's default)
    or equal height.

    The defaults are our choice: the papers' own are not known.
    """

    window: Literal["hamming", "hann"] = "hann"
    window_ms: float = 25.0
    n_fft: int = 512
    n_mels: int = 80
    f_min: float = 20.0
    f_max: float = 8000.0
    mel_scale: Literal["slaney", "htk"] = "slaney"
    mel_norm: Literal["area", "height"] = "area"
    reference: Literal["utterance_max", "one", "none"] = "none"

    def problems(self) -> Iterator[str]:
        """What cannot work together; the highest frequency is 8 kHz."""
        yield from super().problems()
        if self.n_mels <= 0:
            yield f"n_mels {self.n_mels} must be above 0"
        if not 0 <= self.f_min < self.f_max <= 8000:
            yield f"f_min {self.f_min}, f_max {self.f_max}: must increase within 0 to 8000 Hz"


def extractor(settings: Settings, **_: Any) -> Extractor:
    """The spectrogram of each waveform. Raises InputError if Mel bands are narrower than the FFT's bins."""
    from ser.features.spectrogram import Spectrogram, whole_mel_bank

    return Spectrogram(settings, settings.n_mels, bank=whole_mel_bank(settings, "log_mel")).extractor()
