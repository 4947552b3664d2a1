"""What is read and drawn only for runs and groups that are new to the tracking store.

Matplotlib is imported late: only by the processes that draw, and not at all where nothing is new.
"""

import hashlib
import shutil
from pathlib import Path

from ser.evaluations.metrics import confusion_matrix
from ser.runs.history import read_history
from ser.runs.predictions import read_predictions
from ser.tracking.records import TrackedGroup, TrackedRun

SHOWN = ("metrics.json", "predictions.csv")  # stored beside the pictures; history.csv becomes metrics
LARGE = 1_000_000  # bytes: larger predictions stay in work/ and in DVC


def run_details(run: TrackedRun, folder: Path) -> tuple[list[tuple[str, int, float]], dict[str, str]]:
    """Write the run's pictures and small files into `folder`; returns its history as (metric, epoch, value) in the
    order of the epochs, and tags with the MD5 sums by which DVC's cache names its files.

    Raises InputError for predictions whose labels are not the run's.
    """
    from ser.tracking.pictures import draw_confusion, draw_curves

    folder.mkdir(parents=True, exist_ok=True)
    history = read_history(run.folder / "history.csv")
    if history:
        draw_curves(folder / "curves.svg", [history], run.record.name)
    if run.are_classes:
        found = read_predictions(run.folder / "predictions.csv", run.labels, are_classes=True)
        matrix = confusion_matrix(found.targets, found.predicted, len(run.labels))
        draw_confusion(folder / "confusion.svg", matrix, run.labels, run.record.name)
    tags = {}
    for name in SHOWN:
        content = (run.folder / name).read_bytes()
        tags[f"dvc.md5.{name}"] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if len(content) <= LARGE:
            shutil.copyfile(run.folder / name, folder / name)
    epochs = [int(epoch) for epoch in history.pop("epoch", ())]
    columns = {name: values.tolist() for name, values in history.items()}
    return [(name, epoch, values[i]) for i, epoch in enumerate(epochs) for name, values in columns.items()], tags


def draw_group(group: TrackedGroup, folder: Path) -> None:
    """Draw into `folder` the curves of the group's runs so far and, per part, the confusion over folds and seeds."""
    from ser.tracking.pictures import draw_confusion, draw_curves

    folder.mkdir(parents=True, exist_ok=True)
    histories = [history for run in group.runs if (history := read_history(run.folder / "history.csv"))]
    if histories:
        draw_curves(folder / "curves.svg", histories, group.record.name)
    for part, seeds in group.evaluation.get("confusion", {}).items():
        pooled = [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*seeds.values(), strict=True)]
        name = "_".join(filter(None, ["confusion", part]))
        draw_confusion(folder / f"{name}.svg", pooled, group.evaluation["labels"], group.record.name)
