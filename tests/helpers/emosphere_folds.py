"""Small folds of tones with a demo WavLM, and small settings, for the tests of EmoSphere-SER."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from helpers.spectrogram_folds import TRAINING, settings
from ser.encoders.demo import write_encoder
from ser.features.packing import write_store
from ser.features.store import Store
from ser.runs.contract import Fold, Part
from ser.systems import emosphere_ser

WIDTH, LABELS = 48, ("arousal", "dominance", "valence")
SMALL = settings(
    emosphere_ser,
    **TRAINING
    | {"criterion": "CCC", "class_weights": "balanced", "batch_size": 16, "schedule": "constant", "gradient_clip": 0.0},
    seconds=12.0,
    encoder_width=WIDTH,
    pooling="style",
    attention_heads=2,
    pooling_dropout=0.1,
    head_dropout=0.5,
    padding="leaks",
    auxiliary="regions",
    regions="octants",
    region_loss="decaying",
    region_epochs=5,
    region_floor=0.01,
)


def make_fold(folder: Path) -> Fold:
    """Tones of 0.3 to 0.6 s: arousal goes with loudness, valence with pitch, dominance with duration."""
    write_encoder("wavlm_large", folder / "wavlm_large", seed=1)
    rng = np.random.default_rng(0)
    arrays, targets = {}, {}
    for name in [f"{part}{i}" for part, n in (("train", 16), ("dev", 6), ("test", 6)) for i in range(n)]:
        loud, high, long = rng.uniform(0, 1, 3)
        seconds = np.arange(int(16_000 * (0.3 + 0.3 * long))) / 16_000
        tone = 300 * 10 ** (1.5 * loud) * np.sin(2 * np.pi * 200 * 8**high * seconds)
        arrays[name] = (tone + rng.normal(0, 30, len(tone))).round().astype(np.int16)
        targets[name] = 1 + 6 * np.array([loud, long, high])
    path = folder / "audio.safetensors"
    write_store(path, list(arrays), lambda names: [arrays[n] for n in names], key="k", metadata={})

    def part(prefix: str) -> Part:
        chosen = tuple(name for name in arrays if name.startswith(prefix))
        return Part(chosen, ("s",) * len(chosen), np.array([targets[name] for name in chosen], np.float32))

    stores = {"audio": Store(path)}
    return Fold(
        1, LABELS, part("train"), part("dev"), part("test"), stores, {"encoder": folder / "wavlm_large"}, (1.0, 7.0)
    )


def with_targets(fold: Fold, targets: list[list[float]]) -> Fold:
    """The fold with only as many training utterances as there are targets, which they get."""
    names = fold.train.utterances[: len(targets)]
    return replace(fold, train=Part(names, ("s",) * len(names), np.array(targets, np.float32)))
