"""A public corpus by name: published to a repository on the local disk, fetched, and read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ser.cli import app
from ser.errors import InputError
from ser.manifests.build import build_manifest
from ser.manifests.fetch import fetch_database

audb = pytest.importorskip("audb")


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database `tiny`, two files, in a repository that audb is configured for."""
    import audbackend
    import audformat

    (tmp_path / "build/wav").mkdir(parents=True)
    (tmp_path / "host").mkdir()
    for name in "ab":
        soundfile.write(tmp_path / f"build/wav/{name}.wav", np.random.default_rng(1).normal(0, 0.1, 8000), 16_000)
    database = audformat.Database("tiny")
    database["files"] = audformat.Table(audformat.filewise_index(["wav/a.wav", "wav/b.wav"]))
    for column, values in (("emotion", ["anger", "neutral"]), ("speaker", ["1", "2"])):
        database.schemes[column] = audformat.Scheme("str")
        database["files"][column] = audformat.Column(scheme_id=column)
        database["files"][column].set(values)
    database.save(str(tmp_path / "build"))
    audbackend.backend.FileSystem.create(str(tmp_path / "host"), "repository")
    repository = audb.Repository("repository", str(tmp_path / "host"), "file-system")
    monkeypatch.setenv("AUDB_CACHE_ROOT", str(tmp_path / "cache"))
    audb.publish(str(tmp_path / "build"), "1.0.0", repository, verbose=False)
    monkeypatch.setattr(audb.config, "REPOSITORIES", [repository])


def test_a_database_is_fetched_and_read(published: None, tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["audb", "tiny", str(tmp_path / "tiny"), "--version", "1.0.0"])
    assert said.exit_code == 0
    header = tmp_path / "tiny/db.yaml"
    written, entry = said.stdout.splitlines()  # and what audb says is on stderr
    assert written.startswith(f"{tmp_path / 'tiny'}: written")
    assert entry == f"corpora: {{tiny_audb: {{root: {tmp_path / 'tiny'}, manifest: {header}}}}}"
    utterances, _ = build_manifest("tiny_audb", tmp_path / "tiny", header)
    assert [(of.path, of.emotion, of.speaker, of.num_samples) for of in utterances] == [
        ("wav/a.wav", "anger", "1", 8000),
        ("wav/b.wav", "neutral", "2", 8000),
    ]
    with pytest.raises(InputError, match="tiny: not empty: give a new folder"):
        fetch_database("tiny", None, tmp_path / "tiny")


def test_what_there_is_not_is_named_in_one_line(published: None, tmp_path: Path) -> None:
    for name, version, message in (
        ("tinny", None, "database 'tinny'"),
        ("tiny", "2.0.0", "version '2.0.0' for"),
    ):
        with pytest.raises(InputError, match=f"^{name}: audb cannot fetch it: Cannot find .*{message}"):
            fetch_database(name, version, tmp_path / "new")


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(root: str, *_: object, **__: object) -> None:
        for folder in (root, f"{root}~"):
            Path(folder, "wav").mkdir(parents=True)
        print("To:", root)
        raise ConnectionError("gone\naway")

    monkeypatch.setattr(audb, "load_to", broken)
    said = CliRunner().invoke(app, ["audb", "tiny", str(tmp_path / "new/deep/tiny")])
    assert (str(said.exception), said.stdout) == ("tiny: audb cannot fetch it: gone away", "")
    assert list(tmp_path.iterdir()) == []
