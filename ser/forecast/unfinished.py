"""How far a run has got that is not finished: from the header of its state (ser/training/state.py)."""

import json
from pathlib import Path

from ser.forecast.jobs import Job, Run
from ser.plan.places import Places
from ser.plan.sizes import expected_epochs


def done_share(places: Places, job: Job, run: Run) -> float:
    """The share of its expected epochs that a run has saved. Whether it goes on from there is for the run to decide: a
    state of other settings or code is not used.
    """
    group, _, fold = run
    several = len({of.name for of, _, _ in job.runs}) > 1
    folder = Path(places.states(job.name), group.name if several else "", f"fold{fold}")
    path = folder / "state.safetensors"
    if not path.is_file():
        return 0.0
    return min(1.0, _epochs(path) / expected_epochs(group))


def _epochs(path: Path) -> int:
    """0 where the state cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return int(json.loads((file.metadata() or {})["training"][64:])["epoch"])  # after its SHA-256
    except (OSError, SafetensorError, ValueError, LookupError, TypeError):
        return 0
