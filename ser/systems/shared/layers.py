"""Layers for maps [B, C, F, T] in which each example fills only its first frames; padding changes nothing."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def filled(frames: Tensor, size: int) -> Tensor:
    """bool [B, size]: which of `size` positions in time are filled, where the first `frames` int64 [B] are."""
    return torch.arange(size, device=frames.device) < frames[:, None]


def seen_by(module: nn.Module, call: Callable[[], object]) -> tuple[tuple[Tensor, ...], Tensor]:
    """What `module` is given, and what it returns, while `call` runs the network that it is part of."""
    found: list[tuple[tuple[Tensor, ...], Tensor]] = []
    handle = module.register_forward_hook(lambda _, inputs, output: found.append((inputs, output)))
    try:
        call()
    finally:
        handle.remove()
    return found[-1]


class MaskedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose training statistics leave out the padding."""

    # Never None, as BatchNorm2d's own defaults are used.
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:  # type: ignore[override]  # also takes what is not padding
        """x [B, C, F, T], valid bool [B, T] -> [B, C, F, T]; the values at padding mean nothing."""
        if not self.training or valid.all():
            return super().forward(x)
        x = x.float()  # under autocast too: bfloat16 is too coarse for sums over a batch
        mask = valid[:, None, None, :].to(x.dtype)
        count = mask.sum() * x.shape[2]
        mean = (x * mask).sum((0, 2, 3), keepdim=True) / count
        centred = x - mean
        variance = (centred.square() * mask).sum((0, 2, 3), keepdim=True) / count
        with torch.no_grad():  # as torch keeps them: the running variance is the unbiased one
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(variance.flatten() * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance.flatten() + self.eps).rsqrt()
        return centred * scale[:, None, None] + self.bias[:, None, None]
