"""`ser splits` as a user calls it: real recordings, the workflow's own split, names that do not exist."""

import csv
import json
import subprocess
from pathlib import Path

import pytest

from helpers.project import BIN, Project, copy_project


def ser(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "ser", *words], cwd=project.folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def emodb(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Project:
    corpora = {"emodb": {"root": str(shared_data / "emodb")}}
    return copy_project(tmp_path_factory.mktemp("splits") / "project", scale="free", corpora=corpora)


def test_the_same_split_before_and_after_the_build(emodb: Project) -> None:
    said = ser(emodb, "splits", "fair/emodb_4", "--to", "csv", "--output", "before")
    assert said.returncode == 0 and "reading all recordings of emodb" in said.stderr, said.stderr
    assert "note: test shares" in said.stdout
    emodb.build("work/free/splits/fair/emodb_4/clean.json")
    said = ser(emodb, "splits", "fair/emodb_4/clean", "--to", "csv")
    assert said.returncode == 0 and said.stderr == ""
    written = emodb.folder / "splits/fair-emodb_4-clean-csv"
    assert (written / "split.csv").read_bytes() == (emodb.folder / "before/split.csv").read_bytes()
    built = json.loads((emodb.folder / "work/free/splits/fair/emodb_4/clean.json").read_text())
    assert json.loads((written / "ser.json").read_text())["data_hash"] == built["data_hash"]
    with (emodb.folder / "work/free/splits/fair/emodb_4/clean.csv").open(newline="") as file:
        theirs = {row["utterance"]: [row[f"fold{k}"] for k in range(1, 11)] for row in csv.DictReader(file)}
    with (written / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["utterance"]: [row[f"fold{k}"] for k in range(1, 11)] for row in rows} == theirs
    assert all(row["path"] == f"wav/{row['speaker']}{row['sentence']}{row['path'][9:]}" for row in rows)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("fair/emodb4", "experiments/fair.yaml: protocols: unknown 'emodb4': did you mean 'emodb_4'?"),
        ("fare/emodb_4", "experiments: unknown 'fare': did you mean 'fair'?"),
        ("fair", "'fair': must be <experiment>/<protocol> or <experiment>/<protocol>/<selection>"),
        (
            "fair/emodb_4/test_selected",
            "experiments/fair.yaml: protocols.emodb_4.selections: unknown 'test_selected': known: clean",
        ),
        ("fair/ravdess", "corpora.ravdess: no file names it: set its root in params.local.yaml"),
        (
            "fair/iemocap_5531",
            "params.yaml: corpus iemocap is not part of scale free: name it under `corpora`, or choose another scale",
        ),
    ],
)
def test_a_wrong_name_is_one_line(emodb: Project, name: str, line: str) -> None:
    said = ser(emodb, "splits", name, "--to", "hf")
    assert said.returncode == 2 and said.stderr == f"error: {line}\n" and said.stdout == ""


def test_a_manifest_whose_columns_have_other_names(emodb: Project, shared_data: Path) -> None:
    """Read as `columns` says, also where nothing is built."""
    emotions = {"W": "angry", "F": "happy", "T": "sad", "N": "neutral"}
    names = [path.name for path in (shared_data / "emodb/wav").iterdir() if path.stem[5] in emotions]
    lines = [f"wav/{name},{name[:2]},{emotions[name[5]]}" for name in sorted(names)]
    (emodb.folder / "own.csv").write_text("\n".join(["path,who,emotion", *lines]))
    own = emodb.folder / "params.local.yaml"
    own.write_text("corpora: {emodb: {manifest: own.csv, columns: {speaker: who}}}\n")
    said = ser(emodb, "splits", "fair/emodb_4", "--to", "csv", "--output", "other")
    own.unlink()
    assert said.returncode == 0, said.stderr
    with (emodb.folder / "other/split.csv").open(newline="") as file:
        assert sorted((row["path"], row["speaker"]) for row in csv.DictReader(file)) == sorted(
            (f"wav/{name}", name[:2]) for name in names
        )
