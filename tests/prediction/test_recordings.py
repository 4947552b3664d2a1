"""What is read of a recording that somebody hands in, and why one cannot be used."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.segment_folds import sound
from ser.errors import InputError
from ser.features.audio import decode
from ser.prediction.recordings import files_of, pieces, recording, remark

TONE = sound(2, 160_000, np.random.default_rng(0))  # 10 s


def wav(path: Path, samples: np.ndarray = TONE, rate: int = 16_000, **options: str) -> str:
    soundfile.write(path, samples, rate, **options)
    return str(path)


def test_a_long_file_is_read_in_equal_pieces(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    found = list(pieces([path, path], 4.0))
    assert [(round(p.start, 2), round(p.end, 2)) for p in found] == 2 * [(0, 3.33), (3.33, 6.67), (6.67, 10)]
    np.testing.assert_array_equal(np.concatenate([p.samples for p in found[:3]]), TONE)
    (whole,) = pieces([path], 0)
    np.testing.assert_array_equal(whole.samples, TONE)
    assert [len(list(pieces([path], window))) for window in (10.0, 9.99)] == [1, 2]


def test_other_rates_channels_and_formats_are_read_as_the_audio_store_reads_them(tmp_path: Path) -> None:
    stereo = np.stack([TONE, TONE // 2], axis=1)
    for name in ("a.wav", "a.flac", "a.ogg", "a.mp3"):
        path = tmp_path / name
        soundfile.write(path, stereo, 48_000)
        (piece,) = pieces([str(path)], 0)
        np.testing.assert_array_equal(piece.samples, decode(path)[0])
        np.testing.assert_array_equal(recording(path), decode(path)[0])
    in_memory, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_array_equal(recording(in_memory, rate), decode(tmp_path / "a.wav")[0])
    np.testing.assert_array_equal(recording(TONE, 16_000), TONE)


BAD = {
    "empty": (None, "empty (0 bytes)"),
    "text": ("hello", "not audio that libsndfile reads"),
    "silent": (np.zeros(16_000), "silent"),
    "not a number": (np.full(16_000, np.nan), "samples that are NaN or infinite"),
    "short": (TONE[:800], "too short (0.050 s): speech takes at least 0.1 s"),
    "cancelling": (np.stack([TONE, -TONE], axis=1), "its channels cancel each other"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_recording_says_why_and_the_others_go_on(tmp_path: Path, kind: str) -> None:
    content, told = BAD[kind]
    bad = tmp_path / "bad.wav"
    if isinstance(content, np.ndarray):
        wav(bad, content, subtype="FLOAT" if content.dtype.kind == "f" else "PCM_16")
    else:
        bad.write_text(content or "")
    faulty, whole = pieces([str(bad), wav(tmp_path / "good.wav")], 0)
    assert faulty.samples is None and told in faulty.fault
    assert whole.fault == "" and len(whole.samples) == len(TONE)
    with pytest.raises(InputError, match="bad.wav: ") as error:
        recording(bad)
    assert told in str(error.value)
    if isinstance(content, np.ndarray):
        with pytest.raises(InputError, match="the array: ") as error:
            recording(content, 16_000)
        assert told.split(":")[0] in str(error.value)


def test_only_the_silent_piece_of_a_long_file_is_refused(tmp_path: Path) -> None:
    half = TONE.copy()
    half[80_000:] = 0
    first, second = pieces([wav(tmp_path / "a.wav", half)], 5.0)
    assert first.fault == "" and second.fault.startswith("silent")


def test_a_folder_stands_for_its_audio_files(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    names = [wav(tmp_path / "in/deep" / name) for name in ("b.wav", "a.WAV", "c.flac")]
    (tmp_path / "in/readme.txt").touch()
    said: list[str] = []
    assert list(files_of([str(tmp_path / "in")], said.append)) == sorted(names)
    assert said == [f"{tmp_path}/in: 1 files are not audio by their names, and skipped: readme.txt"]
    (tmp_path / "none").mkdir()
    (piece,) = pieces(files_of([str(tmp_path / "none")]), 0)
    assert piece.fault.startswith("a folder without audio files")
    (missing,) = pieces(["nowhere.wav"], 0)
    assert missing.fault == "missing"


def test_noise_and_unknown_lengths_get_a_word(shared_data: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 3000, 32_000).astype(np.int16)
    assert remark(noise) == "no voice found: is it speech?"
    speech = recording(shared_data / "emodb/wav/03a01Fa.wav")
    assert remark(speech, (1.0, 2.0, 3.0)) == ""
    assert remark(speech, (2.0, 3.0, 4.0)) == "shorter than all that the row knows (2.0 s)"
    assert remark(speech, (0.5, 1.0, 1.5)) == "longer than all that the row knows (1.5 s)"


def test_an_array_needs_its_rate() -> None:
    for array, rate, told in (
        (TONE, None, "needs its rate"),
        (TONE, 1_000, "its sample rate cannot be used"),
        (TONE.reshape(1, 2, -1), 16_000, "shape"),
    ):
        with pytest.raises(InputError, match=told):
            recording(array, rate)
