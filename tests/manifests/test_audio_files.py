"""Audio files: what they hold is measured, and each kind of damage is told apart."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.wavs import insert_chunk, set_data_length, write_wav
from ser.features.audio import decode
from ser.manifests.audio_files import AudioFacts, UnreadableAudio, inspect, inspect_all, sample_range

CUT = [
    *("AIFF", "AU", "CAF", "FLAC", "MP3", "OGG", "RF64", "W64", "WAV"),
    *("AIFF/IMA_ADPCM", "CAF/ALAC_16", "OGG/OPUS", "WAV/ULAW"),
]


def reason(path: Path) -> str:
    with pytest.raises(UnreadableAudio) as caught:
        inspect(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_facts_of_a_stereo_file_at_44100_hz(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.WAV", 1_001, 44_100, 2)
    assert inspect(file) == AudioFacts(1_001, 44_100, 2, hashlib.sha256(file.read_bytes()).hexdigest())


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_compressed_files_are_decoded_to_their_end(tmp_path: Path, suffix: str) -> None:
    file = write_wav(tmp_path / f"a.{suffix}", 20_000)
    assert inspect(file).num_samples == 20_000


@pytest.mark.parametrize("kind", CUT)
def test_a_file_that_was_cut_off(tmp_path: Path, kind: str) -> None:
    container, _, subtype = kind.partition("/")
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 12_000)
    file = tmp_path / "a"
    soundfile.write(file, noise, 16_000, format=container, subtype=subtype or None)
    assert inspect(file).num_samples == pytest.approx(12_000, abs=64)  # ADPCM fills its last block
    assert (inspect(file).notes, inspect(file).faults) == ((), {})
    content = file.read_bytes()
    for part in (len(content) // 2, len(content) * 9 // 10, len(content) - 2):
        file.write_bytes(content[:part])
        assert "copy it again" in reason(file) or "not audio that libsndfile reads" in reason(file)


def test_big_endian_wav_that_was_cut_off(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.1, 0.2] * 50, 16_000, endian="BIG")
    content = (tmp_path / "a.wav").read_bytes()
    assert (content[:4], inspect(tmp_path / "a.wav").num_samples) == (b"RIFX", 100)
    (tmp_path / "a.wav").write_bytes(content[:-40])
    assert reason(tmp_path / "a.wav") == "cut off: copy it again (160 of 200 bytes of samples are there)"


def test_a_container_in_which_a_cut_cannot_be_told_is_noted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.sph", [0.1, 0.2] * 50, 16_000, format="NIST")
    assert inspect(tmp_path / "a.sph").notes == ("NIST: a file that was cut off would look whole",)


def test_what_the_audio_stage_cannot_decode(tmp_path: Path) -> None:
    """A FLAC without a length, which libsndfile takes for an endless one, and samples without a header."""
    file = write_wav(tmp_path / "a.flac", 12_000)
    content = bytearray(file.read_bytes())
    content[21:26] = bytes([content[21] & 0xF0, 0, 0, 0, 0])
    file.write_bytes(content)
    assert reason(file) == "its header gives no length (written to a pipe): write it again"
    (tmp_path / "a.raw").write_bytes(bytes(100))
    assert reason(tmp_path / "a.raw") == "samples without a header: write it as WAV"


def test_a_codec_that_cannot_seek_is_decoded(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, np.random.default_rng(1).uniform(-0.5, 0.5, 3_200), 8_000, subtype="GSM610")
    facts = inspect(file, [(None, None), (None, 0.2)])
    assert (facts.num_samples, facts.faults) == (3_200, {})
    assert len(decode(file)[0]) == 2 * 3_200


def test_an_ogg_file_that_was_cut_off_between_two_pages(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.ogg", 200_000)
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b"OggS")])
    assert reason(file) == "cut off, its last page is not there: copy it again"


def test_wav_extensible(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [[0.1, 0.2, 0.3]] * 50, 16_000, format="WAVEX")
    facts = inspect(tmp_path / "a.wav")
    assert (facts.num_samples, facts.channels, facts.notes) == (50, 3, ())


def test_rf64(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.1] * 50, 16_000, format="RF64")
    assert inspect(tmp_path / "a.wav").num_samples == 50
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[:-40])
    assert reason(tmp_path / "a.wav") == "cut off: copy it again (60 of 100 bytes of samples are there)"


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
    assert reason(file) == "cut off: copy it again (1598 of 1600 bytes of samples are there)"


def test_a_wav_that_was_cut_off(tmp_path: Path) -> None:
    file = write_wav(tmp_path / "a.wav")
    content = file.read_bytes()
    file.write_bytes(content[:1_000])
    assert reason(file) == "cut off: copy it again (956 of 1600 bytes of samples are there)"
    file.write_bytes(content[:44])
    assert reason(file) == "cut off: copy it again (0 of 1600 bytes of samples are there)"
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
    facts, unreadable = inspect_all(tmp_path, dict.fromkeys(names, ()))
    assert list(facts) == [name for name in names if name not in ("007.wav", "203.wav")]
    assert unreadable == [("007.wav", "missing", ""), ("203.wav", "empty (0 bytes): copy it again", "")]


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


@pytest.mark.parametrize("rate", [1, 3_999, 11_127, 15_999, 22_254, 44_101, 2**31 - 1])
def test_a_rate_whose_resampling_would_take_gigabytes_is_refused(tmp_path: Path, rate: int) -> None:
    said = f"its sample rate cannot be used: convert it to 16000 Hz, or correct its header if that is wrong ({rate} Hz)"
    assert reason(write_wav(tmp_path / "a.wav", rate=rate)) == said


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_the_rates_in_use_are_read(tmp_path: Path, rate: int) -> None:
    assert inspect(write_wav(tmp_path / "a.wav", rate=rate)).sample_rate == rate
