"""What all networks that classify share: cross-entropy on each example, log-softmax as its scores."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from ser.runs.contract import Fold
from ser.training.task import Batch, TrainingSettings, class_weights, cross_entropy
from ser.waveforms import RATE


class ClassifierTask:
    """Most of a `ser.training.task.Task`. A system adds `network()`, `examples()`, `collate()`, whose batches have
    `target` int64 [B], and in `reads` which of a batch's tensors its network takes, in this order.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    per_second: float = RATE  # the unit of an example's `start` and `stop`: samples, if a task says nothing else
    fitted: Mapping[str, np.ndarray] = {}

    def __init__(self, fold: Fold, settings: TrainingSettings) -> None:
        self.settings = settings
        self.classes = len(fold.labels)
        self.weights = class_weights(settings.class_weights, fold.train.targets, self.classes)

    def network(self) -> nn.Module:
        """The system's network: what it `reads` of a batch -> logits [B, K]."""
        raise NotImplementedError

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Logits [B, K]."""
        logits: Tensor = network(*(batch[name] for name in self.reads))
        return logits

    def loss(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        """Cross-entropy, with the settings' class weights and label smoothing."""
        return cross_entropy(logits, batch["target"], self.weights, self.settings)

    def scores(self, logits: Tensor) -> Tensor:
        """Log-probabilities [B, K]."""
        return logits.log_softmax(dim=1)
