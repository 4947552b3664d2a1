import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from helpers import ROOT, flipped
from ser.errors import InputError
from ser.features.packing import store_key, write_store
from ser.features.store import Store

NAMES = [f"u{i:02d}" for i in range(20)]


def frames(name: str) -> np.ndarray:
    """1 to 20 frames of shape [3] that identify their utterance and place."""
    i = int(name[1:])
    return (100 * i + np.arange(3 * (i + 1)).reshape(-1, 3)).astype(np.float32)


def compute(names: list[str]) -> list[np.ndarray]:
    return [frames(name) for name in names]


def write(path: Path, names: list[str] = NAMES, compute=compute, **options) -> Path:
    options = {"key": "k1", "metadata": {"feature": '{"kind":"x"}'}, "shard_size": 3} | options
    write_store(path, names, compute, **options)
    return path


def test_reads_what_was_written(tmp_path):
    with Store(write(tmp_path / "x.safetensors")) as store:
        assert store.utterances == tuple(NAMES) == tuple(store) and len(store) == 20
        assert store.metadata == {"key": "k1", "feature": '{"kind":"x"}'}
        assert store.shape == (3,) and store.dtype == np.float32
        assert store.lengths.dtype == np.int64 and store.lengths.tolist() == list(range(1, 21))
        for name in NAMES:
            np.testing.assert_array_equal(store[name], frames(name))
        assert store.nbytes == np.concatenate(compute(NAMES)).nbytes
        assert "u03" in store and "u99" not in store
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.safetensors"]


def test_rows_never_reach_into_another_utterance(tmp_path):
    store = Store(write(tmp_path / "x.safetensors"))
    whole = frames("u04")
    for start, stop in [(0, 2), (1, 5), (3, 99), (-4, 2), (5, 9), (7, 9), (2, 2), (3, 1), (-9, -1)]:
        np.testing.assert_array_equal(store.rows("u04", start, stop), whole[max(start, 0) : max(stop, 0)])


def test_reads_are_read_only_and_outlive_the_store(tmp_path):
    store = Store(write(tmp_path / "x.safetensors"))
    view = store["u05"]
    assert view.base is not None and not view.flags.writeable
    store.close()
    np.testing.assert_array_equal(view, frames("u05"))
    with pytest.raises(ValueError, match="closed"):
        store["u05"]


def test_is_a_plain_safetensors_file(tmp_path):
    path = write(tmp_path / "x.safetensors", dtype="float16")
    with safe_open(path, "numpy") as file:
        assert sorted(file.keys()) == ["data", "offsets", "sha256"]
        assert json.loads(file.metadata()["utterances"]) == NAMES
        assert file.get_tensor("data").dtype == np.float16
        np.testing.assert_array_equal(file.get_tensor("offsets"), np.cumsum([0, *range(1, 21)]))
        np.testing.assert_array_equal(file.get_tensor("data"), np.concatenate(compute(NAMES)))


@pytest.mark.parametrize("dtype", ["int16", "float16", "float32", "float64", "int64"])
def test_scalar_frames_of_every_dtype(tmp_path, dtype):
    values = np.array([1, -2, 3], dtype)
    store = Store(write(tmp_path / "x.safetensors", ["ä/1 b"], lambda names: [values]))
    assert store.shape == () and store.dtype == dtype
    np.testing.assert_array_equal(store["ä/1 b"], values)


def test_bytes_do_not_depend_on_the_shards(tmp_path):
    one = write(tmp_path / "a.safetensors", shard_size=1).read_bytes()
    assert write(tmp_path / "b.safetensors", shard_size=99).read_bytes() == one
    assert write(tmp_path / "c.safetensors", metadata={"feature": "other"}).read_bytes() != one


def test_sizes_bound_a_shard(tmp_path):
    calls = []
    sizes = dict.fromkeys(NAMES, 2.0) | {"u00": 50.0}

    def counted(names):
        calls.append(len(names))
        return compute(names)

    done = []
    write(tmp_path / "x", compute=counted, shard_size=10, sizes=sizes, progress=done.append)
    assert calls == [1, 5, 5, 5, 4] == [len(names) for names in done]
    assert [name for names in done for name in names] == NAMES


def test_killed_run_loses_at_most_one_shard(tmp_path):
    path = tmp_path / "x.safetensors"
    code = f"""
import time
import test_store
def compute(names):
    if "u09" in names:  # the fourth shard, in progress when the kill comes
        print("ready", flush=True)
        time.sleep(60)
    return test_store.compute(names)
test_store.write(test_store.Path({str(path)!r}), compute=compute)
"""
    here = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(ROOT / "tests")])}
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=here)
    assert child.stdout.readline() == "ready\n"
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL and not path.exists()
    child.stdout.close()

    again = []
    write(path, compute=lambda names: again.extend(names) or compute(names))
    assert again == NAMES[9:]
    assert path.read_bytes() == write(tmp_path / "never_killed").read_bytes()
    assert not path.with_name("x.safetensors.shards").exists()


def interrupted(path: Path) -> Path:
    """The folder with the first three shards of a job that stopped in the fourth."""

    def stops(names):
        if "u09" in names:
            raise KeyboardInterrupt
        return compute(names)

    with pytest.raises(KeyboardInterrupt):
        write(path, compute=stops)
    return path.with_name(path.name + ".shards")


