"""The utterances of a protocol as columns of integers, from which folds and dev parts are made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ser.splits.split import UNKNOWN


@dataclass(frozen=True)
class Column:
    """A text column as integers: `names` sorted, `codes` int64 [n] indices into it."""

    names: tuple[str, ...]
    codes: np.ndarray

    @classmethod
    def of(cls, values: Sequence[str]) -> "Column":
        """The column made up of `values` [n]."""
        names = sorted(set(values))
        index = {name: code for code, name in enumerate(names)}
        return cls(tuple(names), np.fromiter((index[value] for value in values), np.int64, len(values)))

    @property
    def known(self) -> np.ndarray:
        """bool [names]: False for the names in `UNKNOWN`, which identify nobody and nothing."""
        return np.array([name not in UNKNOWN for name in self.names], dtype=bool)


@dataclass(frozen=True)
class Columns:
    """What folds are made from. `strata` int64 [n] are the classes, all 0 where targets are attributes."""

    emotion: Column
    speaker: Column
    session: Column
    partition: Column
    sentence: Column
    gender: Column
    strata: np.ndarray


def stratified(strata: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A random order of all indices, class by class: dealt in turn, it gives every fold its share of each class."""
    drawn = generator.permutation(len(strata))
    order: np.ndarray = drawn[np.argsort(strata[drawn], kind="stable")]
    return order


def in_parts(partition: Column, parts: Sequence[str]) -> np.ndarray:
    """bool [n]: whose official part is one of `parts`."""
    inside: np.ndarray = np.array([name in parts for name in partition.names], dtype=bool)[partition.codes]
    return inside
