"""Small folds of artificial spectrograms in real stores, for the tests of the systems that read them."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np

from ser.features.packing import write_store
from ser.features.store import Store
from ser.runs.contract import Fold, Part

TRAINING = {
    "optimiser": "adamw",
    "learning_rate": 0.003,
    "weight_decay": 0.01,
    "schedule": "one_cycle",
    "epochs": 2,
    "steps_per_epoch": 0,
    "batch_size": 8,
    "accumulation": 1,
    "micro_batch": 0,
    "last_batch": "joined",
    "bucketing": 0,
    "gradient_clip": 5.0,
    "patience": 0,
    "average_decay": 0.0,
    "class_weights": "none",
    "label_smoothing": 0.0,
    "precision": "float32",
    "criterion": "UA",
}
INPUT = {
    "segment_seconds": 0.0,
    "segment_overlap": 0.0,
    "normalisation": "train_bins",
    "channels": "static",
    "masks": 0,
    "mask_seconds": 0.0,
    "mask_bins": 0,
    "tempo": 0.0,
    "warp": 0.0,
    "gain": 0.0,
    "mixup": 0.0,
}


def settings(system, **values):
    """A system's settings from `values`; those that it does not know are left out."""
    known = {field.name for field in fields(system.Settings)}
    return system.Settings(**{name: value for name, value in values.items() if name in known})


def spectrogram(kind: int, frames: int, bins: int, rng: np.random.Generator) -> np.ndarray:
    """Noise in dB below 0 with, by kind, a low or a high band that is steady or pulses."""
    x = rng.normal(-60, 3, (frames, bins))
    band = slice(bins // 8, bins // 3) if kind % 2 else slice(bins // 2, bins - bins // 8)
    on = np.ones(frames, bool) if kind < 2 else np.arange(frames) // 12 % 2 == 0
    x[np.ix_(on, np.arange(bins)[band])] += 25
    return x.astype(np.float32)


def make(folder: Path, bins: int = 72, per_part: tuple[int, int, int] = (16, 8, 8), seed: int = 0) -> Fold:
    """A fold of four kinds of utterances of 60 to 199 frames of 10 ms."""
    rng = np.random.default_rng(seed)
    names = [f"{part}{i}" for part, n in zip(("train", "dev", "test"), per_part, strict=True) for i in range(n)]
    kinds = {name: int(name.strip("traindevs")) % 4 for name in names}
    arrays = {name: spectrogram(kinds[name], int(rng.integers(60, 200)), bins, rng) for name in names}
    return fold_of(folder, arrays, kinds)


def fold_of(folder: Path, arrays: dict[str, np.ndarray], kinds: dict[str, int]) -> Fold:
    path = folder / "spectrogram.safetensors"
    metadata = {"feature": json.dumps({"kind": "log_mel", "hop_ms": 10.0})}
    write_store(path, list(arrays), lambda names: [arrays[n] for n in names], key="k", metadata=metadata)

    def part(prefix: str) -> Part:
        chosen = tuple(name for name in arrays if name.startswith(prefix))
        return Part(chosen, ("s",) * len(chosen), np.array([kinds[name] for name in chosen], dtype=np.int64))

    labels = ("low steady", "high steady", "low pulsing", "high pulsing")
    return Fold(0, labels, part("train"), part("dev"), part("test"), {"spectrogram": Store(path)})
