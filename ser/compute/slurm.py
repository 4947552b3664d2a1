"""What Slurm is asked before a build submits its first job."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.errors import InputError

PROFILE = "profiles/slurm/profile.yaml"
LONGEST_PAUSE = 180  # seconds that the executor itself may let pass between two queries
# What Slurm's refusal mentions -> what to change.
KEYS = {
    "partition": "default-resources: slurm_partition",
    "account": "default-resources: slurm_account",
    "time limit": "set-resources: RULE:runtime (minutes), or another slurm_partition",
    "node configuration": "set-resources: RULE:mem_mb, gpu or threads, or another slurm_partition",
}


@dataclass(frozen=True)
class Request:
    """What a job asks for: `memory` in MB, `runtime` in minutes."""

    partition: str
    account: str | None
    memory: int
    runtime: int
    threads: int
    gpus: int

    @classmethod
    def of(cls, resources: Mapping[str, Any], threads: int, partition: str) -> "Request":
        """From a Snakemake job's resources and the partition as Snakemake writes it (" -p main", or nothing)."""
        return cls(
            partition.partition("-p ")[2],
            resources.get("slurm_account"),
            resources.get("mem_mb", 0),
            resources.get("runtime", 0),
            threads,
            resources.get("gpu", 0),
        )

    def options(self) -> list[str]:
        """The options for sbatch; what is not asked for is left to Slurm's own defaults."""
        given = {
            "partition": self.partition,
            "account": self.account,
            "mem": self.memory,
            "time": self.runtime,
            "cpus-per-task": self.threads,
            "gpus": self.gpus,
        }
        return [f"--{name}={value}" for name, value in given.items() if value]


def check_queue(folder: Path, status_command: str) -> None:
    """Raise InputError if Slurm is missing or silent, forgets jobs too soon, or has jobs of an earlier build here.

    A killed build leaves its jobs in Slurm; a second build in `folder` would write the same files as they do.
    """
    if not shutil.which("sbatch"):
        raise InputError("no Slurm on this machine (no sbatch): build here without SNAKEMAKE_PROFILE=profiles/slurm")
    ping = _slurm("scontrol", "ping")
    if ping.returncode:
        reason = ping.stdout.partition("\n")[0] or _last_line(ping)
        raise InputError(f"Slurm does not answer ({reason}); nothing was submitted")
    age = re.search(r"^MinJobAge\s*=\s*(\d+)", _slurm("scontrol", "show", "config").stdout, re.MULTILINE)
    if status_command == "squeue" and age and int(age[1]) < LONGEST_PAUSE:
        raise InputError(
            f"Slurm forgets a job {age[1]} s after its end (MinJobAge), but Snakemake may ask only every"
            f" {LONGEST_PAUSE} s: change {PROFILE}: slurm-status-command: sacct"
        )
    states = "--states=PENDING,RUNNING,SUSPENDED,CONFIGURING"
    queue = _slurm("squeue", states, "--noheader", "--format=%i|%u|%k|%Z")  # of all users: they may share the folder
    if queue.returncode:
        raise InputError(f"Slurm does not answer ({_last_line(queue)}); nothing was submitted")
    jobs = [line.split("|", 3) for line in queue.stdout.splitlines()]
    ours = ("rule_", "group_")
    left = {job: user for job, user, comment, where in jobs if comment.startswith(ours) and Path(where) == folder}
    if left:
        raise InputError(
            f"{len(left)} jobs of an earlier build (user {', '.join(sorted({*left.values()}))}) are still in Slurm: "
            f"wait for them, or: scancel {' '.join(left)}"
        )


def check_requests(requests: Mapping[Request, str]) -> list[str]:
    """Ask Slurm whether it would accept jobs like these, without submitting any. `requests` names a job for each.

    Returns what the user should know: which jobs will wait for a node that is down or drained. Raises InputError if
    Slurm refuses a request.
    """
    answers = {request: _slurm("sbatch", "--test-only", *request.options(), "--wrap=true") for request in requests}
    refused = {request: _last_line(answer) for request, answer in answers.items() if answer.returncode}
    # Slurm gives the same answer whether no node can meet a request or only nodes that are away can.
    away = _slurm("sinfo", "--noheader", "--states=drain,down,fail", "--format=%n").stdout.split() if refused else []
    for request, reason in refused.items():
        if not (away and "node configuration" in reason):
            key = next((key for word, key in KEYS.items() if word in reason.lower()), "the settings of your site")
            raise InputError(
                f"Slurm refuses {requests[request]} ({' '.join(request.options())}): {reason}; change {PROFILE}: {key}"
            )
    return [
        f"{requests[request]} ({' '.join(request.options())}) waits: no node can take it now; away: {', '.join(away)}"
        for request in refused
    ]


def _slurm(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise InputError(f"Slurm does not answer: {command[0]} took longer than a minute") from None


def _last_line(answer: subprocess.CompletedProcess[str]) -> str:
    """What is wrong: the last line that Slurm's clients print."""
    lines = (answer.stderr or answer.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit code {answer.returncode}"
