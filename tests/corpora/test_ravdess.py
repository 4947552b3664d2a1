"""RAVDESS: seven fields in a name; song and video stay out by name."""

from pathlib import Path

import pytest

from helpers.wavs import write_wav
from ser.corpora import ravdess
from ser.errors import InputError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "ravdess" / "Audio_Speech_Actors_01-24"
    for emotion in range(1, 9):
        write_wav(folder / "Actor_01" / f"03-01-{emotion:02}-01-01-01-01.wav", rate=48_000)
    write_wav(folder / "Actor_24" / "03-01-05-02-02-02-24.wav", rate=48_000, channels=2)
    (folder / "Actor_24" / "._03-01-05-02-02-02-24.wav").write_bytes(b"\0")
    return tmp_path / "ravdess"


def test_fields_of_the_name(tree: Path) -> None:
    reading = ravdess.read_release(tree)
    assert [u.emotion for u in reading.utterances] == (
        ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised", "angry"]
    )
    last = reading.utterances[-1]
    assert (last.utterance, last.speaker, last.gender, last.sentence) == ("03-01-05-02-02-02-24", "24", "female", "02")
    assert last.path == "Audio_Speech_Actors_01-24/Actor_24/03-01-05-02-02-02-24.wav"
    assert reading.utterances[0].gender == "male"
    assert reading.excluded == []


def test_the_root_may_be_the_folder_of_actors(tree: Path) -> None:
    reading = ravdess.read_release(tree / "Audio_Speech_Actors_01-24")
    assert reading.utterances[-1].path == "Actor_24/03-01-05-02-02-02-24.wav"


def test_song_video_and_odd_names_are_left_out_by_name(tree: Path) -> None:
    write_wav(tree / "Audio_Song_Actors_01-24" / "Actor_01" / "03-02-03-01-01-01-01.wav")
    (tree / "Video_Speech_Actor_01" / "Actor_01").mkdir(parents=True)
    (tree / "Video_Speech_Actor_01" / "Actor_01" / "01-01-03-01-01-01-01.mp4").write_bytes(b"video")
    write_wav(tree / "Audio_Speech_Actors_01-24" / "Actor_01" / "03-01-09-01-01-01-01.wav")
    write_wav(tree / "Audio_Speech_Actors_01-24" / "Actor_01" / "noise.wav")
    reading = ravdess.read_release(tree)
    assert len(reading.utterances) == 9
    assert [(file.rpartition("/")[2], reason) for file, reason, _ in reading.excluded] == [
        ("03-02-03-01-01-01-01.wav", "song"),
        ("03-01-09-01-01-01-01.wav", "a field of its name has no meaning in RAVDESS"),
        ("noise.wav", "its name is not seven two-digit fields"),
        ("01-01-03-01-01-01-01.mp4", "video"),
    ]


def test_a_wrong_root_is_told_and_the_right_one_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"found ravdess/; .*one level below: give {tree} as root"):
        ravdess.read_release(tmp_path)
    actors = tree / "Audio_Speech_Actors_01-24"
    with pytest.raises(InputError, match=f"one level above: give {actors} as root"):
        ravdess.read_release(actors / "Actor_01")


def test_published_counts_agree_with_each_other() -> None:
    (release,) = ravdess.PUBLISHED
    assert [sum(table.counts.values()) for table in release.tables] == [release.total] * 2
