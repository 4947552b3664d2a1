"""The metrics that are reported: their names, which labels they are for, and the unit in which the table prints them.

A new metric is a line here, and its function and its line in metrics.py. Read while the workflow is parsed: nothing
heavy.
"""

import math
from collections.abc import Sequence
from typing import Literal, Protocol

Unit = Literal["per cent", "coefficient"]

CLASS_METRICS: dict[str, Unit] = {"WA": "per cent", "UA": "per cent", "macro_f1": "per cent"}
# Of each attribute, and of several their mean: ccc_arousal ... ccc_average.
ATTRIBUTE_METRICS: dict[str, Unit] = {"ccc": "coefficient"}
AVERAGE = "average"
# Of what a system classifies besides the labels (ser/runs/auxiliary.py), after its name: region_WA, region_macro_f1.
AUXILIARY_METRICS: dict[str, Unit] = {"WA": "per cent", "macro_f1": "per cent"}


class Labelled(Protocol):
    """What has labels: a split, or a protocol in the sense of ser.splits."""

    @property
    def labels(self) -> Sequence[str]:
        """The classes, or the attributes."""

    @property
    def are_classes(self) -> bool:
        """Whether they are classes, not attributes."""


def metric_names(of: Labelled, auxiliary: str = "") -> tuple[str, ...]:
    """The metrics that are reported for a protocol's or split's labels, in the table's order, and then those of what is
    classified besides (`auxiliary`, if anything).
    """
    besides = auxiliary_names(auxiliary) if auxiliary else ()
    if of.are_classes:
        return (*CLASS_METRICS, *besides)
    names = [*of.labels, *([AVERAGE] if len(of.labels) > 1 else [])]
    return (*(f"{metric}_{name}" for metric in ATTRIBUTE_METRICS for name in names), *besides)


def auxiliary_names(auxiliary: str) -> tuple[str, ...]:
    """The metrics of what is classified besides the labels."""
    return tuple(f"{auxiliary}_{metric}" for metric in AUXILIARY_METRICS)


def unit_of(metric: str) -> Unit:
    """The unit of a metric that `metric_names` returned."""
    besides = next((unit for name, unit in AUXILIARY_METRICS.items() if metric.endswith(f"_{name}")), None)
    return besides or CLASS_METRICS.get(metric) or ATTRIBUTE_METRICS[metric.rpartition("_")[0]]


def bounds_of(metric: str) -> tuple[float, float]:
    """The least and the largest value that a metric can take, in its own unit."""
    return (0.0, 1.0) if unit_of(metric) == "per cent" else (-1.0, 1.0)


def rounded(value: float | None, metric: str) -> str:
    """Two decimals of a per cent or four of a coefficient, enough for a table; "" for nan and None."""
    if value is None or math.isnan(value):
        return ""
    return f"{100 * value:z.2f}" if unit_of(metric) == "per cent" else f"{value:z.4f}"
