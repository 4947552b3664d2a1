"""The script of the rule `manifest`, called as the rule calls it; and what is refused before it is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.project import Project
from helpers.wavs import write_wav
from ser.manifests import tree
from ser.manifests import utterance as manifest


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("03a01Wa", "08a02Ta"):
        write_wav(tmp_path / "emodb" / "wav" / f"{name}.wav")
    return tmp_path / "emodb"


def run(root: Path, output: Path, *more: str | Path, digest: str = "") -> subprocess.CompletedProcess[str]:
    paths = ["--output", output / "m.csv", "--report", output / "m.json", "--tree", output / "m.tree.json"]
    script = ROOT / "workflow_scripts" / "manifest.py"
    command = [sys.executable, script, "--root", root, "--digest", digest or tree.tree_digest(root), *paths, *more]
    return subprocess.run(command, capture_output=True, text=True, cwd=output.parent)


def test_manifest_report_and_record(corpus: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for output in (first, second):
        assert run(corpus, output, "--corpus", "emodb").returncode == 0
    assert [u.utterance for u in manifest.read_manifest(first / "m.csv")] == ["03a01Wa", "08a02Ta"]
    report = json.loads((first / "m.json").read_text())
    assert (report["utterances"], report["tree"]) == (2, tree.tree_digest(corpus))
    sha256 = json.loads((first / "m.tree.json").read_text())["files"]["wav/03a01Wa.wav"][2]
    assert sha256 == manifest.read_manifest(first / "m.csv")[0].sha256
    for name in ("m.csv", "m.json", "m.tree.json"):
        content = (first / name).read_bytes()
        assert content == (second / name).read_bytes()
        assert str(tmp_path).encode() not in content


def test_bad_input_is_one_line_and_leaves_nothing(corpus: Path, tmp_path: Path) -> None:
    (corpus / "wav" / "03a01Wa.wav").write_bytes(b"")
    result = run(corpus, tmp_path / "out", "--corpus", "emodb")
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {corpus}: 1 unreadable audio files: empty (0 bytes): copy it again: wav/")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_recordings_that_change_while_a_build_runs_are_not_read(corpus: Path, tmp_path: Path) -> None:
    planned = tree.tree_digest(corpus)
    write_wav(corpus / "wav" / "09a01Wa.wav")
    result = run(corpus, tmp_path / "out", "--corpus", "emodb", digest=planned)
    assert (result.returncode, result.stderr) == (
        2,
        f"error: {corpus}: has changed since this build started: start it again\n",
    )


def test_ones_own_manifest_without_the_unreadable(corpus: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("path,speaker,emotion\nwav/03a01Wa.wav,1,sad\nwav/none.wav,1,sad\n")
    more = ["--corpus", "mine", "--manifest", own, "--on-unreadable", "exclude"]
    assert run(corpus, tmp_path / "out", *more, digest=tree.tree_digest(corpus, None, own)).returncode == 0
    assert [u.utterance for u in manifest.read_manifest(tmp_path / "out" / "m.csv")] == ["wav/03a01Wa"]
    report = json.loads((tmp_path / "out" / "m.json").read_text())
    assert report["unreadable"] == [{"file": "wav/none.wav", "reason": "missing"}]


def test_a_corpus_that_cannot_be_listed_ends_the_planning_in_one_line(project: Project, tmp_path: Path) -> None:
    (tmp_path / "emodb").mkdir()
    folder = os.open(tmp_path / "emodb", os.O_RDONLY)
    for _ in range(20):  # deeper than a path may be long
        os.mkdir("d" * 250, dir_fd=folder)
        folder, above = os.open("d" * 250, os.O_RDONLY, dir_fd=folder), folder
        os.close(above)
    os.close(folder)
    project.set(scale="free", experiments={"fair": ["majority"]})
    project.set_corpus("emodb", root=str(tmp_path / "emodb"))
    said = project.snakemake("--quiet", "--", "all").stderr.rstrip().split("\n")
    assert said[-2] == "InputFunctionException:" and "Traceback" not in said
    assert re.fullmatch(
        rf"{tmp_path}/emodb/d.+: cannot be listed: File name too long: check the corpus root.*", said[-1]
    )
