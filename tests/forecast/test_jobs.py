"""The jobs that `ser status` counts are those that Snakemake plans, and their logs are where it looks."""

import re
from pathlib import Path

from helpers import ROOT
from helpers.params import params
from helpers.project import copy_project
from ser.forecast.jobs import jobs_of
from ser.plan.load import load_plan
from ser.plan.origins import Origins
from ser.plan.places import Places

# Of these a job names only one kind of what it writes: that which is written last.
NAMED = {"train": "/metrics.json", "demo_corpus": ".json"}
# One experiment with frozen encoders and one that trains one; rows that share a process, and a dev part per seed.
EXPERIMENTS = {"fair": ["majority", "functionals_svm", "linear_probe"], "emosphere_ser": ["full", "official_parts"]}


def test_status_counts_the_jobs_that_snakemake_plans(tmp_path: Path) -> None:
    """By what they write. What stays where snakemake is called writes results in seconds, and is not counted."""
    scales = params()["scales"]
    scales["demo"]["one_job_per"] = "system"  # as params.yaml has it
    changes = {"experiments": EXPERIMENTS, "scales": scales}
    project = copy_project(tmp_path / "project", **changes)
    local = re.search(r"^localrules:\n((?:    \w+,\n)+)", (ROOT / "Snakefile").read_text(), re.MULTILINE)
    assert local, "Snakefile: no block of localrules"
    not_counted = {*re.findall(r"\w+", local[1])}

    summary = project.snakemake("--summary")
    assert summary.returncode == 0, summary.stderr[-6000:]
    rows = [line.split("\t") for line in summary.stdout.splitlines() if "\t" in line]
    header, *rows = rows
    planned: dict[str, set[str]] = {}
    for row in rows:
        file, rule = (row[header.index(name)] for name in ("output_file", "rule"))
        kind = re.sub(r"^train_.*", "train", rule).removesuffix("_part")
        if rule not in not_counted and file.endswith(NAMED.get(kind, "")):
            planned.setdefault(kind, set()).add(file)

    changed = params(**changes)
    counted: dict[str, set[str]] = {}
    for job in jobs_of(load_plan(changed, project.folder), Places.of("demo"), Origins(changed, is_job=True)):
        counted.setdefault(job.rule, set()).update(job.outputs)
    unknown = {*planned} - {*counted}
    assert not unknown, (
        f"`ser status` does not count the jobs of rule {', '.join(sorted(unknown))}: add them to jobs_of in "
        "ser/forecast/jobs.py, or the rule to the localrules of the Snakefile, if it writes results in seconds"
    )
    assert counted == planned
    assert {"features", "demo_encoder", "train", "splits", "evaluate"} < {*counted}
