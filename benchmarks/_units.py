"""What unit_costs.py measures: the kinds of work, each on noise in the form of the real thing.

`MEASURED` maps a name to a function of an empty folder and the number of repeats, which returns `per` (what one unit
is), `each` (the seconds of every repeat) and what else a unit takes.
"""

import importlib
import json
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

from _inputs import MADE_BY, checkpoint, resolved, write_noise
from _paths import ROOT
from _turns import KINDS
from _watch import Stopwatch
from ser.encoders.checkpoint import open_checkpoint
from ser.features.audio import write_audio
from ser.features.extraction import write_feature
from ser.features.packing import write_store
from ser.features.spec import open_extractor, validate_spec
from ser.features.store import Store
from ser.manifests.utterance import Utterance
from ser.plan.sizes import cells, corpus_size
from ser.runs.contract import Context, Fold, Part
from ser.runs.predictions import write_predictions
from ser.waveforms import RATE

# A clip of MSP-Podcast, padded to the longest of its batch of 16: benchmarks/scaling.py, `padded_seconds`.
PADDED_SECONDS = 10.0
KIND = KINDS.index("wall" if torch.cuda.is_available() else "cpu")
CLOCK = (time.perf_counter, time.process_time)[KIND]
# System -> examples in a batch without a GPU (None: as published).
TRAINED = {
    "attention_fcn": None,
    "tf_transformer": None,
    "light_sernet": None,
    "area_attention": 4,
    "linear_probe": None,
    "mfhca": 4,
    "ca_mser": 4,
    "emosphere_ser": 2,
}
EXPERIMENTS = {"linear_probe": "superb_er"}  # whose settings, where the names differ
# The same without training a speech encoder of published size, or far smaller, and the row with its scale.
VARIANTS = {
    "attention_fcn, small": ("attention_fcn/no_pretraining", "free"),
    "mfhca, no encoder": ("mfhca/frozen_hubert", "paper"),
    "mfhca, tiny encoder": ("fair/mfhca_random", "paper"),
    "ca_mser, no encoder": ("ca_mser/spectrogram", "paper"),
    "ca_mser, tiny encoder": ("fair/ca_mser_random", "paper"),
}
MAPS = ("attention_fcn", "light_sernet", "tf_transformer")  # whose networks read spectrograms as they are, of any size
# Kind -> whose settings.
SPECTRA = {"log_mel": "tf_transformer", "log_stft": "attention_fcn", "mfcc": "ca_mser", "clip_mfcc": "light_sernet"}


def seconds(call: Callable[[], Any]) -> float:
    start = CLOCK()
    call()
    return CLOCK() - start


def decoding(rate: int, channels: int, folder: Path, repeats: int) -> dict[str, Any]:
    """Ten minutes of 16-bit files of five seconds."""
    rng, utterances = np.random.default_rng(1), []
    for number in range(120):
        path = folder / f"{number}.wav"
        soundfile.write(path, rng.integers(-3000, 3000, (5 * rate, channels), dtype=np.int16), rate, "PCM_16")
        digest = sha256(path.read_bytes()).hexdigest()
        utterances.append(Utterance(f"u{number}", path.name, num_samples=5 * rate, sample_rate=rate, sha256=digest))
    each = [seconds(lambda: write_audio(folder / "out", utterances, folder, MADE_BY)) * 6 for _ in range(repeats)]
    return {"per": "hour of audio", "each": each, "bytes": (folder / "out").stat().st_size * 6}


def feature(spec: dict[str, Any], n: int, folder: Path, repeats: int, **options: Any) -> dict[str, Any]:
    """The store of `n` utterances, per hour of audio."""
    audio = write_noise(folder / "audio", n)
    spec = validate_spec(spec)
    extractor = open_extractor(spec, **options)
    hours = float(audio.lengths.sum()) / RATE / 3600
    out = folder / "out"
    each = [seconds(lambda: write_feature(out, audio, spec, extractor, MADE_BY)) / hours for _ in range(repeats)]
    return {"per": "hour of audio", "each": each}


def spectrum(kind: str, folder: Path, repeats: int) -> dict[str, Any]:
    specs = resolved(SPECTRA[kind])["features"].values()
    return feature(next(spec for spec in specs if spec["kind"] == kind), 200, folder, repeats)


