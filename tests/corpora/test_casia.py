"""CASIA: the folder is the label, the number the sentence."""

from pathlib import Path

import pytest

from helpers.wavs import write_wav
from ser.corpora import casia
from ser.errors import InputError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "casia"
    for emotion in ("Angry", "fear", "HAPPY", "neutral", "sad", "surprise"):
        for number in (201, 250):
            write_wav(root / "ZhaoQuanyin" / emotion / f"{number}.wav")
    write_wav(root / "liuchanhg" / "sad" / "201.WAV")
    (root / "liuchanhg" / "sad" / "._201.WAV").write_bytes(b"\0")
    (root / "readme.txt").write_text("")
    return root


def test_names_in_mixed_case(tree: Path) -> None:
    reading = casia.read_release(tree)
    by_name = {u.utterance: u for u in reading.utterances}
    assert len(by_name) == 13
    assert {(u.speaker, u.emotion) for u in reading.utterances if u.speaker == "zhaoquanyin"} == {
        ("zhaoquanyin", emotion) for emotion in ("angry", "fearful", "happy", "neutral", "sad", "surprised")
    }
    angry = by_name["zhaoquanyin_angry_250"]
    assert (angry.path, angry.sentence, angry.gender) == ("ZhaoQuanyin/Angry/250.wav", "250", "")
    assert by_name["liuchanhg_sad_201"].path == "liuchanhg/sad/201.WAV"


def test_the_order_does_not_depend_on_case(tree: Path) -> None:
    (tree / "ZhaoQuanyin").rename(tree / "zhaoquanyin")
    assert sorted(u.utterance for u in casia.read_release(tree).utterances)[0] == "liuchanhg_sad_201"


def test_what_fits_no_class_is_left_out_by_name(tree: Path) -> None:
    write_wav(tree / "liuchanhg" / "bored" / "201.wav")
    write_wav(tree / "liuchanhg" / "sad" / "take two.wav")
    assert casia.read_release(tree).excluded == [
        ("liuchanhg/bored/201.wav", "its folder is none of CASIA's emotions", ""),
        ("liuchanhg/sad/take two.wav", "its name is not a number", ""),
    ]


def test_a_wrong_root_is_told_and_the_right_one_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"one level below: give {tree} as root"):
        casia.read_release(tmp_path)
    with pytest.raises(InputError, match=f"one level above: give {tree} as root"):
        casia.read_release(tree / "liuchanhg")


def test_published_counts_agree_with_each_other() -> None:
    (release,) = casia.PUBLISHED
    assert [sum(table.counts.values()) for table in release.tables] == [release.total] * 2
