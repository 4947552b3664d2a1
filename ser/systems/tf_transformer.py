"""Time-Frequency Transformer (Wang, Lu, Zong, Lian, Zhao, Li; ICONIP 2023, arXiv 2308.14568): our reading.

The abstract says: a Time Transformer finds local patterns between frames, a Frequency Transformer local patterns
inside frequency bands, and a Time-Frequency Transformer takes both outputs and produces the utterance's
representation. Nothing else of the paper (sizes, tokens, fusion, pooling, front end) is known here, so all of
that is a setting, its value is `chosen`, and a score of this file is a score of our reading. Chosen without a setting
are layer normalisation before each part, GELU (ReLU in the stem), position codes (sinusoids in time, learnt ones for
bands) and the widths of the convolutional stem, which grow evenly up to `width`.

Two readings of "token":
  whole  a time token is `patch_frames` whole frames, a frequency token `patch_bins` bands over the whole segment
         (so the segment has a fixed length);
  patch  tokens are the cells of a grid of `patch_bins` bands by `patch_frames` frames; the Time Transformer
         attends along each row of cells, the Frequency Transformer along each column. Any length goes.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome
from ser.systems.shared.layers import MaskedBatchNorm, filled
from ser.systems.shared.spectrograms import SpectrogramSettings, SpectrogramTask

_Branches = tuple[Tensor, Tensor | None, Tensor | None, Tensor, Tensor]


@dataclass(frozen=True)
class Settings(SpectrogramSettings):
    """`time`, `frequency`, `joint` switch the three stages on. `fusion` of the two outputs: `sum` (token by token;
    with whole tokens the mean frequency token is added to every time token), `concat` (one sequence of both), or
    `cross_attention` (time tokens query frequency tokens). `stem`: what turns a cell into a token, a
    linear layer or 3x3 convolutions that halve the map until a cell is left (patches of 2, 4, 8 ...).
    `depth` layers in the first two stages, `joint_depth` in the third; `feedforward` is the width of their inner layer.
    """

    tokens: Literal["whole", "patch"]
    stem: Literal["linear", "convolution"]
    patch_frames: Annotated[int, ">= 1"]
    patch_bins: Annotated[int, ">= 1"]
    time: bool
    frequency: bool
    joint: bool
    fusion: Literal["sum", "concat", "cross_attention"]
    depth: Annotated[int, ">= 1"]
    joint_depth: Annotated[int, ">= 1"]
    width: Annotated[int, ">= 2"]
    heads: Annotated[int, ">= 1"]
    feedforward: Annotated[int, ">= 1"]
    dropout: Annotated[float, ">= 0", "< 1"]
    pooling: Literal["mean", "attention", "cls"]


def encoder(settings: Settings, depth: int) -> nn.TransformerEncoder:
    """A pre-norm Transformer encoder, [B, L, width] -> [B, L, width]."""
    layer = nn.TransformerEncoderLayer(
        settings.width,
        settings.heads,
        settings.feedforward,
        settings.dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    return nn.TransformerEncoder(layer, depth, nn.LayerNorm(settings.width), enable_nested_tensor=False)


class LinearStem(nn.Module):
    """Cells of the spectrogram, each through one linear layer: [B, C, F, T] -> [B, width, F', T']."""

    def __init__(self, channels: int, cell: tuple[int, int], width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, width, cell, cell)

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """x [B, C, F, T] -> [B, width, F', T']; `frames` makes no difference."""
        tokens: Tensor = self.project(x)
        return tokens


class ConvolutionStem(nn.Module):
    """3x3 convolutions, each with batch normalisation and ReLU, whose strides make up the cell."""

    def __init__(self, channels: int, cell: tuple[int, int], width: int) -> None:
        super().__init__()
        of_bins, of_frames = (round(math.log2(size)) for size in cell)  # how often each is halved
        if (2**of_bins, 2**of_frames) != cell:
            raise InputError(f"stem convolution needs patch_bins and patch_frames that are powers of 2, not {cell}")
        count = max(of_bins, of_frames, 1)
        self.strides = [(2 if i < of_bins else 1, 2 if i < of_frames else 1) for i in range(count)]
        widths = [channels, *(width * (i + 1) // count for i in range(count))]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], 3, stride, padding=1, bias=False)
            for i, stride in enumerate(self.strides)
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(size) for size in widths[1:])

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """x [B, C, F, T], 0 beyond `frames` [B] -> [B, width, F', T'], 0 beyond theirs."""
        for convolution, norm, (_, stride) in zip(self.convolutions, self.norms, self.strides, strict=True):
            frames = (frames - 1) // stride + 1
            x = convolution(x)
            valid = filled(frames, x.shape[-1])
            # what lies beyond an example's end must have no effect
            x = F.relu(norm(x, valid)) * valid[:, None, None, :]
        return x


class TimeFrequencyTransformer(nn.Module):
    """Spectrogram -> class logits. `frames` is the segment's length where tokens are whole."""

    def __init__(self, channels: int, bins: int, frames: int, classes: int, settings: Settings) -> None:
        super().__init__()
        s = self.settings = settings
        _check(settings, frames)
        self.bands = math.ceil(bins / s.patch_bins)
        stem = LinearStem if s.stem == "linear" else ConvolutionStem
        if s.tokens == "patch":
            self.stem = stem(channels, (s.patch_bins, s.patch_frames), s.width)
        else:
            self.frames = math.ceil(frames / s.patch_frames) * s.patch_frames
            self.stem = LinearStem(channels, (self.bands * s.patch_bins, s.patch_frames), s.width)
            self.band_stem = LinearStem(channels, (s.patch_bins, self.frames), s.width)
        self.band = nn.Parameter(torch.randn(self.bands, s.width) * 0.02)
        self.time = encoder(s, s.depth) if s.time else None
        self.frequency = encoder(s, s.depth) if s.frequency else None
        crossed = s.time and s.frequency and s.fusion == "cross_attention"
        self.cross = nn.MultiheadAttention(s.width, s.heads, s.dropout, batch_first=True) if crossed else None
        self.joint = encoder(s, s.joint_depth) if s.joint else None
        self.cls = nn.Parameter(torch.randn(s.width) * 0.02) if s.pooling == "cls" else None
        self.score = nn.Linear(s.width, 1) if s.pooling == "attention" else None
        self.dropout = nn.Dropout(s.dropout)
        self.classifier = nn.Linear(s.width, classes)

    def forward(self, spectrogram: Tensor, frames: Tensor) -> Tensor:
        """spectrogram [B, C, F, T], 0 beyond `frames` [B] -> logits [B, K]."""
        s = self.settings
        size = self.frames if s.tokens == "whole" else math.ceil(spectrogram.shape[3] / s.patch_frames) * s.patch_frames
        bins = self.bands * s.patch_bins
        x = F.pad(spectrogram, (0, size - spectrogram.shape[3], 0, bins - spectrogram.shape[2]))
        both = self._grid(x, frames) if s.tokens == "patch" else self._whole(x, frames)
        tokens, valid = self._fuse(*both)
        if self.cls is not None:
            tokens = torch.cat([self.cls.expand(len(tokens), 1, -1), tokens], dim=1)
            valid = F.pad(valid, (1, 0), value=True)
        if self.joint is not None:
            tokens = self.joint(tokens, src_key_padding_mask=~valid)
        logits: Tensor = self.classifier(self.dropout(self._pool(tokens, valid)))
        return logits

    def _grid(self, x: Tensor, frames: Tensor) -> _Branches:
        """What `_fuse` takes: tokens, those of both branches, each [B, F' T', D], and which of them are filled."""
        tokens = self.stem(x, frames).permute(0, 2, 3, 1)  # [B, F', T', D]
        batch, bands, times, width = tokens.shape
        tokens = tokens + self.band[:, None] + sinusoids(times, width, tokens)
        valid = filled(_ceil(frames, self.settings.patch_frames), times)
        in_time = in_frequency = None
        if self.time is not None:
            padded = ~valid.repeat_interleave(bands, dim=0)
            in_time = self.time(tokens.flatten(0, 1), src_key_padding_mask=padded).view(batch, -1, width)
        if self.frequency is not None:
            columns = self.frequency(tokens.transpose(1, 2).flatten(0, 1)).view(batch, times, bands, width)
            in_frequency = columns.transpose(1, 2).reshape(batch, -1, width)
        valid = valid.repeat(1, bands)
        return tokens.flatten(1, 2), in_time, in_frequency, valid, valid

    def _whole(self, x: Tensor, frames: Tensor) -> _Branches:
        """The same with whole frames, [B, T', D], and whole bands, [B, F', D]."""
        time = self.stem(x, frames)[:, :, 0].transpose(1, 2)
        time = time + sinusoids(time.shape[1], time.shape[2], time)
        valid = filled(_ceil(frames, self.settings.patch_frames), time.shape[1])
        in_time = in_frequency = None
        if self.time is not None:
            in_time = self.time(time, src_key_padding_mask=~valid)
        if self.frequency is not None:
            in_frequency = self.frequency(self.band_stem(x, frames)[..., 0].transpose(1, 2) + self.band)
        return time, in_time, in_frequency, valid, valid.new_ones(len(x), self.bands)

    def _fuse(
        self, tokens: Tensor, time: Tensor | None, frequency: Tensor | None, valid: Tensor, valid_bands: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens [B, L, D] for the joint stage, and which of them are filled, bool [B, L]."""
        if time is None or frequency is None:
            if frequency is not None:
                return frequency, valid_bands
            return (tokens if time is None else time), valid
        if self.settings.fusion == "concat":
            return torch.cat([time, frequency], dim=1), torch.cat([valid, valid_bands], dim=1)
        if self.cross is not None:
            answer, _ = self.cross(time, frequency, frequency, key_padding_mask=~valid_bands, need_weights=False)
            return time + answer, valid
        if self.settings.tokens == "whole":
            frequency = frequency.mean(1, keepdim=True)
        return time + frequency, valid

    def _pool(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """[B, L, D] -> [B, D]."""
        if self.cls is not None:
            return tokens[:, 0]
        energy = tokens.new_zeros(valid.shape) if self.score is None else self.score(tokens)[..., 0]
        weights = energy.masked_fill(~valid, -torch.inf).softmax(dim=1)
        return torch.einsum("bl,bld->bd", weights, tokens)


def sinusoids(length: int, width: int, like: Tensor) -> Tensor:
    """Position encoding of Vaswani et al. 2017, [length, width]."""
    rate = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(10000) / width))
    angle = torch.arange(length, device=like.device)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1).to(like.dtype)


def _ceil(frames: Tensor, size: int) -> Tensor:
    return (frames + size - 1) // size


def _check(s: Settings, frames: int) -> None:
    if not (s.time or s.frequency or s.joint):
        raise InputError("settings time, frequency and joint are all false: at least one stage must be on")
    if s.width % s.heads or s.width % 2:
        raise InputError(f"setting width is {s.width}; it must be even and a multiple of heads ({s.heads})")
    if s.pooling == "cls" and not s.joint:
        raise InputError("pooling cls needs joint: true, because the class token is read in that stage")
    if s.tokens == "whole" and not frames:
        raise InputError("tokens whole needs segments of one length: segment_seconds above 0 (or tokens patch)")
    if s.tokens == "whole" and s.stem == "convolution":
        raise InputError("stem convolution makes a grid: it needs tokens patch")


class Task(SpectrogramTask):
    """`SpectrogramTask` with a `TimeFrequencyTransformer`."""

    settings: Settings

    def network(self) -> nn.Module:
        """A `TimeFrequencyTransformer`. Raises InputError for settings that do not go together."""
        return TimeFrequencyTransformer(self.channels, self.bins, self.frames, self.classes, self.settings)


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; reads `fold.stores["spectrogram"]`."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    return fit(Task(fold, settings), fold, settings, context)
