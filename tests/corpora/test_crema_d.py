"""CREMA-D: the name is the label; genders are in a table."""

from pathlib import Path

import pytest

from helpers.wavs import write_wav
from ser.corpora import crema_d
from ser.errors import InputError
from ser.manifests.build import build_manifest

DEMOGRAPHICS = "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1091,29,Female,Asian,Hispanic\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "CREMA-D"
    for name in ("1001_DFA_ANG_XX", "1001_IEO_DIS_LO", "1001_TIE_FEA_XX", "1091_IOM_HAP_XX", "1091_IWW_NEU_XX"):
        write_wav(root / "AudioWAV" / f"{name}.wav")
    write_wav(root / "AudioWAV" / "1091_WSI_SAD_X.wav")
    (root / "VideoDemographics.csv").write_text(DEMOGRAPHICS)
    return root


def test_fields_of_the_name(tree: Path) -> None:
    reading = crema_d.read_release(tree)
    assert [(u.speaker, u.sentence, u.emotion, u.gender) for u in reading.utterances] == [
        ("1001", "DFA", "angry", "male"),
        ("1001", "IEO", "disgusted", "male"),
        ("1001", "TIE", "fearful", "male"),
        ("1091", "IOM", "happy", "female"),
        ("1091", "IWW", "neutral", "female"),
        ("1091", "WSI", "sad", "female"),
    ]
    assert (reading.utterances[0].utterance, reading.utterances[0].path) == (
        "1001_DFA_ANG_XX",
        "AudioWAV/1001_DFA_ANG_XX.wav",
    )


def test_without_demographics_genders_are_empty(tree: Path) -> None:
    (tree / "VideoDemographics.csv").unlink()
    reading = crema_d.read_release(tree)
    assert {u.gender for u in reading.utterances} == {""}
    assert reading.warnings == ["no VideoDemographics.csv: the column gender is empty"]


def test_broken_demographics_are_named(tree: Path) -> None:
    (tree / "VideoDemographics.csv").write_text(DEMOGRAPHICS + "1002,30,?,,\n10O3,30,Male,,\n")
    assert crema_d.read_release(tree).broken == [
        ("VideoDemographics.csv line 4", "Sex is neither Male nor Female", "'?'"),
        ("VideoDemographics.csv line 5", "ActorID is not a number of four digits", "'10O3'"),
    ]


def test_other_names_are_left_out_by_name(tree: Path) -> None:
    for name in ("1092_DFA_ANG_XX", "1001_XXX_ANG_XX", "1001_DFA_CAL_XX"):
        write_wav(tree / "AudioWAV" / f"{name}.wav")
    reading = crema_d.read_release(tree)
    assert len(reading.utterances) == 6
    assert [finding.where for finding in reading.excluded] == [
        "AudioWAV/1001_DFA_CAL_XX.wav",
        "AudioWAV/1001_XXX_ANG_XX.wav",
        "AudioWAV/1092_DFA_ANG_XX.wav",
    ]


def test_pointers_instead_of_audio_are_told_with_the_cure(tree: Path) -> None:
    pointer = tree / "AudioWAV" / "1001_DFA_ANG_XX.wav"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n")
    with pytest.raises(InputError, match=r"1 unreadable audio files: .*git lfs pull.*: AudioWAV/1001_DFA_ANG_XX.wav"):
        build_manifest("crema_d", tree)


def test_a_wrong_root_is_told_and_the_right_one_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"expected AudioWAV/.*one level below: give {tree} as root"):
        crema_d.read_release(tmp_path)
    with pytest.raises(InputError, match=f"one level above: give {tree} as root"):
        crema_d.read_release(tree / "AudioWAV")


def test_published_counts_agree_with_each_other() -> None:
    (release,) = crema_d.PUBLISHED
    assert sum(release.tables[0].counts.values()) == release.total
