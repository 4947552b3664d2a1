"""What a group's numbers are called on a tracking server, and which of them a list of groups shows."""

from collections.abc import Mapping
from typing import Any

from ser.evaluations.names import metric_names
from ser.results.table import STATISTICS
from ser.splits.protocol import Protocol


def metric_name(part: str, metric: str) -> str:
    """A metric of a run: `UA`; of an official part `test1/UA`."""
    return f"{part}/{metric}" if part else metric


def group_metric(protocol: Protocol, aggregation: str, part: str, metric: str) -> str:
    """A metric of a group: as in its runs where the averaging is the paper's own, or there is one fold, so that both
    are the same; else after the averaging, `pooled/UA`.
    """
    name = metric_name(part, metric)
    return name if aggregation == protocol.aggregation or protocol.n_folds == 1 else f"{aggregation}/{name}"


def group_metrics(protocol: Protocol, results: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a group's evaluation: `UA` with its interval (`UA_ci_low`, `UA_ci_high`) and the standard
    deviation over seeds (`UA_seed_std`); in the other averaging the value alone.
    """
    found = {}
    for part, aggregations in results.items():
        for aggregation, metrics in aggregations.items():
            is_own = aggregation == protocol.aggregation
            if not is_own and protocol.n_folds == 1:
                continue
            for metric, numbers in metrics.items():
                name = group_metric(protocol, aggregation, part, metric)
                for key in STATISTICS if is_own else ("value",):
                    if numbers[key] is not None:
                        found[name if key == "value" else f"{name}_{key}"] = numbers[key]
    return found


def shown_metrics(protocol: Protocol) -> tuple[str, ...]:
    """What a list of groups shows: each part's values in the paper's own averaging."""
    return tuple(metric_name(part, metric) for part in protocol.reported for metric in metric_names(protocol))
