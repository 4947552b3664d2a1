"""MFHCA: multi-spatial fusion and hierarchical co-attention (Jiao, Wang, Yu; ICME 2024, arXiv 2404.13509).

After the published code (jiaoxinxin158/MFHCA at 207cbc0), without those layers that no output depends on: a linear
256 -> 149 and a pool. The paper's text could not be read. The input pipeline is `shared/segments.py`.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome
from ser.systems.shared.layers import seen_by
from ser.systems.shared.segments import SegmentSettings, SegmentTask
from ser.training.task import Batch

EMBEDDING = 128  # width of p and w, and of the classifier
LEAST_IMAGE = 32  # pixels: the wide-context path averages 16 x 16 of a map half the image's size


@dataclass(frozen=True)
class Settings(SegmentSettings):
    """`co_attention_rows` x (encoder_width / co_attention_rows) is the shape that the co-attention's result is
    folded into (24 x 32). `multi_spatial_fusion` false: no spectrogram; all frames of speech weigh the same.
    `co_attention` false: the mean of the encoder's states, projected, beside the spectrogram's embedding. `dropout`
    (0.1) is where the published code has it.
    """

    multi_spatial_fusion: bool
    co_attention: bool
    co_attention_rows: Annotated[int, ">= 1"]
    dropout: Annotated[float, ">= 0", "< 1"]


class CoordinateAttention(nn.Module):
    """Weights for rows and columns of a map from its means along the other axis (Hou, Zhou, Feng 2021)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        middle = max(8, channels // 32)
        self.squeeze = nn.Sequential(nn.Conv2d(channels, middle, 1), nn.BatchNorm2d(middle), nn.Hardswish())
        self.rows = nn.Conv2d(middle, channels, 1)
        self.columns = nn.Conv2d(middle, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same, weighted."""
        height, width = x.shape[2:]
        means = torch.cat([x.mean(dim=3), x.mean(dim=2)], dim=2)  # [B, C, H + W]
        of_rows, of_columns = self.squeeze(means[..., None]).split([height, width], dim=2)
        weighted: Tensor = x * self.columns(of_columns).sigmoid().transpose(2, 3) * self.rows(of_rows).sigmoid()
        return weighted


class Block(nn.Module):
    """The global receptive field block: coordinate attention and two convolutions, a wide-context path, and twice the
    input, all summed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = CoordinateAttention(channels)
        self.first = _convolution(channels, channels, 3, 1)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.wide = nn.Sequential(
            nn.AvgPool2d(16),
            nn.Conv2d(channels, channels, 3, padding=2, dilation=2, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W], H and W at least 16 -> the same shape."""
        u = self.second(self.first(self.attention(x)))
        v = x + F.interpolate(self.wide(x), x.shape[2:], mode="nearest")
        return F.relu(u + x + v)


class MultiSpatialFusion(nn.Module):
    """MF: an image [B, 3, H, W] -> [B, 288]; 119,592 parameters.

    Which convolutions before batch norms have biases is as in the published code; biases there have no effect.
    """

    outputs = 48 * 2 * 3

    def __init__(self) -> None:
        super().__init__()
        self.tall = _convolution(3, 8, (10, 2), (4, 0))  # in frequency
        self.long = _convolution(3, 8, (2, 8), (0, 3))  # in time
        self.layers = nn.Sequential(
            nn.MaxPool2d(3, 2, 1),
            Block(16),
            _convolution(16, 32, 3, 1),
            Block(32),
            _convolution(32, 48, 3, 1),
            Block(48),
            nn.AdaptiveAvgPool2d((2, 3)),
            nn.Flatten(),
        )

    def forward(self, image: Tensor) -> Tensor:
        """image [B, 3, H, W] -> s [B, 288]."""
        s: Tensor = self.layers(torch.cat([self.tall(image), self.long(image)], dim=1))
        return s


class HierarchicalCoAttention(nn.Module):
    """HCA: states [B, L, D] and a weight for each, [B, L], -> w [B, 128].

    First level: the weighted sum of the states after a BiLSTM. Second: its product with a coarse map of the states.
    """

    def __init__(self, width: int, rows: int, dropout: float) -> None:
        super().__init__()
        if width % rows or width % 2:
            raise InputError(
                f"setting co_attention_rows is {rows}: it must divide encoder_width ({width}), which must be even"
            )
        self.rows, columns = rows, width // rows
        self.recurrent = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)
        self.coarse = nn.AdaptiveAvgPool2d((columns, rows))
        self.mix = nn.Linear(columns * columns, width)
        self.embed = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, EMBEDDING), nn.ReLU())

    def forward(self, states: Tensor, weights: Tensor) -> Tensor:
        """states [B, L, D], weights [B, L] -> w [B, 128]."""
        in_context, _ = self.recurrent(states)
        q = (weights[:, None] @ in_context).unflatten(2, (self.rows, -1))[:, 0]  # [B, 24, 32]
        product = self.coarse(states) @ q  # [B, 32, 24] @ [B, 24, 32]
        w: Tensor = self.embed(self.mix(product.flatten(1)))
        return w


class MFHCA(nn.Module):
    """A batch of `SegmentTask` -> logits [B, K].

    `speech` makes states [B, frames, encoder_width] of its speech, `image` images [B, 3, H, W] of its levels (None:
    without MF).
    """

    def __init__(
        self, speech: nn.Module, frames: int, image: nn.Module | None, classes: int, settings: Settings
    ) -> None:
        super().__init__()
        dropout, width = settings.dropout, settings.encoder_width
        self.speech, self.image = speech, image
        self.co_attention: HierarchicalCoAttention | None = None
        inputs = EMBEDDING
        if image is not None:
            inputs += EMBEDDING
            self.fusion = nn.Sequential(MultiSpatialFusion(), nn.Dropout(dropout))
            self.embed = nn.Sequential(nn.Linear(MultiSpatialFusion.outputs, EMBEDDING), nn.ReLU())
        if settings.co_attention:
            self.co_attention = HierarchicalCoAttention(width, settings.co_attention_rows, dropout)
            if image is not None:
                self.attend = nn.Sequential(nn.Linear(MultiSpatialFusion.outputs, frames), nn.ReLU())
        else:
            self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, EMBEDDING), nn.ReLU())
        self.classifier = nn.Sequential(
            *(nn.Dropout(dropout), nn.Linear(inputs, EMBEDDING), nn.ReLU()),
            *(nn.Dropout(dropout), nn.Linear(EMBEDDING, EMBEDDING), nn.ReLU()),
            nn.Linear(EMBEDDING, classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """A batch of `SegmentTask` -> logits [B, K]."""
        states = self.speech(batch["speech"])  # F [B, L, D]
        if self.image is None:
            uniform = states.new_full(states.shape[:2], 1 / states.shape[1])
            w = self.co_attention(states, uniform)  # type: ignore[misc]  # `Task` refuses a network that has neither
            logits: Tensor = self.classifier(w)
            return logits
        s = self.fusion(self.image(batch["levels"]))
        p = self.embed(s)
        w = self.project(states.mean(dim=1)) if self.co_attention is None else self.co_attention(states, self.attend(s))
        logits = self.classifier(torch.cat([p, w], dim=1))
        return logits


class Task(SegmentTask):
    """`SegmentTask` with an `MFHCA`."""

    settings: Settings

    def network(self) -> nn.Module:
        """An `MFHCA`. Raises InputError where the settings leave neither of its two parts."""
        s = self.settings
        if not (s.multi_spatial_fusion or s.co_attention):
            raise InputError("settings multi_spatial_fusion and co_attention are both false: one must be true")
        image = self.image(LEAST_IMAGE) if s.multi_spatial_fusion else None
        return MFHCA(*self.speech(), image, self.classes, s)


def attention(network: MFHCA, batch: Batch) -> Tensor | None:
    """What each frame of speech weighs, [B, L]; None where all weigh the same."""
    return seen_by(network.attend, lambda: network(batch))[1] if hasattr(network, "attend") else None


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; `SegmentTask` says what it reads."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    return fit(Task(fold, settings), fold, settings, context)


def _convolution(
    inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int | tuple[int, int]
) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU())
