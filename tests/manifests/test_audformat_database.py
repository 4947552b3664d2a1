"""Databases in audformat: labels of several tables, files and segments; what is refused."""

from pathlib import Path
from typing import Any

import pytest

from ser.errors import InputError
from ser.manifests.user_manifest import read_user_manifest
from ser.manifests.utterance import Utterance

audformat = pytest.importorskip("audformat")


def column(table: Any, name: str, values: list[Any], scheme: str = "") -> None:
    table[name] = audformat.Column(scheme_id=scheme or name)
    table[name].set(values)


def made() -> Any:
    """Two segments of one file train, a third is not labelled; a whole file is tested."""
    db = audformat.Database("t")
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "neutral"])
    ages = {3: {"gender": "male", "age": 31}, 8: {"gender": "female", "age": 34}}
    db.schemes["speaker"] = audformat.Scheme("int", labels=ages)
    db.schemes["transcription"] = audformat.Scheme(labels={"a01": "Hello", "a02": "Bye"})
    db.schemes["arousal"] = audformat.Scheme("float")
    db.splits["train"], db.splits["test"] = audformat.Split("train"), audformat.Split("test")
    db["files"] = audformat.Table(audformat.filewise_index(["a.wav", "d/b.wav"]))
    column(db["files"], "speaker", [3, 8])
    column(db["files"], "transcription", ["a01", "a02"])
    segments = audformat.segmented_index(["a.wav"] * 3, ["0s", "1s", "2.5s"], ["1s", "2.5s", None])
    db["train"] = audformat.Table(segments, split_id="train")
    column(db["train"], "emotion", ["anger", "neutral", None])
    column(db["train"], "arousal", [0.25, None, None])
    db["test"] = audformat.Table(audformat.filewise_index(["d/b.wav"]), split_id="test")
    column(db["test"], "emotion", ["neutral"])
    return db


EXPECTED = [
    Utterance("a:0-1", "a.wav", 0.0, 1.0, "3", "", "Hello", "male", "anger", 0.25, partition="train"),
    Utterance("a:1-2.5", "a.wav", 1.0, 2.5, "3", "", "Hello", "male", "neutral", partition="train"),
    Utterance("d/b", "d/b.wav", None, None, "8", "", "Bye", "female", "neutral", partition="test"),
]


@pytest.mark.parametrize("storage_format", ["csv", "parquet"])
def test_labels_come_from_all_tables(tmp_path: Path, storage_format: str) -> None:
    made().save(str(tmp_path), storage_format=storage_format)
    reading = read_user_manifest(tmp_path / "db.yaml", tmp_path)
    found = sorted(reading.utterances, key=lambda utterance: utterance.utterance)
    assert found == EXPECTED and reading.broken == []
    assert reading.warnings == [
        "emotions that only your manifest names so, for your protocol's labels: anger (1)",
    ]


def test_other_names_and_one_of_several_tables(tmp_path: Path) -> None:
    db = made()
    db.schemes["who"] = audformat.Scheme("str")
    db["rater"] = audformat.Table(audformat.filewise_index(["d/b.wav"]))
    column(db["rater"], "emotion", ["anger"])
    column(db["rater"], "who", ["x"])
    db.save(str(tmp_path), storage_format="csv")
    with pytest.raises(InputError, match="db.yaml: .*name one table, `emotion: TABLE/COLUMN`"):
        read_user_manifest(tmp_path / "db.yaml", tmp_path)
    (found,) = read_user_manifest(
        tmp_path / "db.yaml", tmp_path, {"emotion": "rater/emotion", "speaker": "who"}
    ).utterances
    assert (found.path, found.emotion, found.speaker, found.gender) == ("d/b.wav", "anger", "x", "female")
    with pytest.raises(InputError) as error:
        read_user_manifest(tmp_path / "db.yaml", tmp_path, {"emotion": "test/emotion", "session": "room"})
    assert "no session: nothing has a label 'room'; there are arousal, emotion, speaker," in str(error.value)
    assert str(error.value).endswith("name the right ones in params.yaml: `columns: {session: NAME}`")


def test_pickled_tables_and_headers_that_run_code_are_refused(tmp_path: Path) -> None:
    made().save(str(tmp_path), storage_format="pkl")
    with pytest.raises(InputError, match="db.files.pkl: a pickled table is not read: it could run code: save it"):
        read_user_manifest(tmp_path / "db.yaml", tmp_path)
    made().save(str(tmp_path), storage_format="csv")
    for table in ("files", "train", "test"):  # as audb leaves them beside the others
        (tmp_path / f"db.{table}.pkl").write_bytes(b"cos\nmkdir\n(S'" + bytes(tmp_path / "ran") + b"'\ntR.")
    assert len(read_user_manifest(tmp_path / "db.yaml", tmp_path).utterances) == 3
    assert not (tmp_path / "ran").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "db.yaml").write_text("name: !!python/object/apply:os.mkdir ['" + str(tmp_path / "ran") + "']\n")
    with pytest.raises(InputError, match="db.yaml: not an audformat database: could not determine a constructor"):
        read_user_manifest(other / "db.yaml", other)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", ["", "[1]", "name: t\n", "a: ["])
def test_a_header_that_is_none_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "db.yaml").write_text(content)
    with pytest.raises(InputError, match="db.yaml: not an audformat database: ") as error:
        read_user_manifest(tmp_path / "db.yaml", tmp_path)
    assert "\n" not in str(error.value)


def test_a_header_elsewhere_and_a_missing_table_are_named(tmp_path: Path) -> None:
    made().save(str(tmp_path / "db"), storage_format="csv")
    with pytest.raises(InputError, match="relative to it: set root to its folder"):
        read_user_manifest(tmp_path / "db" / "db.yaml", tmp_path)
    (tmp_path / "db" / "db.test.csv").unlink()
    with pytest.raises(InputError, match="db.test.csv: no such file, and none in Parquet: complete the database"):
        read_user_manifest(tmp_path / "db" / "db.yaml", tmp_path / "db")
