"""Writing CSV and JSON files: whole or not at all, and the same bytes for the same content."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ser.files import atomic_file


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON that git can compare: sorted keys, indented by two, nan and infinity as null."""
    with atomic_file(path) as temporary:
        text = json.dumps(_strict(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write rows with the same keys as CSV; an empty file with no header when there are neither rows nor columns."""
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or (list(rows[0]) if rows else []), lineterminator="\n")
        if writer.fieldnames:
            writer.writeheader()
        writer.writerows(rows)


def write_model(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write `tensors` as safetensors, sorted by name."""
    from safetensors.numpy import save_file

    with atomic_file(path) as temporary:
        save_file({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}, temporary)


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, np.ndarray):
        return _strict(value.tolist())
    if isinstance(value, np.generic):
        return _strict(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
