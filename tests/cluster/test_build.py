"""`SNAKEMAKE_PROFILE=profiles/slurm dvc repro` on a real Slurm: the same values as without it, whatever happens."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.project import PATIENCE, Project, cluster_project
from helpers.slurm import Slurm
from ser.plan.places import TABLE

# A probe of an encoder's features: both kinds of jobs that ask for a GPU.
EXPERIMENTS = {"superb_er": ["hubert_large"]}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The table as one machine builds it."""
    project = cluster_project(tmp_path_factory.mktemp("local") / "project", experiments=EXPERIMENTS)
    project.version()
    project.build("all")
    return project


def until(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.3)


def start(project: Project, log: Path) -> subprocess.Popen:
    """`dvc repro` in a process group of its own; what it says goes to `log`."""
    command = [Path(sys.executable).with_name("dvc"), "repro"]
    with log.open("w") as out:
        return subprocess.Popen(command, cwd=project.folder, stdout=out, stderr=out, start_new_session=True)


def test_the_values_are_the_local_ones_after_a_drained_node_a_cancelled_job_and_a_killed_build(
    local: Project, slurm: Slurm, profile: None, tmp_path: Path
) -> None:
    project, log = local.clone(tmp_path / "project"), tmp_path / "log"

    slurm.command("scontrol", "update", f"nodename={slurm.host}", "state=drain", "reason=test")
    build = start(project, log)
    try:
        until(lambda: slurm.jobs("PENDING"), "a job that waits for the drained node")
        assert re.search(rf"corpus\S+ \(.*--mem=1000 .*\) waits: .* away: {slurm.host}$", log.read_text(), re.MULTILINE)

        slurm.command("scontrol", "update", f"nodename={slurm.host}", "state=resume")
        until(lambda: slurm.jobs("RUNNING"), "a job that runs on the resumed node")
        slurm.command("scancel", *slurm.jobs("RUNNING"))
        until(lambda: "Trying to restart job" in log.read_text(), "the cancelled job tried again")
        until(lambda: slurm.jobs("RUNNING"), "the second attempt")
        slurm.command("scontrol", "suspend", *slurm.jobs("RUNNING"))  # else it may end before the build is tried again
    finally:
        os.killpg(build.pid, signal.SIGKILL)
        build.wait()
    left = slurm.jobs("SUSPENDED")

    with pytest.raises(subprocess.CalledProcessError) as refusal:
        project.tool("dvc", "repro")
    assert (
        f"jobs of an earlier build (user root) are still in Slurm: wait for them, or: scancel {' '.join(left)}"
        in refusal.value.output
    )
    slurm.command("scancel", *left)
    until(lambda: not slurm.jobs("RUNNING,SUSPENDED,COMPLETING"), "the end of the cancelled jobs")

    said = project.tool("dvc", "repro")
    assert results(project) == results(local)
    assert "Data and pipelines are up to date." in project.tool("dvc", "repro")

    jobs = [slurm.job(number) for number in re.findall(r"SLURM jobid (\d+)", said)]
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    with_gpu = {job["Comment"].partition("_train")[0] for job in jobs if job.get("TresPerJob") == "gres:gpu:1"}
    assert with_gpu == {"rule_features_features", "rule_gpu_runs"}
    assert len(jobs) < 12


def test_a_job_cancelled_after_a_change_leaves_no_table_of_before(
    local: Project, slurm: Slurm, profile: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project, afresh = Project(tmp_path / "project"), Project(tmp_path / "afresh")
    for copy in (project, afresh):
        shutil.copytree(local.folder, copy.folder, symlinks=True)
        experiment = copy.folder / "experiments/superb_er.yaml"
        demo = "{epochs: 2,"
        assert demo in experiment.read_text()
        experiment.write_text(experiment.read_text().replace(demo, "{epochs: 200,"))
    for folder in ("work/demo/runs", "work/demo/evaluations"):
        shutil.rmtree(afresh.folder / folder)

    command = [Path(sys.executable).with_name("snakemake"), "--retries", "0", "--", TABLE]
    with (tmp_path / "log").open("w") as log:
        build = subprocess.Popen(command, cwd=project.folder, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: any(project.folder.glob("work/demo/states/**/*.safetensors")), "an epoch")
        slurm.command("scancel", *slurm.jobs("RUNNING"))
        assert build.wait(PATIENCE) == 1
    finally:
        build.kill()
    assert not (project.folder / TABLE).exists()

    assert "training superb_er/hubert_large" in project.build()
    monkeypatch.delenv("SNAKEMAKE_PROFILE")
    afresh.build()
    assert results(project) == results(afresh) != results(local)


def results(project: Project) -> dict[str, bytes]:
    return {
        str(path.relative_to(project.folder)): path.read_bytes()
        for pattern in ("results/*.csv", "work/demo/runs/**/metrics.json", "work/demo/evaluations/**/*.json")
        for path in project.folder.glob(pattern)
    }


def test_a_job_killed_for_memory_is_tried_again_with_twice_as_much(slurm: Slurm, profile: None, tmp_path: Path) -> None:
    project = cluster_project(tmp_path / "project")
    script = project.folder / "workflow_scripts/demo_encoder.py"
    hunger = "import time\n\nhunger = bytearray(600 << 20)\ntime.sleep(5)\n"  # with torch: more than its 1000 MB
    first = "from pathlib import Path\n"
    assert first in script.read_text()
    script.write_text(script.read_text().replace(first, f"{first}{hunger}", 1))
    said = project.build("work/demo/encoders/hubert_tiny/model.safetensors")
    killed, finished = [slurm.job(number) for number in re.findall(r"SLURM jobid (\d+)", said)]
    assert (killed["JobState"], killed["MinMemoryNode"]) == ("FAILED", "1000M")
    assert f"StepId={killed['JobId']}.0 exceeded memory limit" in said
    assert (finished["JobState"], finished["MinMemoryNode"]) == ("COMPLETED", "2000M")
