"""A user's own manifest: what it must hold, and each kind of fault, reported by line."""

from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from ser.errors import InputError
from ser.manifests.user_manifest import read_user_manifest
from ser.manifests.utterance import Utterance


def csv(folder: Path, content: str) -> Path:
    file = folder / "own.csv"
    file.write_text(content, encoding="utf-8")
    return file


def broken(folder: Path, content: str) -> list[str]:
    reading = read_user_manifest(csv(folder, content), folder)
    assert reading.utterances == []
    return reading.broken


def test_three_columns_are_enough(tmp_path: Path) -> None:
    reading = read_user_manifest(
        csv(tmp_path, "\ufeffemotion, path ,speaker\nsad,a/ö 1.wav,7\n\n happy ,./b.flac,8\n"), tmp_path
    )
    assert reading.utterances == [
        Utterance("a/ö 1", "a/ö 1.wav", speaker="7", emotion="sad"),
        Utterance("b", "b.flac", speaker="8", emotion="happy"),
    ]
    assert (reading.broken, reading.warnings) == ([], [])


def test_optional_columns_and_segments(tmp_path: Path) -> None:
    content = (
        "path,speaker,emotion,utterance,start,end,arousal,partition,sha256,num_samples\n"
        "a.wav,1,sad,,0.5,1.25,3.5,train,x,9\n"
        "a.wav,1,sad,,1.25,,,dev,,\n"
        "a.wav,1,sad,named,,,,test1,,\n"
    )
    assert read_user_manifest(csv(tmp_path, content), tmp_path).utterances == [
        Utterance("a:0.5-1.25", "a.wav", 0.5, 1.25, "1", emotion="sad", arousal=3.5, partition="train"),
        Utterance("a:1.25-", "a.wav", 1.25, None, "1", emotion="sad", partition="dev"),
        Utterance("named", "a.wav", speaker="1", emotion="sad", partition="test1"),
    ]


def test_columns_that_the_project_has_no_use_for_are_named_and_not_read(tmp_path: Path) -> None:
    content = "path,speaker,emotion,speaker_id,duration,,duration\na.wav,1,sad,x,1.5,0,2\n"
    reading = read_user_manifest(csv(tmp_path, content), tmp_path)
    assert reading.utterances == [Utterance("a", "a.wav", speaker="1", emotion="sad")]
    assert reading.warnings == ["columns that are not used: speaker_id, duration, , duration"]


def test_columns_by_other_names(tmp_path: Path) -> None:
    content = "file,speaker,label,emotion\na.wav,1,sad,0\n"
    names = {"path": "file", "emotion": "label"}
    reading = read_user_manifest(csv(tmp_path, content), tmp_path, names)
    assert reading.utterances == [Utterance("a", "a.wav", speaker="1", emotion="sad")]
    assert reading.warnings == ["columns that are not used: own emotion"]
    with pytest.raises(InputError, match="own.csv: 'lable': not a column, or named twice by `columns`; found file, sp"):
        read_user_manifest(tmp_path / "own.csv", tmp_path, {"emotion": "lable"})


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    content = "path,speaker,emotion,start,arousal\na.wav,1,sad,0.5,\nb.wav,2,bored,,3.25\n"
    table = pyarrow.table(
        {
            "path": ["a.wav", "b.wav"],
            "speaker": [1, 2],
            "emotion": ["sad", "bored"],
            "start": [0.5, None],
            "arousal": [None, 3.25],
        }
    )
    parquet.write_table(table, tmp_path / "own.parquet")
    expected = read_user_manifest(csv(tmp_path, content), tmp_path).utterances
    assert read_user_manifest(tmp_path / "own.parquet", tmp_path).utterances == expected


def test_broken_rows_of_parquet_are_named_by_number(tmp_path: Path) -> None:
    table = pyarrow.table({"path": ["a.wav"], "speaker": [None], "emotion": ["sad"]})
    parquet.write_table(table, tmp_path / "own.parquet")
    assert read_user_manifest(tmp_path / "own.parquet", tmp_path).broken == [("own.parquet row 1", "speaker empty", "")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "path,speaker,emotoin\n",
            "unknown column 'emotoin' .did you mean 'emotion'.., no column 'emotion'; found path, speaker, emotoin",
        ),
        ("path,speaker\n", "no column 'emotion'"),
        (
            "path,speaker,emotion,sentense,age\n",
            "unknown column 'sentense' .did you mean 'sentence'..; found path, speaker, emotion, sentense, age; needed "
            "path, speaker, emotion; opt",
        ),
        ("path,Speaker,emotion\n", "unknown column 'Speaker' .did you mean 'speaker'.., no column 'speaker'"),
        ("path,speakr,emotion\n", "unknown column 'speakr' .did you mean 'speaker'.."),
        ("path,speaker,emotion,path\n", "column 'path' appears twice"),
        ("path;speaker;emotion\n", "columns must be separated by commas, not by ; or tab"),
        ("", "no column 'path', no column 'speaker', no column 'emotion'"),
        ("path,speaker,emotion\n", "it names no utterances"),
    ],
)
def test_wrong_columns(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=f"own.csv: {message}"):
        read_user_manifest(csv(tmp_path, content), tmp_path)


