"""The settings that spectrograms share, whatever becomes of their bins. Standard library only, like the kinds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Framing:
    """Frames are centred, one every hop: 1 + floor(samples / hop) of them.

    The `window` takes the middle `window_ms` of `n_fft` samples. `edges`: what the outer frames hear beyond both ends
    of the utterance, silence or its reflection (librosa 0.8.1 reflects). `reference`: `utterance_max` gives dB below
    the loudest value of the utterance, cut at -`top_db`; `one` gives dB of the power itself, cut `top_db` below that
    loudest value (librosa's power_to_db as it comes); `none` gives the natural logarithm of the power. The last two
    keep the level. Power below `floor` counts as `floor` (1e-10, full scale being 1, is far below the rounding of
    16-bit audio: only digital silence reaches it). `pre_emphasis` a: x[t] - a * x[t-1] first, 0 for none.
    """

    window: Literal["hamming", "hann"]
    window_ms: float
    hop_ms: float = 10.0
    n_fft: int
    edges: Literal["silence", "reflection"] = "silence"
    reference: Literal["utterance_max", "one", "none"]
    top_db: float = 80.0
    floor: float = 1e-10
    pre_emphasis: float = 0.0

    def problems(self) -> Iterator[str]:
        """What cannot work together, at 16 samples per millisecond."""
        if not 0 < self.window_ms * 16 <= self.n_fft:
            yield f"window_ms {self.window_ms} must be above 0 and fit into n_fft samples"
        if self.hop_ms * 16 < 1 or not (self.hop_ms * 16).is_integer():
            yield f"hop_ms {self.hop_ms} must be a whole number of samples"
        if not (self.window_ms * 16).is_integer():
            yield f"window_ms {self.window_ms} must be a whole number of samples"
        if self.n_fft % 2:
            yield f"n_fft {self.n_fft} must be even"
        for name in ("floor", "top_db"):
            if getattr(self, name) <= 0:
                yield f"{name} {getattr(self, name)} must be above 0"
        yield from pre_emphasis_problems(self.pre_emphasis)


def pre_emphasis_problems(pre_emphasis: float) -> Iterator[str]:
    """What is wrong with a pre-emphasis factor."""
    if not 0 <= pre_emphasis < 1:
        yield f"pre_emphasis {pre_emphasis} must be from 0 to below 1"
