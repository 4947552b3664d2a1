"""Light-SERNet (Aftab et al., ICASSP 2022, arXiv 2110.03435).

After facts about the published code (AryaAftab/LIGHT-SERNET, release of October 2021): three parallel convolutions
look at temporal, spectral and joint patterns of an MFCC image, and five layers in a row follow. What is not known of
that code, and chosen: that the later layers pool by averages as the first do, that convolutions before batch norms have
no biases (which would have no effect), the constants of batch norm, and the weights at the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome, Part
from ser.systems.shared.classifier import ClassifierTask
from ser.training.task import Batch, Example, StepDecaySettings, cross_entropy

# Kernels in time and frequency: temporal, spectral, joint.
PATHS = ((11, 1), (1, 9), (3, 3))
PATH_CHANNELS = 32
# Output channels, kernel and pooling (time, frequency) of the layers that follow.
BODY = (
    (64, 3, (2, 2)),
    (96, 3, (2, 2)),
    (128, 3, (2, 1)),
    (160, 3, (2, 1)),
    (320, 1, (1, 1)),
)


@dataclass(frozen=True)
class Settings(StepDecaySettings):
    """`width` scales the channels of all layers (1 as published). `focal_gamma` 0 is cross-entropy. `dropout` is on the
    averaged map.
    """

    width: Annotated[float, "> 0"]
    focal_gamma: Annotated[float, ">= 0"]
    dropout: Annotated[float, ">= 0", "< 1"]


def layer(inputs: int, outputs: int, kernel: int | tuple[int, int], pool: tuple[int, int]) -> nn.Sequential:
    """[B, inputs, T, F] -> [B, outputs, ceil(T / pool[0]), ceil(F / pool[1])]; at an edge, pooling averages what is
    there.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding="same", bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.AvgPool2d(pool, ceil_mode=True),
    )


class LightSERNet(nn.Module):
    """MFCC images -> class logits; 0.46 million parameters."""

    def __init__(self, classes: int, settings: Settings) -> None:
        super().__init__()
        of_path, *of_body = (
            max(1, round(settings.width * n)) for n in (PATH_CHANNELS, *(outputs for outputs, _, _ in BODY))
        )
        self.paths = nn.ModuleList(layer(1, of_path, kernel, (2, 2)) for kernel in PATHS)
        inputs = (len(PATHS) * of_path, *of_body[:-1])
        self.body = nn.Sequential(
            *(layer(i, o, kernel, pool) for i, o, (_, kernel, pool) in zip(inputs, of_body, BODY, strict=True))
        )
        self.dropout = nn.Dropout(settings.dropout)
        self.classifier = nn.Linear(of_body[-1], classes)

    def forward(self, mfcc: Tensor) -> Tensor:
        """mfcc [B, 1, T, coefficients] -> logits [B, K]."""
        x = torch.cat([path(mfcc) for path in self.paths], dim=1)
        logits: Tensor = self.classifier(self.dropout(self.body(x).mean(dim=(2, 3))))
        return logits


class Task(ClassifierTask):
    """A `ser.training.task.Task` on `fold.stores["mfcc"]`, [frames, coefficients], the same `frames` for all: an
    utterance is one example.

    A batch has `mfcc` float32 [B, 1, frames, coefficients] and `target`. Raises InputError for a store that is missing
    or in which lengths differ.
    """

    reads = ("mfcc",)
    settings: Settings

    def __init__(self, fold: Fold, settings: Settings) -> None:
        super().__init__(fold, settings)
        if "mfcc" not in fold.stores:
            raise InputError(f"fold {fold.number}: no store `mfcc`: the row needs a feature of kind clip_mfcc")
        self.store = fold.stores["mfcc"]
        if len(lengths := np.unique(self.store.lengths)) > 1:
            raise InputError(
                f"{self.store.path}: utterances have {lengths[0]} to {lengths[-1]} frames: use kind clip_mfcc, whose "
                f"clips have one length"
            )

    def network(self) -> nn.Module:
        """A `LightSERNet`."""
        return LightSERNet(self.classes, self.settings)

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """Every utterance once."""
        frames = int(self.store.lengths[0])
        return [
            Example(index, utterance, 0, frames, target)
            for index, (utterance, target) in enumerate(zip(part.utterances, part.targets, strict=True))
        ]

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """The batch that the class describes; nothing in it is random."""
        mfcc = np.stack([self.store[example.utterance] for example in examples])
        return {
            "mfcc": torch.from_numpy(mfcc)[:, None],
            "target": torch.tensor([int(example.target) for example in examples]),
        }

    def loss(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        """Cross-entropy, or the focal loss."""
        return cross_entropy(logits, batch["target"], self.weights, self.settings, self.settings.focal_gamma)


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; reads `fold.stores["mfcc"]`."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    return fit(Task(fold, settings), fold, settings, context)
