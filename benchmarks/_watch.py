"""Times the epochs of the real training loop, which a system's `run` does not show."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from _turns import Seconds, seconds
from ser.training import loop as training
from ser.training.step import Step


class Clock:
    """Starts when it is made."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.begun = _clocks(device)

    def passed(self, units: int = 1) -> Seconds:
        """Wall and processor seconds since then, for each of so many units."""
        wall, cpu = (now - then for now, then in zip(_clocks(self.device), self.begun, strict=True))
        return wall / units, cpu / units


def _clocks(device: str) -> Seconds:
    """The clocks, once the device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return seconds()


def give_back(device: str) -> None:
    """Let the other ways have the GPU's memory."""
    if device == "cuda":
        torch.cuda.empty_cache()


class Stopwatch:
    """`epochs`: the wall and processor seconds of each training epoch of what `run` calls, without its dev part.
    `is_counting`: the operations of the first optimiser step are counted, which makes its epoch slow.
    """

    def __init__(self, device: str, is_counting: bool = False) -> None:
        self.device, self.is_counting = device, is_counting
        self.epochs: list[Seconds] = []
        self.steps = 0
        self.flops = 0.0

    def run(self, train: Callable[[], Any]) -> Any:
        epoch, step = training._train_epoch, Step.__call__

        def timed_epoch(*arguments: Any) -> Any:
            clock = Clock(self.device)
            row = epoch(*arguments)
            self.epochs.append(clock.passed())
            return row

        def counted_step(this: Step, batches: Sequence[Any], accumulation: int) -> Any:
            self.steps += 1
            if self.steps > 1 or not self.is_counting:
                return step(this, batches, accumulation)
            with FlopCounterMode(display=False) as counter:
                losses = step(this, batches, accumulation)
            self.flops = counter.get_total_flops()
            return losses

        training._train_epoch, Step.__call__ = timed_epoch, counted_step  # type: ignore[method-assign]
        try:
            if self.device == "cuda":
                torch.cuda.reset_peak_memory_stats()
            return train()
        finally:
            training._train_epoch, Step.__call__ = epoch, step  # type: ignore[method-assign]

    def mean(self, warm_up: int = 0) -> Seconds:
        """Of the epochs after those that warm up."""
        walls, cpus = zip(*self.epochs[warm_up:], strict=True)
        return sum(walls) / len(walls), sum(cpus) / len(cpus)
