"""How fast the systems that train an encoder are: seconds per epoch, peak memory, share of the bf16 matrix rate.

    python benchmarks/fine_tuning.py [--utterances 5531] [--epochs 3] [--precision published|bfloat16] [--tiny]

MFHCA with a HuBERT base and EmoSphere-SER with a WavLM large, both of random weights, with the settings of their
experiment files, on noise with IEMOCAP's durations (5,531 utterances: log-normal, median 3.58 s and mean 4.55 s,
from 0.585 to 34.14 s). Needs nothing but `ser`, its libraries and, except with --tiny, a GPU. One JSON line per system:
`seconds` is the median epoch without the first, which warms up; `tflops` counts the matrix products and convolutions
of the first step (torch's own counter); `matmul_tflops` is what one large bf16 product reaches here.
--tiny takes the demo's settings and encoders: seconds on a laptop, to see that it works.
"""

import argparse
import importlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers
import yaml
from torch.utils.flop_counter import FlopCounterMode

from ser.encoders.demo import write_encoder
from ser.features.extraction import write_feature
from ser.features.packing import write_store
from ser.features.spec import open_extractor, validate_spec
from ser.features.store import Store
from ser.runs.contract import Context, Fold, Part
from ser.sealed import Provenance
from ser.training import loop as training
from ser.training.step import Step
from ser.waveforms import RATE

ROOT = Path(__file__).resolve().parent.parent
MADE_BY = Provenance("benchmark")
SYSTEMS = ("mfhca", "emosphere_ser")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--utterances", default=5531, type=int)
    parser.add_argument("--epochs", default=3, type=int)
    parser.add_argument("--precision", nargs="+", default=["published", "bfloat16"])
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not args.tiny:
        parser.error("no GPU that torch can use: only --tiny makes sense here")
    with tempfile.TemporaryDirectory() as name:
        audio = write_noise(Path(name) / "audio.safetensors", args.utterances)
        for system in args.systems:
            for precision in args.precision:
                print(json.dumps(measure(system, precision, audio, Path(name), device, args)), flush=True)


def write_noise(path: Path, n: int) -> Store:
    rng = np.random.default_rng(1)
    seconds = np.clip(rng.lognormal(np.log(3.58), np.sqrt(2 * np.log(4.55 / 3.58)), n), 0.585, 34.14)
    samples = {f"u{i:05d}": round(second * RATE) for i, second in enumerate(seconds)}

    def noise(names: list[str]) -> list[np.ndarray]:
        return [rng.integers(-3000, 3000, samples[name], dtype=np.int16) for name in names]

    write_store(path, list(samples), noise, key="noise", metadata={}, shard_size=500)
    return Store(path)


def measure(
    system: str, precision: str, audio: Store, folder: Path, device: str, args: argparse.Namespace
) -> dict[str, Any]:
    blocks = resolved(system, args.tiny)
    values = blocks["settings"] | {"epochs": args.epochs, "patience": 0}
    if args.tiny:
        values |= {"steps_per_epoch": 2}
    if precision != "published":
        values["precision"] = precision
    module = importlib.import_module(f"ser.systems.{system}")
    settings = module.Settings(**values)
    fold = fold_of(system, blocks, audio, folder, args.tiny)
    stopwatch = Stopwatch(device)
    outcome = stopwatch.run(lambda: module.run(fold, settings, Context(seed=1, device=device)))
    seconds = median(stopwatch.epochs[1:] or stopwatch.epochs)
    steps = stopwatch.steps / len(stopwatch.epochs)
    rate = stopwatch.flops * steps / seconds / 1e12
    memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else None
    peak = matmul_tflops(device)
    return {
        "system": system,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
        "precision": settings.precision,
        "batch": settings.batch_size * settings.accumulation,
        "parameters": outcome.facts["parameters"],
        "utterances": len(fold.train.utterances),
        "hours": round(float(audio.lengths.sum()) / RATE / 3600, 2),
        "seconds": round(seconds, 2),
        "epochs": [round(epoch, 2) for epoch in stopwatch.epochs],
        "steps": steps,
        "peak_gib": memory and round(memory, 2),
        "tflops": round(rate, 2),
        "matmul_tflops": round(peak, 2),
        "share": round(rate / peak, 3),
    }


