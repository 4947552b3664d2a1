import pytest

from ser.files import atomic_folder


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
