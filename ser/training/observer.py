"""What watches a training without taking part in it: the scores of the test part after each epoch.

They say afterwards what the choice of another epoch would have gained (results/honest_gap.py). Nothing that trains or
chooses may know them, so they are never handed out before the end, and taking them leaves no trace.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ser.training.step import RandomState

_NAME = "test_scores"


class EpochScores:
    """Called with the network after each epoch; keeps the first `labels` columns, K, of what `score`, a function of it,
    returns: float64 [n_test, K + what a system adds].

    Generators and each module's mode (train, eval) are as before the call.
    """

    names = (_NAME,)

    def __init__(self, score: Callable[[nn.Module], np.ndarray], labels: int, device: str) -> None:
        self._score, self._labels, self._device = score, labels, device
        self._kept: list[Tensor] = []
        self._last: np.ndarray | None = None

    def __call__(self, network: nn.Module) -> None:
        """Score the network as it is now."""
        drawn, modes = RandomState(self._device), [(module, module.training) for module in network.modules()]
        self._last = self._score(network)
        self._kept.append(torch.from_numpy(self._last[:, : self._labels].astype(np.float32)))
        for module, mode in modes:
            module.training = mode
        drawn.restore()

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The scores for the state of an unfinished run (state.py): one tensor float32 [epochs, n_test, K]."""
        return {_NAME: torch.stack(self._kept)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from the `tensors` of a state; there are none where training starts afresh."""
        self._kept = list(tensors[_NAME]) if tensors else []

    def of_last(self, epoch: int) -> np.ndarray | None:
        """What `score` returned after `epoch`, counted from 1, if it was the last one, and of this process; for when
        training has ended.
        """
        return self._last if epoch == len(self._kept) else None

    @property
    def scores(self) -> np.ndarray:
        """float32 [epochs, n_test, K], for when training has ended."""
        return torch.stack(self._kept).numpy()
