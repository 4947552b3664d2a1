"""Waveforms at 16 kHz: converted from stored samples, and cut into segments of equal length.

Segments are cut as in the published code of CA-MSER and MFHCA, or soundly. That code counts spectrogram frames,
1 + samples // hop of them, and pads the last segment's audio at the front but its spectrogram at the back. Features
and systems both cut by these rules, so only numpy is imported here.
"""

import math
from typing import Literal

import numpy as np

RATE = 16_000
_LOWEST = 4_000  # Hz; nothing that speech is told by is left below it
_LARGEST_FILTER = 4_000_000  # numbers, 8 bytes each while they are computed
FULL_SCALE = 32_768  # int16 sample / FULL_SCALE = waveform in [-1, 1)

Count = Literal["frames", "samples"]
Padding = Literal["front", "back"]


def waveform(samples: np.ndarray) -> np.ndarray:
    """float32 in [-1, 1) from the store's int16 samples."""
    return samples.astype(np.float32) / FULL_SCALE


def check_rate(rate: int) -> None:
    """Raises ValueError, which says what to do, for a sample rate in Hz that cannot be brought to 16 kHz here.

    The filter of features/audio.py has as many rows as there are phases between the two rates. For 44,100 Hz these are
    160 of 815 numbers; for 44,101 Hz they would be 16,000 of 44,475, which takes gigabytes.
    """
    common = math.gcd(rate, RATE)
    if rate < _LOWEST or (RATE // common) * (rate // common) > _LARGEST_FILTER:
        raise ValueError(
            f"its sample rate cannot be used: convert it to {RATE} Hz, or correct its header if that is wrong",
            f"{rate} Hz",
        )


def count_segments(samples: int, length: int, by: Count) -> int:
    """How many segments of `length` samples an utterance has.

    By `samples`: as many as hold audio. By `frames`: ceil((1 + samples // hop) / (length / hop)), which is the same for
    every hop that divides `length`; an exact multiple of `length` gets one more, whose audio is all padding.
    """
    return samples // length + 1 if by == "frames" else -(-samples // length)


def cut(waveform: np.ndarray, number: int, length: int, padding: Padding, pre_emphasis: float = 0.0) -> np.ndarray:
    """Segment `number`, from 0 on, of a float32 [samples] waveform: float32 [length], zeros where there is no audio.

    `padding` says on which side of the audio the zeros are. `pre_emphasis` a: x[t] - a * x[t - 1] over the whole
    utterance, with x[-1] = 0, before it is cut.
    """
    start = number * length
    piece = waveform[start : start + length]
    if pre_emphasis:
        before = waveform[start - 1 : start + len(piece) - 1] if start else np.append(np.float32(0), piece[:-1])
        piece = piece - np.float32(pre_emphasis) * before[: len(piece)]
    missing = length - len(piece)
    return np.pad(piece, (missing, 0) if padding == "front" else (0, missing))


def standardised(waveform: np.ndarray) -> np.ndarray:
    """Mean 0, variance 1; silence stays 0. As by transformers' `Wav2Vec2FeatureExtractor`, 1e-7 included."""
    x: np.ndarray = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
    return x
