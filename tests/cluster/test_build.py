"""`SNAKEMAKE_PROFILE=profiles/slurm dvc repro` on a real Slurm: the same values as without it, whatever happens."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.project import PATIENCE, Project, cluster_project
from helpers.slurm import Slurm, until
from ser.plan.places import TABLE

# A probe of an encoder's features, whose runs need no GPU, and a network whose runs share one.
EXPERIMENTS = {"superb_er": ["hubert_large"], "light_sernet": ["focal_7s"]}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The table as one machine builds it."""
    project = cluster_project(tmp_path_factory.mktemp("local") / "project", experiments=EXPERIMENTS)
    project.version()
    project.build("all")
    return project


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
        until(
            lambda: "jobs in Slurm: 1 wait: Nodes required" in log.read_text(), "a job that waits for the drained node"
        )
        assert re.search(
            rf"^writing the demo corpus .*--mem 1000 .*\) waits: .* away: {slurm.host}$", log.read_text(), re.MULTILINE
        )

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
        shutil.rmtree(afresh.folder / folder / "superb_er")  # all that the change is about

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


def test_a_run_that_is_longer_than_its_partition_allows_goes_on_in_the_next_job(
    local: Project, slurm: Slurm, profile: None, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(local.folder, project.folder, symlinks=True)
    project.replace("profiles/slurm/profile.yaml", "slurm_partition: main", "slurm_partition: minute")
    row = "    row = _train_epoch("
    once = "state.epoch and not os.path.exists('waited') and not open('waited', 'w').close()"  # after an epoch
    wait = f"    if {once}:\n        __import__('time').sleep(600)\n"
    project.replace("ser/training/loop.py", row, wait + row)
    run = "work/demo/runs/superb_er/hubert_large/iemocap_5531_sessions/clean/seed1/fold5/metrics.json"
    result = project.snakemake("--retries", "0", "--", run)
    assert result.returncode == 0, result.stderr
    jobs = [slurm.job(number) for number in re.findall(r"SLURM jobid (\d+)", result.stderr)]
    assert [job["JobState"] for job in jobs] == ["TIMEOUT", "COMPLETED"]
    assert {job["TimeLimit"] for job in jobs} == {"00:01:00"}
    assert result.stderr.count("its time is over: it goes on from its last epoch") == 1


def results(project: Project) -> dict[str, bytes]:
    return {
        str(path.relative_to(project.folder)): path.read_bytes()
        for pattern in ("results/*.csv", "work/demo/runs/**/metrics.json", "work/demo/evaluations/**/*.json")
        for path in project.folder.glob(pattern)
    }


def test_what_was_killed_for_memory_is_tried_again_with_twice_as_much_and_what_gave_up_is_not(
    slurm: Slurm, profile: None, tmp_path: Path
) -> None:
    project = cluster_project(tmp_path / "project")
    first = "from pathlib import Path\n"
    hunger = "import time\n\nhunger = bytearray(2200 << 20)\ntime.sleep(5)\n"  # it asks for 2000 MB, then for 4000
    project.replace("workflow_scripts/demo_encoder.py", first, first + hunger)
    project.replace(
        "workflow_scripts/manifest.py", "def main() -> None:\n", "def main() -> None:\n    raise InputError('odd')\n"
    )
    result = project.snakemake(
        "--", "work/demo/encoders/hubert_tiny/model.safetensors", "work/demo/manifests/casia.csv"
    )
    assert result.returncode == 1 and (project.folder / "work/demo/encoders/hubert_tiny/ser.json").is_file()

    jobs = [slurm.job(number) for number in re.findall(r"SLURM jobid (\d+)", result.stderr)]
    asked = [(job["JobState"], job["MinMemoryNode"]) for job in jobs]
    assert sorted(asked) == [("COMPLETED", "4000M"), ("FAILED", "1000M"), ("FAILED", "2000M")]
    assert re.search(
        r"^failed: writing the demo encoder hubert_tiny: it took more than the 2000 MB of memory that it asked for;"
        r" change profiles/slurm/profile.yaml: .*demo_encoder:mem_mb.* \(\.snakemake/slurm_logs/.*\.log\)$",
        result.stderr,
        re.MULTILINE,
    )
    end = "reading the corpus casia: odd; 1 submitted with it are left unfinished (work/demo/logs/manifest/casia.log)\n"
    assert f"\n1 failed:\n  {end}" in result.stderr and "work/demo/logs/demo_corpus/casia.log" not in result.stderr
