"""What the machine does to a job is one line that names the file, the job and the mend."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import _main
from ser.errors import InputError, in_one_line
from ser.features.packing import write_store
from ser.features.store import Store
from ser.outputs import write_json, write_model, write_table

AGAIN = ", then start the same command again: what is finished is kept"
RIGHTS = "give yourself the right to read or write there (chmod -R u+rwX), or use another folder"
MEMORY = "too little memory: run fewer jobs at once, or use a machine with more"


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond a kilobyte, which fails as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left", "a.csv"),
            "a.csv: job x stopped: No space left: make room on that disk",
        ),
        (OSError(errno.EROFS, "Read-only file system", "a"), f"a: job x stopped: Read-only file system: {RIGHTS}"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), f"a: job x stopped: Permission denied: {RIGHTS}"),
        (OSError(errno.ELOOP, "Too many links", "a"), "a: job x stopped: Too many links: put this right"),
        (OSError(errno.EIO, "Input/output error"), "out.csv: job x stopped: Input/output error: put this right"),
        (MemoryError(), f"out.csv: job x stopped: {MEMORY}"),
        (RuntimeError("[enforce fail] can't allocate memory: 8 bytes"), f"out.csv: job x stopped: {MEMORY}"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), f"out.csv: job x stopped: {MEMORY}"),
    ],
)
def test_what_a_machine_does_names_file_job_and_mend(error: Exception, line: str) -> None:
    with pytest.raises(InputError) as raised, in_one_line("job x", ["out.csv", "other"]):
        raise error
    assert str(raised.value) == line + AGAIN


def test_other_faults_of_the_code_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), in_one_line("job x"):
        raise RuntimeError("shapes differ")


def test_a_message_is_one_line_whatever_is_in_it() -> None:
    assert str(InputError("a\nb\x00\x9b\u2028\udcff: é")) == "a\\nb\\x00\\x9b\\u2028\\udcff: é"
    assert str(InputError(f"{'x' * 140_000}: remove it")).endswith("xxx: remove it")
    assert len(str(InputError("x" * 140_000))) < 9_000


def test_a_script_ends_with_that_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["workflow_scripts/audio.py"])
    monkeypatch.setattr(_main, "_OUTPUTS", [])

    def main() -> None:
        _main.be_alone_with("work/a.safetensors")
        raise MemoryError

    with pytest.raises(SystemExit, match="2"):
        _main.script(main)
    assert capsys.readouterr().err == f"error: work/a.safetensors: job audio stopped: {MEMORY}{AGAIN}\n"


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_json(path, ["x" * 9] * 999),
        lambda path: write_table(path, [{"a": "x" * 9}] * 999),
        lambda path: write_model(path, {"a": np.ones(9_999)}),
    ],
    ids=["json", "csv", "safetensors"],
)
def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path: Path, full_disk: None, write) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(InputError) as error, in_one_line("job x"):
        write(tmp_path / "a")
    said = f"{os.strerror(errno.EFBIG)}: make room on that disk"
    assert str(error.value) == f"{tmp_path}/a: job x stopped: {said}{AGAIN}"
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


def test_a_store_goes_on_with_the_shards_that_it_had_before_the_disk_was_full(tmp_path: Path) -> None:
    path, asked = tmp_path / "x.safetensors", []

    def compute(names: list[str]) -> list[np.ndarray]:
        asked.append(names)
        return [np.zeros(1_000_000 if name == "c" else 9, "<f4") for name in names]

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(InputError) as error, in_one_line("job features"):
            write_store(path, ["a", "b", "c"], compute, key="k", metadata={}, shard_size=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert str(error.value).startswith(f"{path}.shards/000002.safetensors: job features stopped: File too large: make")
    assert sorted(shard.name for shard in Path(f"{path}.shards").iterdir()) == [
        "000000.safetensors",
        "000001.safetensors",
    ]
    write_store(path, ["a", "b", "c"], compute, key="k", metadata={}, shard_size=1)
    assert asked == [["a"], ["b"], ["c"], ["c"]] and len(Store(path)["c"]) == 1_000_000
