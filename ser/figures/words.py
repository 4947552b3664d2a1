"""Words that several figures share: axes with units, parts, the metric that stands for a row."""

from collections.abc import Mapping, Sequence

from ser.evaluations.names import AVERAGE, metric_names, unit_of
from ser.splits.protocol import Protocol


def axis_of(metrics: Sequence[str]) -> str:
    """The title of an axis with the values of some metrics of one unit."""
    unit = " (per cent)" if unit_of(metrics[0]) == "per cent" else ""
    return f"{metrics[0] if len(metrics) == 1 else 'value'}{unit}"


def part_of(line: Mapping[str, str]) -> str:
    """The official part that a line of results is about; "" where there is none."""
    return line["folds"].partition("official: ")[2]


def main_metric(protocol: Protocol) -> str:
    """The metric that figures show where they show one: UA, or the mean CCC."""
    names = metric_names(protocol)
    averages = [name for name in names if name.endswith(f"_{AVERAGE}")]
    return "UA" if protocol.are_classes else (averages or names)[0]
