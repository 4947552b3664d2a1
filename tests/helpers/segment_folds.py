"""Small folds of artificial sounds in real stores, for the tests of the systems that read segments of speech."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ser.encoders.demo import write_encoder
from ser.features import extraction
from ser.features.packing import write_store
from ser.features.spec import open_extractor, validate_spec
from ser.features.store import Store
from ser.runs.contract import Fold, Part
from ser.sealed import Provenance

EMPHASISED = {"pre_emphasis": 0.97, "edges": "reflection"}
FEATURES = {"spectrogram": {"kind": "log_stft", **EMPHASISED}, "mfcc": {"kind": "mfcc", **EMPHASISED}}
PUBLISHED = {
    "segment_seconds": 3.0,
    "segment_count": "frames",
    "audio_padding": "front",
    "pre_emphasis": 0.97,
    "spectrogram_padding": "maximum",
    "min_max": "padded",
    "quantise": True,
    "image_height": 64,
    "encoder_width": 32,
}
SOUND = {
    "segment_count": "samples",
    "audio_padding": "back",
    "pre_emphasis": 0.0,
    "spectrogram_padding": "floor",
    "min_max": "frames",
    "quantise": False,
}


def sound(kind: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """int16: a low or a high tone in noise, which is steady or, from kind 2 on, pulses."""
    time = np.arange(samples) / 16_000
    tone = np.sin(2 * np.pi * (2500 if kind % 2 else 300) * rng.uniform(0.9, 1.1) * time)
    if kind >= 2:
        tone *= np.sin(2 * np.pi * 3 * time) > 0
    return (3000 * tone + rng.normal(0, 150, samples)).astype(np.int16)


def make(folder: Path, per_part: tuple[int, int, int] = (16, 0, 4), seed: int = 0) -> Fold:
    """A fold of four kinds of utterances of 0.5 to 1 s, with a demo HuBERT as `encoder`."""
    rng = np.random.default_rng(seed)
    names = [f"{part}{i}" for part, n in zip(("train", "dev", "test"), per_part, strict=True) for i in range(n)]
    kinds = {name: int(name.strip("traindevs")) % 4 for name in names}
    sounds = {name: sound(kinds[name], int(rng.integers(8_000, 16_000)), rng) for name in names}
    write_encoder("hubert_base", folder / "hubert_base", seed=1)
    return replace(fold_of(folder, sounds, kinds), encoders={"encoder": folder / "hubert_base"})


def fold_of(folder: Path, sounds: dict[str, np.ndarray], kinds: dict[str, int]) -> Fold:
    """A fold of int16 waveforms, each in the part that its name starts with, without encoders."""
    write_store(folder / "audio", list(sounds), lambda names: [sounds[n] for n in names], key="k", metadata={})
    stores = {"audio": Store(folder / "audio")}
    stores |= {name: feature(folder / name, stores["audio"], spec) for name, spec in FEATURES.items()}

    def part(prefix: str) -> Part:
        chosen = tuple(name for name in sounds if name.startswith(prefix))
        return Part(chosen, ("s",) * len(chosen), np.array([kinds[name] for name in chosen], dtype=np.int64))

    return Fold(1, ("low", "high", "low pulses", "high pulses"), part("train"), part("dev"), part("test"), stores)


def feature(path: Path, audio: Store, spec: dict, **options) -> Store:
    """Any feature of the audio, computed by its kind's own file."""
    spec = validate_spec(spec)
    extraction.write_feature(path, audio, spec, open_extractor(spec, **options), Provenance("v1"))
    return Store(path)


def frozen(fold: Fold, path: Path, **changes) -> Fold:
    """The same fold with the states of its encoder's last layer instead of the encoder."""
    spec = {"kind": "encoder", "encoder": "hubert_base", "layer": "last"}
    spec |= {name: PUBLISHED[name] for name in ("segment_seconds", "segment_count", "audio_padding", "pre_emphasis")}
    states = feature(path, fold.stores["audio"], spec | changes, encoder_dir=fold.encoders["encoder"], device="cpu")
    return replace(fold, stores={**fold.stores, "states": states}, encoders={})
