"""Manifests: what is written reads back equal, and nothing else is taken for one."""

import os
from pathlib import Path

import pytest

from ser.errors import InputError
from ser.manifests import utterance as manifest
from ser.manifests.utterance import COLUMNS, Utterance

FULL = Utterance(
    utterance="b",
    path='odd, "name"/ö.wav',
    start=0.1,
    end=1 / 3,
    speaker="03",
    session="Ses01",
    sentence="a01",
    gender="female",
    emotion="happy",
    arousal=5.5,
    valence=-1.0,
    dominance=2.3333,
    num_samples=12_345,
    sample_rate=44_100,
    sha256="f" * 64,
    partition="train",
    style="scripted",
)
BARE = Utterance("a", "a.wav")


def test_columns_are_the_contract() -> None:
    assert ",".join(COLUMNS) == (
        "utterance,path,start,end,speaker,session,sentence,gender,emotion,arousal,valence,dominance,"
        "num_samples,sample_rate,sha256,partition,style"
    )


def test_what_is_written_reads_back_equal(tmp_path: Path) -> None:
    file = tmp_path / "new" / "m.csv"
    manifest.write_manifest(file, [FULL, BARE])
    assert manifest.read_manifest(file) == [FULL, BARE]
    assert file.read_bytes().splitlines()[2] == b"a,a.wav,,,,,,,,,,,0,0,,,"
    assert b"\r" not in file.read_bytes()
    assert [*file.parent.iterdir()] == [file]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    manifest.write_manifest(file, [BARE])
    with pytest.raises(InputError, match="not valid UTF-8: rename"):
        manifest.write_manifest(file, [FULL, Utterance("x", os.fsdecode(b"caf\xe9.wav"))])
    assert manifest.read_manifest(file) == [BARE]
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,speaker,emotion\na.wav,1,sad\n", "not a manifest: its columns are 'path,speaker,emotion'"),
        ("", "not a manifest"),
        (",".join(COLUMNS) + "\na,a.wav\n", "line 2: 2 cells instead of 17"),
        (",".join(COLUMNS) + "\na,a.wav,,,,,,,,,,,many,0,,,\n", "line 2: invalid literal for int.*'many'"),
        (",".join(COLUMNS) + "\na,a.wav,soon,,,,,,,,,,0,0,,,\n", "line 2: could not convert.*'soon'"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "m.csv"
    file.write_text(content)
    with pytest.raises(InputError, match=f"m.csv: {message}"):
        manifest.read_manifest(file)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="m.csv: no such manifest"):
        manifest.read_manifest(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="m.csv: not a CSV file in UTF-8"):
        manifest.read_manifest(tmp_path / "m.csv")
