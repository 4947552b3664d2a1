"""Where the time of the demo goes: `snakemake all` from nothing in a copy of the project, set-up apart.

    python benchmarks/demo.py [--short] [--output benchmarks/results/demo.json]

Processor seconds of all processes of the build, and those of each rule's jobs as the jobs' own files say. A job that is
forked counts from the fork; so what is left is starting: Snakemake, the processes that ask for a job, and the one that
loads the libraries.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from _machine import machine
from _paths import ROOT
from _pipeline import Pipeline
from _turns import adopt_orphans, new_process, seconds, wait_for_children
from ser.outputs import write_json

SHORT = "experiments: {fair: [majority]}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="one row")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/demo.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, new_process() as alone:  # whose only children are the build's
        found = alone.submit(built, Path(folder) / "project", args.short).result()
    write_json(args.output, {"form": "short" if args.short else "full", "machine": machine("cpu")} | found)


def built(folder: Path, is_short: bool) -> dict[str, Any]:
    """Wall and processor seconds of the whole, and what the jobs of each rule took."""
    pipeline = Pipeline(folder, "demo", {})
    shutil.copy(ROOT / "params.yaml", folder)
    if is_short:
        (folder / "params.local.yaml").write_text(SHORT)
    load = os.getloadavg()[0]
    adopt_orphans()
    before = seconds()
    pipeline.build("all")
    wall = seconds()[0] - before[0]
    wait_for_children()
    rules = pipeline.cost(train_as=1)
    return {
        "wall": round(wall, 1),
        "cpu": round(seconds()[1] - before[1], 1),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(load, 1),
        "rules": rules,
    }


if __name__ == "__main__":
    main()
