"""One vector per utterance: statistics of low-level descriptors, for a support-vector machine.

Descriptors, every 10 ms: log-Mel bands and cepstrum; level and shape of the spectrum; zero crossings; pitch and
harmonicity. Alpha ratio, Hammarberg index and slopes are those of eGeMAPS (Eyben et al. 2016). Six functionals of
each over the utterance, and of all but bands and cepstrum over its voiced frames, and the rhythm of voicing.

Chosen from some fifty such sets by leave-one-speaker-out on EmoDB's four complete classes; most of them, including this
one, lie within two points of each other, which is as much as 339 utterances can tell.
"""

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from ser.features.spectrogram import centred_window, cosines, mel_bank, power_frames
from ser.waveforms import RATE

HOP = 160
_SILENCE = 1e-10  # power of a bin; full scale is 1

_N_FFT, _N_MELS, _N_MFCC = 512, 26, 14
_WINDOW = centred_window("hann", 400, _N_FFT)
_BANK = mel_bank(_N_MELS, _N_FFT, 20, RATE / 2, "htk", "height")
_COSINES = cosines(_N_MELS, _N_MFCC)
_HZ = np.linspace(0, RATE / 2, _N_FFT // 2 + 1, dtype=np.float32)

_F0_MIN, _F0_MAX = 60, 500  # Hz
_LAGS = np.arange(RATE // _F0_MAX, RATE // _F0_MIN + 1)
_PITCH_FFT = 1024  # holds a 40 ms frame and the longest lag without wrapping round
_PITCH_WINDOW = centred_window("hann", 640, 640)

_ROLLOFFS = (0.25, 0.5, 0.75, 0.9)
SHAPE = (
    *("level", "centroid", "spread", *(f"rolloff{round(100 * part)}" for part in _ROLLOFFS)),
    *("flux", "entropy", "flatness", "alpha_ratio", "hammarberg", "slope0_500", "slope500_1500", "slope0_4000"),
    *("zero_crossings", "hnr"),
)
FUNCTIONALS = ("mean", "deviation", "slope", "skewness", "kurtosis", "change")
_BANDS = (*(f"mel{i}" for i in range(_N_MELS)), *(f"mfcc{i}" for i in range(_N_MFCC)))
RHYTHM = (
    *("voiced_part", "voiced_per_second", "voiced_mean", "voiced_deviation", "voiced_longest"),
    *("gap_mean", "gap_deviation", "peaks_per_second", "duration"),
)
NAMES = (
    *(f"all.{d}.{f}" for f in FUNCTIONALS for d in (*_BANDS, *SHAPE)),
    *(f"voiced.{d}.{f}" for f in FUNCTIONALS for d in (*SHAPE, "pitch", "pitch_step")),
    *(f"rhythm.{name}" for name in RHYTHM),
)


def functionals(x: np.ndarray) -> np.ndarray:
    """The vector, float32 [len(NAMES)], of one waveform, float32 [samples]; finite for any input, even silence."""
    power = power_frames(x, _WINDOW, HOP, "silence")
    mel = np.log(np.maximum(power @ _BANK, _SILENCE))
    f0, strength = pitch(x)
    shape = np.column_stack([_shape(power), _zero_crossings(x), _hnr(strength)])
    level = shape[:, 0]
    voiced = (strength > 0.45) & (level > np.percentile(level, 95) - 6)  # within 26 dB of the loud frames
    semitones = _smoothed(12 * np.log2(f0 / 27.5), [1, 1, 1])
    melody = np.column_stack([semitones, np.abs(np.diff(semitones, append=semitones[-1:]))])
    of_voice = np.column_stack([shape, melody])[voiced if voiced.sum() > 2 else slice(None)]
    parts = [
        _functionals(np.column_stack([mel, mel @ _COSINES, shape])),
        _functionals(of_voice),
        _rhythm(voiced, level),
    ]
    return np.concatenate(parts).astype(np.float32)


def pitch(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F0 in Hz and the autocorrelation there, 0 to 1, both float32 [1 + floor(samples / HOP)].

    The best peak of the normalised autocorrelation divided by the window's own (Boersma 1993), with a cost of 0.02
    per octave against subharmonics; 60 to 500 Hz. Unvoiced frames have an F0 too: look at the second value.
    """
    frames = sliding_window_view(np.pad(x, 320), 640)[::HOP]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * _PITCH_WINDOW
    r = _autocorrelation(frames) / _autocorrelation(_PITCH_WINDOW)
    first, last = _LAGS[0], _LAGS[-1]
    before, at, after = (r[:, first + step : last + 1 + step] for step in (-1, 0, 1))
    score = np.where((at >= before) & (at >= after), at - 0.02 * np.log2(_LAGS / _LAGS[0]), -2)
    best = score.argmax(axis=1)[:, None]
    before, at, after = (np.take_along_axis(part, best, axis=1)[:, 0] for part in (before, at, after))
    curve = np.minimum(before - 2 * at + after, -1e-9)  # of the parabola through the peak
    lag = _LAGS[best[:, 0]] + (0.5 * (before - after) / curve).clip(-0.5, 0.5)
    return (RATE / lag).astype(np.float32), at.clip(0, 1)


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    spectrum = scipy.fft.rfft(frames, _PITCH_FFT)
    r = scipy.fft.irfft(spectrum.real**2 + spectrum.imag**2)[..., : _LAGS[-1] + 2]
    normalised: np.ndarray = r / np.maximum(r[..., :1], 1e-9)
    return normalised


def _shape(power: np.ndarray) -> np.ndarray:
    """The descriptors of `SHAPE` up to the slopes, [frames, 15], of power spectra [frames, bins]."""
    power = power + np.float32(_SILENCE)
    total = power.sum(axis=1, keepdims=True)
    density = power / total
    centroid = density @ _HZ
    spread = np.sqrt(np.maximum(density @ _HZ**2 - centroid**2, 0))
    below = np.cumsum(density, axis=1)
    root = np.sqrt(density)
    log_density = np.log(density)
    level = np.log(total[:, 0])
    db = 10 / np.log(10) * (log_density + level[:, None])
    return np.column_stack(
        [
            *(level, centroid, spread),
            *(_HZ[np.minimum((below < part).sum(axis=1), len(_HZ) - 1)] for part in _ROLLOFFS),
            np.linalg.norm(np.diff(root, axis=0, prepend=root[:1]), axis=1),
            -(density * log_density).sum(axis=1),
            log_density.mean(axis=1),
            _band_db(power, 50, 1000) - _band_db(power, 1000, 5000),
            db[:, _band(0, 2000)].max(axis=1) - db[:, _band(2000, 5000)].max(axis=1),
            *(_slope(db, *limits) for limits in ((0, 500), (500, 1500), (0, 4000))),
        ]
    )


def _band(low: float, high: float) -> slice:
    return slice(*np.searchsorted(_HZ, [low, high + 1]))


def _band_db(power: np.ndarray, low: float, high: float) -> np.ndarray:
    db: np.ndarray = 10 * np.log10(power[:, _band(low, high)].sum(axis=1))
    return db


def _slope(db: np.ndarray, low: float, high: float) -> np.ndarray:
    """dB per kHz of the line through the bins from `low` to `high` Hz."""
    khz = _HZ[_band(low, high)] / 1000
    khz = khz - khz.mean()
    slope: np.ndarray = db[:, _band(low, high)] @ khz / (khz @ khz)
    return slope


def _zero_crossings(x: np.ndarray) -> np.ndarray:
    """Sign changes per sample in the 25 ms around each frame's centre."""
    crossings = np.diff(np.signbit(x), prepend=np.signbit(x[:1])).astype(np.int32)
    count = np.concatenate([[0], np.cumsum(crossings)])
    centre = HOP * np.arange(1 + len(x) // HOP)
    rate: np.ndarray = (count[np.minimum(centre + 200, len(x))] - count[np.maximum(centre - 200, 0)]) / 400
    return rate


def _hnr(strength: np.ndarray) -> np.ndarray:
    """Harmonics-to-noise ratio in dB, -30 to 40, from the autocorrelation at the pitch lag."""
    r = strength.clip(0.001, 0.9999)
    db: np.ndarray = 10 * np.log10(r / (1 - r))
    return db


def _functionals(x: np.ndarray) -> np.ndarray:
    """`FUNCTIONALS` of each column of x [frames, d], one functional after the other: [6 * d]."""
    x = x.astype(np.float64)
    if len(x) == 1:
        x = np.repeat(x, 2, axis=0)  # no slope, no change
    time = np.linspace(-0.5, 0.5, len(x))
    mean = x.mean(axis=0)
    off = x - mean
    deviation = off.std(axis=0)
    z = off / np.maximum(deviation, 1e-6)
    z2 = z * z
    change = np.abs(np.diff(x, axis=0)).mean(axis=0)
    slope = time @ off / (time @ time)
    return np.concatenate([mean, deviation, slope, (z2 * z).mean(axis=0), (z2 * z2).mean(axis=0), change])


def _rhythm(voiced: np.ndarray, level: np.ndarray) -> np.ndarray:
    """`RHYTHM`: times in seconds; peaks are those of the smoothed level within 22 dB of the highest."""
    edges = np.diff(np.concatenate([[0], voiced.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    runs, gaps = (stops - starts) * HOP / RATE, (starts[1:] - stops[:-1]) * HOP / RATE
    duration = len(voiced) * HOP / RATE
    smooth = _smoothed(level, [1, 2, 3, 2, 1])
    inner = smooth[1:-1]
    peaks = (inner > smooth[:-2]) & (inner >= smooth[2:]) & (inner > smooth.max() - 5)
    return np.array(
        [
            *(voiced.mean(), len(runs) / duration, *_mean_and_deviation(runs), runs.max(initial=0)),
            *(*_mean_and_deviation(gaps), peaks.sum() / duration, duration),
        ]
    )


def _mean_and_deviation(x: np.ndarray) -> tuple[float, float]:
    return (float(x.mean()), float(x.std())) if len(x) else (0.0, 0.0)


def _smoothed(x: np.ndarray, weights: list[float]) -> np.ndarray:
    """The weighted mean around each value; the end values are repeated beyond the ends."""
    return np.convolve(np.pad(x, len(weights) // 2, mode="edge"), weights, mode="valid") / sum(weights)
