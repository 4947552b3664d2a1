"""Multiscale area attention on log-Mel segments (Xu et al., ICASSP 2021, arXiv 2102.01813).

After facts about the published code (lessonxmk/Optimized_attention_for_SER): an utterance is cut into segments of two
seconds, each a log-Mel image; after six convolutions every cell of the map attends to all rectangles of cells up to a
size. Training segments also come with their frequency axis warped (VTLP, Jaitly and Hinton 2013).

Not known of that code, and chosen: one head, energies divided by the root of their width, maxima in pooling, batch norm
and ReLU after every convolution, no biases before batch norm, that warps are drawn anew in each epoch, silence beyond
both ends of a segment, and that an utterance's remainder after its last whole segment is not heard. The code takes the
logarithm without a floor, which digital silence would make infinite; and its attention may drop weights at test, too:
neither is repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.errors import InputError
from ser.features.spectrogram import centred_window, mel_bank, power_frames
from ser.runs.contract import Context, Fold, Outcome, Part
from ser.systems.shared.classifier import ClassifierTask
from ser.systems.shared.layers import seen_by
from ser.training.task import Batch, Example, TrainingSettings
from ser.waveforms import RATE, waveform

WINDOW, HOP = 800, 400  # samples: 50 and 25 ms
FLOOR = np.float32(1e-10)


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """Segments of `segment_seconds` start every `train_hop` seconds in training and every `test_hop` in evaluation.
    Each training segment comes `vtlp_copies` more times with its frequencies multiplied by a factor within 1 +-
    `vtlp_range` up to about `vtlp_hz`. `area_height` and `area_width`: the largest area, in cells of the map (1 and 1:
    ordinary self-attention). `width` scales all channels (1 as published). `attention_dropout` drops weights of the
    attention.
    """

    segment_seconds: Annotated[float, ">= 0.025"]
    train_hop: Annotated[float, ">= 0.025"]
    test_hop: Annotated[float, ">= 0.025"]
    n_mels: Annotated[int, ">= 1"]
    vtlp_copies: Annotated[int, ">= 0"]
    vtlp_range: Annotated[float, ">= 0", "< 1"]
    vtlp_hz: Annotated[float, "> 0"]
    area_height: Annotated[int, ">= 1"]
    area_width: Annotated[int, ">= 1"]
    width: Annotated[float, "> 0"]
    attention_dropout: Annotated[float, ">= 0", "< 1"]


class AreaAttention(nn.Module):
    """Self-attention from the cells of a map to its areas (Li et al., ICML 2019): all rectangles of up to `height` x
    `width` cells, whose key is the mean of their cells and whose value is the sum.
    """

    def __init__(self, height: int, width: int, dropout: float) -> None:
        super().__init__()
        self.sizes = [(h, w) for h in range(1, height + 1) for w in range(1, width + 1)]
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """x [B, C, H, W], at least as large as the largest area -> the same shape."""
        means = [F.avg_pool2d(x, size, stride=1).flatten(2) for size in self.sizes]
        keys = torch.cat(means, dim=2).transpose(1, 2)  # [B, areas, C]
        values = torch.cat([mean * h * w for mean, (h, w) in zip(means, self.sizes, strict=True)], 2).transpose(1, 2)
        queries = x.flatten(2).transpose(1, 2)
        dropout = self.dropout if self.training else 0.0
        answer = F.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout)
        attended: Tensor = answer.transpose(1, 2).unflatten(2, x.shape[2:])
        return attended


class AreaAttentionNetwork(nn.Module):
    """Log-Mel images -> class logits; 0.50 million parameters, most of them in the last layer."""

    def __init__(self, bands: int, frames: int, classes: int, settings: Settings) -> None:
        super().__init__()
        first, *others = (max(1, round(settings.width * n)) for n in (16, 32, 48, 64, 80))
        height, width = 2 * bands // 4, frames // 4
        if height < settings.area_height or width < settings.area_width:
            raise InputError(
                f"settings area_height and area_width are {settings.area_height} and {settings.area_width}, but the "
                f"map has {height} x {width} cells: use smaller areas, more bands or longer segments"
            )
        self.of_frequency = _convolution(1, first, (10, 2))
        self.of_time = _convolution(1, first, (2, 8))
        layers = [_convolution(i, o, (3, 3)) for i, o in zip([first, *others], others, strict=False)]
        self.body = nn.Sequential(layers[0], nn.MaxPool2d(2), layers[1], nn.MaxPool2d(2), *layers[2:])
        self.attention = AreaAttention(settings.area_height, settings.area_width, settings.attention_dropout)
        self.classifier = nn.Linear(height * width * others[-1], classes)

    def forward(self, mel: Tensor) -> Tensor:
        """mel [B, 1, bands, frames] -> logits [B, K]."""
        x = torch.cat([self.of_frequency(mel), self.of_time(mel)], dim=2)  # one above the other, [B, 16, 2 bands, T]
        logits: Tensor = self.classifier(self.attention(self.body(x)).flatten(1))
        return logits


@dataclass(frozen=True)
class Warped(Example):
    """A segment that is heard with its frequencies warped."""


def warped(power: np.ndarray, factor: float, hertz: float) -> np.ndarray:
    """Power spectra [frames, bins] from 0 to 8 kHz with frequencies multiplied by `factor` up to `hertz` (before or
    after, whichever is lower), from there linearly to 8 kHz, which stays.
    """
    top = RATE / 2
    bend = hertz * min(factor, 1) / factor
    bins = np.linspace(0, top, power.shape[1])
    place = np.interp(bins, [0, bend, top], [0, bend * factor, top])  # where each bin moves to
    source = np.interp(bins, place, np.arange(len(bins)))  # and where what arrives comes from, in bins
    low = np.minimum(source.astype(int), len(bins) - 2)
    share = (source - low).astype(np.float32)
    moved: np.ndarray = power[:, low] * (1 - share) + power[:, low + 1] * share
    return moved


class Task(ClassifierTask):
    """A `ser.training.task.Task` on `fold.stores["audio"]`, int16 [samples]: each segment inherits its utterance's
    label, and the utterance's score is the mean of its segments' log-softmax.

    A batch has `mel` float32 [B, 1, bands, frames] (base-10 logarithms of power) and `target`. Raises InputError for a
    missing store, and for settings that leave no segments.
    """

    reads = ("mel",)
    settings: Settings

    def __init__(self, fold: Fold, settings: Settings) -> None:
        super().__init__(fold, settings)
        if "audio" not in fold.stores:
            raise InputError(f"fold {fold.number}: no store `audio`: the row needs a feature of kind audio")
        self.audio = fold.stores["audio"]
        self.samples = round(settings.segment_seconds * RATE)
        self.frames = 1 + self.samples // HOP
        self.window = centred_window("hann", WINDOW, WINDOW)
        self.bank = mel_bank(settings.n_mels, WINDOW, 0, RATE / 2, "slaney", "area")

    def network(self) -> nn.Module:
        """An `AreaAttentionNetwork`. Raises InputError where its map is smaller than the largest area."""
        return AreaAttentionNetwork(self.settings.n_mels, self.frames, self.classes, self.settings)

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """Every whole segment of every utterance, `start` and `stop` in samples, and its copies in training; a shorter
        utterance is one segment that ends in silence.
        """
        hop = round((self.settings.test_hop if generator is None else self.settings.train_hop) * RATE)
        examples: list[Example] = []
        for index, (utterance, target) in enumerate(zip(part.utterances, part.targets, strict=True)):
            for start in range(0, max(1, len(self.audio[utterance]) - self.samples + 1), hop):
                place = (index, utterance, start, start + self.samples, target)
                examples.append(Example(*place))
                if generator is not None:
                    examples += [Warped(*place)] * self.settings.vtlp_copies
        return examples

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """The batch that the class describes; only warps are random."""
        mel = np.stack([self._mel(example, generator) for example in examples])
        return {
            "mel": torch.from_numpy(mel)[:, None],
            "target": torch.tensor([int(example.target) for example in examples]),
        }

    def _mel(self, example: Example, generator: np.random.Generator | None) -> np.ndarray:
        """float32 [bands, frames]."""
        x = waveform(self.audio[example.utterance][example.start : example.stop])
        power = power_frames(np.pad(x, (0, self.samples - len(x))), self.window, HOP, "reflection")
        if isinstance(example, Warped) and generator is not None:
            spread = self.settings.vtlp_range
            power = warped(power, generator.uniform(1 - spread, 1 + spread), self.settings.vtlp_hz)
        mel: np.ndarray = np.log10(np.maximum(power @ self.bank, FLOOR)).T
        return mel


def attention(network: AreaAttentionNetwork, batch: Batch) -> Tensor:
    """How much the map's cells attend to each of its columns, [B, W]: an area's share is that of its columns alike."""
    layer = network.attention
    (x,), _ = seen_by(layer, lambda: network(batch["mel"]))
    means = [F.avg_pool2d(x, size, stride=1) for size in layer.sizes]
    keys = torch.cat([mean.flatten(2) for mean in means], dim=2)  # [B, C, areas]
    shares = (x.flatten(2).mT @ keys / x.shape[1] ** 0.5).softmax(dim=2).mean(dim=1)
    columns = x.new_zeros(len(x), 1, x.shape[3])
    for (_, width), mean, share in zip(
        layer.sizes, means, shares.split([mean[0, 0].numel() for mean in means], dim=1), strict=True
    ):
        of_time = share.unflatten(1, mean.shape[2:]).sum(dim=1, keepdim=True)
        columns = columns + F.conv_transpose1d(of_time, x.new_full((1, 1, width), 1 / width))
    return columns[:, 0]


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; reads `fold.stores["audio"]`."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    return fit(Task(fold, settings), fold, settings, context)


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int]) -> nn.Sequential:
    """[B, inputs, H, W] -> [B, outputs, H, W]; an even kernel has one cell more after its centre than before it."""
    (top, bottom), (left, right) = (((size - 1) // 2, size // 2) for size in kernel)
    return nn.Sequential(
        nn.ZeroPad2d((left, right, top, bottom)),
        nn.Conv2d(inputs, outputs, kernel, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
