"""Compared with torch.stft and torchaudio's Mel filters, which share no code with ours."""

import numpy as np
import pytest
import torch
import torchaudio

from ser.errors import InputError
from ser.features.spec import Extractor, open_extractor, validate_spec
from ser.features.spectrogram import mel_bank

NOISE = np.random.default_rng(0).normal(0, 0.1, 16_037).astype(np.float32)


def opened(kind: str, **settings: object) -> Extractor:
    return open_extractor(validate_spec({"kind": kind, **settings}))


def one(x: np.ndarray, kind: str, **settings: object) -> np.ndarray:
    return opened(kind, **settings).compute([x])[0]


def torch_power(x: np.ndarray, n_fft: int, length: int, window: str) -> np.ndarray:
    shape = {"hamming": torch.hamming_window, "hann": torch.hann_window}[window](length, dtype=torch.float64)
    wave = torch.from_numpy(x).double()
    return torch.stft(wave, n_fft, 160, length, shape, pad_mode="constant", return_complex=True).abs().numpy().T ** 2


def decibels(power: np.ndarray, top_db: float = 80) -> np.ndarray:
    """librosa.amplitude_to_db with ref=max, as its documentation defines it."""
    level = 10 * np.log10(np.maximum(power, 1e-10))
    return np.maximum(level - level.max(), -top_db)


def test_log_stft_is_that_of_the_published_code():
    found = one(NOISE, "log_stft")
    assert found.dtype == np.float32 and found.shape == (101, 200)
    np.testing.assert_allclose(found, decibels(torch_power(NOISE, 800, 640, "hamming"))[:, :200], atol=2e-3)


def test_the_loudest_value_may_lie_above_the_kept_bins():
    time = np.arange(16_000) / 16_000
    x = (0.5 * np.sin(2 * np.pi * 6000 * time) + 0.05 * np.sin(2 * np.pi * 500 * time)).astype(np.float32)
    found = one(x, "log_stft")
    assert found[50].argmax() == 25 and found[50, 25] == pytest.approx(-20, abs=0.01)  # 500 Hz / 20 Hz


def test_log_power_keeps_the_level():
    settings = {"reference": "none", "pre_emphasis": 0.97}
    emphasised = np.append(NOISE[0], NOISE[1:] - np.float32(0.97) * NOISE[:-1])
    expected = np.log(torch_power(emphasised, 800, 640, "hamming"))[:, :200]
    np.testing.assert_allclose(one(NOISE, "log_stft", **settings), expected, atol=2e-3)
    louder = one(2 * NOISE, "log_stft", **settings) - one(NOISE, "log_stft", **settings)
    np.testing.assert_allclose(louder, np.log(4), atol=1e-4)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_log_mel(scale):
    found = one(NOISE, "log_mel", mel_scale=scale)
    norm = "slaney" if scale == "slaney" else None
    bank = torchaudio.functional.melscale_fbanks(257, 20, 8000, 80, 16_000, norm, scale).numpy()
    assert found.dtype == np.float32 and found.shape == (101, 80)
    np.testing.assert_allclose(mel_bank(80, 512, 20, 8000, scale), bank, atol=1e-4 * bank.max())
    np.testing.assert_allclose(found, np.log(torch_power(NOISE, 512, 400, "hann") @ bank), atol=2e-3)


def test_cepstra():
    found = one(NOISE, "mfcc", pre_emphasis=0.97)
    emphasised = np.append(NOISE[0], NOISE[1:] - np.float32(0.97) * NOISE[:-1])
    bank = torchaudio.functional.melscale_fbanks(401, 0, 8000, 128, 16_000, "slaney", "slaney").numpy()
    level = np.log(np.maximum(torch_power(emphasised, 800, 640, "hamming") @ bank, 1e-10))
    cosines = torchaudio.functional.create_dct(40, 128, norm="ortho").numpy()
    assert found.dtype == np.float32 and found.shape == (101, 40)
    np.testing.assert_allclose(found, level @ cosines, atol=5e-3)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 48_000])
def test_frames(samples):
    x = np.ones(samples, np.float32)
    assert len(one(x, "log_mel")) == len(one(x, "log_stft")) == 1 + samples // 160


def test_silence_is_finite():
    x = np.zeros(800, np.float32)
    assert (one(x, "log_stft") == 0).all()  # everything is as loud as the loudest
    np.testing.assert_allclose(one(x, "log_mel"), np.log(1e-10), rtol=1e-6)


def test_top_db_cuts():
    x = np.append(NOISE, np.zeros(8000, np.float32))
    assert one(x, "log_stft").min() == -80
    assert one(x, "log_stft", top_db=50).min() == -50


def test_bands_without_a_bin_are_refused():
    for kind, n_mels in (("log_mel", 256), ("mfcc", 500)):
        with pytest.raises(InputError, match=rf"{kind}: \d+ of n_mels {n_mels} bands are empty: raise n_fft"):
            opened(kind, n_mels=n_mels)


def test_waveforms_do_not_touch_each_other():
    together = opened("log_stft").compute([NOISE, NOISE[:5000], NOISE])
    for x, found in zip([NOISE, NOISE[:5000], NOISE], together, strict=True):
        np.testing.assert_array_equal(found, one(x, "log_stft"))


def test_counts_the_bytes_that_it_gives():
    one_second = NOISE[:16_000]
    for kind in ("log_mel", "log_stft", "mfcc"):
        bytes_per_second = opened(kind).bytes_per_second
        assert one(one_second, kind).nbytes - 4 * 200 <= bytes_per_second
        assert kind == "mfcc" or abs(one(one_second, kind).nbytes - bytes_per_second) <= 4 * 200
