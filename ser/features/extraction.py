"""From the audio store to the store of one feature, whatever its kind."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ser.features.audio import RATE, waveform
from ser.features.spec import canonical, feature_file, settings_of
from ser.features.store import Store, store_key, write_store

_SHARD_BYTES = 128e6


@dataclass(frozen=True)
class Extractor:
    """What `load(settings, encoder_dir=, device=, threads=)` of each feature file gives.

    `compute` takes waveforms, float32 [samples] at 16 kHz, and gives an array [frames, ...] for each, the same
    whatever else is in the list. `bytes_per_second` of audio that it gives (0: next to nothing) and
    `shard_seconds` bound a shard. `by_length`: it is fastest on waveforms of similar length.
    `identity` is what else decides the values; it goes into the store's key and metadata.
    """

    compute: Callable[[list[np.ndarray]], list[np.ndarray]]
    bytes_per_second: float = 0.0
    shard_seconds: float = 1800.0
    by_length: bool = False
    dtype: str = "float32"
    identity: Mapping[str, str] = field(default_factory=dict)


def load(spec: Mapping[str, Any], **options: Any) -> Extractor:
    """The extractor of a validated spec; only the file of its kind is imported."""
    module = importlib.import_module(feature_file(spec["kind"]).removesuffix(".py").replace("/", "."))
    return module.load(settings_of(spec), **options)


def write_feature(
    output: Path,
    audio: Store,
    spec: Mapping[str, Any],
    extractor: Extractor,
    code_version: str,
    progress: Callable[[float], object] | None = None,
) -> None:
    """Compute a validated spec for all of `audio` into the store `output`; `progress` gets seconds of audio.

    The order of the store is that of the audio, or longest first where the extractor wants like lengths together.
    Raises InputError as `write_store` and the extractor do.
    """
    seconds = dict(zip(audio.utterances, (audio.lengths / RATE).tolist(), strict=True))
    names = list(audio.utterances)
    if extractor.by_length:
        names.sort(key=lambda name: (-seconds[name], name))

    def compute(shard: list[str]) -> list[np.ndarray]:
        with threadpool_limits(1, "blas"):  # numpy's matrix products have other last bits on more threads
            return extractor.compute([waveform(audio[name]) for name in shard])

    metadata = {"feature": canonical(spec), "code_version": code_version, **extractor.identity}
    write_store(
        output,
        names,
        compute,
        key=store_key(audio=audio.metadata["key"], **metadata),
        metadata=metadata,
        shard_size=min(extractor.shard_seconds, _SHARD_BYTES / max(extractor.bytes_per_second, 1)),
        sizes=seconds,
        dtype=extractor.dtype,
        progress=progress and (lambda shard: progress(sum(seconds[name] for name in shard))),
    )
