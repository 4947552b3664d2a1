import os
import subprocess
import sys

import pytest

from helpers import ROOT
from ser.files import alone_with, atomic_folder


def test_the_new_folder_takes_the_place_of_the_old(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "old").touch()
    with atomic_folder(tmp_path / "tree") as folder:
        (folder / "new").touch()
        assert (tmp_path / "tree" / "old").exists()
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_a_failure_leaves_the_old_folder(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "old").touch()
    with pytest.raises(ValueError, match="broken"), atomic_folder(tmp_path / "tree") as folder:  # noqa: PT012
        (folder / "new").touch()
        raise ValueError("broken")
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_what_a_killed_process_left_is_not_taken_over(tmp_path):
    (tmp_path / ".tree.part").mkdir()
    (tmp_path / ".tree.part" / "half").touch()
    with atomic_folder(tmp_path / "tree") as folder:
        assert list(folder.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_who_writes_the_same_waits_and_who_writes_something_else_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = (
        "import sys\nfrom ser.files import alone_with\nwith alone_with('a', 'b'): print(flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as other:
        other.stdout.readline()
        said = []

        def end_it(text, path):
            said.append(text % path)
            other.communicate(b"\n")

        monkeypatch.setattr("ser.files.log.info", end_it)
        with alone_with("c", tmp_path / "d") as waited:
            assert not waited and not said
        with alone_with(tmp_path / "b", "a") as waited:
            assert waited and said == ["another process is still writing a: waiting for it to end"]
    with alone_with("a", "b") as waited:
        assert not waited