class Stopwatch:
    """Times each epoch of the real loop, and counts the operations of its first optimiser step."""

    def __init__(self, device: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self.device, self.clock = device, clock
        self.epochs: list[float] = []
        self.steps = 0
        self.flops = 0.0

    def run(self, train: Callable[[], Any]) -> Any:
        epoch, step = training._train_epoch, Step.__call__

        def timed_epoch(*arguments: Any) -> Any:
            self._wait()
            start = self.clock()
            row = epoch(*arguments)
            self._wait()
            self.epochs.append(self.clock() - start)
            return row

        def counted_step(this: Step, batches: Sequence[Any], accumulation: int) -> Any:
            self.steps += 1
            if self.steps > 1:
                return step(this, batches, accumulation)
            with FlopCounterMode(display=False) as counter:  # slow: in the first epoch, which is not counted
                losses = step(this, batches, accumulation)
            self.flops = counter.get_total_flops()
            return losses

        training._train_epoch, Step.__call__ = timed_epoch, counted_step
        try:
            if self.device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            return train()
        finally:
            training._train_epoch, Step.__call__ = epoch, step

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


def resolved(system: str, tiny: bool) -> dict[str, dict[str, Any]]:
    """Features, encoders and settings of the experiment file, without its rows; with the demo's changes if `tiny`."""
    experiment = yaml.safe_load((ROOT / f"experiments/{system}.yaml").read_text())
    blocks = {}
    for block in ("features", "encoders", "settings"):
        blocks[block] = {name: entry["value"] for name, entry in experiment.get(block, {}).items()}
        if tiny:
            blocks[block] |= experiment["scales"]["demo"].get(block, {})
    return blocks


def fold_of(system: str, blocks: dict[str, dict[str, Any]], audio: Store, folder: Path, tiny: bool) -> Fold:
    """All utterances train; the first 32 are dev and test as well, so that an epoch is hardly more than training."""
    stores = {}
    for name, spec in blocks["features"].items():
        if spec and spec["kind"] != "audio":
            path = folder / f"{system}-{name}.safetensors"
            spec = validate_spec(spec)
            if not path.exists():
                write_feature(path, audio, spec, open_extractor(spec), MADE_BY)
            stores[name] = Store(path)
        elif spec:
            stores[name] = audio
    encoders = {name: checkpoint(folder, encoder, tiny) for name, encoder in blocks["encoders"].items() if encoder}
    names = audio.utterances
    rng = np.random.default_rng(2)
    labels = ("angry", "sad", "happy", "neutral") if system == "mfhca" else ("arousal", "dominance", "valence")
    is_classes = system == "mfhca"
    targets = rng.integers(0, 4, len(names)) if is_classes else rng.uniform(1, 7, (len(names), 3)).astype(np.float32)

    def part(n: int) -> Part:
        return Part(names[:n], ("s",) * n, targets[:n])

    scale = None if is_classes else (1.0, 7.0)
    return Fold(1, labels, part(len(names)), part(32), part(32), stores, encoders, scale)


def checkpoint(folder: Path, encoder: str, tiny: bool) -> Path:
    """A checkpoint of random weights: the demo's tiny one, or one of the published size."""
    path = folder / encoder
    if path.exists():
        return path
    if tiny:
        write_encoder(encoder, path, seed=1)
        return path
    torch.manual_seed(1)
    if encoder == "hubert_base":
        model = transformers.HubertModel(transformers.HubertConfig())  # transformers' defaults are the base size
    else:
        model = transformers.WavLMModel(
            transformers.WavLMConfig(
                hidden_size=1024,
                num_hidden_layers=24,
                num_attention_heads=16,
                intermediate_size=4096,
                feat_extract_norm="layer",
                do_stable_layer_norm=True,
            )
        )
    model.save_pretrained(path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(path)
    return path


def matmul_tflops(device: str) -> float:
    """The rate of one large bf16 matrix product, the best of five."""
    n = 8192 if device == "cuda" else 1024
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    rates = []
    for _ in range(5):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(10):
            a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        rates.append(10 * 2 * n**3 / (time.perf_counter() - start) / 1e12)
    return max(rates)


if __name__ == "__main__":
    main()
