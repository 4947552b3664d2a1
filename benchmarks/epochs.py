"""A training epoch: our stores and loop, and a straightforward one that reads and transforms each file every time.

The usual way is a torch `Dataset` whose `__getitem__` decodes the file, computes the log-Mel spectrogram with
torchaudio, and cuts or pads it to the segment's length; a `DataLoader`; and the loop that every tutorial has, in
float32. Both train the same network with the same batch size on the same utterances, one thread each. `network`
trains on batches that are ready in memory: no input pipeline can be faster. Augmentation is off in all of them.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import soundfile
import torch
import torchaudio
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from _inputs import MADE_BY, Recordings, recordings, resolved
from _turns import Place, Seconds, Work
from _watch import Clock, Stopwatch
from ser.features.audio import write_audio
from ser.features.extraction import write_feature
from ser.features.spec import open_extractor, validate_spec
from ser.features.store import Store
from ser.files import sha256_of
from ser.manifests.utterance import Utterance
from ser.runs.contract import Context, Fold, Part
from ser.training.task import class_weights
from ser.waveforms import RATE

TITLE = "An epoch of {}"
UNIT = "epoch"
REPEATS = 3
EPOCHS = 2  # in a turn
ROWS = {"attention_fcn": "no_pretraining", "tf_transformer": ""}  # as they are trained at scale `free`
PLAIN = {"masks": 0, "tempo": 0.0, "warp": 0.0, "gain": 0.0, "mixup": 0.0, "average_decay": 0.0}
PLAIN |= {"steps_per_epoch": 0, "patience": 0}


def prepare(place: Place) -> dict[str, Any]:
    """The stores, made as the pipeline makes them."""
    of = recordings(place)
    utterances = []
    for number, path in enumerate(of.paths):
        size, name = soundfile.info(path).frames, str(path.relative_to(of.root))
        utterances.append(Utterance(f"{number:04}", name, num_samples=size, sample_rate=RATE, sha256=sha256_of(path)))
    audio, spectrogram = _stores(place)
    write_audio(audio, utterances, of.root, MADE_BY)
    spec = validate_spec(_blocks(place)["features"]["spectrogram"])
    write_feature(spectrogram, Store(audio), spec, open_extractor(spec), MADE_BY)
    return {"units": 1, "recordings": of.what, "utterances": len(of.paths), "threads": 1}


def ours(place: Place) -> Work:
    system = importlib.import_module(f"ser.systems.{place.variant}")

    def train() -> Seconds:
        """Mean of the epochs that the real loop makes."""
        stopwatch = Stopwatch("cpu")
        stopwatch.run(lambda: system.run(_fold(place), _settings(place), Context(seed=1)))
        return stopwatch.mean()

    train()
    return Work(train)


def usual(place: Place) -> Work:
    torch.set_num_threads(1)
    of, spec = recordings(place), _blocks(place)["features"]["spectrogram"]
    files = Files(of, spec, _settings(place).segment_seconds)
    files.normalise()
    batches = DataLoader(files, _settings(place).batch_size, shuffle=True)
    return _plain_training(place, batches)


def network(place: Place) -> Work:
    torch.set_num_threads(1)
    of, spec = recordings(place), _blocks(place)["features"]["spectrogram"]
    files = Files(of, spec, _settings(place).segment_seconds)
    files.normalise()
    return _plain_training(place, list(DataLoader(files, _settings(place).batch_size, shuffle=True)))


class Files(Dataset[tuple[Tensor, int]]):
    """Files as log-Mel spectrograms [1, bins, frames] of one length, with their labels."""

    def __init__(self, of: Recordings, spec: dict[str, Any], segment: float) -> None:
        self.paths, self.targets = of.paths, of.targets
        hop = spec.get("hop_ms", 10)
        length, hop_length = round(spec.get("window_ms", 25) * RATE / 1000), round(hop * RATE / 1000)
        self.mel = torchaudio.transforms.MelSpectrogram(RATE, 512, length, hop_length, n_mels=spec["n_mels"])
        self.frames = round(segment * 1000 / hop)
        self.mean, self.deviation = torch.tensor(0.0), torch.tensor(1.0)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        samples, _ = soundfile.read(self.paths[number], dtype="float32")
        x = torch.log(self.mel(torch.from_numpy(samples)) + 1e-6)
        x = (x - self.mean) / self.deviation
        start = int(torch.randint(max(1, x.shape[1] - self.frames + 1), ()))
        x = x[:, start : start + self.frames]
        x = nn.functional.pad(x, (0, self.frames - x.shape[1]))
        return x[None], int(self.targets[number])

    def normalise(self) -> None:
        """Each bin's mean and deviation over all files."""
        whole = torch.cat([self[i][0][0] for i in range(len(self))], dim=1)
        self.mean, self.deviation = whole.mean(1, keepdim=True), whole.std(1, keepdim=True)


def _plain_training(place: Place, batches: Iterable[list[Tensor]]) -> Work:
    task, settings = _task(place), _settings(place)
    of = recordings(place)
    torch.manual_seed(1)
    model = task.network()
    optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    loss_of = nn.CrossEntropyLoss(class_weights(settings.class_weights, of.targets, len(of.labels)))

    def train() -> Seconds:
        model.train()
        clock = Clock("cpu")
        for _ in range(EPOCHS):
            total = 0.0
            for x, target in batches:
                optimiser.zero_grad()
                loss = loss_of(model(x, torch.full((len(x),), x.shape[3])), target)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_clip)
                optimiser.step()
                total += loss.item()
        return clock.passed(EPOCHS)

    train()
    return Work(train)


def _fold(place: Place) -> Fold:
    """All recordings train; the first is the test part, which there must be."""
    of = recordings(place)
    stores = dict(zip(("audio", "spectrogram"), map(Store, _stores(place)), strict=True))
    names = stores["audio"].utterances

    def part(n: int) -> Part:
        return Part(names[:n], tuple(of.speakers[:n]), of.targets[:n])

    return Fold(1, of.labels, part(len(names)), part(0), part(1), stores)


def _task(place: Place) -> Any:
    return importlib.import_module(f"ser.systems.{place.variant}").Task(_fold(place), _settings(place))


def _settings(place: Place) -> Any:
    values = _blocks(place)["settings"] | PLAIN | {"epochs": EPOCHS}
    if place.is_short:
        values |= {"width": {"attention_fcn": 0.125, "tf_transformer": 16}[place.variant], "batch_size": 4}
    return importlib.import_module(f"ser.systems.{place.variant}").Settings(**values)


def _blocks(place: Place) -> dict[str, dict[str, Any]]:
    return resolved(place.variant, "free", ROWS[place.variant])


def _stores(place: Place) -> tuple[Path, Path]:
    return place.folder / "audio.safetensors", place.folder / "spectrogram.safetensors"


WAYS = {"ours": ours, "usual": usual, "network": network}
