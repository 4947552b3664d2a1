"""An optimiser step of MFHCA, HuBERT base included, on segments of 3 s.

The usual way is that of the published code (and of CA-MSER's, from which it is): segments and their spectrograms are in
memory; each item becomes an image by PIL and torchvision and goes through transformers' feature extractor; float32.
Ours is the real loop with the settings of the experiment file, and once more in bfloat16. Network and batch are the
same: the published 32 segments on a GPU, 4 without one, where each way has one thread.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from _inputs import MADE_BY, checkpoint, resolved, write_noise
from _machine import gflops
from _turns import Place, Seconds, Work
from _watch import Clock, Stopwatch, give_back
from ser.features.extraction import write_feature
from ser.features.spec import open_extractor, validate_spec
from ser.features.store import Store
from ser.runs.contract import Context, Fold, Part
from ser.systems import mfhca
from ser.systems.shared.images import DEVIATION, MEAN

TITLE = "A fine-tuning step of MFHCA"
UNIT = "step"
REPEATS = 2
Item = tuple[Tensor, Tensor, int]


def prepare(place: Place) -> dict[str, Any]:
    """Noise with IEMOCAP's lengths, its spectrograms, and the checkpoint."""
    audio = write_noise(place.folder / "audio", 64 if place.device == "cuda" else 8)
    spec = validate_spec(_blocks(place)["features"]["spectrogram"])
    write_feature(place.folder / "spectrogram", audio, spec, open_extractor(spec), MADE_BY)
    checkpoint("hubert_base", place.folder, place.is_short)
    settings = _settings(place)
    return {
        "units": 1,
        "batch": settings.batch_size,
        "steps": settings.steps_per_epoch,
        "precision": settings.precision,
        "segment_seconds": settings.segment_seconds,
    }


def ours(place: Place) -> Work:
    return _run(place, {})


def bfloat16(place: Place) -> Work:
    return _run(place, {"precision": "bfloat16"})


def usual(place: Place) -> Work:
    torch.set_num_threads(1)
    settings, task = _settings(place), mfhca.Task(_fold(place), _settings(place))
    torch.manual_seed(1)
    model = task.network()
    resize = model.image.size
    model.image = nn.Identity()  # the items are images already
    model.to(place.device).train()
    reader = transformers.AutoFeatureExtractor.from_pretrained(place.folder / "hubert_base")
    batches = DataLoader(Segments(task, resize, reader), settings.batch_size, shuffle=True, drop_last=True)
    optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate)
    loss_of = nn.CrossEntropyLoss()

    def train() -> Seconds:
        clock, left = Clock(place.device), settings.steps_per_epoch
        while left:
            for image, speech, target in batches:
                image, speech, target = (x.to(place.device) for x in (image, speech, target))
                optimiser.zero_grad()
                loss = loss_of(model({"speech": speech, "levels": image}), target)
                loss.backward()
                optimiser.step()
                loss.item()
                left -= 1
                if not left:
                    break
        passed = clock.passed(settings.steps_per_epoch)
        give_back(place.device)
        return passed

    train()
    return Work(train)


class Segments(Dataset[Item]):
    """Segments in memory as the published code keeps them, made into images and inputs when they are asked for."""

    def __init__(self, task: mfhca.Task, size: tuple[int, int], reader: Any) -> None:
        found = [task.collate([example], None) for example in task.examples(task.fold.train, None)]
        self.levels = [batch["levels"][0].numpy() for batch in found]
        self.speech = [batch["speech"][0].numpy() for batch in found]
        self.targets = [int(batch["target"][0]) for batch in found]
        self.reader = reader
        self.image = transforms.Compose(
            [transforms.Resize(size), transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]
        )

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, number: int) -> Item:
        image = Image.fromarray(self.levels[number].astype(np.uint8)).convert("RGB")
        speech = self.reader(self.speech[number], sampling_rate=16_000, return_tensors="pt").input_values[0]
        return self.image(image), speech, self.targets[number]


def beside(place: Place) -> dict[str, float]:
    """What a large matrix product reaches, on one thread or on the GPU."""
    n = 256 if place.is_short else 8192 if place.device == "cuda" else 2048
    return {precision: round(gflops(precision, n, place.device), 1) for precision in ("float32", "bfloat16")}


def _run(place: Place, changed: dict[str, Any]) -> Work:
    settings, seen = replace(_settings(place), **changed), {}

    def train() -> Seconds:
        """A step of a new run after those of an epoch that warms up: the optimiser's state is made in the first."""
        stopwatch = Stopwatch(place.device)
        stopwatch.run(lambda: mfhca.run(_fold(place), settings, Context(seed=1, device=place.device)))
        seen.update(peak_gib=_peak(place.device))
        give_back(place.device)
        wall, cpu = stopwatch.mean(warm_up=1)
        return wall / settings.steps_per_epoch, cpu / settings.steps_per_epoch

    def facts() -> dict[str, Any]:
        counter = Stopwatch(place.device, is_counting=True)
        one = replace(settings, epochs=1, steps_per_epoch=1)
        counter.run(lambda: mfhca.run(_fold(place), one, Context(seed=1, device=place.device)))
        return {"precision": settings.precision, "gflop_per_step": round(counter.flops / 1e9, 1), **seen}

    return Work(train, facts=facts)


def _peak(device: str) -> float | None:
    return round(torch.cuda.max_memory_allocated() / 2**30, 2) if device == "cuda" else None


def _fold(place: Place) -> Fold:
    """All segments train; the first utterance is the test part, which there must be."""
    stores = {name: Store(place.folder / name) for name in ("audio", "spectrogram")}
    names = stores["audio"].utterances
    targets = np.random.default_rng(2).integers(0, 4, len(names))

    def part(n: int) -> Part:
        return Part(names[:n], ("s",) * n, targets[:n])

    encoders: dict[str, Path] = {"encoder": place.folder / "hubert_base"}
    return Fold(1, ("angry", "happy", "neutral", "sad"), part(len(names)), part(0), part(1), stores, encoders)


def _settings(place: Place) -> mfhca.Settings:
    values = _blocks(place)["settings"] | {"epochs": 2, "patience": 0, "micro_batch": 0}
    if place.device == "cuda":
        values |= {"steps_per_epoch": 8}
    else:
        values |= {"steps_per_epoch": 1, "batch_size": 2 if place.is_short else 4}
    return mfhca.Settings(**values)


def _blocks(place: Place) -> dict[str, dict[str, Any]]:
    return resolved("mfhca", "demo" if place.is_short else "")


WAYS = {"ours": ours, "bfloat16": bfloat16, "usual": usual}
