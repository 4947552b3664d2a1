"""Attention-based fully convolutional network (Zhang, Du, Wang, Zhang, Tu; APSIPA 2018, arXiv 1806.01506).

Known from the abstract: a spectrogram of any length, a fully convolutional network (AlexNet's convolutions),
attention over the positions of its map, an utterance vector, a softmax classifier. The layer table and the
attention are read from three public re-implementations that disagree in details; where they do, it is a setting.
The paper starts from weights that were learnt on natural images: here AlexNet's convolutions, from the checkpoint
folder that the row names as its encoder `backbone`; a row without it starts from random weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.encoders.alexnet import alexnet_convolutions
from ser.errors import InputError, listed
from ser.runs.contract import Context, Fold, Outcome
from ser.systems.shared.layers import MaskedBatchNorm, filled, seen_by
from ser.systems.shared.spectrograms import SpectrogramSettings, SpectrogramTask
from ser.training.task import Batch

Size = TypeVar("Size", int, Tensor)

# Channels of the five convolutions and the padding of the first: Krizhevsky et al. 2012, and torchvision's AlexNet.
BACKBONES = {
    "krizhevsky": ((96, 256, 384, 384, 256), 0),
    "torchvision": ((64, 192, 384, 256, 256), 2),
}


@dataclass(frozen=True)
class Settings(SpectrogramSettings):
    """`width` scales all channels of the backbone, `first_stride` is that of the first convolution (AlexNet: 4).
    `input_norm` normalises the input over the batch, channel by channel, before the first convolution.
    `attention_scale` is lambda: 1 is the ordinary softmax, 0 the plain average; `attention` false: the plain
    average without the attention's parameters. `head`: `hidden` puts a linear layer and ReLU before the classifier.
    `convolution_dropout` drops whole maps after each stage, `dropout` entries of the utterance vector.
    """

    backbone: Literal["krizhevsky", "torchvision"]
    width: Annotated[float, "> 0"]
    first_stride: Annotated[int, ">= 1"]
    input_norm: bool
    stage_norm: Literal["none", "lrn", "batch"]
    attention: bool
    attention_scale: Annotated[float, ">= 0"]
    head: Literal["linear", "hidden"]
    dropout: Annotated[float, ">= 0", "< 1"]
    convolution_dropout: Annotated[float, ">= 0", "< 1"]


class Stage(nn.Module):
    """Convolution, norm, ReLU and perhaps 3x3/2 max pooling, keeping track of where each example ends."""

    def __init__(self, inputs: int, outputs: int, shape: "Shape", norm: str, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.convolution = nn.Conv2d(inputs, outputs, shape.kernel, shape.stride, shape.padding)
        self.batch_norm = MaskedBatchNorm(outputs) if norm == "batch" else None
        lrn = norm == "lrn" and shape.kernel > 3  # the first two convolutions only; numbers of Krizhevsky et al.
        self.response_norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0) if lrn else None
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, C, F, T], 0 beyond `frames` [B] -> the same for the output."""
        x, frames = self.convolution(x), self.shape.convolved(frames)
        if self.batch_norm is not None:
            x = self.batch_norm(x, filled(frames, x.shape[-1]))
        if self.response_norm is not None:
            x = self.response_norm(x)
        x = F.relu(x)
        if self.shape.pool:
            x, frames = F.max_pool2d(x, 3, 2), self.shape.pooled(frames)
        return self.dropout(x) * filled(frames, x.shape[-1])[:, None, None, :], frames


@dataclass(frozen=True)
class Shape:
    """The geometry of a stage, the same in frequency and time."""

    kernel: int
    stride: int
    padding: int
    pool: bool

    def convolved(self, size: Size) -> Size:
        """What the convolution leaves of `size` positions along an axis."""
        return (size + 2 * self.padding - self.kernel) // self.stride + 1

    def pooled(self, size: Size) -> Size:
        """What the pooling, if there is any, leaves of `size` positions."""
        return (size - 3) // 2 + 1 if self.pool else size


def shapes(settings: Settings) -> tuple[Shape, ...]:
    """AlexNet's five convolutions."""
    return (
        Shape(11, settings.first_stride, BACKBONES[settings.backbone][1], pool=True),
        Shape(5, 1, 2, pool=True),
        Shape(3, 1, 1, pool=False),
        Shape(3, 1, 1, pool=False),
        Shape(3, 1, 1, pool=True),
    )


def widths(settings: Settings) -> tuple[int, ...]:
    """Output channels of the five convolutions."""
    return tuple(max(1, round(settings.width * width)) for width in BACKBONES[settings.backbone][0])


def map_size(size: int, stages: tuple[Shape, ...]) -> int:
    """Positions along one axis of the last map for an input of `size` (0: too small)."""
    for shape in stages:
        size = max(0, shape.pooled(max(0, shape.convolved(size))))
    return size


def least_size(settings: Settings) -> int:
    """The fewest frames, or bins, that leave one position in the map."""
    return next(size for size in range(1, 1000) if map_size(size, shapes(settings)) > 0)


