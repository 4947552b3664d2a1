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


def torch_power(x: np.ndarray, n_fft: int, length: int, window: str, edges: str = "constant") -> np.ndarray:
    shape = {"hamming": torch.hamming_window, "hann": torch.hann_window}[window](length, dtype=torch.float64)
    wave = torch.from_numpy(x).double()
    return torch.stft(wave, n_fft, 160, length, shape, pad_mode=edges, return_complex=True).abs().numpy().T ** 2


def decibels(power: np.ndarray, top_db: float = 80) -> np.ndarray:
    """librosa.amplitude_to_db with ref=max, as its documentation defines it."""
    level = 10 * np.log10(np.maximum(power, 1e-10))
    return np.maximum(level - level.max(), -top_db)


def emphasised(x: np.ndarray) -> np.ndarray:
    return np.append(x[0], x[1:] - np.float32(0.97) * x[:-1])


def test_log_stft_is_that_of_the_published_code():
    found = one(NOISE, "log_stft", pre_emphasis=0.97, edges="reflection")
    power = torch_power(emphasised(NOISE), 800, 640, "hamming", "reflect")
    assert found.dtype == np.float32 and found.shape == (101, 200)
    np.testing.assert_allclose(found, decibels(power)[:, :200], atol=2e-3)


def test_edges_by_hand():
    """16 samples around the first and the last one: x[8] ... x[1] x[0] x[1] ... and the same mirrored at the end."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.1, 400).astype(np.float32)
    for edges in ("silence", "reflection"):
        found = one(x, "log_stft", edges=edges, reference="none", window_ms=1, n_fft=16, hop_ms=25, n_bins=9)
        beyond = (np.zeros(8), np.zeros(8)) if edges == "silence" else (x[8:0:-1], x[-9:-1][::-1])
        padded = np.concatenate([beyond[0], x, beyond[1]]).astype(np.float64)
        shape = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(16) / 16)
        waves = np.exp(-2j * np.pi * np.outer(np.arange(16), np.arange(9)) / 16)
        expected = [np.log(np.abs((padded[start : start + 16] * shape) @ waves) ** 2) for start in (0, 400)]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_only_the_outer_frames_hear_the_edges():
    silent, reflected = (one(NOISE, "log_stft", reference="none", edges=edges) for edges in ("silence", "reflection"))
    assert (silent != reflected).any(axis=1).nonzero()[0].tolist() == [0, 1, 99, 100]  # a window of 4 hops


def test_the_loudest_value_may_lie_above_the_kept_bins():
    time = np.arange(16_000) / 16_000
    x = (0.5 * np.sin(2 * np.pi * 6000 * time) + 0.05 * np.sin(2 * np.pi * 500 * time)).astype(np.float32)
    found = one(x, "log_stft")
    assert found[50].argmax() == 25 and found[50, 25] == pytest.approx(-20, abs=0.01)  # 500 Hz / 20 Hz


def test_log_power_keeps_the_level():
    settings = {"reference": "none", "pre_emphasis": 0.97}
    expected = np.log(torch_power(emphasised(NOISE), 800, 640, "hamming"))[:, :200]
    np.testing.assert_allclose(one(NOISE, "log_stft", **settings), expected, atol=2e-3)
    louder = one(2 * NOISE, "log_stft", **settings) - one(NOISE, "log_stft", **settings)
    np.testing.assert_allclose(louder, np.log(4), atol=1e-4)


@pytest.mark.parametrize("norm", ["area", "height"])
@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_log_mel(scale, norm):
    found = one(NOISE, "log_mel", mel_scale=scale, mel_norm=norm)
    theirs = {"area": "slaney", "height": None}[norm]
    bank = torchaudio.functional.melscale_fbanks(257, 20, 8000, 80, 16_000, theirs, scale).numpy()
    assert found.dtype == np.float32 and found.shape == (101, 80)
    np.testing.assert_allclose(mel_bank(80, 512, 20, 8000, scale, norm), bank, atol=1e-4 * bank.max())
    np.testing.assert_allclose(found, np.log(torch_power(NOISE, 512, 400, "hann") @ bank), atol=2e-3)


@pytest.mark.parametrize("tail", [0, 8000])
def test_cepstra_are_those_of_the_published_code(tail):
    """librosa 0.8.1's, as torchaudio computes them too; with a silent tail the floor of 80 dB decides."""
    x = np.append(NOISE, np.zeros(tail, np.float32))
    found = one(x, "mfcc", pre_emphasis=0.97)
    bank = {"n_fft": 2048, "hop_length": 160, "n_mels": 128, "mel_scale": "htk", "norm": "slaney"}
    theirs = torchaudio.transforms.MFCC(16_000, 40, melkwargs=bank)(torch.from_numpy(emphasised(x)))
    assert found.dtype == np.float32 and found.shape == (101 + tail // 160, 40)
    np.testing.assert_allclose(found, theirs.numpy().T, atol=0.02)
    power = torch_power(emphasised(x), 2048, 2048, "hann", "reflect")
    filters = torchaudio.functional.melscale_fbanks(1025, 0, 8000, 128, 16_000, "slaney", "htk").double().numpy()
    level = 10 * np.log10(np.maximum(power @ filters, 1e-10))
    level = np.maximum(level, level.max() - 80)
    assert (level == level.min()).sum() > 1 if tail else level.min() > level.max() - 80
    band, index = np.arange(128), np.arange(40)[:, None]
    cosines = np.sqrt(np.where(index == 0, 1, 2) / 128) * np.cos(np.pi * index * (band + 0.5) / 128)
    np.testing.assert_allclose(found, level @ cosines.T, atol=0.02)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 48_000])
def test_frames(samples):
    x = np.ones(samples, np.float32)
    assert {len(one(x, kind)) for kind in ("log_mel", "log_stft", "mfcc")} == {1 + samples // 160}  # mfcc reflects


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
