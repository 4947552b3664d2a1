"""One optimiser step: autocast, accumulation, and micro-batches whose gradient is the whole batch's.

A loss over a batch (CCC, weighted cross-entropy) is no mean of the losses of its pieces. Where a batch goes through
the network in pieces, the outputs of all are computed first, without a graph; then the loss and its gradient
with respect to the outputs; then each piece again, with a graph and the same random numbers, to pass its share of
that gradient on (gradient caching, Gao et al. 2021). It costs one more forward pass and changes no number but
by rounding; batch norm alone takes its statistics from each piece.
"""

import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ser.checkpoint import State
from ser.errors import InputError

log = logging.getLogger(__name__)

Batch = dict[str, Tensor]


class Step:
    """Called with the batches of one optimiser step; gives their losses, float32 [batches], on the device.

    `task` is a `ser.training.Task`. `micro` is how many examples go through the network at a time (0: all of a
    batch); it is halved, with a line in the log, when the GPU's memory does not do. Raises InputError when it does
    not even do for one example.
    """

    def __init__(self, task: Any, state: State, precision: str, gradient_clip: float, device: str, micro: int) -> None:
        self.task, self.state, self.precision = task, state, precision
        self.gradient_clip, self.device, self.micro = gradient_clip, device, micro

    def __call__(self, batches: Sequence[Batch], accumulation: int) -> Tensor:
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
        """Losses and gradients, in pieces as small as the memory asks for."""
        while True:
            drawn = _RandomState(self.device)
            self.state.optimiser.zero_grad()
            try:
                return torch.stack([self._gradient(batch, accumulation) for batch in batches])
            except torch.OutOfMemoryError:
                largest = max(map(_size, batches))
            micro = min(self.micro or largest, largest)
            if micro == 1:
                raise InputError(f"{self.device}: its memory does not do for one example of a batch: use a larger GPU")
            self.micro = (micro + 1) // 2
            log.warning("%s: out of memory: %d examples at a time from here on", self.device, self.micro)
            drawn.restore()
            torch.cuda.empty_cache()

    def _gradient(self, batch: Batch, accumulation: int) -> Tensor:
        scaler, loss_of, epoch = self.state.scaler, self.task.loss, self.state.epoch
        if not 0 < self.micro < _size(batch):
            loss = loss_of(self._forward(batch), batch, epoch)
            scaler.scale(loss / accumulation).backward()
            return loss.detach()
        pieces = [_piece(batch, start, start + self.micro) for start in range(0, _size(batch), self.micro)]
        drawn, outputs = [], []
        with torch.no_grad(), _running_statistics_kept(self.state.network):
            for piece in pieces:
                drawn.append(_RandomState(self.device))
                outputs.append(self._forward(piece))
        joined = torch.cat(outputs).requires_grad_()
        loss = loss_of(joined, batch, epoch)
        scaler.scale(loss / accumulation).backward()
        for piece, state, gradient in zip(pieces, drawn, joined.grad.split(self.micro), strict=True):
            state.restore()
            self._forward(piece).backward(gradient)
        return loss.detach()

    def _forward(self, batch: Batch) -> Tensor:
        with autocast(self.precision, self.device):
            outputs = self.task.forward(self.state.network, batch)
        return outputs.float()


def autocast(precision: str, device: str) -> AbstractContextManager:
    """Compute in `precision` (float32, bfloat16, float16) where torch deems it safe."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, getattr(torch, precision))


def to_device(batch: Batch, device: str) -> Batch:
    """The batch on the device; through pinned memory, so that the next one is collated while this one is copied."""
    if device == "cpu":
        return batch
    return {name: tensor.pin_memory().to(device, non_blocking=True) for name, tensor in batch.items()}


class _RandomState:
    """The state of every generator that a network may draw from (transformers masks with numpy's)."""

    def __init__(self, device: str) -> None:
        self.state = random.getstate(), np.random.get_state(), torch.get_rng_state()
        self.device = device if device != "cpu" else None
        self.device_state = torch.cuda.get_rng_state(self.device) if self.device else None

    def restore(self) -> None:
        random.setstate(self.state[0])
        np.random.set_state(self.state[1])
        torch.set_rng_state(self.state[2])
        if self.device_state is not None:
            torch.cuda.set_rng_state(self.device_state, self.device)


@contextmanager
def _running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Batch norm must count each example once, though it sees it twice."""
    norms = [(module, module.momentum) for module in network.modules() if isinstance(module, _BatchNorm)]
    for module, _ in norms:
        module.momentum = 0.0
    try:
        yield
    finally:
        for module, momentum in norms:
            module.momentum = momentum


def _size(batch: Batch) -> int:
    return max(len(tensor) for tensor in batch.values() if tensor.ndim)


def _piece(batch: Batch, start: int, stop: int) -> Batch:
    """Examples [start, stop); a number without a batch axis belongs to all."""
    return {name: tensor[start:stop] if tensor.ndim else tensor for name, tensor in batch.items()}
