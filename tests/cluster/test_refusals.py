"""What cannot work on this cluster stops at once, with one line, before anything is submitted."""

import os
import re
from pathlib import Path

import pytest

from helpers.project import cluster_project
from helpers.slurm import Slurm, until
from ser.compute.slurm import Job, Queue, Submission, check_queue, check_requests
from ser.errors import InputError

CLIENTS = {"sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "sshare"}


def refusal(folder: Path, **settings: str) -> str:
    """The line that `snakemake` ends with, in a project whose profile has other settings."""
    project = cluster_project(folder)
    profile = folder / "profiles/slurm/profile.yaml"
    text = profile.read_text()
    for name, value in settings.items():
        text, changes = re.subn(rf"^( *){name}: .*$", rf"\1{name}: {value}", text, flags=re.MULTILINE)
        assert changes == 1
    profile.write_text(text)
    result = project.snakemake("--", "corpora")
    assert result.returncode == 1
    assert not (folder / "work").exists()
    return re.search(r"^WorkflowError.*\n(.*)", result.stderr, re.MULTILINE)[1]


def test_an_unknown_partition(slurm: Slurm, profile: None, tmp_path: Path) -> None:
    line = refusal(tmp_path / "project", slurm_partition="gpu_long")
    assert re.match(
        r"Slurm refuses writing the demo corpus \w+ and 1 more \(sbatch -p gpu_long -t 20 --mem 1000 ", line
    )
    assert (
        "Invalid partition name specified; change profiles/slurm/profile.yaml: default-resources: slurm_partition"
        in line
    )


def submission(*options: str) -> Submission:
    return Submission((Job("training a", ""),), "train", 1000, 10, options)


@pytest.mark.parametrize(
    ("options", "reason", "mend"),
    [
        ("-p main --mem 900000", "Requested node configuration is not available", "[train:mem_mb=MB]"),
        ("-p main -C bigmem", "Invalid feature specification", "default-resources: constraint"),
        (
            "-p short -t 20",
            "20 minutes are more than the time limit of partition short, 15:00",
            "[train:runtime=MINUTES]",
        ),
    ],
)
def test_a_request_that_could_never_be_met_first_or_last(
    slurm: Slurm, profile: None, options: str, reason: str, mend: str
) -> None:
    fits, does_not_fit = submission("-p", "short", "-t", "10"), submission(*options.split())
    assert check_requests([(fits, fits)]) == []
    with pytest.raises(InputError, match=rf"^Slurm refuses training a \(sbatch {options}\): .*{reason}") as refused:
        check_requests([(fits, fits), (does_not_fit, does_not_fit)])
    assert mend in str(refused.value)
    (note,) = check_requests([(fits, does_not_fit)])
    assert note.startswith("once killed, its last try will be refused: ") and reason in note and mend in note


def test_a_job_that_can_never_start_is_cancelled(slurm: Slurm, profile: None) -> None:
    number = slurm.command("sbatch", "--parsable", "--job-name=build", "-p", "short", "-t", "20", "--wrap=true").strip()
    queue = Queue()
    until(lambda: queue.ask("build") == ({number: "PartitionTimeLimit"}, []), "the reason, twice")
    assert slurm.job(number)["JobState"] == "CANCELLED"


def test_a_slurm_that_forgets_jobs_too_soon(slurm: Slurm, profile: None, tmp_path: Path) -> None:
    config = Path(os.environ["SLURM_CONF"])
    usual = config.read_text()
    try:
        config.write_text(usual.replace("MinJobAge=3600", "MinJobAge=60"))
        slurm.command("scontrol", "reconfigure")
        with pytest.raises(InputError) as refused:
            check_queue(tmp_path, "squeue")
    finally:
        config.write_text(usual)
        slurm.command("scontrol", "reconfigure")
    assert str(refused.value).startswith("Slurm forgets a job 60 s after its end (MinJobAge)")
    assert str(refused.value).endswith("change profiles/slurm/profile.yaml: slurm-status-command: sacct")


def test_no_slurm_on_the_machine(slurm: Slurm, profile: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in CLIENTS:
            (bare / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(bare))
    line = refusal(tmp_path / "project")
    assert line == "no Slurm on this machine (no sbatch): build here without SNAKEMAKE_PROFILE=profiles/slurm"


def test_a_controller_that_is_down(
    slurm: Slurm, profile: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    down = tmp_path / "slurm.conf"
    down.write_text(
        "MessageTimeout=2\n"
        + re.sub(r"SlurmctldPort=\d+", "SlurmctldPort=1", Path(os.environ["SLURM_CONF"]).read_text())
    )
    monkeypatch.setenv("SLURM_CONF", str(down))
    line = refusal(tmp_path / "project")
    assert line == f"Slurm does not answer (Slurmctld(primary) at {slurm.host} is DOWN); nothing was submitted"
