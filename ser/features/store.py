"""The packed store: one array of frames per utterance, all in one safetensors file.

Tensor `offsets` int64 [n+1], tensor `data` [total frames, ...]: utterance i is data[offsets[i]:offsets[i+1]], and row i
of tensor `sha256` uint8 [n, 32] is the SHA-256 of its bytes. Header metadata (strings): `utterances` (JSON list),
`key`, and what the writer adds, including `feature` (canonical JSON of the settings), `code_version`, `made_from` and
`inputs` (ser/sealed.py); `seal` is the SHA-256 of the rest of the header, the offsets and the hashes.

Only what is asked for is read, with `pread`: the pages of a mapped file would count as the process's memory, which then
grows with the corpus. The first read of an utterance checks its hash, so that the cost is that of what is read.
packing.py writes these files.
"""

import hashlib
import json
import math
import os
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError
from ser.sealed import Inputs

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "U8": "<u1"}


class Store:
    """A store opened for reading.

    `utterances` in the order of the file, `metadata` without the utterances and the `seal`, `shape` of one frame,
    `dtype`, `lengths` int64 [n] in frames, `hashes` uint8 [n, 32], `nbytes` of all frames. Arrays that it returns are
    read-only: copy them before `torch.from_numpy`. It can be pickled (the file is opened again), so it may go to
    data-loading workers.

    Raises InputError if the file is missing, torn, or not a store; reading an utterance raises it if the bytes are not
    those that were written.
    """

    utterances: tuple[str, ...]
    metadata: dict[str, str]
    seal: str
    shape: tuple[int, ...]
    dtype: np.dtype
    lengths: np.ndarray
    hashes: np.ndarray
    nbytes: int

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            self._let_go = weakref.finalize(self, os.close, self._file)
            header, start = self._read_header()
        except FileNotFoundError:
            raise InputError(f"{self.path}: no such store: make it first") from None
        except (OSError, EOFError, ValueError, RecursionError) as error:
            raise InputError(f"{self.path}: not a readable store ({error}): delete it and make it again") from None
        try:
            metadata = dict(header["__metadata__"])
            self.seal = metadata["seal"]
            offsets, self.hashes = (self._array(*_place(header[name], start)) for name in ("offsets", "sha256"))
            if seal_of(header, offsets, self.hashes) != self.seal:
                raise ValueError("its header has changed since it was written")
            self.utterances = tuple(json.loads(metadata.pop("utterances")))
            del metadata["seal"]
            self._start, self.dtype, (total, *shape) = _place(header["data"], start)
            self.shape, self._frame = tuple(shape), math.prod(shape) * self.dtype.itemsize
            self.nbytes = total * self._frame
            if len(offsets) != len(self.utterances) + 1 or offsets[-1] != total:
                raise ValueError("its offsets do not fit its data")
            if os.fstat(self._file).st_size < self._start + self.nbytes:
                raise ValueError("torn")
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, EOFError) as error:
            raise InputError(f"{self.path}: not a complete store ({error!r}): delete it and make it again") from None
        self.metadata = metadata
        self.lengths = np.diff(offsets)
        self._offsets: list[int] = offsets.tolist()  # Python integers slice faster than numpy's
        self._index = {utterance: i for i, utterance in enumerate(self.utterances)}
        self._unread = bytearray(b"\1") * len(self.utterances)

    def __getitem__(self, utterance: str) -> np.ndarray:
        """All frames of one utterance, [frames, ...]; InputError if the store does not have it."""
        i = self._find(utterance)
        frames = self._frames(self._offsets[i], self._offsets[i + 1])
        if self._unread[i]:
            self._check(i, frames)
        return frames

    def rows(self, utterance: str, start: int, stop: int) -> np.ndarray:
        """Frames start <= i < stop of one utterance, limited to those that exist (never another utterance's)."""
        i = self._find(utterance)
        first, last = self._offsets[i], self._offsets[i + 1]
        if self._unread[i]:
            self._check(i, self._frames(first, last))
        start = min(first + max(start, 0), last)
        return self._frames(start, max(start, min(first + max(stop, 0), last)))

    def check(self) -> None:
        """Raises InputError unless all utterances are as they were written; reads the whole file."""
        for i in range(len(self)):
            self._check(i, self._frames(self._offsets[i], self._offsets[i + 1]))

    def __contains__(self, utterance: object) -> bool:
        return utterance in self._index

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[str]:
        return iter(self.utterances)

    def close(self) -> None:
        """Let go of the file; arrays returned earlier stay valid."""
        self._let_go()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Store, (self.path,)

    def _find(self, utterance: str) -> int:
        try:
            return self._index[utterance]
        except KeyError:
            raise InputError(f"{self.path}: has no utterance {utterance!r}: make the store again") from None

    def _check(self, i: int, frames: np.ndarray) -> None:
        if hashlib.sha256(frames.data.cast("B")).digest() != self.hashes[i].tobytes():
            raise InputError(
                f"{self.path}: {self.utterances[i]!r} has changed since it was written: remove the file and build again"
            )
        self._unread[i] = 0

    def _frames(self, first: int, last: int) -> np.ndarray:
        """Frames first <= i < last of all, [last - first, ...]."""
        if not self._let_go.alive:
            raise ValueError(f"{self.path}: the store is closed")
        try:
            return self._array(self._start + first * self._frame, self.dtype, (last - first, *self.shape))
        except EOFError:
            raise InputError(f"{self.path}: has changed since it was opened: remove the file and build again") from None

    def _array(self, start: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        return np.ndarray(shape, dtype, self._bytes(start, math.prod(shape) * dtype.itemsize))

    def _bytes(self, start: int, size: int) -> bytes:
        """Raises EOFError where the file ends before them."""
        content = os.pread(self._file, size, start)
        if len(content) < size:
            raise EOFError("torn")
        return content

    def _read_header(self) -> tuple[dict[str, Any], int]:
        length = int.from_bytes(self._bytes(0, 8), "little")
        if not 0 < length <= 100_000_000:  # the format's own limit
            raise ValueError("torn header")
        return json.loads(self._bytes(8, length)), 8 + length


def _place(entry: Mapping[str, Any], start: int) -> tuple[int, np.dtype, tuple[int, ...]]:
    """Where a tensor begins, its type and its shape."""
    first, last = (start + offset for offset in entry["data_offsets"])
    dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
    if last - first != math.prod(shape) * dtype.itemsize:
        raise ValueError("torn")
    return first, dtype, shape


def open_store(path: Path, inputs: Inputs) -> Store:
    """A store as an input of a job. Raises InputError as `Store` does, or if it is not the one that was ordered."""
    store = Store(path)
    inputs.note(path, store.metadata.get("made_from", ""), store.seal)
    return store


def seal_of(header: Mapping[str, Any], offsets: np.ndarray, hashes: np.ndarray) -> str:
    """The seal (64 hex digits): SHA-256 of a header, whatever seal it has, and of the tensors before `data`."""
    unsealed = {**header, "__metadata__": {**header["__metadata__"], "seal": ""}}
    digest = hashlib.sha256(canonical_json(unsealed).encode())
    digest.update(offsets.tobytes())
    digest.update(hashes.tobytes())
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
