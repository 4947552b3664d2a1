"""What MLflow stores of a run: its tags, and the rows that its interface would leave in a database."""

import math
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Experiment
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag

from ser.tracking.records import Record, TrackedRun


@dataclass
class New:
    """A run on its way into the store."""

    run: TrackedRun
    parent: str
    id: str
    folder: Path  # for its pictures and files
    details: Future

    @property
    def tags(self) -> dict[str, str]:
        return tags_of(self.run.record, self.parent) | self.details.result()[1]

    @property
    def points(self) -> list[tuple[str, int, float]]:
        """(metric, step, value): the final values at step 0, then the history."""
        return [*((name, 0, value) for name, value in self.run.record.metrics.items()), *self.details.result()[0]]


def rows_of(experiment: Experiment, items: Sequence[New]) -> dict[Any, list[dict[str, Any]]]:
    """Table -> rows, as MLflow's interface would leave them."""
    rows: dict[Any, list[dict[str, Any]]] = {SqlRun: [], SqlTag: [], SqlParam: [], SqlMetric: [], SqlLatestMetric: []}
    for item in items:
        record, of_run = item.run.record, {"run_uuid": item.id}
        rows[SqlRun].append(
            of_run
            | {
                "name": record.name,
                "artifact_uri": f"{experiment.artifact_location}/{item.id}/artifacts",
                "experiment_id": int(experiment.experiment_id),
                "source_type": "UNKNOWN",
                "source_name": "",
                "entry_point_name": "",
                "source_version": "",
                "user_id": "unknown",
                "status": "FINISHED",
                "start_time": record.start,
                "end_time": record.end,
                "lifecycle_stage": "active",
            }
        )
        tags = item.tags | {"mlflow.runName": record.name}
        rows[SqlTag] += [of_run | {"key": key, "value": value} for key, value in tags.items()]
        rows[SqlParam] += [of_run | {"key": key, "value": value} for key, value in record.params.items()]
        metrics = [
            {
                "run_uuid": item.id,
                "key": name,
                "step": step,
                "timestamp": record.end,
                "value": value if math.isfinite(value) else _finite(value),
                "is_nan": math.isnan(value),
            }
            for name, step, value in item.points
        ]
        rows[SqlMetric] += metrics
        rows[SqlLatestMetric] += {row["key"]: row for row in metrics}.values()  # the last epoch's comes last
    return rows


def _finite(value: float) -> float:
    """As MLflow stores what SQL has no number for; another column says whether it is nan."""
    return 0.0 if math.isnan(value) else min(max(value, -sys.float_info.max), sys.float_info.max)


def tags_of(record: Record, parent: str = "") -> dict[str, str]:
    own = {
        "ser.key": record.key,
        "ser.digest": record.digest,
        "mlflow.note.content": record.note,
        "mlflow.source.name": record.script,
        "mlflow.source.git.commit": record.commit,
        "mlflow.parentRunId": parent,
    }
    return {**record.tags, **{name: value for name, value in own.items() if value}}