def functionals(folder: Path, repeats: int) -> dict[str, Any]:
    return feature({"kind": "functionals"}, 100, folder, repeats)


def extraction(encoder: str, folder: Path, repeats: int) -> dict[str, Any]:
    """States of all layers, averaged over time, as the linear probe reads them; some 30 s of audio without a GPU."""
    n = 400 if torch.cuda.is_available() else 8
    spec = {"kind": "encoder", "encoder": encoder, "layer": "all", "pooling": "mean"}
    path = checkpoint(encoder, folder)
    model, _ = open_checkpoint(path)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 5 * RATE))
    cost = feature(spec, n, folder, repeats, encoder_dir=path)
    return cost | {"flop": counter.get_total_flops() * 3600 / 5}


def training(name: str, folder: Path, repeats: int) -> dict[str, Any]:
    """Optimiser steps of the real loop, per example (an utterance, or a segment of one)."""
    system = name.partition(",")[0]
    blocks = resolved(EXPERIMENTS.get(system, system))
    if name in VARIANTS:
        change(blocks, *VARIANTS[name])
    module = importlib.import_module(f"ser.systems.{system}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    published = blocks["settings"]["batch_size"]
    batch = published if device == "cuda" else TRAINED.get(name) or published
    is_small = system == "linear_probe"
    steps = 100 if is_small else 10 if device == "cuda" else 1
    changed = {"epochs": repeats + 1, "patience": 0, "steps_per_epoch": steps, "batch_size": batch, "accumulation": 1}
    if device == "cpu" and blocks["settings"]["precision"] == "float16":
        changed["precision"] = "float32"  # processors have no fast products of float16
    settings = module.Settings(**blocks["settings"] | changed)
    fold = fold_of(system, blocks, max(4 * batch, 64), folder)
    stopwatch = Stopwatch(device, is_counting=True)
    specs = {name: validate_spec(spec) for name, spec in blocks["features"].items() if spec}
    outcome = stopwatch.run(lambda: module.run(fold, settings, Context(seed=1, device=device)))
    facts, examples = outcome.facts, steps * batch
    n_segments = sum(count_examples(system, len(fold.stores["audio"][name])) for name in fold.train.utterances)
    write_predictions(folder / "predictions.csv", fold, outcome.scores, outcome.auxiliary)
    return {
        "per": f"example, batch {batch}",
        "batch": batch,
        "each": [epoch[KIND] / examples for epoch in stopwatch.epochs[1:]],
        "flop": stopwatch.flops / batch,
        "examples_per_utterance": n_segments / len(fold.train.utterances),
        "weights_bytes": sum(array.nbytes for array in outcome.model.values()),
        # network, best epoch, two moments of each weight that is trained (and the average, which only the demo lacks)
        "checkpoint_bytes": (2 + (settings.average_decay > 0)) * 4 * facts["parameters"]
        + 8 * facts["parameters_trainable"],
        "prediction_bytes": (folder / "predictions.csv").stat().st_size / len(fold.test.utterances),
        **({"padded_seconds": PADDED_SECONDS} if system == "emosphere_ser" else {}),
        **({"cells": cells(blocks["settings"], specs, corpus_size("iemocap")[1])} if system in MAPS else {}),
    }


def change(blocks: dict[str, dict[str, Any]], row: str, scale: str) -> None:
    """Make an experiment's blocks those of a row at a scale."""
    experiment, _, name = row.partition("/")
    entry = yaml.safe_load((ROOT / f"experiments/{experiment}.yaml").read_text())["rows"][name]
    for changes in (entry, entry.get("scales", {}).get(scale, {})):
        for block in blocks:
            blocks[block] |= changes.get(block, {})


def count_examples(system: str, samples: int) -> int:
    """CA-MSER and MFHCA cut an utterance into segments of 3 s, area attention into segments of 2 s every second, each
    with a copy; the others take it whole, or one crop of it.
    """
    if system == "area_attention":
        return 2 * (1 + max(0, samples - 2 * RATE) // RATE)
    return 1 + samples // (3 * RATE) if system in ("mfhca", "ca_mser") else 1


def fold_of(system: str, blocks: dict[str, Any], n: int, folder: Path) -> Fold:
    """`n` utterances train; the first two are dev and test as well."""
    is_classes = system != "emosphere_ser"
    audio = write_noise(folder / "audio", n) if is_classes else write_clips(folder / "audio", n)
    stores = {"audio": audio}
    for name, spec in blocks["features"].items():
        if spec and spec["kind"] == "encoder":
            stores[name] = write_states(folder / name, audio, validate_spec(spec))
        elif spec and spec["kind"] != "audio":
            spec = validate_spec(spec)
            write_feature(folder / name, audio, spec, open_extractor(spec), MADE_BY)
            stores[name] = Store(folder / name)
    encoders = {name: checkpoint(encoder, folder) for name, encoder in blocks["encoders"].items() if encoder}
    rng, names = np.random.default_rng(2), audio.utterances
    targets = rng.integers(0, 4, n) if is_classes else rng.uniform(1, 7, (n, 3)).astype(np.float32)
    labels = ("angry", "happy", "neutral", "sad") if is_classes else ("arousal", "dominance", "valence")

    def part(size: int) -> Part:
        return Part(names[:size], ("s",) * size, targets[:size])

    return Fold(1, labels, part(n), part(2), part(2), stores, encoders, None if is_classes else (1.0, 7.0))


def write_clips(path: Path, n: int) -> Store:
    """Clips that all have the length of a padded one."""
    rng = np.random.default_rng(1)
    size = round(PADDED_SECONDS * RATE)
    clip = rng.integers(-3000, 3000, size, dtype=np.int16)
    write_store(path, [f"u{i}" for i in range(n)], lambda names: [clip] * len(names), key="noise", metadata={})
    return Store(path)


def write_states(path: Path, audio: Store, spec: dict[str, Any]) -> Store:
    """What a base encoder gives: 13 layers averaged over time, as the linear probe reads them, or the last layer's 149
    frames of each segment of 3 s, as MFHCA does.
    """
    rng, lengths = np.random.default_rng(1), dict(zip(audio.utterances, audio.lengths, strict=True))

    def states(name: str) -> np.ndarray:
        shape = (1, 13, 768) if spec["pooling"] == "mean" else (count_examples("mfhca", int(lengths[name])) * 149, 768)
        return rng.standard_normal(shape, np.float32).astype(spec["dtype"])

    metadata = {"feature": json.dumps(spec)}
    write_store(path, audio.utterances, lambda shard: list(map(states, shard)), key="noise", metadata=metadata)
    return Store(path)


def support_vectors(folder: Path, repeats: int) -> dict[str, Any]:
    """Fit and score with 4,425 and 1,106 utterances (IEMOCAP, four classes), one fold."""
    module = importlib.import_module("ser.systems.functionals_svm")
    rng, n, width = np.random.default_rng(1), 5531, 400
    targets = rng.integers(0, 4, n)
    vectors = rng.standard_normal((n, 1, width)).astype(np.float32) + targets[:, None, None] / 8
    names = tuple(f"u{i:04d}" for i in range(n))
    index = {name: i for i, name in enumerate(names)}
    path = folder / "functionals"
    write_store(path, names, lambda shard: [vectors[index[u]] for u in shard], key="noise", metadata={"feature": "{}"})

    def part(a: int, b: int) -> Part:
        return Part(names[a:b], ("s",) * (b - a), targets[a:b])

    fold = Fold(
        1, ("angry", "happy", "neutral", "sad"), part(0, 4425), part(0, 0), part(4425, n), {"functionals": Store(path)}
    )
    settings = module.Settings(C=1.0, gamma="auto", kernel="rbf", class_weights="none")
    return {
        "per": "run",
        "each": [seconds(lambda: module.run(fold, settings, Context(seed=1))) for _ in range(repeats)],
    }


def _with(function: Callable[..., Any], *first: Any) -> Callable[[Path, int], dict[str, Any]]:
    return lambda folder, repeats: function(*first, folder, repeats)


MEASURED: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "decode, 16 kHz mono": _with(decoding, RATE, 1),
    "decode, 48 kHz mono": _with(decoding, 48_000, 1),
    **{kind: _with(spectrum, kind) for kind in SPECTRA},
    "functionals": functionals,
    "extract hubert_base": _with(extraction, "hubert_base"),
    "extract wavlm_large": _with(extraction, "wavlm_large"),
    **{f"train {name}": _with(training, name) for name in (*TRAINED, *VARIANTS)},
    "run functionals_svm": support_vectors,
}