@pytest.mark.parametrize("cut", [3, 40, -1])
def test_torn_shard_is_computed_again(tmp_path, cut):
    shards = interrupted(tmp_path / "x")
    torn = shards / "000001.safetensors"
    torn.write_bytes(torn.read_bytes()[:cut])
    again = []
    write(tmp_path / "x", compute=lambda names: again.extend(names) or compute(names))
    assert again == NAMES[3:6] + NAMES[9:]
    np.testing.assert_array_equal(Store(tmp_path / "x")["u04"], frames("u04"))


@pytest.mark.parametrize("change", [{"key": "k2"}, {"metadata": {"feature": "y"}}, {"shard_size": 4}])
def test_shards_of_other_content_are_computed_again(tmp_path, change):
    interrupted(tmp_path / "x")
    again = []
    write(tmp_path / "x", compute=lambda names: again.extend(names) or compute(names), **change)
    assert again == NAMES


def test_repeated_utterances_are_named(tmp_path):
    with pytest.raises(InputError, match=r"2 utterances appear more than once: a, b"):
        write(tmp_path / "x", ["a", "b", "c", "b", "a"])


def test_no_utterances(tmp_path):
    with pytest.raises(InputError, match="no utterances"):
        write(tmp_path / "x", [])


def test_empty_and_not_finite_utterances_are_all_named(tmp_path):
    with pytest.raises(InputError, match=r"no frames in u00, u02:"):
        write(tmp_path / "x", compute=lambda names: [frames(n)[: int(n[1:]) % 2] for n in names])
    with pytest.raises(InputError, match=r"not finite in float16: u01, u02: use float32"):
        write(tmp_path / "x", compute=lambda names: [frames(n) * 1e3 for n in names], dtype="float16")


def test_frames_of_different_shape_are_a_fault_of_the_code(tmp_path):
    with pytest.raises(ValueError, match="different types or shapes"):
        write(tmp_path / "x", compute=lambda names: [np.zeros((2, int(n[1:]) // 10 + 1)) for n in names])


def test_a_file_that_becomes_shorter_is_noticed_also_where_it_was_read_before(tmp_path):
    path = write(tmp_path / "x.safetensors")
    store = Store(path)
    np.testing.assert_array_equal(store["u19"], frames("u19"))
    os.truncate(path, path.stat().st_size - 4)
    for read in (lambda: store["u19"], lambda: store.rows("u19", 0, 99), store.check):
        with pytest.raises(InputError, match=r"x\.safetensors: has changed since it was opened"):
            read()
    with pytest.raises(InputError, match="not a complete store"):
        Store(path)


def test_missing_torn_and_foreign_files(tmp_path):
    path = write(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="no such store"):
        Store(tmp_path / "absent")
    whole = path.read_bytes()
    for content in [b"", b"hello", whole[:100], whole[:-1], b"\x02\0\0\0\0\0\0\0{}", b"\x02\0\0\0\0\0\0\0[]"]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"{path}: not a .* store"):
            Store(path)


def test_unknown_utterance_names_the_store(tmp_path):
    store = Store(write(tmp_path / "x.safetensors"))
    with pytest.raises(InputError, match=r"x\.safetensors: has no utterance 'u77'"):
        store["u77"]


def test_pickle_carries_the_path_not_the_data(tmp_path):
    store = Store(write(tmp_path / "x.safetensors"))
    packed = pickle.dumps(store)
    assert len(packed) < 500
    np.testing.assert_array_equal(pickle.loads(packed)["u07"], frames("u07"))


def test_key_changes_with_every_part_and_not_with_their_order():
    key = store_key(audio="a", feature={"kind": "x", "n": 1})
    assert key == store_key(feature={"n": 1, "kind": "x"}, audio="a") and len(key) == 64
    assert len({key, store_key(audio="b", feature={}), store_key(audio="a", feature={"kind": "x", "n": 2})}) == 3


def test_flipped_bits_are_found_when_their_utterance_is_read(tmp_path):
    path = write(tmp_path / "x.safetensors")
    content = path.read_bytes()
    path.write_bytes(flipped(content))  # in the last utterance
    store = Store(path)
    np.testing.assert_array_equal(store["u18"], frames("u18"))
    for read in (lambda: store["u19"], lambda: store.rows("u19", 0, 1), store.check):
        with pytest.raises(InputError, match=r"x\.safetensors: 'u19' has changed since it was written"):
            read()


def test_every_flipped_bit_before_the_frames_is_found_at_once(tmp_path):
    path = write(tmp_path / "x.safetensors", NAMES[:3])
    content = path.read_bytes()
    for place in range(len(content) - Store(path).nbytes):
        for bit in range(8):
            path.write_bytes(flipped(content, place, bit))
            with pytest.raises(InputError):
                Store(path)


def test_a_damaged_shard_of_a_killed_job_is_computed_again(tmp_path):
    def stops(names):
        if "u09" in names:
            raise KeyboardInterrupt
        return compute(names)

    whole = write(tmp_path / "whole.safetensors").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "x.safetensors", compute=stops)
    shard = tmp_path / "x.safetensors.shards" / "000001.safetensors"
    shard.write_bytes(flipped(shard.read_bytes()))
    assert write(tmp_path / "x.safetensors").read_bytes() == whole
