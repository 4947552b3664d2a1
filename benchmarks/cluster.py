"""A plan of 10,000 runs from nothing to the table on a real Slurm of this machine, with drawn scores for training.

    python benchmarks/cluster.py [--runs 10000]

All experiments at scale demo with as many seeds as it takes. Corpora, features, splits, evaluations, tables and MLflow
are real, and so is everything about a run but its training (`_drawn.py`). Prints what it took, as markdown. Needs root
and Slurm's Debian packages.
"""

import argparse
import csv
import os
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import _paths
from helpers import warm
from helpers.params import params
from helpers.project import BIN, Project, cluster_project
from helpers.slurm import Slurm, missing
from planning import enough_seeds, n_runs
from ser.plan.groups import Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default=10_000, type=int)
    parser.add_argument("--experiments", nargs="*", default=[], help="some of them; by default all")
    args = parser.parse_args()
    if reason := missing():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder:
        # The ten jobs of a submission want a core each; here they share those that there are.
        slurm = Slurm(Path(folder) / "slurm", cpus=10, memory=100_000)
        try:
            slurm.start()
            profile = {"SNAKEMAKE_PROFILE": "profiles/slurm", "PATH": f"{BIN}:{slurm.environment['PATH']}"}
            wanted = dict.fromkeys(args.experiments, "all") or "all"
            measure(Path(folder) / "project", slurm.environment | profile, args.runs, wanted)
        finally:
            slurm.stop()


def measure(folder: Path, environment: dict[str, str], runs: int, wanted: Any) -> None:
    """Print the table; `environment` says where jobs are sent, `wanted` are the experiments, as in params.yaml."""
    # No weights are drawn, so none can be looked at.
    compute = params()["compute"] | {"device": "cpu", "score_test_each_epoch": False, "keep_models": False}
    project = cluster_project(folder, compute=compute, experiments=wanted)
    plan = enough_seeds(project, runs, one_job_per="system", compute=compute, experiments=wanted)
    scripts = folder / "workflow_scripts"
    (scripts / "train.py").rename(scripts / "_training.py")
    (scripts / "train.py").write_text((_paths.ROOT / "benchmarks" / "_drawn.py").read_text())

    print(f"{n_runs(plan)} runs in {len(list(plan.live))} groups, {os.cpu_count()} cores\n")
    print("| call | jobs | submissions | wall, s | processor, s | of Snakemake itself | peak of a process, MiB |")
    print("|---|---|---|---|---|---|---|")
    print(call(project, environment), flush=True)
    check(project, plan)
    print(call(project, environment), flush=True)


def call(project: Project, environment: dict[str, str]) -> str:
    """A line of the table: one call of `snakemake`. `processor` is that of all that ran on this machine."""
    began, used, own = time.monotonic(), _busy(), resource.getrusage(resource.RUSAGE_CHILDREN)
    named = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (project.folder / "said.txt").open("w+") as said:
        done = subprocess.run(
            warm.snakemake(*([] if "SNAKEMAKE_PROFILE" in environment else ["--cores", "all"])),
            cwd=project.folder,
            env=named | warm.for_jobs() | environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        said.seek(0)
        text = said.read()
    if done.returncode:
        raise SystemExit(f"snakemake failed:\n{text[-5000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = re.findall(r"^total +(\d+)$", text, re.M)
    numbers = {*re.findall(r"SLURM jobid (\d+)", text)}
    snakemake = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    cells = [jobs[0] if jobs else 0, len(numbers), *(f"{x:.0f}" for x in (time.monotonic() - began, _busy() - used))]
    return f"| `snakemake` | {' | '.join(map(str, cells))} | {snakemake:.0f} | {after.ru_maxrss / 1024:.0f} |"


def check(project: Project, plan: Plan) -> None:
    """All runs are there, and the table has lines of each group over all seeds."""
    found = len(project.metrics())
    with (project.folder / "results" / "table.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    seeds = {line["run_group"]: line["n_seeds"] for line in lines if line["n_seeds"]}  # not those that are skipped
    for group in plan.live:
        if seeds.get(group.name) != str(len(group.seeds)):
            raise SystemExit(f"{group.name}: {seeds.get(group.name)} seeds in the table, {len(group.seeds)} planned")
    if found != n_runs(plan):
        raise SystemExit(f"{found} runs on the disk, {n_runs(plan)} planned")


def _busy() -> float:
    """Seconds that this machine's cores have computed, since it started."""
    user, nice, system = (int(word) for word in Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
