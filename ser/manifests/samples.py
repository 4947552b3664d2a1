"""Whether samples are a recording: numbers, near full scale at most, and not silent once channels are averaged."""

import numpy as np

from ser.waveforms import FULL_SCALE

# Both chosen. A decoded MP3, or a recording at full scale that was resampled, overshoots by less than 6 dB; integers
# stored as floats by 42 dB (8 bits) or more. The mean of two microphones keeps about half the power, that of a channel
# and its inverse nothing but what differs between them.
_PEAK = 2.0
_CANCELLED = 0.01


class Samples:
    """Collects what decides it, block by block. A level of 1 is full scale."""

    def __init__(self) -> None:
        self.number = 0
        self.peak = 0.0
        self._not_numbers = 0
        self._low, self._high = np.inf, -np.inf
        self._power = self._power_of_channels = 0.0

    def add(self, block: np.ndarray) -> None:
        """Take in a block: float32 [samples, channels]."""
        channels = block.shape[1]
        with np.errstate(over="ignore", invalid="ignore"):
            # mean(axis=1) takes a hundred times longer
            mean = block @ np.full(channels, 1 / channels, np.float32) if channels > 1 else block[:, 0]
            low, high = float(mean.min()), float(mean.max())
            if not np.isfinite([low, high]).all():
                self._not_numbers += len(mean) - int(np.count_nonzero(np.isfinite(mean)))
            elif channels > 1:
                self._power += float(np.einsum("i,i->", mean, mean))
                self._power_of_channels += float(np.einsum("ij,ij->", block, block)) / channels
        self.number += len(mean)
        self._low, self._high = min(self._low, low), max(self._high, high)
        self.peak = max(self.peak, -low, high)

    def fault(self) -> tuple[str, str] | None:
        """Why these samples are no recording and what to do, and its numbers; None if they may be one."""
        if self._not_numbers:
            return "samples that are NaN or infinite: export it again", f"{self._not_numbers} of {self.number} samples"
        if self.peak > _PEAK:
            return "far beyond full scale: scale its peak to at most 1", f"peak {self.peak:g}"
        if self._power < _CANCELLED * self._power_of_channels:
            share = self._power / self._power_of_channels
            return "its channels cancel each other: keep one of them", f"their mean has {share:.2%} of their power"
        if round(self._low * FULL_SCALE) == round(self._high * FULL_SCALE):
            return "silent: record or export it again", f"all {self.number} samples are {self._low:g}"
        return None
