import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers import ROOT
from helpers.builders import manifest_of
from ser.errors import InputError
from ser.features.audio import audio_key, decode, write_audio
from ser.features.store import Store
from ser.manifests.utterance import Utterance
from ser.sealed import Provenance
from ser.waveforms import waveform

NOISE = np.random.default_rng(0).integers(-30_000, 30_000, 4_000).astype(np.int16)


def tone(hz: float, rate: int, seconds: float = 0.5, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def utterance(root: Path, name: str, samples: np.ndarray = NOISE, rate: int = 16_000, **fields) -> Utterance:
    soundfile.write(root / f"{name}.wav", samples, rate, subtype=fields.pop("subtype", "PCM_16"))
    return described(root, name, name, len(samples), rate, **fields)


def described(root: Path, name: str, file: str, samples: int, rate: int = 16_000, **fields) -> Utterance:
    digest = hashlib.sha256((root / f"{file}.wav").read_bytes()).hexdigest()
    return Utterance(name, f"{file}.wav", num_samples=samples, sample_rate=rate, sha256=digest, **fields)


def stored(root: Path, utterances: list[Utterance]) -> Store:
    write_audio(root / "audio.safetensors", utterances, root, Provenance("v1"))
    return Store(root / "audio.safetensors")


def test_16_khz_mono_16_bit_is_kept_sample_by_sample(tmp_path):
    store = stored(tmp_path, [utterance(tmp_path, "b"), utterance(tmp_path, "a", -NOISE)])
    assert store.utterances == ("b", "a") and store.dtype == np.int16 and store.shape == ()
    np.testing.assert_array_equal(store["b"], NOISE)
    np.testing.assert_array_equal(store["a"], -NOISE)


def test_waveform_is_what_soundfile_reads(tmp_path):
    utterance(tmp_path, "a")
    wave = waveform(NOISE)
    assert wave.dtype == np.float32
    np.testing.assert_array_equal(wave, soundfile.read(tmp_path / "a.wav", dtype="float32")[0])


def test_channels_are_averaged_and_rounded(tmp_path):
    two = np.stack([NOISE, np.roll(NOISE, 1)], axis=1)
    store = stored(tmp_path, [utterance(tmp_path, "a", two)])
    np.testing.assert_array_equal(store["a"], np.rint(two.astype(np.float64).mean(axis=1)))


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_resampling_keeps_tones_and_their_level(tmp_path, rate):
    store = stored(tmp_path, [utterance(tmp_path, "a", tone(1000, rate), rate, subtype="FLOAT")])
    expected = tone(1000, 16_000)
    assert len(store["a"]) == len(expected)
    inner = slice(200, -200)  # the filter sees silence beyond both ends
    np.testing.assert_allclose(waveform(store["a"])[inner], expected[inner], atol=2e-4)


def test_what_16_khz_cannot_hold_does_not_fold_back(tmp_path):
    both = tone(1000, 48_000, level=0.4) + tone(9000, 48_000, level=0.4)
    store = stored(tmp_path, [utterance(tmp_path, "a", both, 48_000, subtype="FLOAT")])
    error = waveform(store["a"])[200:-200] - tone(1000, 16_000, level=0.4)[200:-200]
    assert np.abs(error).max() < 0.4 * 10 ** (-60 / 20)


def test_clipping_is_counted_and_said(tmp_path, capsys):
    x = np.array([0.0, 1.5, -1.5, 1.0, -1.0, 0.5])  # 1.0 is one step beyond the loudest int16
    store = stored(tmp_path, [utterance(tmp_path, "a", x, subtype="FLOAT"), utterance(tmp_path, "b")])
    assert store["a"].tolist() == [0, 32767, -32768, 32767, -32768, 16384]
    assert "3 samples beyond full scale clipped in 1 utterances, 'a'" in capsys.readouterr().err
    assert decode(tmp_path / "a.wav")[1] == 3


def test_segments_of_one_file(tmp_path):
    utterance(tmp_path, "whole")
    parts = [
        described(tmp_path, "p1", "whole", 1600, end=0.1),
        described(tmp_path, "p2", "whole", 1600, start=0.1, end=0.2),
        described(tmp_path, "p3", "whole", 800, start=0.2),
    ]
    store = stored(tmp_path, parts)
    assert [len(store[p]) for p in ("p1", "p2", "p3")] == [1600, 1600, 800]
    np.testing.assert_array_equal(np.concatenate([store["p1"], store["p2"], store["p3"]]), NOISE)


def test_all_bad_files_are_named_at_once(tmp_path):
    bad = [utterance(tmp_path, name) for name in ("gone", "changed", "noise")]
    (tmp_path / "noise.wav").write_bytes(b"not audio at all" * 9)
    bad[2] = described(tmp_path, "noise", "noise", 9)
    (tmp_path / "gone.wav").unlink()
    soundfile.write(tmp_path / "changed.wav", NOISE[:-1], 16_000)
    bad.append(described(tmp_path, "beyond", "changed", 9, start=0.2, end=9.0))
    with pytest.raises(InputError) as error:
        stored(tmp_path, [utterance(tmp_path, "good"), *bad])
    message = str(error.value)
    assert "gone.wav cannot be read (No such file or directory)" in message
    touch = "`touch` it, so that this shows, and build again"
    assert f"changed.wav changed since the manifest was made: {touch}" in message
    assert "noise.wav cannot be decoded" in message and "good.wav" not in message and "\n" not in message
    assert not (tmp_path / "audio.safetensors").exists()


def test_segment_beyond_the_file_is_named(tmp_path):
    utterance(tmp_path, "a")
    with pytest.raises(InputError, match=r"a\.wav cannot be decoded \(segment 0\.2\.\.9\.0 s is not inside"):
        stored(tmp_path, [described(tmp_path, "x", "a", 9, start=0.2, end=9.0)])


def test_key_follows_bytes_segments_and_code(tmp_path):
    a = utterance(tmp_path, "a")
    b = described(tmp_path, "a", "a", 4000, start=0.1)
    assert audio_key([a], "v1") == audio_key([a], "v1")
    assert len({audio_key([a], "v1"), audio_key([b], "v1"), audio_key([a], "v2"), audio_key([a, b], "v1")}) == 4


def script(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "workflow_scripts/audio.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_script_from_manifest_to_store_without_torch(tmp_path):
    manifest_of(tmp_path / "m.csv", [utterance(tmp_path, "a")])
    paths = ("--manifest", tmp_path / "m.csv", "--root", tmp_path, "--output", tmp_path / "x.safetensors")
    done = script(*paths)
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "x.safetensors").read_bytes()
    np.testing.assert_array_equal(Store(tmp_path / "x.safetensors")["a"], NOISE)
    assert script(*paths).returncode == 0 and (tmp_path / "x.safetensors").read_bytes() == first
    (tmp_path / "a.wav").write_bytes(b"")
    done = script(*paths)
    assert done.returncode == 2 and done.stderr.splitlines()[-1].startswith("error: ")
    code = "import sys; import ser.features.audio; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "False\n"


def test_real_recordings(shared_data, tmp_path):
    wavs = sorted((shared_data / "emodb" / "wav").glob("03*.wav"))[:3]
    ravdess = sorted((shared_data / "ravdess").rglob("03-01-02-01-01-02-01.wav"))[0]  # stereo, 48 kHz
    for wav in wavs:
        samples, clipped = decode(wav)
        np.testing.assert_array_equal(samples, soundfile.read(wav, dtype="int16")[0])
        assert clipped == 0
    source, rate = soundfile.read(ravdess)
    samples, clipped = decode(ravdess)
    assert (rate, source.ndim, clipped) == (48_000, 2, 0) and len(samples) == -(-len(source) // 3)
    low = len(samples) * 2 // 5  # bins up to 6.4 kHz
    expected = np.fft.rfft(source.mean(axis=1), 3 * len(samples))[:low] / 3
    error = np.fft.rfft(waveform(samples))[:low] - expected
    assert np.linalg.norm(error) < 0.005 * np.linalg.norm(expected)  # what is left is the rounding to 16 bits