def test_files_that_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(b"path,speaker,emotion\n\xe9.wav,1,sad\n")
    with pytest.raises(InputError, match="own.csv: not a CSV file in UTF-8"):
        read_user_manifest(tmp_path / "own.csv", tmp_path)
    (tmp_path / "own.parquet").write_text("path,speaker,emotion\n")
    with pytest.raises(InputError, match="own.parquet: not a Parquet file"):
        read_user_manifest(tmp_path / "own.parquet", tmp_path)
    with pytest.raises(InputError, match="none.csv: cannot be read: No such file"):
        read_user_manifest(tmp_path / "none.csv", tmp_path)
    with pytest.raises(InputError, match="nowhere: no such folder: give the folder that the paths in .*own.csv are"):
        read_user_manifest(tmp_path / "own.csv", tmp_path / "nowhere")


def test_all_broken_lines_are_collected(tmp_path: Path) -> None:
    content = "path,speaker,emotion\n,1,sad\na.wav,,\na.wav,1, \na,b.wav,1,sad\n"
    assert broken(tmp_path, content) == [
        ("own.csv line 2", "path empty", ""),
        ("own.csv line 3", "speaker and emotion empty", ""),
        ("own.csv line 4", "emotion empty", ""),
        ("own.csv line 5", "not 3 cells (text with a comma needs quotes)", "4"),
    ]


@pytest.mark.parametrize(
    ("cells", "reason", "cell"),
    [
        ("soon,,", "start is not a number", "'soon'"),
        ("nan,,", "start is not a number", "'nan'"),
        ("-1,,", "segment is empty or negative", "-1.. s"),
        ("2,1.5,", "segment is empty or negative", "2..1.5 s"),
        (",0,", "segment is empty or negative", "..0 s"),
        (",,high", "arousal is not a number", "'high'"),
    ],
)
def test_numbers(tmp_path: Path, cells: str, reason: str, cell: str) -> None:
    content = f"path,speaker,emotion,start,end,arousal\na.wav,1,sad,{cells}\n"
    assert broken(tmp_path, content) == [("own.csv line 2", reason, cell)]


@pytest.mark.parametrize("path", ["/etc/passwd", "../b.wav", "a/../../b.wav", "..", "a\\b.wav"])
def test_paths_that_leave_the_root(tmp_path: Path, path: str) -> None:
    reason = "path must be relative to the root and stay in it, with / between folders"
    (finding,) = broken(tmp_path, f"path,speaker,emotion\n{path},1,sad\n")
    assert (finding.where, finding.reason) == ("own.csv line 2", reason)
    assert repr(path[-2:])[1:] in finding.detail


def test_links_that_leave_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "root-2"
    for folder in (root / "real", outside):
        folder.mkdir(parents=True)
        (folder / "a.wav").write_bytes(b"")
    (root / "file.wav").symlink_to(outside / "a.wav")
    (root / "folder").symlink_to(outside)
    (root / "inside.wav").symlink_to(root / "real" / "a.wav")
    content = "path,speaker,emotion\nfile.wav,1,sad\nfolder/a.wav,1,sad\ninside.wav,1,sad\n..odd.wav,1,sad\n"
    reading = read_user_manifest(csv(tmp_path, content), root)
    assert reading.broken == [
        ("own.csv line 2", "path leads outside the root through a link", "'file.wav'"),
        ("own.csv line 3", "path leads outside the root through a link", "'folder/a.wav'"),
    ]
    assert [u.path for u in reading.utterances] == ["inside.wav", "..odd.wav"]


def test_other_emotions_are_kept_with_a_warning(tmp_path: Path) -> None:
    reading = read_user_manifest(
        csv(tmp_path, "path,speaker,emotion\na.wav,1,joy\nb.wav,1,joy\nc.wav,1,sad\n"), tmp_path
    )
    assert [u.emotion for u in reading.utterances] == ["joy", "joy", "sad"]
    assert reading.warnings == ["emotions that only your manifest names so, for your protocol's labels: joy (2)"]


def test_a_nul_in_a_path_and_numbers_that_float32_cannot_hold(tmp_path: Path) -> None:
    content = "path,speaker,emotion,arousal\na\0b/c.wav,1,sad,\na.wav,1,sad,1e39\na.wav,1,sad,inf\n"
    assert broken(tmp_path, content) == [
        ("own.csv line 2", "path has a NUL character, which no file name has", r"'a\x00b/c.wav'"),
        ("own.csv line 3", "arousal is not a number below 1e+09", "'1e39'"),
        ("own.csv line 4", "arousal is not a number", "'inf'"),
    ]


def test_a_cell_beyond_the_limit_of_csv(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"own.csv: not a CSV file in UTF-8: field larger than field limit \(131072\)$"
    ):
        read_user_manifest(csv(tmp_path, f"path,speaker,emotion\n{'x' * 140_000},1,sad\n"), tmp_path)


def test_parquet_whose_text_is_not_utf_8(tmp_path: Path) -> None:
    text = pyarrow.array([b"\xff.wav"]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"path": text, "speaker": ["1"], "emotion": ["sad"]}), tmp_path / "own.parquet")
    with pytest.raises(InputError, match=r"own.parquet: values that cannot be read: 'utf-8' codec .* text in UTF-8$"):
        read_user_manifest(tmp_path / "own.parquet", tmp_path)


def test_100_000_unknown_columns_take_no_time_and_one_short_line(tmp_path: Path) -> None:
    columns, cells = ",".join(f"c{number}" for number in range(100_000)), "," * 100_000
    content = f"path,speaker,emotion,{columns}\na.wav,1,sad{cells}\n"
    (warning,) = read_user_manifest(csv(tmp_path, content), tmp_path).warnings
    assert warning.startswith("columns that are not used: c0, c1, ") and warning.endswith(" and 99980 more")
