"""What a system classifies besides the protocol's labels, such as the region of the attribute space.

Its file says so in a constant, which the plan reads without importing it (ser/plan/settings.py):

    AUXILIARY = {name: {setting: (value, ...), ...}}

A run has the classification where each of these settings has one of its values.
"""

from dataclasses import dataclass

import numpy as np

from ser.errors import InputError


@dataclass(frozen=True)
class Auxiliary:
    """`targets` and `predicted` are int64 [n], classes counted from 0; `name` is what they are classes of."""

    name: str
    targets: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, name: str, targets: np.ndarray, scores: np.ndarray) -> "Auxiliary":
        """Of scores float [n, classes]: the class predicted is the first with the highest score.

        Raises InputError for scores that are not numbers.
        """
        if not np.isfinite(scores).all():
            raise InputError(f"scores of {name} are not numbers: did training diverge?")
        return cls(name, np.asarray(targets, np.int64), scores.argmax(axis=1))

    def at(self, places: np.ndarray) -> "Auxiliary":
        """Those at `places` int64 [m], in that order."""
        return Auxiliary(self.name, self.targets[places], self.predicted[places])
