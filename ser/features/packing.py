"""Writing packed stores (store.py), shard by shard, so that a killed job loses at most the shard in progress."""

import hashlib
import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ser.errors import InputError, listed
from ser.features.store import DTYPES, Store, canonical_json, seal_of
from ser.files import naming

_NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def store_key(**parts: Any) -> str:
    """The sha256 (hex) of everything that determines a store's content, given as JSON values by name."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def write_store(
    path: str | os.PathLike[str],
    utterances: Sequence[str],
    compute: Callable[[list[str]], Sequence[np.ndarray]],
    *,
    key: str,
    metadata: Mapping[str, str],
    shard_size: float = 256,
    sizes: Mapping[str, float] | None = None,
    dtype: str | np.dtype | None = None,
    progress: Callable[[list[str]], object] | None = None,
) -> None:
    """Compute all utterances and write them to `path` in the order given.

    `compute` gets the utterances of one shard and returns an array [frames, ...] for each. A shard holds
    `shard_size` utterances, or as many as fit into it by their `sizes` (at least one). Complete shards that a
    killed job left under the same key and metadata are kept. `dtype` None keeps that of the arrays. `progress`
    is called with the utterances of each finished shard, kept ones included. Memory never holds more than one
    shard; the disk holds the data twice while the shards are joined.

    Raises InputError if there are no utterances, one appears twice or is empty, or a value is not finite in
    `dtype`.
    """
    path = Path(path)
    _check_names(path, utterances)
    folder = path.with_name(path.name + ".shards")
    folder.mkdir(parents=True, exist_ok=True)
    expected = {**metadata, "key": key}
    shards = []
    for number, names in enumerate(_split(utterances, shard_size, sizes)):
        shard = folder / f"{number:06d}.safetensors"
        if not _is_whole(shard, names, expected):
            arrays = _packed(path, names, compute(names), dtype)
            with _replacing(shard, folder / "part.tmp") as file:
                hashes = b"".join(hashlib.sha256(a.data.cast("B")).digest() for a in arrays)
                _write_header(file, names, [len(a) for a in arrays], hashes, {_kind(a) for a in arrays}, expected)
                for array in arrays:
                    file.write(array.data.cast("B"))
            del arrays, array  # before the next ones are computed
        shards.append(shard)
        if progress:
            progress(names)
    with _replacing(path, folder / "joined.tmp") as file:
        _join(file, shards, expected)
    shutil.rmtree(folder)


def join_stores(path: str | os.PathLike[str], stores: Sequence[Path]) -> None:
    """Write the store of all utterances of `stores`, which have one metadata. Raises InputError for one that is not a
    store.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Store(stores[0]) as first, _replacing(path, path.with_name(path.name + ".tmp")) as file:
        _join(file, stores, first.metadata)


def _check_names(path: Path, utterances: Sequence[str]) -> None:
    if not utterances:
        raise InputError(f"{path}: no utterances to store: the manifest is empty")
    again = sorted(name for name, count in Counter(utterances).items() if count > 1)
    if again:
        raise InputError(f"{path}: {len(again)} utterances appear more than once: {listed(again)}: name each once")


def _split(names: Sequence[str], budget: float, sizes: Mapping[str, float] | None) -> Iterator[list[str]]:
    shard: list[str] = []
    total = 0.0
    for name in names:
        size = sizes[name] if sizes else 1.0
        if shard and total + size > budget:
            yield shard
            shard, total = [], 0.0
        shard.append(name)
        total += size
    yield shard


def _packed(
    path: Path, names: Sequence[str], arrays: Sequence[np.ndarray], dtype: str | np.dtype | None
) -> list[np.ndarray]:
    with np.errstate(over="ignore"):
        packed = [np.ascontiguousarray(array, dtype=dtype) for array in arrays]
    empty = [name for name, a in zip(names, packed, strict=True) if a.size == 0]
    if empty:
        raise InputError(f"{path}: no frames in {listed(empty)}: leave these utterances out")
    bad = [name for name, a in zip(names, packed, strict=True) if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if bad:
        raise InputError(
            f"{path}: values not finite in {packed[0].dtype}: {listed(bad)}: use float32, or check the audio"
        )
    return packed


def _is_whole(shard: Path, names: Sequence[str], expected: Mapping[str, str]) -> bool:
    try:
        with Store(shard) as store:
            if store.utterances != tuple(names) or store.metadata != expected:
                return False
            store.check()
            return True
    except InputError:
        return False


def _join(file: IO[bytes], shards: Sequence[Path], metadata: Mapping[str, str]) -> None:
    """Header, then the bytes of each shard's `data`, which is the last thing in a file."""
    names: list[str] = []
    lengths: list[int] = []
    hashes: list[bytes] = []
    kinds, sizes = set(), []
    for shard in shards:  # one after the other: an open store holds a file descriptor
        with Store(shard) as store:
            names += store.utterances
            lengths += store.lengths.tolist()
            hashes.append(store.hashes.tobytes())
            kinds.add((store.dtype, store.shape))
            sizes.append(store.nbytes)
    _write_header(file, names, lengths, b"".join(hashes), kinds, metadata)
    for shard, size in zip(shards, sizes, strict=True):
        with shard.open("rb") as source:
            source.seek(-size, os.SEEK_END)
            shutil.copyfileobj(source, file, 1 << 22)


def _kind(array: np.ndarray) -> tuple[np.dtype, tuple[int, ...]]:
    return array.dtype, array.shape[1:]


def _write_header(
    file: IO[bytes],
    names: Sequence[str],
    lengths: Sequence[int],
    hashes: bytes,
    kinds: Set[tuple[np.dtype, tuple[int, ...]]],
    metadata: Mapping[str, str],
) -> None:
    """All of a safetensors file except the bytes of `data`, which follow and are never held all at once."""
    if len(kinds) > 1:
        raise ValueError(f"frames of different types or shapes in one store: {sorted(map(str, kinds))}")
    ((dtype, shape),) = kinds
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype="<i8")]).astype("<i8")
    digests = np.frombuffer(hashes, np.uint8).reshape(-1, 32)
    total = int(offsets[-1])
    start = offsets.nbytes + len(hashes)
    end = start + total * math.prod(shape) * dtype.itemsize
    header: dict[str, Any] = {
        "__metadata__": {**metadata, "utterances": json.dumps(list(names), ensure_ascii=False), "seal": ""},
        "offsets": {"dtype": "I64", "shape": [len(offsets)], "data_offsets": [0, offsets.nbytes]},
        "sha256": {"dtype": "U8", "shape": list(digests.shape), "data_offsets": [offsets.nbytes, start]},
        "data": {"dtype": _NAMES[dtype], "shape": [total, *shape], "data_offsets": [start, end]},
    }
    header["__metadata__"]["seal"] = seal_of(header, offsets, digests)
    text = canonical_json(header).encode()
    text += b" " * (-len(text) % 8)  # in this format the tensors start at a multiple of 8
    file.write(len(text).to_bytes(8, "little") + text)
    file.write(offsets.tobytes() + hashes)


@contextmanager
def _replacing(path: Path, temporary: Path) -> Iterator[IO[bytes]]:
    """A file that becomes `path` once it is complete and on disk, so that even a power cut does no harm."""
    try:
        with naming(path), temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
