"""EmoDB: the name is the label."""

import shutil
from pathlib import Path

import pytest

from helpers.wavs import write_wav
from ser.corpora import emodb
from ser.errors import InputError
from ser.manifests.reading import grouped
from ser.manifests.utterance import Utterance


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("03a01Wa", "08a02Lb", "09a04Ec", "10a05Ad", "11a07Fa", "12b01Ta", "13b02Na"):
        write_wav(tmp_path / "emodb" / "wav" / f"{name}.wav")
    (tmp_path / "emodb" / "wav" / "._03a01Wa.wav").write_bytes(b"\0")
    (tmp_path / "emodb" / "readme.txt").write_text("")
    return tmp_path / "emodb"


def test_letters_are_german(tree: Path) -> None:
    reading = emodb.read_release(tree)
    assert [(u.utterance, u.speaker, u.gender, u.emotion, u.sentence) for u in reading.utterances] == [
        ("03a01Wa", "03", "male", "angry", "a01"),
        ("08a02Lb", "08", "female", "bored", "a02"),
        ("09a04Ec", "09", "female", "disgusted", "a04"),
        ("10a05Ad", "10", "male", "fearful", "a05"),
        ("11a07Fa", "11", "male", "happy", "a07"),
        ("12b01Ta", "12", "male", "sad", "b01"),
        ("13b02Na", "13", "female", "neutral", "b02"),
    ]
    assert (reading.excluded, reading.broken, reading.warnings) == ([], [], [])


def test_the_root_may_be_the_audio_folder_in_any_case(tree: Path) -> None:
    (tree / "wav").rename(tree / "WAV")
    assert emodb.read_release(tree).utterances[0].path == "WAV/03a01Wa.wav"
    assert emodb.read_release(tree / "WAV").utterances[0] == Utterance(
        "03a01Wa", "03a01Wa.wav", speaker="03", sentence="a01", gender="male", emotion="angry"
    )


def test_other_names_are_left_out_by_name(tree: Path) -> None:
    write_wav(tree / "wav" / "03a01Xa.wav")
    (tree / "wav" / "notes.txt").write_text("")
    reading = emodb.read_release(tree)
    assert len(reading.utterances) == 7
    assert [finding.where for finding in reading.excluded] == ["wav/03a01Xa.wav"]


def test_recordings_elsewhere_are_left_out_by_name(tree: Path) -> None:
    """A copy of the corpus in its own tree, and files in a folder too many."""
    shutil.copytree(tree / "wav", tree / "emodb" / "wav")
    write_wav(tree / "wav" / "16" / "16a01Wa.wav")
    reading = emodb.read_release(tree)
    assert len(reading.utterances) == 7
    assert [line.partition("wav/")[0] for line in grouped(reading.excluded)] == [
        "7, a second file of the name of one that is read: emodb/",
        "not where EmoDB has recordings: ",
    ]


def test_a_wrong_root_is_told_and_the_right_one_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"expected wav/.*found emodb/; .*one level below: give {tree} as root"):
        emodb.read_release(tmp_path)
    (tree / "docu").mkdir()
    with pytest.raises(InputError, match=f"found nothing; .*one level above: give {tree} as root"):
        emodb.read_release(tree / "docu")
    for speaker in ("03", "08"):
        write_wav(tmp_path / "sorted" / "wav" / speaker / f"{speaker}a01Wa.wav")
    deep = f"found wav/; two levels below is what looks like it: {tmp_path}/sorted/wav/03, {tmp_path}/sorted/wav/08$"
    with pytest.raises(InputError, match=deep):
        emodb.read_release(tmp_path / "sorted")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"found nothing$"):
        emodb.read_release(tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder: give the root of EmoDB: wav/"):
        emodb.read_release(tmp_path / "nowhere")


def test_published_counts_agree_with_each_other() -> None:
    (release,) = emodb.PUBLISHED
    assert [sum(table.counts.values()) for table in release.tables] == [release.total] * 2
    assert len(release.tables[1].counts) == release.speakers
