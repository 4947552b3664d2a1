"""The SUPERB emotion recipe on frozen encoder states (Yang et al. 2021; S3PRL, downstream `emotion`).

Softmax-weighted sum of the encoder's layers, linear projection, mean over time, linear classifier, cross-entropy.
The weighting and the projection are linear, so the mean over time may be taken first: the vector is the same,
and an utterance is [layers, dim] from then on, however long it is.
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
from ser.training.task import Batch, Example, TrainingSettings


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """`projection` is the width of the projection (S3PRL: 256)."""

    projection: Annotated[int, ">= 1"]


class LinearProbe(nn.Module):
    """States averaged over time [B, layers, dim] -> class logits [B, K]."""

    def __init__(self, layers: int, dim: int, classes: int, settings: Settings) -> None:
        super().__init__()
        self.layer_weights = nn.Parameter(torch.zeros(layers))  # softmax of zeros: all layers alike
        self.project = nn.Linear(dim, settings.projection)
        self.classifier = nn.Linear(settings.projection, classes)

    def forward(self, states: Tensor) -> Tensor:
        """states [B, layers, dim] -> logits [B, K]."""
        weighted = torch.einsum("l,bld->bd", self.layer_weights.softmax(dim=0), states)
        logits: Tensor = self.classifier(self.project(weighted))
        return logits


class Task(ClassifierTask):
    """Whole utterances of `fold.stores["states"]`, [frames, layers, dim] or [frames, dim] (one layer)."""

    reads = ("states",)
    settings: Settings

    def __init__(self, fold: Fold, settings: Settings) -> None:
        super().__init__(fold, settings)
        if "states" not in fold.stores:
            raise InputError(f"fold {fold.number}: no store `states`: the row needs a feature of kind encoder")
        self.store = fold.stores["states"]
        if len(self.store.shape) not in (1, 2):
            raise InputError(f"{self.store.path}: frames of shape {self.store.shape}; need [dim] or [layers, dim]")
        self.means: dict[str, Tensor] = {}

    def network(self) -> nn.Module:
        """A `LinearProbe` for the store's layers and width."""
        layers, dim = (1, *self.store.shape)[-2:]
        return LinearProbe(layers, dim, self.classes, self.settings)

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """Every utterance once."""
        pairs = zip(part.utterances, part.targets, strict=True)
        return [Example(index, utterance, 0, 1, target) for index, (utterance, target) in enumerate(pairs)]

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """`states` float32 [B, layers, dim], averaged over time, and `target` int64 [B]."""
        states = torch.stack([self._mean(example.utterance) for example in examples])
        return {"states": states, "target": torch.tensor([int(example.target) for example in examples])}

    def _mean(self, utterance: str) -> Tensor:
        """[layers, dim] float32; every utterance is read from the store once."""
        if utterance not in self.means:
            mean = self.store[utterance].mean(axis=0, dtype=np.float32)
            self.means[utterance] = torch.from_numpy(np.atleast_2d(mean))
        return self.means[utterance]


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; reads `fold.stores["states"]`."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    return fit(Task(fold, settings), fold, settings, context)
