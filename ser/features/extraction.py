"""From the audio store to the store of one feature, whatever its kind."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ser.features.packing import store_key, write_store
from ser.features.spec import Extractor, canonical
from ser.features.store import Store
from ser.sealed import Provenance
from ser.waveforms import RATE, waveform

_SHARD_BYTES = 128e6


def write_feature(
    output: Path,
    audio: Store,
    spec: Mapping[str, Any],
    extractor: Extractor,
    provenance: Provenance,
    progress: Callable[[float], object] | None = None,
) -> None:
    """Compute a validated spec for all of `audio` into the store `output`; `progress` gets seconds of audio.

    The order of the store is that of the audio, or longest first if the extractor wants similar lengths together.
    Raises InputError as `write_store` and the extractor do.
    """
    seconds = dict(zip(audio.utterances, (audio.lengths / RATE).tolist(), strict=True))
    names = list(audio.utterances)
    if extractor.by_length:
        names.sort(key=lambda name: (-seconds[name], name))

    def compute(shard: list[str]) -> list[np.ndarray]:
        with threadpool_limits(1, "blas"):  # with more threads, numpy's matrix products differ in the last bits
            return extractor.compute([waveform(audio[name]) for name in shard])

    identity = {"feature": canonical(spec), "code_version": provenance.code_version, **extractor.identity}
    write_store(
        output,
        names,
        compute,
        key=store_key(audio=audio.metadata["key"], **identity),
        metadata=identity | provenance.header,
        shard_size=min(extractor.shard_seconds, _SHARD_BYTES / max(extractor.bytes_per_second, 1)),
        sizes=seconds,
        dtype=extractor.dtype,
        progress=progress and (lambda shard: progress(sum(seconds[name] for name in shard))),
    )
