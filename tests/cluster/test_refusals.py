"""What cannot work on this cluster stops at once, with one line, before anything is submitted."""

import os
import re
from pathlib import Path

import pytest

from helpers.project import cluster_project
from helpers.slurm import Slurm

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
    assert "--partition=gpu_long" in line
    assert (
        "Invalid partition name specified; change profiles/slurm/profile.yaml: default-resources: slurm_partition"
        in line
    )


def test_more_memory_than_any_node_has(slurm: Slurm, profile: None, tmp_path: Path) -> None:
    line = refusal(tmp_path / "project", executor="slurm\nset-resources: [manifest:mem_mb=900000]")
    assert re.match(r"Slurm refuses corpus\S+ \(--partition=main --mem=900000 .*node configuration", line)
    assert "set-resources: RULE:mem_mb" in line


def test_a_slurm_that_forgets_jobs_too_soon(slurm: Slurm, profile: None, tmp_path: Path) -> None:
    config = Path(os.environ["SLURM_CONF"])
    usual = config.read_text()
    try:
        config.write_text(usual.replace("MinJobAge=3600", "MinJobAge=60"))
        slurm.command("scontrol", "reconfigure")
        line = refusal(tmp_path / "project")
    finally:
        config.write_text(usual)
        slurm.command("scontrol", "reconfigure")
    assert line.startswith("Slurm forgets a job 60 s after its end (MinJobAge)")
    assert line.endswith("change profiles/slurm/profile.yaml: slurm-status-command: sacct")


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
