"""The doctor, through the command line: what it says about real, demo-like and broken trees, and its exit status."""

import os
import shutil
from pathlib import Path

import pytest

from helpers.project import copy_project
from helpers.wavs import write_wav
from ser import cli
from ser.manifests.build import build_manifest
from ser.sealed import read_sealed, write_sealed


@pytest.fixture
def ser(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run `ser` with arguments: exit status, lines of stdout (runs of blanks reduced to one), stderr."""

    def run(*arguments: str | Path) -> tuple[int, list[str], str]:
        monkeypatch.setattr("sys.argv", ["ser", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        output = capsys.readouterr()
        return end.value.code, [" ".join(line.split()) for line in output.out.splitlines()], output.err

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("03a01Wa", "03a01Fa", "08a02Ta"):
        write_wav(tmp_path / "wav" / f"{name}.wav")
    return tmp_path


def test_real_emodb(ser, shared_data: Path) -> None:
    status, lines, _ = ser("corpus", "emodb", "--root", shared_data / "emodb")
    assert status == 0
    assert lines[0] == "EmoDB: 404 utterances, 10 speakers, 0.31 h (published: 535 utterances, 10 speakers, EmoDB)"
    for line in ("angry 127 127", "bored 63 81 -18", "neutral 79 79", "happy 71 71", "fearful 1 69 -68"):
        assert line in lines
    for line in ("sad 62 62", "disgusted 1 46 -45", "16 48 71 -23"):
        assert line in lines
    assert lines[-2:] == [
        "warning: 404 utterances where EmoDB has 535 (bored 63 of 81, disgusted 1 of 46, fearful 1 of 69): an "
        "incomplete copy, or another release",
        "can be used",
    ]


def test_real_ravdess(ser, shared_data: Path) -> None:
    status, lines, _ = ser("corpus", "ravdess", "--root", shared_data / "ravdess")
    assert status == 0
    assert lines[0].startswith("RAVDESS (speech): 120 utterances, 2 speakers,")
    assert "neutral 8 96 -88" in lines
    assert "01 60 60" in lines
    assert "02 0 60 -60" in lines
    (stereo,) = [line for line in lines if "2 channels" in line]
    assert stereo.startswith("warning: 4 of 120 files: 2 channels (their mean is used): ")
    assert (stereo.count("Actor_01/"), stereo.count("Actor_20/")) == (2, 2)
    assert "warning: all 120 files: chunk 'FLLR' before the samples" in lines


def test_everything_is_told_although_files_and_labels_are_bad(ser, tmp_path: Path) -> None:
    root = tmp_path / "a folder with a name that is much longer than any terminal is wide" / ("x" * 60)
    for name in ("1001_DFA_ANG_XX", "1002_DFA_SAD_XX"):
        write_wav(root / "AudioWAV" / f"{name}.wav")
    (root / "AudioWAV" / "1001_DFA_HAP_XX.wav").write_bytes(b"")
    (root / "AudioWAV" / "1001_DFA_NEU_XX.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    (root / "AudioWAV" / "[bold]noise.wav").write_bytes(b"")
    (root / "AudioWAV" / "1002_DFA_DIS_XX.wav").write_bytes((root / "AudioWAV" / "1002_DFA_SAD_XX.wav").read_bytes())
    (root / "VideoDemographics.csv").write_text("ActorID,Sex\n1001,Male\n1002,?\n")
    status, lines, _ = ser("corpus", "crema_d", "--root", root)
    assert status == 1
    assert lines[0].startswith("CREMA-D: 3 utterances, 2 speakers")
    assert "angry 1 1,271 -1,270" in lines
    for line in (
        "warning: identical audio under several names: AudioWAV/1002_DFA_DIS_XX.wav = AudioWAV/1002_DFA_SAD_XX.wav",
        "left out: its name is not <actor>_<sentence>_<emotion>_<level>.wav: AudioWAV/[bold]noise.wav",
        "unreadable: empty (0 bytes): copy it again: AudioWAV/1001_DFA_HAP_XX.wav",
        "unreadable: a git-LFS pointer, not the audio: run `git lfs pull` in the clone: AudioWAV/1001_DFA_NEU_XX.wav",
        "Repair these files, or set `on_unreadable: exclude` for this corpus to go on without them.",
        "broken label: Sex is neither Male nor Female: VideoDemographics.csv line 3 ('?')",
    ):
        assert line in lines
    assert lines[-1] == "cannot be used: 1 broken labels, 2 unreadable audio files"


def test_links_that_leave_the_root_are_no_labels(ser, tmp_path: Path) -> None:
    write_wav(tmp_path / "elsewhere/a.wav")
    write_wav(tmp_path / "in/b.wav")
    (tmp_path / "in/a.wav").symlink_to(tmp_path / "elsewhere/a.wav")
    (tmp_path / "own.csv").write_text("path,speaker,emotion\na.wav,1,sad\nb.wav,1,sad\n")
    status, lines, _ = ser("corpus", "mine", "--root", tmp_path / "in", "--manifest", tmp_path / "own.csv")
    assert status == 1 and lines[-3:] == [
        "link: path leads outside the root through a link: own.csv line 2 ('a.wav')",
        "Copy the recordings, or take the folder that the links lead to as root.",
        "cannot be used: 1 links outside the root",
    ]


def test_a_wrong_root_cannot_be_used(ser, tree: Path) -> None:
    status, lines, _ = ser("corpus", "iemocap", "--root", tree)
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"cannot be used: {tree}: not the tree of IEMOCAP: expected Session<1..5>/")


def test_no_readable_file_cannot_be_used(ser, tree: Path) -> None:
    for file in (tree / "wav").iterdir():
        file.write_bytes(b"")
    status, lines, _ = ser("corpus", "emodb", "--root", tree)
    assert (status, lines[-1]) == (1, "cannot be used: 3 unreadable audio files, no utterances")


def test_ones_own_manifest(ser, tree: Path) -> None:
    (tree / "own.csv").write_text("path,speaker,emotion\nwav/03a01Wa.wav,1,[red]joy\nwav/03a01Fa.wav,2,sad\n")
    status, lines, _ = ser("corpus", "mine", "--root", tree, "--manifest", tree / "own.csv")
    assert status == 0
    assert lines[0] == "mine: 2 utterances, 2 speakers, 0.00 h"
    assert "[red]joy 1" in lines
    (tree / "own.csv").write_text("path,speaker\nwav/03a01Wa.wav,1\n")
    status, lines, _ = ser("corpus", "mine", "--root", tree, "--manifest", tree / "own.csv")
    assert status == 1
    assert "no column 'emotion'" in lines[0]


def test_what_params_say_of_a_corpus_need_not_be_said_again(ser, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its root, manifest, names of columns, that it goes on without broken files; and a pipe gets no lines drawn."""
    project = copy_project(tree / "project")
    monkeypatch.chdir(project.folder)
    (project.folder / "own.csv").write_text("path,speaker,label\nwav/03a01Wa.wav,1,joy\nwav/03a01Fa.wav,2,sad\n")
    (tree / "wav/03a01Fa.wav").write_bytes(b"")
    entry = f"root: {tree}, manifest: own.csv, columns: {{emotion: label}}"
    for more, status, last in (
        ("", 1, "cannot be used (but for `on_unreadable: exclude`): 1 unreadable audio files"),
        (", on_unreadable: exclude", 0, "can be used, without 1 unreadable audio files"),
    ):
        (project.folder / "params.local.yaml").write_text(f"corpora: {{mine: {{{entry}{more}}}}}\n")
        said = ser("corpus", "mine")
        assert (said[0], said[1][-1], said[2]) == (status, last, "")
        assert said[1][:4] == [
            "mine: 1 utterances, 1 speakers, 0.00 h",
            "utterances per emotion",
            "emotion here",
            "joy 1",
        ]
        assert ser("corpus", "mine", "--json")[0] == status
    wrong = "error: mein: not among corpora of params.yaml: give --root DIR (did you mean 'mine'?)\n"
    assert ser("corpus", "mein") == (2, [], wrong)
    assert ser("corpus", "mine", "--manifest", "no.csv")[0] == 2


def test_what_is_the_same_for_many_is_one_line(ser, tmp_path: Path) -> None:
    write_wav(tmp_path / "Audios" / "MSP-PODCAST_0001_0001.wav")
    (tmp_path / "Labels").mkdir()
    rows = [f"MSP-PODCAST_0001_{number:04}.wav,N,4,4,4,1,Male,Train" for number in range(1, 1_302)]
    rows += [f"MSP-PODCAST_0002_{number:04}.wav,N,4,{number}?,4,1,Male,Train" for number in range(1, 22)]
    header = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
    (tmp_path / "Labels" / "labels_consensus.csv").write_text("\n".join([header, *rows]))
    status, lines, _ = ser("corpus", "msp_podcast", "--root", tmp_path)
    names = [f"MSP-PODCAST_0001_000{number}.wav (labels_consensus.csv line {number + 1})" for number in (2, 3, 4)]
    assert f"left out: 1,300, labelled, but without audio file: {', '.join(names)} and 1297 more" in lines
    cells = [f"labels_consensus.csv line {number + 1302} ('{number}?')" for number in (1, 2, 3)]
    assert f"broken label: 21, EmoVal is not a number: {', '.join(cells)} and 18 more" in lines
    known = (
        "MSP-Podcast 1.11 has 151,654, MSP-Podcast 1.12 has 207,136, MSP-Podcast, Odyssey-2024 challenge has 119,421"
    )
    unknown = f"1 utterances: the counts of this release are not known here ({known}, MSP-Podcast 2.0 has 264,705)"
    assert f"warning: {unknown}" in lines
    assert (status, lines[-1]) == (1, "cannot be used: 21 broken labels")


def test_a_corpus_twice_in_one_tree(ser, tmp_path: Path) -> None:
    """RAVDESS is read from folders of any depth, CASIA's speakers are all folders: neither looks at names alone."""
    speech = tmp_path / "ravdess" / "Audio_Speech_Actors_01-24"
    for actor in ("01", "02"):
        write_wav(speech / f"Actor_{actor}" / f"03-01-01-01-01-01-{actor}.wav")
        shutil.copytree(speech / f"Actor_{actor}", tmp_path / "ravdess" / f"Actor_{actor}")
    status, lines, _ = ser("corpus", "ravdess", "--root", tmp_path / "ravdess")
    assert (status, lines[-1]) == (1, "cannot be used: 2 broken labels")
    assert any(
        line.startswith("broken label: 2, utterance more than once (in . and in Audio_Speech_Actors_01-24): keep one: ")
        for line in lines
    )
    for number in (201, 202):
        write_wav(tmp_path / "casia" / "wangzhe" / "angry" / f"{number}.wav")
    shutil.copytree(tmp_path / "casia" / "wangzhe", tmp_path / "casia" / "wangzhe (1)")
    _, lines, _ = ser("corpus", "casia", "--root", tmp_path / "casia")
    twice = (
        "warning: 2, identical audio under several names (in wangzhe and in wangzhe (1)): wangzhe (1)/angry/201.wav = "
    )
    assert any(line.startswith(twice) for line in lines)


def test_many_speakers_are_summed_up(ser, tree: Path) -> None:
    rows = [f"wav/03a01Wa.wav,{number},sad,{number},{number / 10000}" for number in range(1, 61)]
    (tree / "own.csv").write_text("path,speaker,emotion,utterance,end\n" + "\n".join(rows))
    _, lines, _ = ser("corpus", "mine", "--root", tree, "--manifest", tree / "own.csv")
    assert "speaker: 60 values, 1 to 1 each" in lines


def test_names_that_are_not_utf8_are_told_and_recorded(ser, tmp_path: Path) -> None:
    """As in Chinese releases, whose names may be GBK."""
    write_wav(tmp_path / "wangzhe/angry/201.wav")
    folder = tmp_path / "wangzhe" / os.fsdecode("生气".encode("gbk"))
    folder.mkdir()
    (folder / "202.wav").touch()
    status, lines, _ = ser("corpus", "casia", "--root", tmp_path)
    left_out = next(line for line in lines if line.startswith("left out: "))
    assert status == 0 and left_out.endswith(
        "its folder is none of CASIA's emotions: wangzhe/\\udcc9\\udcfa\\udcc6\\udcf8/202.wav"
    )
    report = build_manifest("casia", tmp_path)[1]
    write_sealed(tmp_path / "report.json", report)
    assert read_sealed(tmp_path / "report.json")["excluded"][0]["file"] == left_out.split()[-1]


def test_an_unknown_corpus_is_a_usage_error(ser, tree: Path) -> None:
    status, lines, errors = ser("corpus", "emo-db", "--root", tree)
    assert (status, lines) == (2, [])
    assert errors.startswith("error: unknown corpus 'emo-db': ser/corpora has casia,")
    assert errors.count("\n") == 1


def test_help_and_usage(ser) -> None:
    status, lines, _ = ser("--help")
    assert status == 0
    assert any("corpus" in line for line in lines)
    status, _, errors = ser("corpus", "emodb")
    assert status == 2
    assert "--root" in errors
