"""Writing CSV and JSON files: whole or not at all, and the same bytes for the same content."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ser.files import atomic_file

if TYPE_CHECKING:  # the workflow reads such files while it is parsed, where numpy would take too long to import
    import numpy as np


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON that git can compare: sorted keys, indented by two, nan and infinity as null."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """The text that `write_json` writes."""
    text = json.dumps(_strict(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # of file names that are not UTF-8: an escape in JSON, too


def write_text(path: Path, text: str) -> None:
    """Write `text`, UTF-8."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write rows with the same keys as CSV; an empty file with no header when there are neither rows nor columns."""
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or (list(rows[0]) if rows else []), lineterminator="\n")
        if writer.fieldnames:
            writer.writeheader()
        writer.writerows(rows)


def write_model(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write `tensors` as safetensors, sorted by name."""
    import numpy as np
    from safetensors.numpy import save_file

    with atomic_file(path) as temporary:
        save_file({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}, temporary)


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return _strict(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
