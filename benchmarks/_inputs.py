"""What benchmarks read: noise in the form of IEMOCAP, checkpoints of random weights, EmoDB or a demo corpus."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from _paths import ROOT
from _turns import Place, new_process
from ser.features.packing import write_store
from ser.features.store import Store
from ser.sealed import Provenance
from ser.waveforms import RATE

MADE_BY = Provenance("benchmark")
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
EMODB_4 = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad"}


def iemocap_samples(n: int, seed: int = 1) -> list[int]:
    """Lengths like IEMOCAP's 5,531: log-normal, median 3.58 s and mean 4.55 s, from 0.585 to 34.14 s."""
    drawn = np.random.default_rng(seed).lognormal(np.log(3.58), np.sqrt(2 * np.log(4.55 / 3.58)), n)
    return [round(second * RATE) for second in np.clip(drawn, 0.585, 34.14)]


def write_noise(path: Path, n: int) -> Store:
    """An audio store of noise with those lengths."""
    rng = np.random.default_rng(1)
    samples = {f"u{i:05d}": size for i, size in enumerate(iemocap_samples(n))}

    def noise(names: list[str]) -> list[np.ndarray]:
        return [rng.integers(-3000, 3000, samples[name], dtype=np.int16) for name in names]

    write_store(path, list(samples), noise, key="noise", metadata={}, shard_size=500)
    return Store(path)


def write_speech(folder: Path, samples: list[int]) -> list[Path]:
    """16-bit files of sine mixtures whose pitch and level move, with some noise."""
    rng, paths = np.random.default_rng(1), []
    folder.mkdir(parents=True)
    for number, size in enumerate(samples):
        t = np.arange(size) / RATE
        pitch = rng.uniform(90, 250) * (1 + 0.2 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * t))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (1 + np.sin(2 * np.pi * 3 * t)) / 4
        paths.append(folder / f"u{number:03}.wav")
        wave = 0.2 * voice + 0.01 * rng.standard_normal(size)
        soundfile.write(paths[-1], np.clip(wave, -0.99, 0.99), RATE, "PCM_16")
    return paths


def checkpoint(encoder: str, folder: Path, is_tiny: bool = False) -> Path:
    """A checkpoint of random weights: of published size, or the demo's tiny one."""
    import torch
    import transformers

    from ser.encoders.checkpoint import ALEXNET
    from ser.encoders.demo import write_encoder
    from ser.encoders.published import ENCODERS, MADE_HERE

    path = folder / encoder
    torch.manual_seed(1)
    if is_tiny or encoder in MADE_HERE:
        write_encoder(encoder, path, seed=1)
    elif encoder == ALEXNET:
        _write_alexnet(path)
    elif not path.exists():
        form = ENCODERS[encoder]
        config = getattr(transformers, f"{form.architecture}Config")(**(LARGE if form.front_end == "layer" else {}))
        getattr(transformers, f"{form.architecture}Model")(config).save_pretrained(path)
        transformers.Wav2Vec2FeatureExtractor(do_normalize=form.do_normalize).save_pretrained(path)
    return path


def _write_alexnet(path: Path) -> None:
    from torch import nn

    from ser.encoders.alexnet import KERNELS, PLACES
    from ser.encoders.fetch import save_alexnet

    widths = (3, 64, 192, 384, 256, 256)
    layers = [nn.Conv2d(i, o, kernel) for i, o, kernel in zip(widths, widths[1:], KERNELS, strict=False)]
    pairs = zip(PLACES, layers, strict=True)
    save_alexnet({f"features.{p}.{key}": t for p, layer in pairs for key, t in layer.state_dict().items()}, path)


def resolved(experiment: str, scale: str = "", row: str = "") -> dict[str, dict[str, Any]]:
    """Features, encoders and settings of an experiment file, with the changes of a row and of a scale."""
    found = yaml.safe_load((ROOT / f"experiments/{experiment}.yaml").read_text())
    of_row = found["rows"][row] if row else {}
    changes = [of_row, *(layer.get("scales", {}).get(scale, {}) for layer in (found, of_row))]
    blocks = {}
    for block in ("features", "encoders", "settings"):
        blocks[block] = {name: entry["value"] for name, entry in found.get(block, {}).items()}
        for layer in changes:
            blocks[block] |= layer.get(block, {})
    return blocks


@dataclass(frozen=True)
class Recordings:
    """Utterances with their emotions and speakers; `what` says which they are."""

    what: str
    root: Path
    paths: list[Path]
    emotions: list[str]
    speakers: list[str]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.emotions)))

    @property
    def targets(self) -> np.ndarray:
        return np.array([self.labels.index(emotion) for emotion in self.emotions])


def recordings(place: Place) -> Recordings:
    """EmoDB's four classes; without its folder, the demo's CASIA, which is synthetic. The short form takes a few."""
    from ser.corpora.casia import EMOTIONS
    from ser.corpora.demo.casia import write_release

    if place.emodb:
        root = place.emodb
        paths = sorted(path for path in root.glob("wav/*.wav") if path.stem[5:6] in EMODB_4)
        if not paths:
            raise SystemExit(f"{place.emodb}: no EmoDB: give the folder that has wav/03a01Fa.wav")
        what, of = "EmoDB-4", [(EMODB_4[path.stem[5]], path.stem[:2]) for path in paths]
    else:
        root = place.folder / "casia"
        if not root.exists():
            root.mkdir()
            with new_process(place.is_short) as speaking:  # one synthesiser per process
                speaking.submit(write_release, root, seed=1, utterances=24 if place.is_short else 240).result()
        paths = sorted(root.glob("*/*/*.wav"))
        what, of = "synthetic CASIA (no --emodb)", [(EMOTIONS[p.parent.name], p.parent.parent.name) for p in paths]
    if place.is_short:
        paths, of = paths[::10], of[::10]
    return Recordings(what, root, paths, [emotion for emotion, _ in of], [speaker for _, speaker in of])
