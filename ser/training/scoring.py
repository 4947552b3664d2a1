"""Scores of a part, by a network that does not learn: all of the training package that a prediction needs."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from ser.runs.contract import Part
from ser.training.task import Batch, Example, Task, TrainingSettings


def predict(
    task: Task, network: nn.Module, part: Part, settings: TrainingSettings, device: str, precision: str = "float32"
) -> np.ndarray:
    """Scores float64 [n, K] of a part's utterances (with what `task.scores` adds), each the mean over its examples.

    What chooses an epoch and what is reported is computed in float32, also where the network learns in float16, as in
    EmoSphere-SER's code.
    """
    examples = sorted(task.examples(part, None), key=len)  # by length: little padding within a batch
    network.eval()
    scores = []
    with torch.inference_mode():
        for some in batches_of(examples, settings.micro_batch or settings.batch_size, settings.last_batch):
            batch = to_device(task.collate(some, None), device)
            with autocast(precision, device):
                outputs = task.forward(network, batch)
            scores.append(task.scores(outputs.float()).double())
    values = torch.cat(scores).cpu().numpy()  # only now: copying each batch would make the GPU wait
    rows = np.array([example.index for example in examples])
    totals = np.zeros((len(part.utterances), values.shape[1]))
    np.add.at(totals, rows, values)
    return totals / np.bincount(rows, minlength=len(totals))[:, None]


def batches_of(examples: Sequence[Example], size: int, last_batch: str) -> Iterator[list[Example]]:
    """Consecutive batches. Joined: batch norm over single numbers, and CCC, cannot learn from one example alone."""
    start = 0
    while start < len(examples):
        left = len(examples) - start
        stop = start + (left if last_batch == "joined" and size > 1 and left == size + 1 else size)
        yield list(examples[start:stop])
        start = stop


def to_device(batch: Batch, device: str) -> Batch:
    """The batch on the device; through pinned memory, so that the next one can be collated while this one is copied."""
    if device == "cpu":
        return batch
    return {name: tensor.pin_memory().to(device, non_blocking=True) for name, tensor in batch.items()}


def autocast(precision: str, device: str) -> AbstractContextManager[Any]:
    """Compute in `precision` (float32, bfloat16, float16) where torch deems it safe."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, getattr(torch, precision))
