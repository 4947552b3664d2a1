"""Features in memory: a store of what was computed just now, for recordings that belong to no corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ser.features.spec import Extractor, canonical
from ser.features.store import Store
from ser.manifests.audio_files import UnreadableAudio
from ser.waveforms import waveform


class MemoryStore(Store):
    """A `Store` of `arrays` [frames, ...], one for each utterance, under the `spec` that they were computed with.

    It has no file; `path` is the name that errors give it.
    """

    def __init__(self, name: str, spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        self.path = Path(name)
        self.utterances = tuple(arrays)
        self.metadata = {"feature": canonical(spec)}
        self._data = np.concatenate(list(arrays.values())) if len(arrays) > 1 else next(iter(arrays.values()))
        self.dtype, self.shape, self.nbytes = self._data.dtype, self._data.shape[1:], self._data.nbytes
        self.lengths = np.array([len(array) for array in arrays.values()], np.int64)
        self._offsets = [0, *np.cumsum(self.lengths).tolist()]
        self._index = {utterance: i for i, utterance in enumerate(self.utterances)}
        self._unread = bytearray(len(self.utterances))  # nothing to compare them with

    def close(self) -> None:
        """Nothing to let go of."""

    def _frames(self, first: int, last: int) -> np.ndarray:
        return self._data[first:last]


def feature_in_memory(
    name: str, spec: Mapping[str, Any], extractor: Extractor, samples: Mapping[str, np.ndarray]
) -> MemoryStore:
    """A feature of int16 `samples` at 16 kHz of each utterance, the same numbers as in a store on the disk.

    Raises UnreadableAudio where there is no frame, or a value is not finite.
    """
    with threadpool_limits(1, "blas"):  # as in extraction.py
        found = extractor.compute([waveform(x) for x in samples.values()])
    arrays = [np.ascontiguousarray(array, dtype=extractor.dtype) for array in found]
    for utterance, array in zip(samples, arrays, strict=True):
        if array.size == 0:
            raise UnreadableAudio(utterance, f"too short for {spec['kind']}: record more")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UnreadableAudio(utterance, f"{spec['kind']} has values that are not finite: check the recording")
    return MemoryStore(name, spec, dict(zip(samples, arrays, strict=True)))
