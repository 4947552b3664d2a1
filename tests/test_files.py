import os
import subprocess
import sys

import numpy as np
import pytest

from helpers import ROOT
from ser.files import alone_with, atomic_file, atomic_folder
from ser.outputs import write_model


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


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_files_have_the_mode_that_the_umask_gives(tmp_path, umask, mode):
    """Those of safetensors too, of which its owner alone could read what a lab shares; and over what a kill left."""
    (tmp_path / ".a.tmp").touch(0o640)
    before = os.umask(umask)
    try:
        write_model(tmp_path / "model.safetensors", {"weight": np.zeros(2)})
        with atomic_file(tmp_path / "a") as temporary:
            temporary.write_text("a")
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "model.safetensors": mode,
        "a": mode,
    }


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
