"""How long Snakemake and DVC take over a plan of 10,000 runs, and how much memory they need.

    python benchmarks/planning.py [--runs 10000] [--repeats 3] [--dvc]

Plans all experiments at scale demo, one job per fold, with as many seeds as it takes, in a copy of the project.
Nothing is computed: small files stand in for all outputs, and `snakemake --touch` gives them the records that real
ones have. Prints per call the medians of wall and processor seconds (a busy machine changes the first) and the largest
peak memory of one process, as markdown. --dvc also asks DVC, which hashes those files first.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import _paths  # noqa: F401 (puts the tests and scripts on Python's path)
from helpers import warm
from helpers.params import params
from helpers.project import BIN, copy_project
from helpers.project import Project as Copy
from restore import TOUCH
from ser.plan.groups import Plan
from ser.plan.load import load_plan

# Bytes of an output by its name, as in the demo's runs; the others are small. The size decides whether Snakemake keeps
# a checksum, and what DVC has to hash.
SIZES = {
    **{"metrics.json": 6_000, "predictions.csv": 4_000, "history.csv": 300, "test_epochs.safetensors": 2_000},
    "model.safetensors": 50_000,
}
NOTHING = "Nothing to be done"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default=10_000, type=int)
    parser.add_argument("--repeats", default=3, type=int)
    parser.add_argument("--dvc", action="store_true")
    parser.add_argument(
        "--experiments", nargs="*", default=[], help="some of them, with tf_transformer; by default all"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "project", args.runs, args.repeats, args.experiments)
        print(f"{n_runs(project.plan)} runs in {len(list(project.plan.live))} groups, {os.cpu_count()} cores\n")
        print("| call | state | jobs | seconds | of the processor | MiB |\n|---|---|---|---|---|---|")
        project.row("snakemake -n", "nothing computed", ["snakemake", "-n"])
        project.pretend()
        project.row("snakemake -n", "all computed", ["snakemake", "-n"], says=NOTHING)
        project.row("snakemake --cores all", "all computed", ["snakemake", "--cores", "all"], says=NOTHING)
        if args.dvc:
            project.start_dvc()
            project.row("dvc status", "all computed", ["dvc", "status"], says="up to date")
            project.row("dvc repro", "all computed", ["dvc", "repro"], says="up to date")
        settings = project.folder / "experiments" / "tf_transformer.yaml"
        with Changed(settings, "      learning_rate: 0.004", "      learning_rate: 0.003"):
            project.row("snakemake -n", "a learning rate changed", ["snakemake", "-n"])
        with Changed(project.folder / "ser" / "training" / "loop.py", "def ", "# changed\ndef "):
            project.row("snakemake -n", "the training loop changed", ["snakemake", "-n"])


class Project:
    """The copy, its plan, and the calls made in it."""

    def __init__(self, folder: Path, runs: int, repeats: int, experiments: Sequence[str]) -> None:
        self.folder, self.repeats = folder, repeats
        self.copy = copy_project(folder)
        self.plan = enough_seeds(self.copy, runs, experiments=dict.fromkeys(experiments, "all") or "all")

    def pretend(self) -> None:
        """Files in place of all outputs of all planned jobs, and Snakemake's records of them."""
        lines = [line.split("\t") for line in self._call(["snakemake", "--summary"])[0].splitlines()]
        for name in [cells[0] for cells in lines if len(cells) > 1][1:]:
            path = self.folder / name
            if path.suffix:
                path.parent.mkdir(parents=True, exist_ok=True)
                size = SIZES.get(path.name, 1_000)
                path.write_bytes(name.encode().ljust(size, b"\n"))  # no two alike
            else:
                path.mkdir(parents=True, exist_ok=True)
                (path / "speech.wav").write_bytes(name.encode())
        print(f"snakemake --touch: {self._call(TOUCH)[1]:.0f} s", file=sys.stderr)

    def start_dvc(self) -> None:
        """DVC has seen every stage once and has all outputs in its cache."""
        self.copy.version()
        print(f"first dvc repro: {self._call(['dvc', 'repro'])[1]:.0f} s", file=sys.stderr)

    def row(self, call: str, state: str, command: Sequence[str], says: str = "") -> None:
        """Print one line of the table; stops if the tool does not say `says`."""
        results = [self._call(command) for _ in range(self.repeats)]
        said, seconds, work, memory = zip(*results, strict=True)
        said = said[0]
        if says not in said:
            raise SystemExit(f"{' '.join(command)}: not {says!r} but:\n{said[-3000:]}")
        jobs = re.findall(r"^total +(\d+)$", said, re.M)
        cells = [f"`{call}`", state, jobs[0] if jobs else 0, *(f"{median(x):.1f}" for x in (seconds, work))]
        print(f"| {' | '.join(map(str, cells))} | {max(memory):.0f} |", flush=True)

    def _call(self, command: Sequence[str]) -> tuple[str, float, float, float]:
        """Its output, wall and processor seconds, and the MiB that the largest of its processes took."""
        environment = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
        start = time.perf_counter()
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                warm.snakemake(*command[1:]) if command[0] == "snakemake" else [BIN / command[0], *command[1:]],
                cwd=self.folder,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=environment | {"PATH": f"{BIN}:{environment['PATH']}"},
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - start
            said.seek(0)
            text = said.read()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{text[-3000:]}")
        return text, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Changed:
    """A file with one piece of text replaced for the duration of the block."""

    def __init__(self, path: Path, old: str, new: str) -> None:
        self.path, self.text = path, path.read_text()
        if old not in self.text:
            raise SystemExit(f"{path}: no {old!r} in it")
        self.new = self.text.replace(old, new, 1)

    def __enter__(self) -> None:
        self.path.write_text(self.new)

    def __exit__(self, *_: object) -> None:
        self.path.write_text(self.text)


def enough_seeds(project: Copy, runs: int, one_job_per: str = "fold", **entries: Any) -> Plan:
    """Give a copy of the project as many seeds at scale demo as it takes to plan that many runs; returns the plan."""
    scales = params()["scales"]
    demo = scales["demo"] | {"one_job_per": one_job_per}
    while True:
        changes = entries | {"scales": scales | {"demo": demo}}
        plan = load_plan(params(**changes), project.folder)
        if n_runs(plan) >= runs:
            project.set(**changes)
            return plan
        demo["seeds"] = list(range(1, len(demo["seeds"]) + 2))


def n_runs(plan: Plan) -> int:
    return sum(len(group.runs) for group in plan.live)


if __name__ == "__main__":
    main()
