import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ser.errors import InputError
from ser.features.audio import decode
from ser.features.descriptors import FUNCTIONALS, NAMES, SHAPE, functionals, pitch
from ser.features.spec import open_extractor
from ser.waveforms import waveform

TIME = np.arange(32_000) / 16_000


def voice(hz: np.ndarray | float, seconds: float = 2.0) -> np.ndarray:
    """A harmonic tone of ten partials that fall by 6 dB an octave; `hz` may change with time."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, TIME.shape)) / 16_000
    x = sum(np.sin(k * phase) / k for k in range(1, 11)) * 0.1
    return x[: int(seconds * 16_000)].astype(np.float32)


def described(x: np.ndarray) -> dict[str, float]:
    vector = functionals(x)
    assert vector.shape == (len(NAMES),) and vector.dtype == np.float32 and np.isfinite(vector).all()
    return dict(zip(NAMES, vector.tolist(), strict=True))


@pytest.mark.parametrize("hz", [70, 110, 155.5, 220, 333, 480])
def test_pitch_of_a_voice(hz):
    f0, strength = pitch(voice(hz))
    assert f0.shape == strength.shape == (201,)
    np.testing.assert_allclose(f0[3:-3], hz, rtol=0.005)
    assert (strength[3:-3] > 0.9).all()


def test_pitch_follows_a_glide_and_noise_has_none():
    hz = np.geomspace(100, 300, 32_000)
    f0, _ = pitch(voice(hz))
    np.testing.assert_allclose(f0[3:-3], hz[::160][3:198], rtol=0.02)
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    assert np.median(pitch(noise)[1]) < 0.45


def test_names_stand_for_what_they_say():
    noise = np.random.default_rng(0).normal(0, 0.01, 32_000).astype(np.float32)
    low, high = described(voice(110) + noise), described(voice(220) + noise)
    assert low["voiced.pitch.mean"] == pytest.approx(24, abs=0.1)  # two octaves above 27.5 Hz
    assert high["voiced.pitch.mean"] == pytest.approx(36, abs=0.1)
    assert low["voiced.pitch.deviation"] < 0.2 and low["rhythm.voiced_part"] > 0.98
    assert low["rhythm.duration"] == pytest.approx(2.01)
    louder = described(2 * (voice(110) + noise))
    assert louder["all.level.mean"] - low["all.level.mean"] == pytest.approx(np.log(4), abs=1e-3)
    for same in ("all.centroid.mean", "all.zero_crossings.mean", "voiced.hnr.mean", "all.alpha_ratio.mean"):
        assert louder[same] == pytest.approx(low[same], rel=1e-3)
    assert described(noise)["all.centroid.mean"] == pytest.approx(4000, rel=0.03)
    assert described(noise)["all.zero_crossings.mean"] == pytest.approx(0.5, rel=0.03)


def test_spectral_slope_is_that_of_the_spectrum():
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(0, 1, 32_000))
    khz = np.fft.rfftfreq(32_000, 1 / 16_000) / 1000
    x = np.fft.irfft(spectrum * 10 ** (-5 * khz / 20)).astype(np.float32)  # falls by 5 dB per kHz
    assert described(0.1 * x)["all.slope0_4000.mean"] == pytest.approx(-5, abs=0.2)


def test_rhythm_counts_bursts_and_gaps():
    x = voice(150) * (np.floor(TIME / 0.25) % 2 == 0)  # four bursts of 0.25 s
    found = described(x.astype(np.float32))
    assert found["rhythm.voiced_per_second"] == pytest.approx(4 / 2.01)
    assert found["rhythm.voiced_mean"] == pytest.approx(0.25, abs=0.04)
    assert found["rhythm.gap_mean"] == pytest.approx(0.25, abs=0.04)
    assert found["rhythm.peaks_per_second"] >= 4 / 2.01


@pytest.mark.parametrize("samples", [1, 100, 159, 160, 400, 800])
def test_finite_for_the_shortest_and_for_silence(samples):
    described(np.zeros(samples, np.float32))
    described(np.full(samples, 0.5, np.float32))
    described(np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32))


def test_each_name_once():
    assert len(set(NAMES)) == len(NAMES) == 465 and len(FUNCTIONALS) == 6 and len(SHAPE) == 17


def test_angry_speech_is_higher_and_louder_than_sad(shared_data):
    wav = shared_data / "emodb" / "wav"
    angry, sad = (described(waveform(decode(wav / f"{name}.wav")[0])) for name in ("03a01Wa", "03a02Ta"))
    assert angry["voiced.pitch.mean"] > sad["voiced.pitch.mean"] + 3  # semitones
    assert angry["voiced.alpha_ratio.mean"] < sad["voiced.alpha_ratio.mean"]


def test_opensmile_not_installed_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(InputError, match=r"pip install opensmile.*licence"):
        open_extractor({"kind": "opensmile", "feature_set": "eGeMAPSv02"})


def test_opensmile_is_asked_for_the_functionals_of_the_set(monkeypatch):
    calls = []

    class Smile:
        def __init__(self, *arguments):
            calls.append(arguments)

        def process_signal(self, x, rate):
            calls.append((len(x), rate))
            return SimpleNamespace(to_numpy=lambda dtype: np.array([[x.sum(), rate]], dtype))

    stand_in = SimpleNamespace(
        Smile=Smile,
        FeatureSet={"eGeMAPSv02": "set"},
        FeatureLevel=SimpleNamespace(Functionals="level"),
        __version__="2.5.0",
    )
    monkeypatch.setitem(sys.modules, "opensmile", stand_in)
    extractor = open_extractor({"kind": "opensmile", "feature_set": "eGeMAPSv02"})
    found = extractor.compute([np.ones(5, np.float32), np.ones(7, np.float32)])
    assert [array.tolist() for array in found] == [[[5, 16000]], [[7, 16000]]]
    assert calls == [("set", "level"), (5, 16_000), (7, 16_000)] and extractor.identity == {"opensmile": "2.5.0"}
