"""Kind `clip_mfcc`: cepstra of a clip of one length, [frames, n_mfcc] float32, as Light-SERNet reads them.

Unlike in kind `mfcc`, an utterance is first cut or padded to `seconds` and its level made equal, and frames lie whole
inside the clip: 1 + floor((samples - window) / hop) of them, 184 in 3 s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ser.features.spec import Extractor


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The defaults are those of Light-SERNet's published code, in this order: the utterance's first `seconds`, or all
    of it between equal stretches of silence; divided by the `percentile` of its magnitudes and clipped to [-1, 1];
    spectra of frames of `window_ms`; Mel bands; log(x + `offset`); `n_mfcc` coefficients of the orthonormal DCT-II,
    clipped to +-`limit`.

    Not known of that code, and chosen: that the beginning is kept, that the percentile is one of magnitudes (silence
    included), `spectrum`, `mel_scale`, `mel_norm` and the norm of the DCT.
    """

    seconds: float = 3.0
    percentile: float = 99.9
    window: Literal["hamming", "hann"] = "hamming"
    window_ms: float = 64.0
    hop_ms: float = 16.0
    spectrum: Literal["magnitude", "power"] = "magnitude"
    n_mels: int = 128
    f_min: float = 80.0
    f_max: float = 7600.0
    mel_scale: Literal["slaney", "htk"] = "htk"
    mel_norm: Literal["area", "height"] = "height"
    offset: float = 1e-6
    n_mfcc: int = 40
    limit: float = 10.0

    @property
    def n_fft(self) -> int:
        """A frame in samples: nothing is padded."""
        return round(self.window_ms * 16)

    def problems(self) -> Iterator[str]:
        """What cannot work together, at 16 samples per millisecond."""
        for name in ("window_ms", "hop_ms"):
            samples = getattr(self, name) * 16
            if samples < 1 or not samples.is_integer():
                yield f"{name} {getattr(self, name)} must be a whole number of samples"
        if self.seconds * 16_000 < self.n_fft:
            yield f"seconds {self.seconds} must be at least one window (window_ms {self.window_ms})"
        if not 0 < self.percentile <= 100:
            yield f"percentile {self.percentile} must be above 0 and at most 100"
        if not 0 <= self.f_min < self.f_max <= 8000:
            yield f"f_min {self.f_min}, f_max {self.f_max}: must increase within 0 to 8000 Hz"
        if not 0 < self.n_mfcc <= self.n_mels:
            yield f"n_mfcc {self.n_mfcc} must be from 1 to n_mels"
        for name in ("offset", "limit"):
            if getattr(self, name) <= 0:
                yield f"{name} {getattr(self, name)} must be above 0"


def extractor(settings: Settings, **_: Any) -> Extractor:
    """The coefficients of each waveform. Raises InputError if Mel bands are narrower than the FFT's bins."""
    import numpy as np
    import scipy.fft
    from numpy.lib.stride_tricks import sliding_window_view

    from ser.features.spectrogram import centred_window, cosines, whole_mel_bank
    from ser.waveforms import RATE

    s, size, hop = settings, settings.n_fft, round(settings.hop_ms * 16)
    length = round(s.seconds * RATE)
    window = centred_window(s.window, size, size)
    bank, basis = whole_mel_bank(s, "clip_mfcc"), cosines(s.n_mels, s.n_mfcc)

    def one(x: np.ndarray) -> np.ndarray:
        missing = max(0, length - len(x))
        clip = np.pad(x[:length], (missing // 2, missing - missing // 2))
        level = np.float32(np.percentile(np.abs(clip), s.percentile))
        if level > 0:  # silence stays silence
            clip = (clip / level).clip(-1, 1)
        spectrum = np.abs(scipy.fft.rfft(sliding_window_view(clip, size)[::hop] * window, axis=1))
        bands = (spectrum if s.spectrum == "magnitude" else spectrum**2) @ bank
        cepstra: np.ndarray = (np.log(bands + np.float32(s.offset)) @ basis).clip(-s.limit, s.limit)
        return cepstra

    return Extractor(lambda waveforms: [one(x) for x in waveforms])
