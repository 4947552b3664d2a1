"""Whose work/ it is: one clone's, which keeps its name, and that of who may write there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ser.compute.clone import check_writable, clone_name
from ser.errors import InputError
from ser.files import alone_with

RECORD = Path("work/clone.txt")


def name_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(folder)
    return clone_name(RECORD)


def test_a_clone_keeps_its_name_when_it_is_moved_and_a_copy_gets_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, moved, copy = tmp_path / "first", tmp_path / "moved", tmp_path / "it's a copy"
    first.mkdir()
    name = name_in(first, monkeypatch)
    assert f":{first} " in name and name == name_in(first, monkeypatch)
    first.rename(moved)
    assert name_in(moved, monkeypatch) == name
    moved.rename(first)
    shutil.copytree(first, copy)
    own = name_in(copy, monkeypatch)
    assert own != name and "'" not in own and own == name_in(copy, monkeypatch)
    assert name_in(first, monkeypatch) == name


def test_two_clones_with_one_work_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither would see the jobs of the other."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    name_in(first, monkeypatch)
    (second / "work").symlink_to(first / "work")
    with pytest.raises(InputError, match=f"^work: also that of the clone in {first}: build in a clone of your own"):
        name_in(second, monkeypatch)


@pytest.fixture
def another_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, as one without the right to write what is not open to all; root may write anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.chdir(folder)
        locks = Path(folder, ".snakemake/ser.locks")
        locks.mkdir(parents=True)
        for path in (folder, locks, locks.parent):
            Path(path).chmod(0o555)
        user = os.getuid()
        if not user:
            os.setresuid(65534, 65534, 0)
        yield Path(folder)
        if not user:
            os.setresuid(0, 0, 0)
        for path in (folder, locks.parent, locks):
            Path(path).chmod(0o755)


def test_what_another_user_made_is_said_in_one_line(another_user: Path) -> None:
    advice = "build in a clone of your own"
    said = rf"^{another_user}/\.snakemake: belongs to user \d+, you may not write there: {advice}"
    with pytest.raises(InputError, match=said):
        check_writable("work", ".snakemake")
    said = rf"^a: {another_user}/\.snakemake/ser\.locks/\w+ is another user's: {advice}"
    with pytest.raises(InputError, match=said), alone_with("a"):
        pass
