"""Light-SERNet's front end, compared with one written with torch and torchaudio, which share no code with ours."""

import numpy as np
import pytest
import torch
import torchaudio

from ser.errors import InputError
from ser.features.spec import open_extractor, validate_spec

RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 0.1, 16_037).astype(np.float32)
LONG = RNG.normal(0, 0.1, 130_000).astype(np.float32)


def one(x: np.ndarray, **settings: object) -> np.ndarray:
    return open_extractor(validate_spec({"kind": "clip_mfcc", **settings})).compute([x])[0]


def independent(x: np.ndarray, seconds: int, power: float = 1.0) -> np.ndarray:
    length = 16_000 * seconds
    clip = torch.zeros(length, dtype=torch.float64)
    start = max(0, (length - len(x)) // 2)
    kept = min(len(x), length)
    clip[start : start + kept] = torch.from_numpy(x[:length]).double()
    clip = (clip / clip.abs().quantile(0.999)).clamp(-1, 1)
    window = torch.hamming_window(1024, dtype=torch.float64)
    spectrum = torch.stft(clip, 1024, 256, window=window, center=False, return_complex=True).abs().T ** power
    bank = torchaudio.functional.melscale_fbanks(513, 80, 7600, 128, 16_000, None, "htk").double()
    cosines = torchaudio.functional.create_dct(40, 128, norm="ortho").double()
    return (((spectrum @ bank) + 1e-6).log() @ cosines).clamp(-10, 10).numpy()


@pytest.mark.parametrize(("x", "seconds", "frames"), [(NOISE, 3, 184), (LONG, 3, 184), (NOISE, 7, 434), (LONG, 7, 434)])
def test_cepstra_of_a_clip(x, seconds, frames):
    found = one(x, seconds=float(seconds))
    assert found.dtype == np.float32 and found.shape == (frames, 40)
    np.testing.assert_allclose(found, independent(x, seconds), atol=2e-3)
    np.testing.assert_allclose(one(x, seconds=seconds, spectrum="power"), independent(x, seconds, 2.0), atol=4e-3)


def test_the_level_of_a_recording_and_its_loudest_thousandth_do_not_matter():
    np.testing.assert_allclose(one(0.1 * LONG), one(LONG), atol=2e-3)
    click = LONG.copy()
    click[20_000] = 0.9
    level = np.quantile(np.abs(LONG[:48_000]), 0.999)
    at_most = LONG.copy()
    at_most[20_000] = 2 * level
    np.testing.assert_allclose(one(click), one(at_most), atol=1e-4)


def test_a_short_utterance_is_between_equal_stretches_of_silence():
    found = one(NOISE)  # 15,981 and 15,982 samples of silence around it: frames 59 to 125 hear some of it
    silent = np.log(1e-6) * np.sqrt(128)
    assert (
        silent < -10 and (found[[0, 58, 126, 183], 0] == -10).all() and np.abs(found[[0, 58, 126, 183], 1:]).max() < 1
    )
    assert np.abs(found[59:126, 1:]).max(axis=1).min() > 0
    assert one(np.zeros(1_600, np.float32)).shape == (184, 40)  # digital silence divides by nothing


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seconds": 0.05}, "seconds 0.05 must be at least one window"),
        ({"f_max": 9000.0}, "must increase within 0 to 8000 Hz"),
        ({"n_mfcc": 129}, "n_mfcc 129 must be from 1 to n_mels"),
        ({"percentile": 0.0}, "percentile 0.0 must be above 0 and at most 100"),
        ({"hop_ms": 0.03}, "hop_ms 0.03 must be a whole number of samples"),
        ({"offset": 0.0}, "offset 0.0 must be above 0"),
    ],
)
def test_values_that_cannot_be_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        validate_spec({"kind": "clip_mfcc", **settings})
