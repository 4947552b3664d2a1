"""Classifying spectrograms: crops in training, overlapping segments in evaluation, normalisation, loss, scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from ser.errors import InputError
from ser.runs.contract import Fold, Part
from ser.systems.shared import augment
from ser.systems.shared.classifier import ClassifierTask
from ser.systems.shared.images import DEVIATION, MEAN
from ser.training.task import Batch, Example, TrainingSettings


@dataclass(frozen=True)
class SpectrogramSettings(TrainingSettings):
    """How a system reads spectrograms, added to how it is trained.

    `segment_seconds`: length of the random crop in training and of the segments in evaluation (0: the whole
    utterance). `segment_overlap`: the smallest share, 0 to below 1, that neighbouring segments of an evaluated
    utterance have in common. `normalisation`: `train_bins` (mean 0, deviation 1 per frequency bin) and `train_min_max`
    ([0, 1] per bin) are fitted on the training part; `utterance_bins` is `train_bins` with each utterance's own
    statistics, `utterance_level` subtracts only the utterance's mean level before `train_bins`. `channels`:
    `deltas` adds first and second differences in time; `image` is what a network trained on ImageNet reads: the
    spectrogram as a grey picture in [0, 1], the lowest bin at its bottom, normalised as for ImageNet. The rest is
    augmentation, 0 for off: `masks` pairs of masked stretches of up to `mask_seconds` and `mask_bins`; tempo and band
    axis scaled by up to 1 + `tempo` and 1 + `warp`; levels changed by up to `gain` deviations, smoothly over the bins;
    `mixup` is alpha of the Beta distribution from which a batch's share is drawn when it is mixed with itself in
    another order (Zhang et al. 2018).
    """

    segment_seconds: Annotated[float, ">= 0"]
    segment_overlap: Annotated[float, ">= 0", "< 1"]
    normalisation: Literal["train_bins", "train_min_max", "utterance_bins", "utterance_level"]
    channels: Literal["static", "deltas", "image"]
    masks: Annotated[int, ">= 0"]
    mask_seconds: Annotated[float, ">= 0"]
    mask_bins: Annotated[int, ">= 0"]
    tempo: Annotated[float, ">= 0"]
    warp: Annotated[float, ">= 0"]
    gain: Annotated[float, ">= 0"]
    mixup: Annotated[float, ">= 0"]


class SpectrogramTask(ClassifierTask):
    """A `ser.training.task.Task` on `fold.stores["spectrogram"]` ([frames, bins], log scale): cross-entropy on each
    segment, log-softmax as its scores. A system adds `network()`, which returns a module
    `(spectrogram, frames) -> logits [B, K]`.

    A batch has `spectrogram` float32 [B, C, bins, frames] (normalised; 0 beyond an example's end), `frames`
    int64 [B] (the true lengths) and `target`. Utterances shorter than `least` frames are lengthened with their
    own lowest value, the floor of a log scale, because 0 dB would be its loudest point.
    """

    reads = ("spectrogram", "frames")
    settings: SpectrogramSettings

    def __init__(self, fold: Fold, settings: SpectrogramSettings, least: int = 1) -> None:
        super().__init__(fold, settings)
        if "spectrogram" not in fold.stores:
            raise InputError(f"fold {fold.number}: no store `spectrogram`: the row needs a log_mel or log_stft feature")
        if settings.channels == "image" and settings.normalisation != "train_min_max":
            raise InputError(f"channels image needs normalisation train_min_max, not {settings.normalisation}")
        self.store = fold.stores["spectrogram"]
        self.least = least
        hop = json.loads(self.store.metadata["feature"])["hop_ms"] / 1000
        self.per_second = 1 / hop
        self.frames = round(settings.segment_seconds / hop)
        self.mask_frames = round(settings.mask_seconds / hop)
        self.bins = self.store.shape[0]
        self.channels = {"static": 1, "deltas": 3, "image": 3}[settings.channels]
        self.fitted = self._fit(fold.train) if fold.fitted is None else fold.fitted
        self.shift, self.scale = (torch.tensor(self.fitted[name]) for name in ("shift", "scale"))

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """Every utterance once (training: `collate` cuts the crop), or all its segments (evaluation)."""
        examples = []
        for index, (utterance, target) in enumerate(zip(part.utterances, part.targets, strict=True)):
            for start, stop in self._spans(len(self.store[utterance]), generator is not None):
                examples.append(Example(index, utterance, start, stop, target))
        return examples

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """A batch of the examples; with a generator, of one augmented random crop of each."""
        spectrograms = [self._spectrogram(example, generator) for example in examples]
        frames = torch.tensor([len(x) for x in spectrograms])
        batch = torch.zeros(len(examples), self.channels, self.bins, int(frames.max()))
        for row, x in zip(batch, spectrograms, strict=True):
            row[..., : len(x)] = _channels(x.T, self.settings.channels)
        target = torch.from_numpy(np.stack([example.target for example in examples]))
        result = {"spectrogram": batch, "frames": frames, "target": target}
        if generator is not None and self.settings.mixup > 0:
            share = float(generator.beta(self.settings.mixup, self.settings.mixup))
            other = torch.from_numpy(generator.permutation(len(batch)))
            result["spectrogram"] = share * batch + (1 - share) * batch[other]
            result["frames"] = torch.maximum(frames, frames[other])
            result |= {"other_target": target[other], "share": torch.tensor(share)}
        return result

    def loss(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        """Cross-entropy, with the settings' class weights and label smoothing; under mixup, of both targets."""
        loss = super().loss(logits, batch, epoch)
        if "share" in batch:
            other = super().loss(logits, batch | {"target": batch["other_target"]}, epoch)
            loss = batch["share"] * loss + (1 - batch["share"]) * other
        return loss

    def _spans(self, length: int, training: bool) -> list[tuple[int, int]]:
        if training or not self.frames or length <= self.frames:
            return [(0, length)]
        step = self.frames * (1 - self.settings.segment_overlap)
        count = int(np.ceil((length - self.frames) / step)) + 1
        starts = np.linspace(0, length - self.frames, count).round().astype(int)
        return [(int(start), int(start) + self.frames) for start in starts]

    def _spectrogram(self, example: Example, generator: np.random.Generator | None) -> Tensor:
        """One normalised example, [frames, bins]."""
        whole = torch.from_numpy(np.array(self.store[example.utterance], dtype=np.float32))
        floor = whole.min()
        x = whole[example.start : example.stop]
        if generator is not None:
            x = self._crop(x, floor, generator)
        if len(x) < self.least:
            x = torch.cat([x, floor.expand(self.least - len(x), self.bins)])
        x = self._normalised(x, whole)
        if generator is not None:
            x = augment.tilt(x, self.settings.gain, generator)
            for _ in range(self.settings.masks):
                x = augment.mask(x, self.mask_frames, self.settings.mask_bins, generator)
        return x

    def _crop(self, x: Tensor, floor: Tensor, generator: np.random.Generator) -> Tensor:
        """A random crop; what is to be played faster is cut longer, so that the crop then has the right length."""
        tempo = augment.factor(self.settings.tempo, generator)
        warp = augment.factor(self.settings.warp, generator)
        size = min(len(x), round(self.frames * tempo)) if self.frames else len(x)
        start = int(generator.integers(0, len(x) - size + 1))
        return augment.scale(x[start : start + size], tempo, warp, floor)

    def _normalised(self, x: Tensor, whole: Tensor) -> Tensor:
        match self.settings.normalisation:
            case "utterance_bins":
                return (x - whole.mean(0)) / whole.std(0, correction=0).clamp_min(1e-3)
            case "utterance_level":
                x = x - whole.mean()
        return (x - self.shift) / self.scale

    def _fit(self, train: Part) -> dict[str, np.ndarray]:
        """Shift and scale, float32 [bins] each, from the training part alone; one pass, one utterance in memory."""
        total, squares, count = np.zeros(self.bins), np.zeros(self.bins), 0
        low, high = np.full(self.bins, np.inf), np.full(self.bins, -np.inf)
        for utterance in train.utterances:
            x = np.asarray(self.store[utterance], dtype=np.float64)
            if self.settings.normalisation == "utterance_level":
                x = x - x.mean()
            total, squares, count = total + x.sum(0), squares + (x**2).sum(0), count + len(x)
            low, high = np.minimum(low, x.min(0)), np.maximum(high, x.max(0))
        if self.settings.normalisation == "train_min_max":
            shift, scale = low, high - low
        else:
            shift, scale = total / count, np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0))
        scale = np.maximum(scale, 1e-3)  # a bin that never changes
        return {"shift": shift.astype(np.float32), "scale": scale.astype(np.float32)}


def _channels(x: Tensor, channels: str) -> Tensor:
    """[bins, frames] -> [channels, bins, frames]."""
    if channels == "static":
        return x[None]
    if channels == "image":  # values beyond what training has seen are clipped, as in an 8-bit picture
        picture = x.clamp(0, 1).flip(0)
        return torch.stack([(picture - mean) / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)])
    first = _difference(x)
    return torch.stack([x, first, _difference(first)])


def _difference(x: Tensor) -> Tensor:
    """Central differences in time."""
    padded = torch.cat([x[:, :1], x, x[:, -1:]], dim=1)
    return (padded[:, 2:] - padded[:, :-2]) / 2
