"""How long it takes to import many runs into MLflow (embedded store), and again when nothing has changed.

    python benchmarks/tracking.py [--seeds 31] [--epochs 100] [--rows ROW ...]

Prints seconds, pictures included, and how many rows of the database the second import changed. With 31 seeds and 100
epochs there are 2,015 runs with a million values; they are simulated, and made before the clock starts.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from _paths import ROOT
from helpers import warm
from helpers.tracked_runs import rows_of, tracked_project

ROWS = ["linear_probe", "attention_fcn", "tf_transformer", "mfhca"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default=31, type=int)
    parser.add_argument("--epochs", default=100, type=int)
    parser.add_argument("--rows", default=ROWS, nargs="+", help="of the experiment fair")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        tracked_project(project, {"fair": args.rows}, range(1, args.seeds + 1), args.epochs, per_emotion=25)
        print(f"{len([*project.glob('work/*/runs/**/metrics.json')])} runs of {args.epochs} epochs")
        print(f"imported in {imported(project):.1f} s")
        before = rows_of(project / "mlflow.db")
        print(f"imported again in {imported(project):.1f} s")
        after = rows_of(project / "mlflow.db")
        changed = sum(len(set(before[table]) ^ set(after[table])) for table in before)
        print(f"rows: {sum(map(len, after.values()))}, changed by the second import: {changed}")


def imported(project: Path) -> float:
    start = time.perf_counter()
    subprocess.run(warm.tracking(ROOT / "workflow_scripts/track.py"), cwd=project, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
