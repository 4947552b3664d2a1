"""From the audio store to the store of one feature, whatever its kind."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ser.errors import InputError
from ser.features.packing import join_stores, store_key, write_store
from ser.features.spec import Extractor, canonical
from ser.features.store import Store, open_store
from ser.sealed import Inputs, Order, Provenance
from ser.waveforms import RATE, waveform

_SHARD_BYTES = 128e6


def write_feature(
    output: Path,
    audio: Store,
    spec: Mapping[str, Any],
    extractor: Extractor,
    provenance: Provenance,
    progress: Callable[[float], object] | None = None,
    part: tuple[int, int] = (1, 1),
) -> None:
    """Compute a validated spec for all of `audio` into the store `output`; `progress` gets seconds of audio.

    The order of the store is that of the audio, or longest first if the extractor wants similar lengths together.
    `part` (k, n) is the k-th of n stretches of that order with as much audio in each, for `join_parts`; one without an
    utterance is an empty file. Raises InputError as `write_store` and the extractor do.
    """
    seconds = dict(zip(audio.utterances, (audio.lengths / RATE).tolist(), strict=True))
    names = list(audio.utterances)
    if extractor.by_length:
        names.sort(key=lambda name: (-seconds[name], name))
    names = _stretch(names, seconds, *part)
    if not names and part[1] > 1:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"")
        return

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


def join_parts(output: Path, audio: Store, parts: Sequence[Path], made_from: str) -> None:
    """Write the store `output` of the `parts` of all of `audio`, in their order: the bytes that it has in one piece.

    Raises InputError for a part that was made from something else than `made_from` ("": anything), or parts that are
    not all of one feature.
    """
    inputs = Inputs(Order(inputs=dict.fromkeys(map(str, parts), made_from)))
    found: list[tuple[Path, Mapping[str, str]]] = []
    names: list[str] = []
    for path in parts:
        if not path.is_file() or path.stat().st_size:  # an empty file is a part without utterances
            with open_store(path, inputs) as store:
                found.append((path, store.metadata))
                names += store.utterances
    if sorted(names) != sorted(audio.utterances) or any(metadata != found[0][1] for _, metadata in found):
        raise InputError(f"{parts[0]} ... {parts[-1].name}: not the parts of one feature: remove them and build again")
    join_stores(output, [path for path, _ in found])


def _stretch(names: Sequence[str], seconds: Mapping[str, float], part: int, parts: int) -> list[str]:
    """The utterances whose middle lies in this part of all audio, end to end."""
    if parts == 1:
        return list(names)
    lengths = np.array([seconds[name] for name in names])
    ends = np.cumsum(lengths)
    middles = ends - lengths / 2
    at = np.minimum((middles / ends[-1] * parts).astype(int), parts - 1)
    return [name for name, place in zip(names, at, strict=True) if place == part - 1]
