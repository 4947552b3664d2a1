"""Audio files: what they hold is measured, and each kind of damage is told apart."""

import hashlib
import os
from pathlib import Path

import pytest
import soundfile

from helpers.wavs import insert_chunk, set_data_length, write_wav
from ser.manifests.audio_files import AudioFacts, UnreadableAudio, inspect, inspect_all, sample_range


def reason(path: Path) -> str:
    with pytest.raises(UnreadableAudio) as caught:
        inspect(path)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    return caught.value.reason


def test_facts_of_a_stereo_file_at_44100_hz(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.WAV", 1_001, 44_100, 2)
    assert inspect(file) == AudioFacts(1_001, 44_100, 2, hashlib.sha256(file.read_bytes()).hexdigest())


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_compressed_files_are_decoded_to_their_end(tmp_path: Path, suffix: str) -> None:
    file = write_wav(tmp_path / f"a.{suffix}", 20_000)
    assert inspect(file).num_samples == 20_000


@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg"])
def test_a_compressed_file_that_was_cut_off(tmp_path: Path, suffix: str) -> None:
    file = write_wav(tmp_path / f"a.{suffix}", 100_000)
    content = file.read_bytes()
    for part in (len(content) // 2, len(content) - 1_500):
        file.write_bytes(content[:part])
        assert reason(file).endswith("copy it again")


def test_an_ogg_file_that_was_cut_off_between_two_pages(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.ogg", 200_000)
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b"OggS")])
    assert reason(file) == "cut off: its last page is not there: copy it again"


def test_wav_extensible(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [[0.1, 0.2, 0.3]] * 50, 16_000, format="WAVEX")
    facts = inspect(tmp_path / "a.wav")
    assert (facts.num_samples, facts.channels, facts.notes) == (50, 3, ())


def test_rf64(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.1] * 50, 16_000, format="RF64")
    assert inspect(tmp_path / "a.wav").num_samples == 50
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[:-40])
    assert reason(tmp_path / "a.wav") == "cut off: 60 of 100 bytes of samples are there: copy it again"


def test_a_chunk_before_the_samples_is_noted(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav")
    insert_chunk(file, b"FLLR", bytes(4_044))
    facts = inspect(file)
    assert (facts.num_samples, facts.notes) == (800, ("chunk 'FLLR' before the samples",))


def test_an_odd_chunk_is_padded(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav")
    insert_chunk(file, b"LIST", b"odd")
    assert (inspect(file).num_samples, inspect(file).notes) == (800, ())
    file.write_bytes(file.read_bytes()[:-2])
    assert reason(file) == "cut off: 1598 of 1600 bytes of samples are there: copy it again"


def test_a_wav_that_was_cut_off(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav")
    content = file.read_bytes()
    file.write_bytes(content[:1_000])
    assert reason(file) == "cut off: 956 of 1600 bytes of samples are there: copy it again"
    file.write_bytes(content[:44])
    assert reason(file) == "cut off: 0 of 1600 bytes of samples are there: copy it again"
    file.write_bytes(content[:20])
    assert reason(file).startswith("not audio that libsndfile reads")


def test_any_cut_is_told_and_nothing_else_is_raised(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav", 20)
    insert_chunk(file, b"FLLR", b"odd")
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert reason(file)


def test_less_than_one_frame_too_few_is_whole(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav", channels=2)
    set_data_length(file, 800 * 4 + 3)
    assert inspect(file).num_samples == 800


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFF000])
def test_a_header_without_length_is_noted(tmp_path: Path, length: int) -> None:
    file = write_wav(tmp_path / "a.wav")
    set_data_length(file, length)
    facts = inspect(file)
    assert (facts.num_samples, facts.notes) == (800, ("header gives no length (written to a pipe)",))


def test_no_samples(tmp_path: Path) -> None:
    assert reason(write_wav(tmp_path / "a.wav", 0)) == "its header promises no samples: copy or write it again"
    file = write_wav(tmp_path / "b.wav")
    set_data_length(file, 0)
    assert reason(file) == "its header promises no samples: copy or write it again"


def test_files_that_are_not_audio(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    assert reason(file) == "missing"
    file.write_bytes(b"")
    assert reason(file) == "empty (0 bytes): copy it again"
    file.write_text("<html>Not found</html>\n" * 9)
    assert reason(file).startswith("not audio that libsndfile reads: Format not recognised")
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n")
    assert reason(file) == "a git-LFS pointer, not the audio: run `git lfs pull` in the clone"
    assert reason(tmp_path) == "not a file"
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason(tmp_path / "pipe.wav") == "not a file"


def test_all_files_are_looked_at_in_order(tmp_path: Path) -> None:
    names = [f"{number:03}.wav" for number in range(250)]
    for name in names:
        write_wav(tmp_path / name, 10)
    (tmp_path / "007.wav").unlink()
    (tmp_path / "203.wav").write_bytes(b"")
    facts, unreadable = inspect_all(tmp_path, names)
    assert list(facts) == [name for name in names if name not in ("007.wav", "203.wav")]
    assert unreadable == [("007.wav", "missing"), ("203.wav", "empty (0 bytes): copy it again")]


def test_segments() -> None:
    facts = AudioFacts(16_000, 16_000, 1, "")
    assert sample_range(None, None, facts) == (0, 16_000)
    assert sample_range(0.25, None, facts) == (4_000, 16_000)
    assert sample_range(None, 0.5, facts) == (0, 8_000)
    assert sample_range(0.5, 1.0, facts) == (8_000, 16_000)
    for start, end in [(0.5, 1.1), (1.0, None), (0.5, 0.5), (-0.1, 0.5)]:
        with pytest.raises(ValueError, match="is not inside its 1.000 s"):
            sample_range(start, end, facts)


def test_real_ravdess_files(shared_data: Path) -> None:
    folder = shared_data / "ravdess" / "Audio_Speech_Actors_01-24" / "Actor_01"
    stereo = inspect(folder / "03-01-02-01-01-02-01.wav")
    mono = inspect(folder / "03-01-01-01-01-01-01.wav")
    assert (stereo.channels, mono.channels, mono.sample_rate) == (2, 1, 48_000)
    assert stereo.notes == mono.notes == ("chunk 'FLLR' before the samples",)
    assert mono.num_samples == soundfile.info(folder / "03-01-01-01-01-01-01.wav").frames
