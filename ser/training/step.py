"""One optimiser step: autocast, accumulation, and batches that go through the network in pieces.

A loss over a batch (CCC, weighted cross-entropy) is not the mean of its pieces' losses, so the loss is always that of
all outputs together. Where the memory is too small for the graph of a whole batch, the outputs of all pieces are
computed first, without a graph; then the loss and its gradient with respect to the outputs; then each piece again,
with a graph and the same random numbers, to pass its share of that gradient on (gradient caching, Gao et al. 2021).
It costs one more forward pass and changes numbers only by rounding. Batch norm takes its statistics from each piece.
"""

import logging
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ser.errors import InputError
from ser.training.scoring import autocast, to_device
from ser.training.state import State
from ser.training.task import Batch, Task

log = logging.getLogger(__name__)


class Step:
    """Called with the batches of one optimiser step; returns their losses, float32 [batches], on the device.

    `state.micro_batch` examples go through the network at a time (0: the whole batch).
    When the GPU's memory is too small, gradients are cached, then the pieces halved, each with a line in the log.
    Raises InputError when it is too small even for one example.
    """

    def __init__(self, task: Task, state: State, precision: str, gradient_clip: float, device: str) -> None:
        self.task, self.state, self.precision = task, state, precision
        self.gradient_clip, self.device = gradient_clip, device

    def __call__(self, batches: Sequence[Batch], accumulation: int) -> Tensor:
        """Take the step; each loss counts 1 / `accumulation`."""
        batches = [to_device(batch, self.device) for batch in batches]
        network, optimiser, scaler = self.state.network, self.state.optimiser, self.state.scaler
        losses = self._backward(batches, accumulation)
        if self.gradient_clip > 0:
            scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(network.parameters(), self.gradient_clip)
        scaler.step(optimiser)
        scaler.update()
        if self.state.average is not None:
            self.state.average.update_parameters(network)
        return losses

    def _backward(self, batches: Sequence[Batch], accumulation: int) -> Tensor:
        """Losses and gradients, in pieces as small as the memory requires."""
        while True:
            drawn, statistics = RandomState(self.device), _norm_statistics(self.state.network)
            self.state.optimiser.zero_grad()
            try:
                return torch.stack([self._gradient(batch, accumulation) for batch in batches])
            except torch.OutOfMemoryError:
                pass  # not handled here: the exception would keep the failed graph alive
            self._take_less(max(map(_size, batches)))
            drawn.restore()
            for buffer, value in statistics:
                buffer.copy_(value)
            if self.device != "cpu":
                torch.cuda.empty_cache()

    def _take_less(self, largest: int) -> None:
        """Make the next try, with batches of up to `largest` examples, need less memory than the last."""
        state = self.state
        pieces = min(state.micro_batch or largest, largest)
        if state.is_cached or pieces == largest:
            if pieces == 1:
                raise InputError(f"{self.device}: its memory is too small for one example of a batch: use a larger GPU")
            state.micro_batch = (pieces + 1) // 2
        state.is_cached = True
        log.warning("%s: out of memory: %d examples at a time from now on", self.device, state.micro_batch)

    def _gradient(self, batch: Batch, accumulation: int) -> Tensor:
        state, pieces = self.state, _pieces(batch, self.state.micro_batch)
        if len(pieces) == 1 or not state.is_cached:
            return self._loss(torch.cat([self._forward(piece) for piece in pieces]), batch, accumulation)
        drawn, outputs = [], []
        with torch.no_grad(), _running_statistics_kept(state.network):
            for piece in pieces:
                drawn.append(RandomState(self.device))
                outputs.append(self._forward(piece))
        joined = torch.cat(outputs).requires_grad_()
        loss = self._loss(joined, batch, accumulation)
        gradients = joined.grad.tensor_split(len(pieces))  # type: ignore[union-attr]  # `_loss` has just set it
        for piece, random_state, gradient in zip(pieces, drawn, gradients, strict=True):
            random_state.restore()
            self._forward(piece).backward(gradient)
        return loss

    def _loss(self, outputs: Tensor, batch: Batch, accumulation: int) -> Tensor:
        """Backpropagate the loss and return it detached."""
        loss = self.task.loss(outputs, batch, self.state.epoch)
        self.state.scaler.scale(loss / accumulation).backward()
        return loss.detach()

    def _forward(self, batch: Batch) -> Tensor:
        with autocast(self.precision, self.device):
            outputs = self.task.forward(self.state.network, batch)
        return outputs.float()


class RandomState:
    """The state of every generator that a network may draw from (transformers masks with numpy's)."""

    def __init__(self, device: str) -> None:
        self.state = random.getstate(), np.random.get_state(), torch.get_rng_state()
        self.device = device if device != "cpu" else None
        self.device_state = torch.cuda.get_rng_state(self.device) if self.device else None

    def restore(self) -> None:
        """Make the generators go on from this state."""
        random.setstate(self.state[0])
        np.random.set_state(self.state[1])
        torch.set_rng_state(self.state[2])
        if self.device is not None and self.device_state is not None:
            torch.cuda.set_rng_state(self.device_state, self.device)


def _norms(network: nn.Module) -> list[_BatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def _norm_statistics(network: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """The running statistics of batch norm, each with a copy of its values."""
    return [(buffer, buffer.clone()) for module in _norms(network) for buffer in module.buffers()]


@contextmanager
def _running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Batch norm must count each example once, though it sees it twice."""
    norms = [(module, module.momentum) for module in _norms(network)]
    for module, _ in norms:
        module.momentum = 0.0
    try:
        yield
    finally:
        for module, momentum in norms:
            module.momentum = momentum


def _size(batch: Batch) -> int:
    return max(len(tensor) for tensor in batch.values() if tensor.ndim)


def _pieces(batch: Batch, most: int) -> list[Batch]:
    """The batch in pieces of up to `most` examples (0: whole), equally long to within one: batch norm cannot learn
    from a single left-over example. A number without a batch axis goes into every piece.
    """
    size = _size(batch)
    n = math.ceil(size / (most or size))
    split = {name: tensor.tensor_split(n) if tensor.ndim else [tensor] * n for name, tensor in batch.items()}
    return [dict(zip(split, piece, strict=True)) for piece in zip(*split.values(), strict=True)]
