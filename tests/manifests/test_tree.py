"""The digest of a tree: touched and copied files keep it; replaced, added and removed ones change it."""

import os
from pathlib import Path

import pytest

from helpers import flipped
from helpers.wavs import write_wav
from ser.errors import InputError
from ser.manifests import tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("b/2.wav", "a/1.wav", "a.wav"):
        write_wav(tmp_path / "root" / name)
    return tmp_path / "root"


@pytest.fixture
def record(root: Path) -> Path:
    tree.record_tree(root, tree.scan(root), "recorded", root.parent / "record.json")
    return root.parent / "record.json"


def move_time(file: Path, seconds: int = 5) -> None:
    os.utime(file, ns=(0, file.stat().st_mtime_ns + seconds * 10**9))


def test_scan_is_sorted_and_leaves_dot_files_out(root: Path) -> None:
    (root / "._a.wav").write_bytes(b"")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "c.wav").write_bytes(b"")
    files = tree.scan(root)
    assert list(files) == ["a.wav", "a/1.wav", "b/2.wav"]
    assert files["a.wav"] == (1_644, (root / "a.wav").stat().st_mtime_ns)


def test_links_are_followed_but_not_round_and_round(root: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "elsewhere" / "c.wav")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "b" / "round").symlink_to(root)
    (root / "dead.wav").symlink_to(tmp_path / "nothing")
    assert list(tree.scan(root)) == ["a.wav", "a/1.wav", "b/2.wav", "dead.wav", "linked/c.wav"]


def test_without_a_record_any_change_changes_the_digest(root: Path) -> None:
    digests = [tree.tree_digest(root), tree.tree_digest(root, root.parent / "no-record.json")]
    assert digests[0] == digests[1]
    move_time(root / "a.wav")
    digests.append(tree.tree_digest(root))
    (root / "a.wav").rename(root / "c.wav")
    digests.append(tree.tree_digest(root))
    (root / "c.wav").write_bytes(b"")
    digests.append(tree.tree_digest(root))
    (root / "c.wav").unlink()
    digests.append(tree.tree_digest(root))
    assert len(set(digests)) == 5


def test_the_record_holds_as_long_as_nothing_changes(root: Path, record: Path) -> None:
    assert tree.tree_digest(root, record) == "recorded"
    assert str(root) not in record.read_text()


def test_touched_and_copied_files_keep_the_digest(root: Path, record: Path) -> None:
    move_time(root / "a.wav")
    assert tree.tree_digest(root, record) == "recorded"
    for file in root.rglob("*.wav"):
        move_time(file, 1_000)
    assert tree.tree_digest(root, record) == "recorded"


def test_replaced_content_of_the_same_size_changes_the_digest(root: Path, record: Path) -> None:
    (root / "a.wav").write_bytes(flipped((root / "a.wav").read_bytes()))
    move_time(root / "a.wav")
    assert tree.tree_digest(root, record) == tree.tree_digest(root) != "recorded"


@pytest.mark.parametrize("change", ["add", "remove", "grow"])
def test_other_files_change_the_digest(root: Path, record: Path, change: str) -> None:
    if change == "add":
        write_wav(root / "c.wav")
    elif change == "remove":
        (root / "a.wav").unlink()
    else:
        time = (root / "a.wav").stat().st_mtime_ns
        with (root / "a.wav").open("ab") as file:
            file.write(b"\0")
        os.utime(root / "a.wav", ns=(0, time))
    assert tree.tree_digest(root, record) == tree.tree_digest(root) != "recorded"


def test_too_many_touched_files_are_not_read_again(root: Path, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_REREAD", 2)
    move_time(root / "a.wav")
    move_time(root / "a" / "1.wav")
    assert tree.tree_digest(root, record) == "recorded"
    move_time(root / "b" / "2.wav")
    assert tree.tree_digest(root, record) != "recorded"


def test_known_hashes_are_taken_and_large_other_files_not_hashed(
    root: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.record_tree(root, tree.scan(root), "recorded", record, {"a.wav": "of another content"})
    move_time(root / "a.wav")
    assert tree.tree_digest(root, record) != "recorded"
    monkeypatch.setattr(tree, "_HASHED", 1_000)
    tree.record_tree(root, tree.scan(root), "recorded", record)
    assert tree.tree_digest(root, record) == "recorded"
    move_time(root / "a.wav")
    assert tree.tree_digest(root, record) != "recorded"


@pytest.mark.parametrize("content", ["", "{}", "[1]", "null", '{"digest": "recorded"}', '{"digest":', "\xff"])
def test_an_unusable_record_counts_as_none(root: Path, record: Path, content: str) -> None:
    record.write_text(content, encoding="latin-1")
    assert tree.tree_digest(root, record) == tree.tree_digest(root)


def test_a_half_written_record_counts_as_none(root: Path, record: Path) -> None:
    move_time(root / "a.wav")
    record.write_text(record.read_text()[:-20])
    assert tree.tree_digest(root, record) == tree.tree_digest(root)


def test_a_manifest_counts_with_its_content(root: Path, tmp_path: Path) -> None:
    manifest, record = tmp_path / "own.csv", tmp_path / "own.tree.json"
    manifest.write_text("path,speaker,emotion\na.wav,1,sad\n")
    first = tree.tree_digest(root, record, manifest)
    tree.record_tree(root, tree.scan(root), first, record, {}, manifest)
    move_time(manifest)
    move_time(root / "a.wav")
    assert tree.tree_digest(root, record, manifest) == first
    manifest.write_text("path,speaker,emotion\na.wav,2,sad\n")
    assert tree.tree_digest(root, record, manifest) != first
    assert tree.tree_digest(root, record) != first
    with pytest.raises(InputError, match="none.csv: no such manifest"):
        tree.tree_digest(root, record, tmp_path / "none.csv")


def test_a_missing_root_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere.*cannot be listed: No such file.*check the corpus root"):
        tree.tree_digest(tmp_path / "nowhere")


def test_names_that_are_not_utf8(root: Path, record: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"1")
    tree.record_tree(root, tree.scan(root), "recorded", record)
    move_time(root / os.fsdecode(b"caf\xe9.wav"))
    assert tree.tree_digest(root, record) == "recorded"


def test_a_replaced_file_with_the_old_size_and_time_is_noticed_once_it_is_touched(root: Path, record: Path) -> None:
    file = root / "a.wav"
    status = file.stat()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert tree.tree_digest(root, record) == "recorded"
    file.touch()
    assert tree.tree_digest(root, record) != "recorded"


def test_a_link_to_itself_is_a_file_that_cannot_be_read(root: Path) -> None:
    (root / "self.wav").symlink_to("self.wav")
    assert list(tree.scan(root)) == ["a.wav", "a/1.wav", "b/2.wav", "self.wav"]