class Attention(nn.Module):
    """e_i = u' tanh(W a_i + b), alpha = softmax(lambda e) over the valid positions, c = sum_i alpha_i a_i."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.project = nn.Linear(channels, channels)
        self.score = nn.Linear(channels, 1, bias=False)

    def forward(self, a: Tensor, valid: Tensor) -> Tensor:
        """a [B, L, C], valid bool [B, L] -> utterance vectors [B, C]."""
        return torch.einsum("bl,blc->bc", self.weights(a, valid), a)

    def weights(self, a: Tensor, valid: Tensor) -> Tensor:
        """alpha [B, L] of the same."""
        energy = self.score(torch.tanh(self.project(a)))[..., 0]
        alpha: Tensor = (self.scale * energy).masked_fill(~valid, -torch.inf).softmax(dim=1)
        return alpha


class AttentionFCN(nn.Module):
    """Spectrogram of at least `least_size` frames -> class logits."""

    def __init__(self, channels: int, bins: int, classes: int, settings: Settings) -> None:
        super().__init__()
        if bins < least_size(settings):
            raise InputError(
                f"the spectrogram has {bins} bins, but backbone {settings.backbone} with first_stride "
                f"{settings.first_stride} needs {least_size(settings)}: use more bins or a smaller first_stride"
            )
        outputs = widths(settings)
        inputs = (channels, *outputs[:-1])
        self.input_norm = MaskedBatchNorm(channels) if settings.input_norm else None
        self.stages = nn.ModuleList(
            Stage(i, o, shape, settings.stage_norm, settings.convolution_dropout)
            for i, o, shape in zip(inputs, outputs, shapes(settings), strict=True)
        )
        last = outputs[-1]
        self.attention = Attention(last, settings.attention_scale) if settings.attention else None
        self.hidden = nn.Linear(last, last) if settings.head == "hidden" else None
        self.dropout = nn.Dropout(settings.dropout)
        self.classifier = nn.Linear(last, classes)

    def forward(self, spectrogram: Tensor, frames: Tensor) -> Tensor:
        """spectrogram [B, C, F, T], 0 beyond `frames` [B] -> logits [B, K]."""
        x = spectrogram
        if self.input_norm is not None:
            valid = filled(frames, x.shape[-1])
            x = self.input_norm(x, valid) * valid[:, None, None, :]
        for stage in self.stages:
            x, frames = stage(x, frames)
        a = x.flatten(2).transpose(1, 2)  # [B, F' * T', C]
        valid = filled(frames, x.shape[3]).repeat(1, x.shape[2])
        c = a.sum(1) / valid.sum(1, keepdim=True) if self.attention is None else self.attention(a, valid)
        if self.hidden is not None:
            c = F.relu(self.hidden(c))
        logits: Tensor = self.classifier(self.dropout(c))
        return logits

    @torch.no_grad()
    def start_from(self, convolutions: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take over the weights and biases of the five convolutions."""
        stages = [stage for stage in self.stages if isinstance(stage, Stage)]  # all are, which the type does not say
        for stage, (weight, bias) in zip(stages, convolutions, strict=True):
            stage.convolution.weight.copy_(weight)
            stage.convolution.bias.copy_(bias)  # type: ignore[union-attr]  # all of them have one


class Task(SpectrogramTask):
    """`fold.encoders["backbone"]`, if given, is the checkpoint folder that the convolutions start from.

    Raises InputError for any other encoder, and where the weights do not fit the settings.
    """

    settings: Settings

    def __init__(self, fold: Fold, settings: Settings) -> None:
        super().__init__(fold, settings, least=least_size(settings))
        if unknown := sorted(fold.encoders.keys() - {"backbone"}):
            raise InputError(f"attention_fcn has one encoder, `backbone`, but the row names {listed(unknown)}")
        self.convolutions = None
        folder = fold.encoders.get("backbone")
        if folder and fold.fitted is None:
            if settings.channels != "image":
                raise InputError(
                    f"setting channels is {settings.channels}, but {folder} was trained on images: use image"
                )
            self.convolutions = alexnet_convolutions(folder, widths(settings))

    def network(self) -> nn.Module:
        """An `AttentionFCN`, which starts from the checkpoint's convolutions where there is one."""
        network = AttentionFCN(self.channels, self.bins, self.classes, self.settings)
        if self.convolutions:
            network.start_from(self.convolutions)
        return network


def attention(network: AttentionFCN, batch: Batch) -> Tensor | None:
    """What each stretch of time weighs, [B, T']; None without attention."""
    if network.attention is None:
        return None
    inputs, _ = seen_by(network.attention, lambda: network(batch["spectrogram"], batch["frames"]))
    stages = tuple(stage.shape for stage in network.stages if isinstance(stage, Stage))
    rows = map_size(batch["spectrogram"].shape[2], stages)
    of_map: Tensor = network.attention.weights(inputs[0], inputs[1])
    return torch.unflatten(of_map, 1, (rows, -1)).sum(dim=1)


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; reads `fold.stores["spectrogram"]`."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    return fit(Task(fold, settings), fold, settings, context)
