"""What `dvc metrics` and `dvc plots` show: the table as numbers by name, and plain files for charts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ser.plan.groups import Plan
from ser.plan.places import CLAIMS, Places, confusion_chart, curves_chart, group_metrics
from ser.results.lines import Line, part_of
from ser.runs.history import dev_column, mean_by_epoch, read_history
from ser.sealed import described_file, read_sealed

CLAIM_COLUMNS = ["experiment", "run_group", "folds", "metric", "aggregation", "claim", "value", "scale"]
CURVE_COLUMNS = ["epoch", "train_loss", "dev", "runs"]
CONFUSION_COLUMNS = ["actual", "predicted"]


def chart_files(plan: Plan, places: Places, lines: Sequence[Line]) -> dict[str, tuple[Sequence[Any], Sequence[str]]]:
    """The files below results/plots: path -> rows, columns. Raises InputError for evaluations and histories that are
    not as they were written.
    """
    files: dict[str, tuple[Sequence[Any], Sequence[str]]] = {CLAIMS: (claims(lines), CLAIM_COLUMNS)}
    for group in plan.headlines:
        if rows := confusion(read_sealed(Path(places.evaluation(group.name)))):
            files[confusion_chart(group.chart)] = rows, CONFUSION_COLUMNS
        runs = [Path(places.metrics(group.name, *run)) for run in group.runs]
        if curves := curve([described_file(run, read_sealed(run), "history.csv") for run in runs]):
            files[curves_chart(group.chart)] = curves, CURVE_COLUMNS
    return files


def metrics_files(plan: Plan, lines: Sequence[Line]) -> dict[str, dict[str, float]]:
    """The files below results/metrics: path -> metric -> value, in the paper's own averaging. DVC shows each as a line:
    a group, or one of its official parts where those are reported.
    """
    own = {group.name: group.protocol.aggregation for group in plan.live}
    files: dict[str, dict[str, float]] = {
        group_metrics(group.name, part): {} for group in plan.live for part in group.protocol.reported
    }
    for line in lines:
        if line["value"] and own.get(line["run_group"]) == line["aggregation"]:
            files[group_metrics(line["run_group"], part_of(line))][line["metric"]] = float(line["value"])
    return files


def claims(lines: Sequence[Line]) -> list[dict[str, str]]:
    """The lines that have both a claim and a value."""
    return [{name: line[name] for name in CLAIM_COLUMNS} for line in lines if line["claim"] and line["value"]]


def confusion(evaluation: Mapping[str, Any]) -> list[dict[str, str]]:
    """One row per scored utterance and seed, all reported parts together; empty for attributes."""
    labels = evaluation["labels"]
    return [
        {"actual": actual, "predicted": predicted}
        for part in evaluation["confusion"].values()
        for matrix in part.values()
        for actual, counts in zip(labels, matrix, strict=True)
        for predicted, count in zip(labels, counts, strict=True)
        for _ in range(count)
    ]


def curve(paths: Sequence[Path]) -> list[dict[str, float]]:
    """By epoch, the mean history of the runs that reached it; empty for a system that does not train by epochs."""
    histories = [history for path in paths if (history := read_history(path))]
    if not histories:
        return []
    epochs, losses, runs = mean_by_epoch(histories, "train_loss")
    dev = mean_by_epoch(histories, dev_column(histories[0]))[1]
    columns = (epochs.astype(int), losses, dev, runs)
    return [dict(zip(CURVE_COLUMNS, row, strict=True)) for row in zip(*map(list, columns), strict=True)]
