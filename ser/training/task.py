"""What a system that trains a network gives the loop: a `Task`, and `Settings` that extend `TrainingSettings`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.runs.contract import Part

Batch = dict[str, Tensor]
FITTED = "fitted."  # what a task fitted, among the tensors of a model


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained; each system's `Settings` adds its own fields. Every value is in the
    experiment file with its source, so there are no defaults. Values outside of a type's range are refused by the plan.

    `optimiser`: torch's, with its defaults; `sgd` has Nesterov momentum of 0.9 (Sutskever et al. 2013).
    `steps_per_epoch` optimiser steps make an epoch (0: one pass over the training part). `batch_size` examples make one
    loss, `accumulation` losses one optimiser step. `micro_batch` is how many examples go through the network at a time
    (0: the whole batch): the loss is still that of the whole batch, but batch norm sees fewer at once. Whether a batch
    fits in memory is not a setting: `step.py` sees to that. `last_batch` says what becomes of a single example that is
    left over: a batch of its own (`alone`, as torch's DataLoader makes it), or one more of the batch before (`joined`).
    `bucketing` n > 0 draws n batches at a time and fills
    them by length, so that there is little padding; 0 fills them as drawn. `one_cycle` is cosine
    warm-up from 1/25 of `learning_rate` over the first 30 % of the steps, then cosine decay to 1e-4 of that
    start (Smith and Topin 2018, numbers of torch's OneCycleLR). `gradient_clip` is the largest gradient norm
    (0: off). `patience` epochs without a better dev score end training (0: off). `average_decay` > 0 evaluates
    an exponential moving average of the weights. `criterion` is what the best epoch maximises on the dev part
    (`loss`: minimises).
    """

    optimiser: Literal["adam", "adamw", "sgd", "rmsprop"]
    learning_rate: Annotated[float, "> 0"]
    weight_decay: Annotated[float, ">= 0"]
    schedule: Literal["constant", "one_cycle"]
    epochs: Annotated[int, ">= 1"]
    steps_per_epoch: Annotated[int, ">= 0"]
    batch_size: Annotated[int, ">= 1"]
    accumulation: Annotated[int, ">= 1"]
    micro_batch: Annotated[int, ">= 0"]
    last_batch: Literal["alone", "joined"]
    bucketing: Annotated[int, ">= 0"]
    gradient_clip: Annotated[float, ">= 0"]
    patience: Annotated[int, ">= 0"]
    average_decay: Annotated[float, ">= 0", "< 1"]
    class_weights: Literal["none", "balanced"]
    label_smoothing: Annotated[float, ">= 0", "< 1"]
    precision: Literal["float32", "bfloat16", "float16"]
    criterion: Literal["UA", "WA", "WA+UA", "CCC", "loss"]


@dataclass(frozen=True)
class StepDecaySettings(TrainingSettings):
    """The learning rate also falls in steps, whatever the schedule: it is multiplied by `decay_factor` at epoch
    `decay_from`, counted from 0, and again every `decay_every` epochs.
    """

    decay_from: Annotated[int, ">= 0"]
    decay_every: Annotated[int, ">= 1"]
    decay_factor: Annotated[float, "> 0"]

    def decay(self, epoch: int) -> float:
        """The share of the learning rate that is left in `epoch`, counted from 0."""
        return float(self.decay_factor ** max(0, (epoch - self.decay_from) // self.decay_every + 1))


@dataclass(frozen=True)
class Example:
    """One example: frames, or samples, [start, stop) of utterance number `index` of its part."""

    index: int
    utterance: str
    start: int
    stop: int
    target: Any

    def __len__(self) -> int:
        return self.stop - self.start


class Task(Protocol):
    """What the loop needs from a system. A `generator` of None means evaluation: nothing may be random."""

    @property
    def fitted(self) -> Mapping[str, np.ndarray]:
        """What was fitted on the training part besides the network: `fit` keeps it with the weights, and a fold that
        has it (`Fold.fitted`) makes the same task without a training part.
        """
        ...

    def network(self) -> nn.Module:
        """The network before training, on the CPU; its random weights come from torch's own generator."""
        ...

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """The examples of one pass over a part; in evaluation every utterance has at least one."""
        ...

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """A batch on the CPU: tensors with a row for each example, and numbers without an axis that apply to all."""
        ...

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """The network's outputs: [B, ...], a row per example that depends on the others only through batch norm."""
        ...

    def loss(self, outputs: Tensor, batch: Batch, epoch: int) -> Tensor:
        """The scalar to minimise, from float32 outputs; `epoch` counts from 0."""
        ...

    def scores(self, outputs: Tensor) -> Tensor:
        """[B, K]: log-probabilities, or predicted attributes. An utterance's score is its examples' mean.

        Columns after those of the K labels are for the system's own use: `fit` returns them and looks at none.
        """
        ...


def class_weights(rule: str, targets: np.ndarray, classes: int) -> Tensor | None:
    """Weights [classes] for cross-entropy: `balanced` is n / (classes * n_c), 0 for a class without examples."""
    if rule == "none":
        return None
    counts = np.bincount(targets, minlength=classes)
    weights = np.divide(len(targets), classes * counts, out=np.zeros(classes), where=counts > 0)
    return torch.tensor(weights, dtype=torch.float32)


def cross_entropy(
    logits: Tensor, target: Tensor, weights: Tensor | None, settings: TrainingSettings, focal_gamma: float = 0.0
) -> Tensor:
    """Cross-entropy of logits [B, K] with `class_weights` and the settings' label smoothing. `focal_gamma` > 0 makes it
    the focal loss (Lin et al. 2017): each example counts (1 - p)^gamma, p being the probability of its target.
    """
    weights = None if weights is None else weights.to(logits.device)
    if not focal_gamma:
        return F.cross_entropy(logits, target, weights, label_smoothing=settings.label_smoothing)
    each = F.cross_entropy(logits, target, weights, label_smoothing=settings.label_smoothing, reduction="none")
    missed = 1 - logits.softmax(dim=1).gather(1, target[:, None])[:, 0]
    return (missed**focal_gamma * each).sum() / (len(target) if weights is None else weights[target].sum())
